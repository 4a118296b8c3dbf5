# SPDX-License-Identifier: Apache-2.0
"""Keep-alive towards the client: what is kept, what is closed, and pipelining in order."""


def test_requests_follow_each_other_on_one_connection(bench):
    node = bench.node(lambda x: x.reply(200, x.request.target.encode()))
    client = bench.connect(bench.weir([node]))
    for i in range(20):
        response = client.get(f"/{i}")
        assert (response.status, response.text) == (200, f"/{i}")
        assert response.get("Connection") is None


def test_pipelined_requests_are_answered_in_order(bench):
    node = bench.node(lambda x: x.reply(200, x.request.target.encode()))
    weir = bench.weir([node])
    client = bench.connect(weir)
    client.send("".join(f"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n" for i in range(50)))
    assert [client.response().text for _ in range(50)] == [f"/{i}" for i in range(50)]


def test_a_pipelined_post_does_not_swallow_the_next_request(bench):
    node = bench.node(lambda x: x.reply(200, x.request.method.encode() + x.request.body))
    client = bench.connect(bench.weir([node]))
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
                "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                "GET /c HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [client.response().text for _ in range(3)] == ["POSTbody", "POSTabc", "GET"]


def test_a_request_may_come_byte_by_byte(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node]))
    request = b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    client.send(*(request[i:i + 1] for i in range(len(request))))
    assert client.response().status == 200
    assert node.requests[0].body == b"abc"


def test_close_is_honoured(bench):
    client = bench.connect(bench.weir([bench.node()]))
    response = client.get("/", "Connection: close\r\n")
    assert response.get("Connection") == "close"
    assert client.ending() == "end"


def test_http_1_0_is_closed_unless_it_asks(bench):
    weir = bench.weir([bench.node()])
    client = bench.connect(weir)
    client.send("GET / HTTP/1.0\r\n\r\n")
    assert client.response().text == "ok"
    assert client.ending() == "end"

    client = bench.connect(weir)
    for _ in range(2):
        client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        response = client.response()
        assert response.get("Connection").lower() == "keep-alive"
        assert response.framing == "length"


def test_http_1_0_gets_no_chunks(bench):
    node = bench.node(lambda x: x.chunked(b"one", b"two"))
    client = bench.connect(bench.weir([node]))
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    response = client.response()
    assert (response.framing, response.text) == ("close", "onetwo")
    assert response.get("Transfer-Encoding") is None


def test_keepalive_can_be_turned_off(bench):
    weir = bench.weir([bench.node()], vserver={"connection": {"keepalive": False}})
    client = bench.connect(weir)
    assert client.get("/").get("Connection") == "close"
    assert client.ending() == "end"


def test_empty_lines_before_a_request_are_forgiven(bench):
    client = bench.connect(bench.weir([bench.node()]))
    client.get("/")
    client.send("\r\n")
    assert client.get("/").status == 200
