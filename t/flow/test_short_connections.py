# SPDX-License-Identifier: Apache-2.0
"""Connections that carry one exchange: what is saved on them takes nothing away from anybody."""
import socket
import struct
import threading
import time

import pytest

LATE = b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n"


def held(bench, **options):
    """A node that answers with 300 kB when `release` is set, and weir before it."""
    release = threading.Event()

    def answer(exchange):
        release.wait(10)
        exchange.reply(200, b"x" * 300_000)
    node = bench.node(answer)
    return release, node, bench.weir([node], **options)


def segments_received(sock):
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("I", info, 140)[0]


def test_the_end_rides_along_with_the_answer(bench):
    """What arrives: the answers to our SYN and to the request, and the answer with the end."""
    weir = bench.weir([bench.node()])
    with bench.connect(weir) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert client.response().text == "ok"
        assert client.ending() == "end"
        assert segments_received(client.sock) <= 3


def test_an_answer_of_our_own_ends_likewise(bench):
    weir = bench.weir(["127.0.0.1:1"])
    with bench.connect(weir) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert client.response().status == 503
        assert client.ending() == "end"
        assert segments_received(client.sock) <= 3


def test_completion_rules_do_not_hold_the_answer_back(bench):
    """The kernel keeps what is promised to be the last for 200 ms."""
    weir = bench.weir([bench.node()], completion="connection.sleep(1000)")

    def seconds():
        with bench.connect(weir) as client:
            began = time.monotonic()
            client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert client.response().text == "ok"
            return time.monotonic() - began
    assert min(seconds() for _ in range(5)) < 0.15


def test_a_client_who_leaves_at_its_first_request_is_noticed(bench):
    _, node, weir = held(bench)
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    node.wait_for(1)
    client.reset()
    assert weir.wait_access(1)[0]["end"] == "client_gone"


def test_a_client_who_only_stops_sending_gets_its_answer(bench):
    release, node, weir = held(bench)
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client.half_close()
    node.wait_for(1)
    release.set()
    assert client.response().size == 300_000


def test_a_late_request_does_not_destroy_the_last_answer(bench):
    """Closed over bytes that nobody read, a connection is reset, and what was on its way is lost."""
    release, node, weir = held(bench, vserver={"connection": {"keepalive": False}})
    client = bench.connect(weir, receive_buffer=8192)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    node.wait_for(1)
    client.send(LATE)
    release.set()
    assert client.response().size == 300_000
    assert client.ending() == "end"
    assert len(node.requests) == 1


@pytest.mark.parametrize("late", [LATE, LATE + b"x" * 2_000_000], ids=["a request", "more than is thrown away"])
def test_what_a_slow_reader_sends_late_does_not_destroy_its_answer_either(bench, late):
    """weir has said good-bye and has nothing to do any more while the answer is still on its way."""
    node = bench.node(lambda x: x.reply(200, b"x" * 300_000))
    weir = bench.weir([node], vserver={"connection": {"max_requests": 1}})
    client = bench.connect(weir, receive_buffer=4096)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    weir.wait_access(1)
    client.sock.setblocking(False)
    left = memoryview(late)
    while left:
        try:
            left = left[client.sock.send(left):]
        except BlockingIOError:
            break  # nobody reads it any more
    client.sock.setblocking(True)
    client.sock.settimeout(20)
    assert client.response().size == 300_000
    assert client.ending() == "end"
    assert len(node.requests) == 1


def test_a_finished_node_connection_leaves_nothing_behind(bench):
    node = bench.node()
    weir = bench.weir([node], pool={"keepalive": False})
    client = bench.connect(weir)
    for number in range(3):
        assert client.get("/").text == "ok"
        assert node.wait_ended(number) == "reset"


def test_a_node_that_may_still_read_a_body_sees_an_orderly_end(bench):
    body = b"y" * 500_000
    node = bench.node()
    weir = bench.weir([node], pool={"keepalive": False})
    client = bench.connect(weir)
    assert client.get("/", method="PUT", body=body).text == "ok"
    assert node.wait_ended(0) == "end"


def test_a_node_that_answers_before_it_reads_is_not_reset(bench):
    """It may stop hearing the body once it has answered, but what was sent it can read."""
    read_on = threading.Event()

    def early(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        read_on.wait(10)
        exchange.read_body()
        exchange.close()

    node = bench.node(early, early=True)
    weir = bench.weir([node], pool={"keepalive": False})
    client = bench.connect(weir)
    client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + b"z" * 200_000)
    assert client.response().text == "ok"
    weir.wait_access(1)
    read_on.set()
    assert node.wait_ended(0) in ("end", "us")
