# SPDX-License-Identifier: Apache-2.0
"""Datagrams through weir: who gets what, from which address, for how long, and how it is told."""
import os
import socket

import pytest

from lab import river as r
from lab.datagram import DatagramClient, silence
from lab.wait import until
from lab.weir import free_port


def udp(bench, nodes, listen=None, vserver=None, **options):
    """A weir with virtual server `main` of UDP."""
    more = {"protocol": "udp", **(vserver or {})}
    return bench.weir(nodes, listen=listen or f"127.0.0.1:{free_port()}", vserver=more, **options)


def count_sockets(weir):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in weir.children)


def refusals(weir, count=None):
    return weir.status()["virtual_servers"]["main"]["refusals"]


def test_a_datagram_and_its_answer(bench):
    node = bench.datagram_node()
    weir = udp(bench, [node])
    client = bench.datagram_client(weir.address())
    assert client.ask(b"hello") == b"hello"
    line = weir.wait_access(1)[0]
    host, port = client.address
    assert line["virtual_server"] == "main"
    assert line["client"] == f"{host}:{port}"
    assert line["dest"] == line["local"] == "{}:{}".format(*weir.address())
    assert (line["pool"], line["node"]) == ("web", node.name)
    assert line["source"] == "{}:{}".format(*node.got[0].peer)
    assert (int(line["bytes_in"]), int(line["bytes_out"])) == (5, 5)
    assert (int(line["datagrams_in"]), int(line["datagrams_out"])) == (1, 1)
    assert line["end"] == "ok"
    assert "method" not in line and "uri" not in line


@pytest.mark.parametrize("size", [0, 1, 1472, 1473, 9000, 65507])
def test_sizes(bench, size):
    """Whole or not at all, an empty one too."""
    data = os.urandom(size)
    weir = udp(bench, [bench.datagram_node()])
    assert bench.datagram_client(weir.address()).ask(data) == data


def test_ipv6(bench):
    node = bench.datagram_node(address="::1")
    weir = udp(bench, [node], listen=f"[::1]:{free_port()}")
    assert bench.datagram_client(weir.address()).ask(b"six") == b"six"


def test_tcp_may_have_the_same_port(bench):
    port = free_port()
    node, other = bench.datagram_node(), bench.node()
    weir = udp(bench, [node], listen=f"127.0.0.1:{port}",
               pools={"h": {"nodes": [other.name]}})
    weir.stop()
    conf = dict(weir.conf, control=None)
    conf = {"virtual_servers": {"u": {"listen": f"127.0.0.1:{port}", "protocol": "udp", "pool": "u"},
                                "h": {"listen": f"127.0.0.1:{port}", "pool": "h"}},
            "pools": {"u": {"nodes": [node.name]}, "h": {"nodes": [other.name]}}}
    weir = bench.start(conf)
    assert bench.datagram_client(("127.0.0.1", port)).ask(b"u") == b"u"
    assert bench.connect(weir, name="h").get("/").status == 200


def test_a_session_stays_with_its_node_and_socket(bench):
    nodes = [bench.datagram_node() for _ in range(3)]
    weir = udp(bench, nodes, vserver={"udp": {"response_datagrams_expected": -1}})
    client = bench.datagram_client(weir.address())
    for i in range(10):
        assert client.ask(b"%d" % i) == b"%d" % i
    got = [d for node in nodes for d in node.got]
    assert len(got) == 10 and len({d.peer for d in got}) == 1
    assert [len(node.got) for node in nodes].count(10) == 1


def test_without_persistence_each_datagram_chooses(bench):
    nodes = [bench.datagram_node() for _ in range(2)]
    weir = udp(bench, nodes, vserver={"udp": {"response_datagrams_expected": -1, "timeout": "1s",
                                              "end_point_persistence": False}})
    client = bench.datagram_client(weir.address())
    for i in range(6):
        assert client.ask(b"%d" % i) == b"%d" % i
    assert [len(node.got) for node in nodes] == [3, 3]
    assert len(weir.wait_access(6)) == 6


