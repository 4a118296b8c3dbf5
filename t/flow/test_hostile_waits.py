# SPDX-License-Identifier: Apache-2.0
"""Peers that break while rules wait, and bytes that nobody takes: a worker must neither spin nor
forget anybody."""
import threading

import pytest

from lab.wait import until


def processor_seconds(pid):
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


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
