# SPDX-License-Identifier: Apache-2.0
"""Nodes of UDP that fail: what counts against a node, and which datagrams another node is tried with."""
import os

from lab.datagram import silence
from lab.weir import free_port

ANY = {"response_datagrams_expected": -1, "timeout": "60s"}


def udp(bench, nodes, session=None, **options):
    return bench.weir(nodes, listen=f"127.0.0.1:{free_port()}",
                      vserver={"protocol": "udp", **({"udp": session} if session else {})}, **options)


def failures(weir):
    return [node["failures_total"] for node in weir.status()["pools"]["web"]["nodes"]]


def dead_node(bench):
    node = bench.datagram_node()
    node.close()
    return node


def test_a_late_session_is_one_failure(bench):
    weir = udp(bench, [bench.datagram_node(silence)], {"timeout": "1s"},
               pool={"udp": {"response_timeout": "50ms"}})
    bench.datagram_client(weir.address()).send(b"x")
    assert weir.wait_access(1)[0]["end"] == "reply_timeout"
    assert failures(weir) == [1]


def test_a_node_that_has_answered_is_not_late(bench):
    weir = udp(bench, [bench.datagram_node()], {"response_datagrams_expected": -1, "timeout": "2s"},
               pool={"udp": {"response_timeout": "1s"}})
    assert bench.datagram_client(weir.address()).ask(b"x") == b"x"
    assert weir.wait_access(1)[0]["end"] == "ok"
    assert failures(weir) == [0]


def test_without_passive_monitoring_no_other_is_tried(bench):
    dead, alive = dead_node(bench), bench.datagram_node()
    weir = udp(bench, [dead, alive], pool={"passive_monitoring": False})
    for _ in range(4):
        bench.datagram_client(weir.address()).send(b"x")
    lines = weir.wait_access(4)
    assert sorted((line["node"], line["end"]) for line in lines) == \
        sorted([(dead.name, "connect_failed"), (alive.name, "ok")] * 2)


def test_what_has_begun_to_answer_is_not_asked_for_elsewhere(bench):
    nodes = [bench.datagram_node() for _ in range(2)]
    weir = udp(bench, nodes, ANY)
    client = bench.datagram_client(weir.address())
    assert client.ask(b"x") == b"x"
    first, other = sorted(nodes, key=lambda node: len(node.got), reverse=True)
    first.close()
    client.send(b"y")
    assert weir.wait_access(1)[0]["end"] == "node_cut"
    assert other.got == []


def test_a_stop_ends_sessions_that_owe_nothing(bench):
    weir = udp(bench, [bench.datagram_node()], {"response_datagrams_expected": -1, "timeout": "600s"}, shutdown_timeout="500s")
    assert bench.datagram_client(weir.address()).ask(b"x") == b"x"
    os.kill(weir.pid, 15)
    assert weir.process.wait(30) == 0
    assert weir.wait_access(1)[0]["end"] == "ok"
