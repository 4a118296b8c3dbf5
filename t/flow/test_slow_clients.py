# SPDX-License-Identifier: Apache-2.0
"""Clients that bring their body or take their answer byte by byte are ended, honest slow ones and
slow nodes are not: only time spent waiting for the client counts."""
import random
import socket
import threading
import time

import pytest

from lab.http1 import Closed
from lab.netns import Namespace

POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n"
GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def slow(bench, node, namespace=None, timeouts=None, **connection):
    return bench.weir([node], namespace=namespace,
                      vserver={"timeouts": timeouts or {}, "connection": {"min_rate_grace": "1s", **connection}})


def trickle(client, size, piece, pause):
    """Sends a body in pieces; stops when weir has hung up."""
    try:
        for at in range(0, size, piece):
            client.send(b"x" * min(piece, size - at))
            time.sleep(pause)
    except OSError:
        pass


def status_of(client):
    try:
        return client.response().status
    except Closed:  # the answer was lost because we went on sending
        return None


def test_a_slow_body_is_ended(bench):
    """50 bytes a second where 500 must be."""
    node = bench.node()
    weir = slow(bench, node, min_upload_rate=500)
    client = bench.connect(weir)
    start = time.monotonic()
    client.send(POST.format(10_000))
    thread = threading.Thread(target=trickle, args=(client, 1000, 5, 0.1))
    thread.start()
    line = weir.wait_access(1)[0]
    assert 0.9 < time.monotonic() - start < 8
    assert (line["end"], line["status"]) == ("slow_upload", 408)
    assert status_of(client) in (408, None)
    thread.join()
    assert node.requests == []


def test_a_body_at_a_good_pace_is_not(bench):
    """Ten times as fast as it must be, for thrice the time of grace."""
    node = bench.node()
    client = bench.connect(slow(bench, node, min_upload_rate=100))
    client.send(POST.format(3000))
    trickle(client, 3000, 100, 0.1)
    assert client.response().status == 200
    assert node.requests[0].size == 3000


def test_a_client_may_pause_within_the_time_of_grace(bench):
    weir = bench.weir([bench.node()], vserver={"connection": {"min_upload_rate": 10_000, "min_rate_grace": "5s"}})
    client = bench.connect(weir)
    client.send(POST.format(2), "x")
    time.sleep(1.5)
    client.send("y")
    assert client.response().status == 200


def test_what_was_sent_fast_does_not_pay_for_a_stall(bench):
    """The credit of a client is the time of grace, however much it has sent before."""
    weir = slow(bench, bench.node(), min_upload_rate=100)
    client = bench.connect(weir)
    start = time.monotonic()
    client.send(POST.format(1_000_001), b"x" * 1_000_000)
    assert weir.wait_access(1)[0]["end"] == "slow_upload"
    assert time.monotonic() - start < 8


def test_no_rate_no_end(bench):
    weir = slow(bench, bench.node(), min_upload_rate=0)
    client = bench.connect(weir)
    client.send(POST.format(2), "x")
    time.sleep(2)
    client.send("y")
    assert client.response().status == 200


def test_a_client_that_waits_for_100_is_not_slow(bench):
    def late(exchange):
        time.sleep(2)
        exchange.send("HTTP/1.1 100 Continue\r\n\r\n")
        exchange.read_body()
        exchange.reply()

    client = bench.connect(slow(bench, bench.node(late, early=True), min_upload_rate=1000))
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
    assert client.response().status == 100
    client.send("x")
    assert client.response().status == 200


def test_a_slow_node_is_not_the_clients_fault(bench):
    """It takes nothing of the body for longer than the grace, and answers late."""
    def late(exchange):
        time.sleep(2)
        exchange.read_body()
        time.sleep(2)
        exchange.reply()

    weir = slow(bench, bench.node(late, early=True), min_upload_rate=100_000, min_download_rate=100_000)
    client = bench.connect(weir)
    client.send(POST.format(20_000_000), b"x" * 20_000_000)
    assert client.response().status == 200


def test_a_client_may_pause_while_the_node_is_behind(bench):
    """The client could send on, but we could not take it: the node has yet to take what came before."""
    def late(exchange):
        time.sleep(3)
        exchange.read_body()
        exchange.reply()

    host = bench.keep(Namespace("narrow"))
    host.sysctl("ipv4/tcp_wmem", "4096 4096 4096")
    node = bench.node(late, early=True, namespace=host)
    node.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client = bench.connect(slow(bench, node, namespace=host, min_upload_rate=100_000), namespace=host)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    client.send(POST.format(120_000), b"x" * 60_000)
    time.sleep(3)
    client.send(b"x" * 60_000)
    assert client.response().status == 200


