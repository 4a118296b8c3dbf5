# SPDX-License-Identifier: Apache-2.0
"""Each timeout of the configuration, on its whole phase: bytes that trickle do not prolong it."""
import socket
import threading
import time

import pytest

from lab.http1 import Closed
from lab.wait import until


def took(start, low, high):
    """`high` is less than what weir would take by itself."""
    seconds = time.monotonic() - start
    assert low <= seconds <= high, f"{seconds} s"


def trickle(client, stop):
    """Sends a byte of a header every now and then until weir hangs up."""
    try:
        while not stop.wait(0.05):
            client.sock.send(b"x")
    except OSError:
        pass


def test_connect_is_for_the_whole_head(bench):
    weir = bench.weir([bench.node()], vserver={"timeouts": {"connect": "400ms"}})
    client, stop = bench.connect(weir), threading.Event()
    start = time.monotonic()
    client.send("GET / HTTP/1.1\r\nX: ")
    thread = threading.Thread(target=trickle, args=(client, stop))
    thread.start()
    try:
        assert client.response().status == 408
        assert client.ending() in ("end", "reset")
    except Closed:
        pass
    took(start, 0.35, 8)
    stop.set()
    thread.join()


def test_connect_without_a_byte(bench):
    weir = bench.weir([bench.node()], vserver={"timeouts": {"connect": "300ms"}})
    client = bench.connect(weir)
    start = time.monotonic()
    assert client.sock.recv(1000)[:12] in (b"", b"HTTP/1.1 408")
    took(start, 0, 8)


def test_keepalive(bench):
    weir = bench.weir([bench.node()], vserver={"timeouts": {"keepalive": "300ms"}})
    client = bench.connect(weir)
    client.get("/")
    start = time.monotonic()
    assert client.ending() == "end"
    took(start, 0.25, 8)


def test_idle_in_a_response_body(bench):
    def stall(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    node = bench.node(stall)
    weir = bench.weir([node], vserver={"timeouts": {"idle": "400ms"}})
    client = bench.connect(weir)
    start = time.monotonic()
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.head().status == 200
    with pytest.raises(Closed):
        client.reader.exactly(100)
    took(start, 0.35, 8)
    assert node.wait_ended(0)


def test_idle_in_a_request_body(bench):
    node = bench.node()
    weir = bench.weir([node], vserver={"timeouts": {"idle": "400ms"}})
    client = bench.connect(weir)
    start = time.monotonic()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
    try:
        assert client.response().status == 408
    except Closed:
        pass
    took(start, 0.35, 8)
    weir.wait_access(1)
    assert node.requests == []


def test_transaction_is_for_all_of_it(bench):
    gone = threading.Event()

    def dribble(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not gone.wait(0.02):
            exchange.send("x")

    node = bench.node(dribble)
    weir = bench.weir([node], vserver={"timeouts": {"transaction": "500ms"}})
    client = bench.connect(weir)
    start = time.monotonic()
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.head().status == 200
    with pytest.raises(Closed):
        client.reader.exactly(100000)
    took(start, 0.4, 8)
    gone.set()
    assert node.wait_ended(0)


def test_reply_of_the_node(bench):
    """504 (the node is there, but slow); the head that trickles does not prolong it."""
    gone = threading.Event()

    def slow(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nX: ")
        while not gone.wait(0.02):
            exchange.send("x")

    node = bench.node(slow)
    weir = bench.weir([node], pool={"timeouts": {"reply": "400ms"}, "max_timed_out_connection_attempts": 1})
    client = bench.connect(weir)
    start = time.monotonic()
    assert client.get("/", method="POST", body=b"x").status == 504
    took(start, 0.35, 8)
    gone.set()
    assert node.wait_ended(0)


def test_connect_to_the_node(bench):
    """A node whose queue is full never answers the SYN."""
    deaf = bench.keep(socket.socket())
    deaf.bind(("127.0.0.1", 0))
    deaf.listen(0)
    fill = [bench.keep(socket.socket()) for _ in range(4)]
    for sock in fill:
        sock.setblocking(False)
        sock.connect_ex(deaf.getsockname())
    weir = bench.weir([f"127.0.0.1:{deaf.getsockname()[1]}"], pool={"timeouts": {"connect": "400ms"}})
    client = bench.connect(weir)
    start = time.monotonic()
    assert client.get("/").status in (502, 503, 504)
    took(start, 0.3, 3.5)


def test_an_idle_node_connection_ends(bench):
    node = bench.node()
    weir = bench.weir([node], connection={"idle_timeout": "300ms"})
    bench.connect(weir).get("/")
    until(lambda: node.connections[0].ended == "end", "end of the idle node connection", 5)
