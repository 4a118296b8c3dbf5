# SPDX-License-Identifier: Apache-2.0
"""Datagrams through weir: who gets what, from which address, for how long, and how it is told."""
import os
import socket

import pytest

from lab import river as r
from lab.datagram import silence
from lab.wait import until
from lab.weir import free_port


def udp(bench, nodes, listen=None, vserver=None, **options):
    """A weir with virtual server `main` of UDP."""
    more = {"protocol": "udp", **(vserver or {})}
    return bench.weir(nodes, listen=listen or f"127.0.0.1:{free_port()}", vserver=more, **options)


def count_sockets(weir):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in weir.children)


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


def test_answers_count_for_the_service_level(bench):
    weir = udp(bench, [bench.datagram_node()], vserver={"slm_class": "fast"},
               slm_classes={"fast": {"response_time": "30s"}})
    for _ in range(3):
        assert bench.datagram_client(weir.address()).ask(b"hello") == b"hello"
    weir.wait_access(3)
    found = weir.status()["slm_classes"]["fast"]
    assert (found["answers_total"], found["late_total"]) == (3, 0)


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
    """The client is told by ICMP too, as the kernel tells who writes to a closed port."""
    node = bench.datagram_node()
    weir = udp(bench, [node], vserver={"udp": {"response_datagrams_expected": -1}})
    client = bench.datagram_client(weir.address())
    assert client.ask(b"x") == b"x"
    node.close()
    client.send(b"y")
    with pytest.raises(ConnectionRefusedError):
        client.receive()
    assert weir.wait_access(1)[0]["end"] == "node_cut"
    client.send(b"z")
    with pytest.raises(ConnectionRefusedError):
        client.receive()
    line = weir.wait_access(2)[1]
    assert line["end"] == "connect_failed" and "refused" in line["detail"]


def test_a_client_is_told_when_there_is_no_node(bench):
    weir = udp(bench, [{"address": "127.0.0.1:9", "state": "disabled"}])
    client = bench.datagram_client(weir.address())
    client.send(b"x")
    with pytest.raises(ConnectionRefusedError):
        client.receive()
    assert weir.wait_access(1)[0]["end"] == "no_node"


def test_no_answer_in_time_is_told_to_nobody(bench):
    """A node that says nothing says nothing."""
    weir = udp(bench, [bench.datagram_node(silence)], vserver={"udp": {"timeout": "200ms"}})
    client = bench.datagram_client(weir.address())
    client.send(b"x")
    assert weir.wait_access(1)[0]["end"] == "reply_timeout"
    assert client.hears_nothing()


def test_who_wrote_to_many_is_told_nothing(bench, river):
    """RFC 1122 3.2.2: the errors of all that hear a broadcast would come back to one."""
    port, broadcast = free_port(), "10.1.255.255"
    weir = udp(bench, [f"{r.NODE_V4}:9"], listen=f"0.0.0.0:{port}", namespace=river.weir)
    client = bench.datagram_client((r.WEIR_V4, port), source=r.CLIENTS_V4[9], namespace=river.client)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    client.sock.connect((broadcast, port))  # what was quoted would find it
    client.send(b"x")
    assert weir.wait_access(1)[0]["end"] == "connect_failed"
    assert client.hears_nothing()
    client.sock.connect((r.WEIR_V4, port))
    client.send(b"y")
    with pytest.raises(ConnectionRefusedError):
        client.receive()


def test_bounds(bench):
    """Of sessions of one client, and of all: what would begin one more is dropped and counted."""
    node = bench.datagram_node(silence)
    weir = udp(bench, [node], vserver={"udp": {"max_sessions": 5, "max_sessions_per_client": 3}})
    clients = [bench.datagram_client(weir.address(), source=f"127.0.0.{i}") for i in (2, 2, 2, 2, 3, 3, 3)]
    for client in clients:
        client.send(b"x")
    node.wait_for(5)
    weir.wait_log("udp: {max_sessions_per_client}")
    weir.wait_log("udp: {max_sessions} ")
    assert len(node.got) == 5


def test_a_flood_from_a_hundred_thousand_addresses(bench):
    """Descriptors and memory stay within the bounds, and others are served when it is over."""
    quiet = bench.datagram_node(silence)
    port = free_port()
    weir = udp(bench, [quiet], listen=f"0.0.0.0:{port}",
               vserver={"udp": {"max_sessions": 500, "timeout": "2s"}},
               log={"format": "json", "access": "off"})
    before = count_sockets(weir)
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for i in range(100_000):
        source = socket.inet_aton(f"127.{1 + i // 65536}.{i // 256 % 256}.{i % 256}")
        head = b"\x45\0\0\x1d\0\0\0\0\x40\x11\0\0" + source + socket.inet_aton("127.0.0.1")
        try:
            sock.sendto(head + (20000).to_bytes(2, "big") + port.to_bytes(2, "big") + b"\0\x09\0\0x",
                        ("127.0.0.1", 0))
        except OSError:  # an address that is none
            pass
        if i % 10000 == 0:
            assert count_sockets(weir) <= before + 500
    sock.close()
    weir.wait_log(r"udp: \{max_sessions\} ")
    assert count_sockets(weir) <= before + 500
    for pid in weir.children:
        with open(f"/proc/{pid}/status") as file:
            resident = int(file.read().split("VmRSS:")[1].split()[0])
        assert resident < 500_000
    until(lambda: count_sockets(weir) == before, "its sessions are over")
    client = bench.datagram_client(("127.0.0.1", port))
    client.send(b"after it")
    until(lambda: any(d.data == b"after it" for d in quiet.got), "others are served")