def test_a_long_poll_is_not_slow(bench):
    def events(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            time.sleep(0.8)
            exchange.send("1\r\nx\r\n")
        exchange.send("0\r\n\r\n")

    client = bench.connect(slow(bench, bench.node(events), min_download_rate=1000))
    assert client.get().body == b"xxx"


def test_a_tunnel_is_not_slow(bench):
    def echo(exchange):
        exchange.send("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
        exchange.send(exchange.connection.reader.exactly(1))
        exchange.close()

    client = bench.connect(slow(bench, bench.node(echo), min_upload_rate=1000, min_download_rate=1000))
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
    assert client.response().status == 101
    time.sleep(2)
    client.send("x")
    assert client.reader.exactly(1) == b"x"


# ---- slow readers ----------------------------------------------------------------------------------

SIZE = 1_000_000


def take(client, rate, seconds):
    """Takes so many bytes a second for a while, or until weir has hung up; how many came."""
    got, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            data = client.sock.recv(rate // 10)
        except ConnectionResetError:
            return got
        if not data:
            return got
        got += len(data)
        time.sleep(0.1)
    return got


def test_a_slow_reader_is_cut(bench):
    weir = slow(bench, bench.node(lambda x: x.reply(200, b"x" * 20_000_000)), min_download_rate=100_000)
    client = bench.connect(weir, receive_buffer=4096)
    start = time.monotonic()
    client.send(GET)
    assert take(client, 2000, 20) < SIZE
    assert weir.wait_access(1)[0]["end"] == "slow_download"
    assert 0.9 < time.monotonic() - start < 15


def test_a_client_that_reads_nothing_is_cut(bench):
    weir = slow(bench, bench.node(lambda x: x.reply(200, b"x" * 20_000_000)), min_download_rate=1)
    client = bench.connect(weir, receive_buffer=4096)
    start = time.monotonic()
    client.send(GET)
    assert weir.wait_access(1)[0]["end"] == "slow_download"
    assert 0.9 < time.monotonic() - start < 15


def test_an_answer_of_a_rule_that_is_not_taken_is_cut(bench):
    host = bench.keep(Namespace("narrow"))
    host.sysctl("ipv4/tcp_wmem", "4096 4096 4096")
    weir = bench.weir(["127.0.0.1:1"], namespace=host, vserver={"connection": {"min_rate_grace": "1s"}},
                      request='http.sendResponse(200, "text/plain", string.rep("x", 500000))')
    client = bench.connect(weir, namespace=host, receive_buffer=4096)
    start = time.monotonic()
    client.send(GET)
    assert weir.wait_access(1)[0]["end"] == "answered"
    assert 0.9 < time.monotonic() - start < 10
    with pytest.raises(Closed):
        client.response()


def test_a_reader_at_a_good_pace_is_not_cut(bench):
    """Our kernel holds megabytes for it: what counts is what the client's has taken."""
    host = bench.keep(Namespace("wide"))
    host.sysctl("ipv4/tcp_wmem", "4096 4000000 4000000")
    node = bench.node(lambda x: x.reply(200, b"x" * 8_000_000), namespace=host)
    weir = slow(bench, node, namespace=host, min_download_rate=5000, min_rate_grace="3s",
                timeouts={"idle": "4s"})
    client = bench.connect(weir, namespace=host, receive_buffer=8192)
    client.send(GET)
    size = int(client.head().get("Content-Length"))
    got = len(client.reader.held)
    client.reader.held = b""
    got += take(client, 50_000, 8)  # longer than it may be idle
    while data := client.sock.recv(1 << 20):
        got += len(data)
        if got == size:
            break
    assert got == size
    assert weir.wait_access(1)[0]["end"] == "ok"


# ---- the whole body ---------------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["body", "idle"])
def test_the_time_of_the_whole_body(bench, how):
    """Bytes that come prolong only the one that is not for the whole."""
    weir = bench.weir([bench.node()], vserver={"timeouts": {how: "1s"}})
    client = bench.connect(weir)
    start = time.monotonic()
    client.send(POST.format(20_000))
    trickle(client, 20_000, 1000, 0.1)
    line = weir.wait_access(1)[0]
    if how == "idle":
        assert line["end"] == "ok"
    else:
        assert (line["end"], line["status"]) == ("body_timeout", 408)
        assert 0.9 < line["duration_us"] / 1e6 < 5
    assert time.monotonic() - start < 8


def test_a_body_in_time(bench):
    weir = bench.weir([bench.node()], vserver={"timeouts": {"body": "5s"}})
    client = bench.connect(weir)
    client.send(POST.format(4), "xx")
    time.sleep(0.3)
    client.send("yy")
    assert client.response().status == 200


def test_the_time_of_the_body_is_not_that_of_the_answer(bench):
    def late(exchange):
        time.sleep(1.5)
        exchange.reply()

    weir = bench.weir([bench.node(late)], vserver={"timeouts": {"body": "700ms"}})
    assert bench.connect(weir).get(method="POST", body=b"x" * 1000).status == 200


def test_the_end_of_a_body_is_not_missed_behind_a_slow_reader(bench):
    """The kernel may take the last bytes that wait for the client at any moment, also where the node's
    end is known already: nothing happens any more then that would make weir look once more."""
    host = bench.keep(Namespace("narrow"))
    host.sysctl("ipv4/tcp_wmem", "4096 8192 16384")
    sizes = random.Random(1)

    def until_end(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * sizes.randint(20_000, 60_000))
        exchange.close()

    weir = bench.weir([bench.node(until_end, namespace=host)], namespace=host,
                      vserver={"timeouts": {"idle": "5s"}})

    def read_slowly():
        for _ in range(30):
            client = weir.client(namespace=host, receive_buffer=8192)
            client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            time.sleep(0.03)
            while client.sock.recv(2000):
                pass
            client.close()

    readers = [threading.Thread(target=read_slowly, daemon=True) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(50)
    assert {line["end"] for line in weir.wait_access(240)} == {"ok"}
