# SPDX-License-Identifier: Apache-2.0
"""Bodies in the shapes that starve a proxy: dust of chunks, tails that nobody takes, broken framing
behind a good head. Whatever the shape, every byte gets on or the exchange ends with a reason."""
import hashlib
import os
import socket
import threading

import pytest

from lab.netns import Namespace
from lab.wait import until

DUST = b"".join(b"1\r\n%c\r\n" % (97 + i % 26) for i in range(5000)) + b"0\r\n\r\n"
DUST_TEXT = bytes(97 + i % 26 for i in range(5000))
POST = b"POST /up HTTP/1.1\r\nHost: a\r\n"


def test_a_request_of_very_many_chunks_gets_on(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node]))
    client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + DUST)
    assert client.response().text == "ok"
    assert node.requests[0].body == DUST_TEXT


def test_a_response_of_very_many_chunks_gets_on(bench):
    node = bench.node(lambda x: x.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + DUST))
    client = bench.connect(bench.weir([node]))
    assert client.get().body == DUST_TEXT


@pytest.fixture
def narrow(bench):
    """A host whose sockets hold next to nothing, so that the last bytes have to wait in our memory."""
    host = bench.keep(Namespace("narrow"))
    host.sysctl("ipv4/tcp_wmem", "4096 4096 4096")
    return host


def narrow_node(bench, narrow, answer, **options):
    node = bench.node(answer, namespace=narrow, **options)
    node.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # what it accepts inherits this
    return node


def wide_client(bench, weir, narrow, **options):
    client = bench.connect(weir, namespace=narrow, **options)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    return client


def digest_of(exchange):
    exchange.reply(200, exchange.request.digest.hexdigest().encode())


def test_the_tail_of_a_request_waits_for_a_slow_node_and_arrives(bench, narrow):
    node = narrow_node(bench, narrow, digest_of)
    weir = bench.weir([node], namespace=narrow)
    body = os.urandom(60_000)
    answer = wide_client(bench, weir, narrow).get("/up", method="POST", body=body)
    assert answer.text == hashlib.sha256(body).hexdigest()


def upgrade(client, early=b""):
    client.send(b"GET /t HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + early)
    assert client.head().status == 101


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"


def test_bytes_sent_before_the_switch_go_through_the_tunnel(bench):
    def answer(exchange):
        exchange.send(SWITCH)
        exchange.send(exchange.connection.reader.exactly(5))
        exchange.close()

    client = bench.connect(bench.weir([bench.node(answer)]))
    upgrade(client, early=b"early")
    assert client.reader.exactly(5) == b"early"


def test_a_broken_chunk_is_refused_at_once_and_no_fault_of_the_node(bench):
    node = bench.node()
    weir = bench.weir([node], pool={"node_connection_attempts": 1, "timeouts": {"connect": "60s"}})
    client = bench.connect(weir)
    assert client.get().text == "ok"  # leaves an idle connection, which takes head and body at once
    client.send(b"PUT /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
    assert client.response().status == 400
    assert weir.wait_access(2)[1]["end"] == "bad_body"
    assert bench.connect(weir).get().text == "ok"
    assert "has failed" not in weir.log


def test_trailers_that_came_in_part_are_freed_when_the_node_breaks(bench):
    """The sanitizer build tells it. We must hear of the reset by the write that brings them, so bytes
    of the answer lie unread before the node resets."""
    steps = [threading.Event(), threading.Event()]

    def answer(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        assert steps[0].wait(10)
        exchange.send("12")
        assert steps[1].wait(10)
        exchange.reset()

    node, other = bench.node(answer, early=True), bench.node()
    weir = bench.weir([node], request='if http.getPath() == "/other" then pool.use("other") end',
                      response='if http.getPath() == "/up" then connection.sleep(1000) end',
                      pools={"other": {"nodes": [other.name]}})
    client, watcher = bench.connect(weir), bench.connect(weir)
    client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    node.wait_for(1)
    for step in steps:
        assert watcher.get("/other").text == "ok"  # the worker has seen all that was sent before
        step.set()
    assert node.wait_ended(0) == "us"
    client.send(b"5\r\nhello\r\n0\r\nX-Half: of a tra")
    until(lambda: [line for line in weir.access if line["end"] == "node_cut"], "its end")
