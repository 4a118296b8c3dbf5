# SPDX-License-Identifier: Apache-2.0
"""1xx responses, Expect, upgrades, and responses that come before the request has ended."""
import os

from lab.wait import until


def test_expect_is_answered_by_the_node(bench):
    def ask(exchange):
        exchange.send("HTTP/1.1 100 Continue\r\n\r\n")
        exchange.read_body()
        exchange.reply(200, exchange.request.body)

    node = bench.node(ask, early=True)
    client = bench.connect(bench.weir([node]))
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert client.response().status == 100
    client.send("hello")
    assert client.response().text == "hello"


def test_expect_without_a_body_is_not_passed_on(bench):
    """There is nothing to wait for, and a node may wait all the same."""
    node = bench.node()
    assert bench.connect(bench.weir([node])).get("/", "Expect: 100-continue\r\n").status == 200
    assert node.requests[0].get("Expect") is None


def test_expect_refused_by_the_node(bench):
    """The client never sends its body; what it sends next is a request."""
    def refuse(exchange):
        if exchange.request.get("Expect"):
            exchange.reply(413, b"no", "Connection: close\r\n")
            exchange.half_close()
        exchange.read_body()
        exchange.reply()

    node = bench.node(refuse, early=True)
    client = bench.connect(bench.weir([node]))
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    response = client.response()
    assert response.status == 413
    assert response.get("Connection") == "close"  # five bytes are still owed: no next request
    assert client.ending() == "end"


def test_a_client_that_does_not_wait_for_100(bench):
    def ask(exchange):
        exchange.send("HTTP/1.1 100 Continue\r\n\r\n")
        exchange.read_body()
        exchange.reply(200, exchange.request.body)

    client = bench.connect(bench.weir([bench.node(ask, early=True)]))
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello")
    response = client.response()
    if response.status == 100:
        response = client.response()
    assert response.text == "hello"
    assert client.get("/", method="POST", body=b"x").status in (100, 200)


def test_early_hints_pass(bench):
    def hint(exchange):
        exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        exchange.reply()

    client = bench.connect(bench.weir([bench.node(hint)]))
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    hints = client.response()
    assert (hints.status, hints.get("Link")) == (103, "</a.css>")
    assert client.response().status == 200
    assert client.get("/").status == 103


def test_an_old_client_hears_no_hints(bench):
    def hint(exchange):
        exchange.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        exchange.reply()

    client = bench.connect(bench.weir([bench.node(hint)]))
    client.send("GET / HTTP/1.0\r\n\r\n")
    assert client.response().status == 200


def test_endless_hints_are_cut(bench):
    def hint(exchange):
        for _ in range(10_000):
            exchange.send("HTTP/1.1 103 Early Hints\r\n\r\n" * 100)

    node = bench.node(hint)
    weir = bench.weir([node])
    client = bench.connect(weir)
    client.send("GET / HTTP/1.0\r\n\r\n")
    assert client.response().status == 502
    assert node.wait_ended(0)


def test_an_upgrade_becomes_a_tunnel(bench):
    def upgrade(exchange):
        assert exchange.request.get("Upgrade") == "chat"
        assert "upgrade" in exchange.request.get("Connection").lower()
        exchange.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                      "Upgrade: chat\r\n\r\nwelcome ")
        reader = exchange.connection.reader
        while True:
            line = reader.until(b"\n")
            exchange.send(b"you said " + line)

    node = bench.node(upgrade, early=True)
    weir = bench.weir([node])
    client = bench.connect(weir)
    # the first words ride behind the head
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
    response = client.head()
    assert (response.status, response.get("Upgrade")) == (101, "chat")
    assert "upgrade" in response.get("Connection").lower()
    client.send("one\n")
    assert client.reader.until(b"\n") == b"welcome you said one\n"
    client.send("GET / HTTP/1.1\n")  # is not HTTP any more
    assert client.reader.until(b"\n") == b"you said GET / HTTP/1.1\n"
    client.half_close()
    assert client.ending() == "end"
    assert node.wait_ended(0) == "end"
    assert weir.wait_access(1)[0]["status"] == 101


def test_a_tunnel_keeps_a_half_close(bench):
    def upgrade(exchange):
        exchange.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
        reader = exchange.connection.reader
        got = reader.until(b"end")
        assert reader.ending() == "end"
        exchange.send(b"after the end: " + got)
        exchange.close()

    node = bench.node(upgrade, early=True)
    client = bench.connect(bench.weir([node]))
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
    assert client.head().status == 101
    client.send("the end")
    client.half_close()
    assert client.reader.exactly(22) == b"after the end: the end"
    assert client.ending() == "end"


def test_426_says_what_it_wants(bench):
    node = bench.node(lambda x: x.reply(426, b"no", "Connection: Upgrade, close\r\nUpgrade: chat\r\n"))
    answer = bench.connect(bench.weir([node])).get()
    assert (answer.status, answer.get("Upgrade")) == (426, "chat")
    assert "Upgrade" in answer.get("Connection")


def test_a_refused_upgrade_is_plain_http(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node]))
    for _ in range(2):
        assert client.get("/", "Connection: Upgrade\r\nUpgrade: chat\r\n").text == "ok"


def test_a_response_before_the_request_has_ended(bench):
    """The node answers, then the client learns it although its own body has not ended; the rest
    of the body is either taken or the connection closes: the answer arrives in both cases."""
    def early(exchange):
        exchange.reply(413, b"too large", "Connection: close\r\n")
        exchange.half_close()
        try:
            exchange.read_body()
        except Exception:
            pass
        exchange.close()

    node = bench.node(early, early=True)
    weir = bench.weir([node])
    client = bench.connect(weir)
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n", os.urandom(20000))
    response = client.response()
    assert (response.status, response.text) == (413, "too large")
    try:
        for _ in range(100):
            client.send(b"x" * 100_000)
    except (BrokenPipeError, ConnectionResetError):
        pass
    weir.wait_access(1)


def test_a_response_may_stream_while_the_request_rises(bench):
    """Both bodies at once through bounded buffers: neither waits for the other's end."""
    size = 8_000_000

    def echo(exchange):
        exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")
        left = size
        while left:
            piece = exchange.connection.sock.recv(min(left, 65536)) if not (
                held := exchange.connection.reader.held) else held
            exchange.connection.reader.held = b""
            exchange.send(piece)
            left -= len(piece)

    node = bench.node(echo, early=True)
    client = bench.connect(bench.weir([node]))
    client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n")
    head = client.head()
    assert head.status == 200
    piece = os.urandom(50_000)
    for _ in range(size // len(piece)):
        client.send(piece)
        assert client.reader.exactly(len(piece)) == piece
    until(lambda: len(node.requests) == 1)


def test_the_end_of_either_side_passes_through_a_tunnel(bench):
    def echo(exchange):
        exchange.send("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
        exchange.send(exchange.connection.reader.exactly(5))
        if exchange.request.target == "/first":
            exchange.close()

    node = bench.node(echo)
    weir = bench.weir([node])
    for number, target in enumerate(("/first", "/last")):
        client = bench.connect(weir)
        client.send(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
        assert client.head().status == 101
        client.send("hello")
        assert client.reader.exactly(5) == b"hello"
        if target == "/last":
            client.half_close()
        assert client.ending() == "end"
        assert node.wait_ended(number) in ("us", "end")
