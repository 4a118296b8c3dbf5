# SPDX-License-Identifier: Apache-2.0
"""Peers that break while rules wait, and bytes that nobody takes: a worker must neither spin nor
forget anybody."""
import threading
import time

import pytest

from lab.netns import Namespace
from lab.wait import until


def processor_seconds(pid):
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


@pytest.fixture
def narrow(bench):
    """A host whose sockets hold next to nothing, so that bytes have to wait in our memory."""
    host = bench.keep(Namespace("narrow"))
    host.sysctl("ipv4/tcp_wmem", "4096 4096 4096")
    return host


def test_a_client_that_breaks_while_rules_sleep_stops_nobody_else(bench):
    node = bench.node()
    weir = bench.weir([node], watchdog_timeout="2s",
                      request='if http.getPath() == "/slow" then connection.sleep(60000) end',
                      completion='if http.getPath() == "/slow" then connection.sleep(1500) end')
    client = bench.connect(weir)
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    other = bench.connect(weir)
    assert other.get("/fine").text == "ok"  # so the first has been read
    client.reset()
    for _ in range(20):
        assert other.get("/fine").text == "ok"
    assert until(lambda: [line for line in weir.access if line["uri"] == "/slow"], "its end")
    assert weir.children[-1] in weir.first_children


def test_a_node_that_breaks_while_a_rule_sleeps_stops_nobody_else(bench):
    reset = threading.Event()

    def answer(exchange):
        if exchange.request.target != "/slow":
            return exchange.reply()
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        assert reset.wait(10)
        exchange.reset()

    node = bench.node(answer)
    weir = bench.weir([node], response='if http.getPath() == "/slow" then connection.sleep(1500) end')
    client = bench.connect(weir)
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    node.wait_for(1)
    other = bench.connect(weir)
    assert other.get("/fine").text == "ok"
    before = processor_seconds(weir.children[-1])
    reset.set()
    assert client.head().status == 200
    assert client.ending() in ("end", "reset")
    assert weir.wait_access(2)[1]["end"] == "node_cut"
    assert processor_seconds(weir.children[-1]) - before < 0.7


def test_informational_answers_that_had_to_wait_arrive_before_the_answer(bench, narrow):
    release = threading.Event()

    def answer(exchange):
        for _ in range(10):
            exchange.send("HTTP/1.1 103 Early Hints\r\nLink: " + "x" * 30000 + "\r\n\r\n")
        assert release.wait(10)
        exchange.reply()

    node = bench.node(answer, namespace=narrow)
    client = bench.connect(bench.weir([node], namespace=narrow), namespace=narrow, receive_buffer=4096)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    for _ in range(10):
        assert client.response().status == 103
    release.set()
    assert client.response().text == "ok"


def test_a_client_that_takes_an_answer_of_a_rule_in_bites_is_not_idle(bench, narrow):
    weir = bench.weir(["127.0.0.1:1"], vserver={"timeouts": {"idle": "600ms"}}, namespace=narrow,
                      request='http.sendResponse(200, "text/plain", string.rep("x", 60000))')
    client = bench.connect(weir, namespace=narrow, receive_buffer=4096)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    size = int(client.head().get("Content-Length"))
    for _ in range(30):
        client.reader.exactly(size // 30)
        time.sleep(0.05)  # the pace of this client, 1.5 seconds for all of it
    assert client.get().status == 200  # it was not given up


def test_an_old_client_is_told_that_its_connection_is_kept_behind_an_answer_of_a_rule(bench):
    weir = bench.weir(["127.0.0.1:1"], request='http.sendResponse(200, "text/plain", "hello")')
    client = bench.connect(weir)
    for _ in range(2):
        client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        answer = client.response()
        assert (answer.text, answer.get("Connection")) == ("hello", "keep-alive")


def test_a_request_behind_the_end_of_a_quiet_connection_does_not_destroy_the_last_answer(bench):
    body = b"x" * 400_000
    node = bench.node(lambda x: x.reply(200, body))
    weir = bench.weir([node], vserver={"timeouts": {"keepalive": "100ms"}})
    client = bench.connect(weir, receive_buffer=4096)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert weir.wait_access(1)[0]["end"] == "ok"  # for weir, that is: most of it is still on its way
    time.sleep(0.4)  # until weir has ended the connection
    for _ in range(3):
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.response().body == body
    assert client.ending() == "end"
    assert len(node.requests) == 1


def test_each_rule_has_its_own_wall_time(bench):
    nap = "connection.sleep(400)"
    weir = bench.weir([bench.node()], rules={"one": nap, "two": nap, "three": nap},
                      vserver={"request_rules": ["one", "two", "three"], "rules": {"wall_time": "900ms"}})
    assert bench.connect(weir).get().text == "ok"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_answer_that_ends_with_its_connection_ends_before_completion_rules(bench, version):
    released = threading.Event()
    other = bench.node(lambda x: (released.wait(45), x.reply(200, b"late")))
    node = bench.node(lambda x: x.chunked(b"some", b"more"))
    weir = bench.weir([node], completion=f'http.request.get("http://{other.name}/", nil, 45)',
                      vserver={"rules": {"wall_time": "45s"}})
    client = bench.connect(weir)
    client.sock.settimeout(20)
    client.send(f"GET / HTTP/{version}\r\nHost: a\r\nConnection: close\r\n\r\n")
    try:
        answer = client.response()
        assert answer.text == "somemore" and client.ending() == "end"
        assert not weir.access
    finally:
        released.set()
    assert weir.wait_access(1)[0]["end"] == "ok"