@pytest.mark.parametrize("accept, is_heard", [
    ({}, False), ({"accept_from": "dest_ip_only"}, True), ({"accept_from": "all"}, True),
    ({"accept_from": "ip_mask", "accept_from_mask": "127.0.0.0/8"}, True),
    ({"accept_from": "ip_mask", "accept_from_mask": "10.0.0.0/8"}, False),
], ids=str)
def test_whose_answers_are_taken(bench, accept, is_heard):
    """The node answers from another port than it was asked on."""
    other = bench.datagram_node(silence)
    node = bench.datagram_node(lambda d: other.sock.sendto(b"from elsewhere", d.peer))
    weir = udp(bench, [node], pool={"udp": accept})
    client = bench.datagram_client(weir.address())
    client.send(b"x")
    node.wait_for(1)
    if is_heard:
        assert client.receive() == b"from elsewhere"
    else:
        assert client.hears_nothing()


@pytest.mark.parametrize("vserver, pool, words", [
    ({"capture": "redirect"}, {}, "capture: redirect"),
    ({"udp": {"response_datagrams_expected": -2}}, {}, "a number from -1 to 1000000, not '-2'"),
    ({"max_concurrent_connections": 5}, {}, "udp: {max_sessions}"),
    ({"max_connections_per_client": 5}, {}, "udp: {max_sessions_per_client}"),
    ({}, {"udp": {"accept_from": "ip_mask"}}, "needs 'accept_from_mask'"),
    ({}, {"udp": {"accept_from_mask": "10.0.0.0/8"}}, "is for accept_from: ip_mask"),
], ids=str)
def test_what_cannot_be_configured(bench, vserver, pool, words):
    with pytest.raises(RuntimeError) as refused:
        udp(bench, ["127.0.0.1:9"], vserver=vserver, pool=pool)
    assert words in str(refused.value)


def test_a_client_stays_with_a_node_from_session_to_session(bench):
    nodes = [bench.datagram_node() for _ in range(3)]
    weir = udp(bench, nodes, pool={"persistence_class": "p"}, persistence_classes={"p": {"type": "ip"}})
    for i in range(6):
        assert bench.datagram_client(weir.address()).ask(b"%d" % i) == b"%d" % i
    assert [len(node.got) for node in nodes].count(6) == 1


def test_cookies_keep_nobody_of_udp(bench):
    with pytest.raises(RuntimeError) as refused:
        udp(bench, ["127.0.0.1:9"], pool={"persistence_class": "p"},
            persistence_classes={"p": {"type": "x_zeus"}})
    assert "of type ip" in str(refused.value)


def test_a_node_that_is_late_counts_as_failed(bench):
    late, other = bench.datagram_node(silence), bench.datagram_node()
    weir = udp(bench, [late, other], pool={"udp": {"response_timeout": "100ms"}, "node_connection_attempts": 1})
    for _ in range(2):
        bench.datagram_client(weir.address()).send(b"x")
    assert late.name in weir.wait_log("has failed")
    for i in range(4):
        assert bench.datagram_client(weir.address()).ask(b"%d" % i) == b"%d" % i


def test_stopping_waits_for_answers(bench):
    waiting = []
    node = bench.datagram_node(waiting.append)
    weir = udp(bench, [node])
    client = bench.datagram_client(weir.address())
    client.send(b"x")
    node.wait_for(1)
    os.kill(weir.pid, 15)
    weir.wait_log("told to by SIGTERM")
    waiting[0].reply(b"in time")
    assert client.receive() == b"in time"
    assert weir.process.wait(10) == 0


@pytest.mark.parametrize("key", ["max_connections_per_node", "max_transactions_per_node"])
def test_a_node_with_as_much_as_its_pool_allows(bench, key):
    """Nothing waits over UDP: the sender tries again, or not, by itself."""
    node = bench.datagram_node()
    weir = udp(bench, [node], workers=2, pool={"connection": {key: 2}},
               vserver={"udp": {"response_datagrams_expected": -1, "timeout": "60s"}})
    clients = [bench.datagram_client(weir.address()) for _ in range(3)]
    assert [client.ask(b"in") for client in clients[:2]] == [b"in"] * 2
    clients[2].send(b"out")
    assert weir.wait_access(1)[0]["reason"] == "queue_full"
    assert clients[0].ask(b"still") == b"still"
    assert [got.data for got in node.got].count(b"out") == 0
