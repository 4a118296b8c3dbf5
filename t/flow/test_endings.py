# SPDX-License-Identifier: Apache-2.0
"""Half-closes, resets and early ends: each side learns the truth and weir goes on."""
import threading

import pytest

from lab.http1 import Closed


def still_fine(bench, weir, node):
    assert bench.connect(weir).get("/fine").text == "ok"


def fine_or(behaviour):
    return lambda x: x.reply() if x.request.target == "/fine" else behaviour(x)


def test_a_client_may_half_close_after_its_request(bench):
    node = bench.node()
    weir = bench.weir([node])
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client.half_close()
    assert client.response().text == "ok"
    assert client.ending() == "end"
    assert node.connections[0].ended is None  # the node's connection is kept for others
    still_fine(bench, weir, node)
    assert len(node.connections) == 1


def test_a_client_that_leaves_while_it_waits_costs_the_node_its_connection(bench):
    release = threading.Event()

    def wait(exchange):
        exchange.node.waiting.set()
        release.wait(10)
        exchange.reply()

    node = bench.node(fine_or(wait))
    node.waiting = threading.Event()
    weir = bench.weir([node])
    client = bench.connect(weir)
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    assert node.waiting.wait(10)
    client.reset()
    line = weir.wait_access(1)[0]
    assert line["uri"] == "/a"
    release.set()
    assert node.wait_ended(0) in ("end", "reset")
    still_fine(bench, weir, node)


def test_a_client_that_resets_in_its_body(bench):
    node = bench.node()
    weir = bench.weir([node])
    client = bench.connect(weir)
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhalf of it")
    client.reset()
    weir.wait_access(1)
    if node.connections:
        assert node.wait_ended(0) in ("end", "reset")
    assert node.requests == []
    still_fine(bench, weir, node)


def test_a_client_that_ends_in_its_body(bench):
    node = bench.node()
    weir = bench.weir([node])
    client = bench.connect(weir)
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    client.half_close()
    try:
        assert client.response().status == 400
    except Closed:
        pass
    weir.wait_access(1)
    assert node.requests == []
    still_fine(bench, weir, node)


def test_a_client_that_leaves_in_its_head_is_no_error_of_a_node(bench):
    node = bench.node()
    weir = bench.weir([node])
    client = bench.connect(weir)
    client.send("GET /a HTTP/1.1\r\nHost: a")
    client.close()
    still_fine(bench, weir, node)
    assert [r.target for r in node.requests] == ["/fine"]


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_node_that_ends_before_its_response(bench, how):
    node = bench.node(fine_or(lambda x: getattr(x, how)()))
    weir = bench.weir([node], pool={"passive_monitoring": False})
    client = bench.connect(weir)
    assert client.get("/a", method="POST", body=b"x").status == 502
    assert weir.wait_access(1)[0]["status"] == 502
    still_fine(bench, weir, node)


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_node_that_ends_in_its_body_is_not_made_whole(bench, how, framing):
    head = {"length": "Content-Length: 100\r\n", "chunked": "Transfer-Encoding: chunked\r\n"}[framing]

    def cut(exchange):
        exchange.send(f"HTTP/1.1 200 OK\r\n{head}\r\n", "5\r\nhello\r\n")
        exchange.node.told.wait(10)
        getattr(exchange, how)()

    node = bench.node(fine_or(cut))
    node.told = threading.Event()
    weir = bench.weir([node])
    client = bench.connect(weir)
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.head().status == 200
    client.reader.exactly(5)
    node.told.set()
    rest = b""
    with pytest.raises(Closed):
        while True:
            rest += client.reader.exactly(1)
    assert b"0\r\n\r\n" not in rest
    still_fine(bench, weir, node)


def test_a_node_may_half_close_after_its_response(bench):
    def last(exchange):
        exchange.reply(200, b"last words")
        exchange.half_close()
        while exchange.connection.sock.recv(4096):
            pass  # weir may ask once more before it sees our end
        exchange.close()

    node = bench.node(fine_or(last))
    weir = bench.weir([node])
    client = bench.connect(weir)
    for _ in range(3):
        assert client.get("/a").text == "last words"
    still_fine(bench, weir, node)