def test_the_session_ends_with_its_last_answer(bench):
    """One answer to each datagram: three may be on their way at once, and a fourth answer is nobody's."""
    release = []
    node = bench.datagram_node(lambda d: release.append(d))
    weir = udp(bench, [node])
    client = bench.datagram_client(weir.address())
    client.send(b"a", b"b", b"c")
    node.wait_for(3)
    assert len({d.peer for d in node.got}) == 1
    for datagram in release[:3]:
        datagram.reply(datagram.data)
    assert [client.receive() for _ in range(3)] == [b"a", b"b", b"c"]
    line = weir.wait_access(1)[0]
    assert (int(line["datagrams_in"]), int(line["datagrams_out"]), line["end"]) == (3, 3, "ok")
    release[0].reply(b"late")
    assert client.hears_nothing()


def test_no_more_than_the_answers_expected(bench):
    node = bench.datagram_node(lambda d: d.reply(b"1", b"2", b"3", b"4"))
    weir = udp(bench, [node], vserver={"udp": {"response_datagrams_expected": 2}})
    client = bench.datagram_client(weir.address())
    client.send(b"x")
    assert [client.receive(), client.receive()] == [b"1", b"2"]
    assert client.hears_nothing()
    assert weir.wait_access(1)[0]["end"] == "ok"


def test_no_answer_expected(bench):
    node = bench.datagram_node(silence)
    weir = udp(bench, [node], vserver={"udp": {"response_datagrams_expected": 0}})
    bench.datagram_client(weir.address()).send(b"log this")
    assert weir.wait_access(1)[0]["end"] == "ok"
    assert node.wait_for(1)[0].data == b"log this"


def test_a_node_that_never_answers(bench):
    node = bench.datagram_node(silence)
    weir = udp(bench, [node], vserver={"udp": {"timeout": "300ms"}})
    before = count_sockets(weir)
    client = bench.datagram_client(weir.address())
    client.send(b"anybody?")
    assert weir.wait_access(1)[0]["end"] == "reply_timeout"
    until(lambda: count_sockets(weir) == before, "the socket to the node is closed")
    client.send(b"still?")
    node.wait_for(2)
    assert len({d.peer for d in node.got}) == 2


def test_a_client_is_answered_from_the_address_that_it_wrote_to(bench, river):
    """Of several that weir has, on a listener for all of them."""
    port = free_port()
    for family, other, node_address, anywhere in (("v4", r.WEIR_NODE_SIDE_V4, r.NODE_V4, "0.0.0.0"),
                                                  ("v6", r.WEIR_NODE_SIDE_V6, r.NODE_V6, "[::]")):
        node = bench.datagram_node(address=node_address, namespace=river.node)
        weir = udp(bench, [node], listen=f"{anywhere}:{port}", namespace=river.weir)
        client = bench.datagram_client((other, port), namespace=river.client)  # connected: else it hears nothing
        assert client.ask(b"x") == b"x", family
        assert other in weir.wait_access(1)[0]["dest"]


def test_the_next_node_after_an_icmp_error(bench):
    dead, alive = bench.datagram_node(), bench.datagram_node()
    weir = udp(bench, [dead, alive])
    dead.close()
    for i in range(4):
        assert bench.datagram_client(weir.address()).ask(b"%d" % i) == b"%d" % i
    lines = weir.wait_access(4)
    assert {line["node"] for line in lines} == {alive.name}
    assert sum(int(line["retries"]) for line in lines) >= 1


def test_an_icmp_error_ends_a_session(bench):
    node = bench.datagram_node()
    weir = udp(bench, [node], vserver={"udp": {"response_datagrams_expected": -1}})
    client = bench.datagram_client(weir.address())
    assert client.ask(b"x") == b"x"
    node.close()
    client.send(b"y")
    assert weir.wait_access(1)[0]["end"] == "node_cut"
    client.send(b"z")
    line = weir.wait_access(2)[1]
    assert line["end"] == "connect_failed" and "refused" in line["detail"]
