# SPDX-License-Identifier: Apache-2.0
"""Rules change the method, the status and the cookies; framing follows what the client expects."""
import pytest


def test_head_asked_of_the_node_as_get(bench):
    node = bench.node(lambda x: x.reply(200, b"a body"))
    client = bench.connect(bench.weir([node], request='http.setMethod("GET")'))
    for _ in range(3):
        response = client.get("/", method="HEAD")
        assert (response.status, response.get("Content-Length"), response.size) == (200, "6", 0)
    assert client.get("/").text == "a body"
    assert [r.method for r in node.requests] == ["GET"] * 4
    assert len(node.connections) == 1


def test_get_asked_of_the_node_as_head(bench):
    node = bench.node(lambda x: x.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Of: head\r\n\r\n"))
    client = bench.connect(bench.weir([node], request='http.setMethod("HEAD")'))
    for _ in range(3):
        response = client.get("/")
        assert (response.status, response.get("Content-Length"), response.text) == (200, "0", "")
        assert response.get("X-Of") == "head"
    assert [r.method for r in node.requests] == ["HEAD"] * 3


@pytest.mark.parametrize("phase", ["request", "response"])
@pytest.mark.parametrize("code", [204, 304])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_code_without_body_swallows_it(bench, phase, code, chunked):
    body = b"x" * 100_000
    node = bench.node(lambda x: x.chunked(body[:1000], body[1000:]) if chunked else x.reply(200, body))
    rule = f'if http.getPath() == "/x" then http.setResponseCode({code}) end'
    client = bench.connect(bench.weir([node], **{phase: rule}))
    for _ in range(3):
        response = client.get("/x")
        assert (response.status, response.size) == (code, 0)
        assert response.get("Transfer-Encoding") is None
        if code == 204:
            assert response.get("Content-Length") is None
    assert client.get("/").size == len(body)
    # the answer is there before the body has been swallowed, and so may the next request be: that
    # one does not get the connection of which nobody knows yet that it stays quiet
    assert len(node.connections) <= 2


def test_a_code_with_body_where_the_node_sent_none(bench):
    node = bench.node(lambda x: x.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n"))
    client = bench.connect(bench.weir([node], response='http.setResponseCode(200)'))
    for _ in range(3):
        response = client.get("/")
        assert (response.status, response.get("Content-Length"), response.text) == (200, "0", "")


def test_request_rules_set_code_and_cookies_of_what_comes(bench):
    node = bench.node(lambda x: x.reply(200, b"ok", "Set-Cookie: id=1; Path=/old\r\nSet-Cookie: b=2\r\n"))
    client = bench.connect(bench.weir([node], request="""
        http.setResponseCookie("id", "7")
        http.setResponseCookie("new", "8", "Secure")
        http.setResponseCode(203, "As Asked")
        if http.getPath() == "/redirect" then http.redirect("/login") end
    """, response='http.setResponseHeader("X-Code", http.getResponseCode() .. http.getResponseCookie("id"))'))
    response = client.get("/")
    assert (response.status, response.reason, response.get("X-Code")) == (203, "As Asked", "2037")
    assert response.all("Set-Cookie") == ["id=7; Path=/old", "b=2", "new=8; Secure"]
    response = client.get("/redirect")
    assert (response.status, response.all("Set-Cookie")) == (302, ["id=7", "new=8; Secure"])


def test_idempotence_is_the_rules_to_say(bench):
    """A node that drops the request: another one is asked only if the request may come twice."""
    bad, good = bench.node(lambda x: x.close()), bench.node()
    client = bench.connect(bench.weir([bad, good], request="http.setIdempotent(true)"))
    assert [client.get("/", method="POST").status for _ in range(6)] == [200] * 6


def test_once_is_once(bench):
    bad, good = bench.node(lambda x: x.close()), bench.node()
    client = bench.connect(bench.weir([bad, good], request="http.setIdempotent(false)"))
    assert sorted(client.get("/").status for _ in range(2)) == [200, 502]
