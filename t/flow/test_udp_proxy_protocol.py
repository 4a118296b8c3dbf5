# SPDX-License-Identifier: Apache-2.0
"""PROXY headers of datagrams: a front that is believed says in each for whom it is, and weir says so to nodes."""
import pytest

from lab import proxy_protocol as pp
from lab import river as r
from lab.datagram import silence
from lab.wait import until
from lab.weir import free_port

SOURCE, DEST = ("198.51.100.7", 4321), ("203.0.113.5", 53)
SOURCE6, DEST6 = ("2001:db8::7", 65535), ("2001:db8::5", 53)
FROM = {"from": ["127.0.0.0/8", "::1", "10.1.0.0/16"]}


def header(source=SOURCE, dest=DEST, **more):
    return pp.v2(source, dest, family=0x22 if ":" in source[0] else 0x12, **more)


def start(bench, nodes, vserver=None, listen=None, **options):
    more = {"protocol": "udp", "proxy_protocol": FROM, **(vserver or {})}
    return bench.weir(nodes, listen=listen or f"127.0.0.1:{free_port()}", vserver=more, **options)


def refusals(weir):
    return weir.status()["virtual_servers"]["main"]["refusals"]


def named(address):
    return "[{}]:{}".format(*address) if ":" in address[0] else "{}:{}".format(*address)


@pytest.mark.parametrize("source, dest, head", [
    (SOURCE, DEST, header()), (SOURCE6, DEST6, header(SOURCE6, DEST6)), (SOURCE, DEST, pp.v2(SOURCE, DEST)),
    (SOURCE, DEST, header(tlvs=pp.tlv(pp.AUTHORITY, b"x"), checksum=True)),
], ids=["v4", "v6", "of TCP", "checksum"])
def test_the_client_is_whom_the_header_names(bench, source, dest, head):
    node = bench.datagram_node()
    weir = start(bench, [node])
    front = bench.datagram_client(weir.address())
    assert front.ask(head + b"hello") == b"hello"
    assert node.got[0].data == b"hello"
    line = weir.wait_access(1)[0]
    assert (line["client"], line["dest"]) == (named(source), named(dest))
    assert (line["peer"], line["local"]) == (named(front.address), named(weir.address()))
    assert (int(line["bytes_in"]), int(line["bytes_out"])) == (5, 5)


def test_local_is_the_front_itself(bench):
    weir = start(bench, [bench.datagram_node()])
    front = bench.datagram_client(weir.address())
    assert front.ask(pp.binary(pp.LOCAL, 0, b"") + b"are you there?") == b"are you there?"
    assert weir.wait_access(1)[0]["client"] == named(front.address)


def test_a_datagram_may_be_empty_behind_its_header(bench):
    weir = start(bench, [bench.datagram_node()])
    assert bench.datagram_client(weir.address()).ask(header()) == b""


def test_one_front_for_many_clients(bench):
    """By one socket: each client has its session, and is nobody else's."""
    waiting = {}

    def keep(datagram):
        waiting.setdefault(datagram.data, datagram)

    node = bench.datagram_node(keep)
    weir = start(bench, [node], {"udp": {"response_datagrams_expected": -1, "timeout": "1s"}})
    front, other = bench.datagram_client(weir.address()), bench.datagram_client(weir.address())
    clients = [("198.51.100.7", 1), ("198.51.100.7", 2), ("198.51.100.8", 1)]
    for i, client in enumerate(clients):
        front.send(header(client) + b"%d" % i, header(client) + b"again %d" % i)
    other.send(header(clients[0]) + b"other")
    node.wait_for(7)
    peers = {data: d.peer for data, d in waiting.items()}
    assert all(peers[b"again %d" % i] == peers[b"%d" % i] for i in range(3))
    assert len({peers[b"0"], peers[b"1"], peers[b"2"], peers[b"other"]}) == 4
    waiting[b"other"].reply(b"to other")
    waiting[b"2"].reply(b"to 2")
    assert (other.receive(), front.receive()) == (b"to other", b"to 2")
    assert sorted(line["client"] for line in weir.wait_access(4)) == sorted(map(named, clients + clients[:1]))


def test_who_is_not_believed(bench):
    node = bench.datagram_node()
    weir = start(bench, [node], {"proxy_protocol": {"from": ["127.0.0.2"]}})
    stranger = bench.datagram_client(weir.address(), source="127.0.0.3")
    stranger.send(header() + b"x", b"y")
    until(lambda: refusals(weir) == {"proxy_untrusted": 2}, "both are counted")
    trusted = bench.datagram_client(weir.address(), source="127.0.0.2")
    assert trusted.ask(header() + b"z") == b"z"
    stranger.send(header() + b"to the session that is there")
    until(lambda: refusals(weir) == {"proxy_untrusted": 3}, "that, too")
    assert [d.data for d in node.got] == [b"z"]


BROKEN = bytearray(header(checksum=True))
BROKEN[-1] ^= 1


@pytest.mark.parametrize("word, data", [
    ("proxy_header_missing", b""), ("proxy_header_missing", b"hello"),
    ("proxy_header_missing", pp.v1(SOURCE, DEST) + b"hello"),
    ("proxy_header_cut", header()[:-1]), ("proxy_header_cut", pp.SIGNATURE[:5]),
    ("proxy_header_malformed", pp.binary(0x22, 0x12, b"") + b"hello"),
    ("proxy_header_malformed", pp.binary(pp.PROXY, 0x12, b"short") + b"hello"),
    ("proxy_header_too_long", header(tlvs=pp.tlv(pp.NOOP, bytes(5000))) + b"hello"),
    ("proxy_header_checksum", bytes(BROKEN) + b"hello"),
])
def test_what_is_no_header(bench, word, data):
    node = bench.datagram_node()
    weir = start(bench, [node])
    front = bench.datagram_client(weir.address())
    front.send(data)
    until(lambda: refusals(weir) == {word: 1}, word)
    assert front.ask(header() + b"x") == b"x" and len(node.got) == 1


def test_bounds_are_of_the_client_that_is_named(bench):
    node = bench.datagram_node(silence)
    weir = start(bench, [node], {"udp": {"max_sessions_per_client": 2}})
    front = bench.datagram_client(weir.address())
    for port in range(1, 5):
        front.send(header(("198.51.100.7", port)) + b"x")
    front.send(header(("198.51.100.8", 1)) + b"x")
    node.wait_for(3)
    until(lambda: refusals(weir) == {"too_many_sessions_of_client": 2}, "the two that were too many")


@pytest.mark.parametrize("source, dest", [(SOURCE, DEST), (SOURCE6, DEST6)], ids=["v4", "v6"])
def test_nodes_are_told(bench, source, dest):
    """In each datagram; what the node says has no header."""
    node = bench.datagram_node(lambda d: d.reply(pp.split(d.data)[2]))
    weir = start(bench, [node], {"udp": {"response_datagrams_expected": -1, "timeout": "1s"}},
                 pool={"proxy_protocol": "v2"})
    front = bench.datagram_client(weir.address())
    for data in (b"one", b"", b"three"):
        assert front.ask(header(source, dest) + data) == data
    seen = {pp.split(d.data)[:2] for d in node.got}
    assert len(node.got) == 3 and seen == {(source, dest)}
    line = weir.wait_access(1)[0]
    assert int(line["bytes_in"]) == 8


def test_nodes_are_told_of_plain_clients(bench):
    node = bench.datagram_node(lambda d: d.reply(b"it is you"))
    weir = bench.weir([node], listen=f"127.0.0.1:{free_port()}", vserver={"protocol": "udp"},
                      pool={"proxy_protocol": "v2"})
    client = bench.datagram_client(weir.address())
    assert client.ask(b"who am I?") == b"it is you"
    assert pp.split(node.got[0].data) == (client.address, weir.address(), b"who am I?")
    # 28 of the header count as sent, and what the node said has none
    def counted():
        pool = weir.status()["pools"]["web"]["nodes"][0]
        return (pool["to_bytes_total"], pool["from_bytes_total"])

    until(lambda: counted() == (28 + 9, 9), "the session is counted")


def test_the_next_node_is_told_too(bench):
    dead, alive = bench.datagram_node(), bench.datagram_node(lambda d: d.reply(pp.split(d.data)[2]))
    weir = start(bench, [dead, alive], pool={"proxy_protocol": "v2"})
    dead.close()
    front = bench.datagram_client(weir.address())
    for i in range(4):
        assert front.ask(header(("198.51.100.7", 1 + i)) + b"%d" % i) == b"%d" % i
    assert sorted(pp.split(d.data)[0][1] for d in alive.got) == [1, 2, 3, 4]


@pytest.mark.parametrize("head", [pp.binary(pp.LOCAL, 0, b""), header()], ids=["local", "of a client"])
def test_fronts_are_not_told_that_no_node_is_left(bench, head):
    """Their socket is that of other clients, too."""
    node = bench.datagram_node()
    weir = start(bench, [node])
    node.close()
    front = bench.datagram_client(weir.address())
    front.send(head + b"x")
    assert weir.wait_access(1)[0]["end"] == "connect_failed"
    assert front.hears_nothing()


def test_version_1_is_for_tcp(bench):
    with pytest.raises(RuntimeError) as refused:
        start(bench, ["127.0.0.1:9"], pool={"proxy_protocol": "v1"})
    assert "version 1 has no word for UDP" in str(refused.value)


@pytest.mark.parametrize("same_port", [True, False], ids=["its own port", "another port"])
def test_captured_from_a_front_and_transparent(bench, river, same_port):
    """The answer comes from where the front wrote to, and the node sees whom it named."""
    port = free_port()
    to = port if same_port else free_port()
    node = bench.datagram_node(address=r.NODE_V4, namespace=river.node)
    weir = start(bench, [node], {"capture": "tproxy", "udp": {"response_datagrams_expected": -1, "timeout": "1s"}},
                 listen=f"0.0.0.0:{to}", namespace=river.weir, pool={"transparent": True})
    river.capture_tproxy(port, to, "udp")
    front = bench.datagram_client(("10.9.9.9", port), source=r.CLIENTS_V4[8], namespace=river.client)
    client = (r.CLIENTS_V4[20], 7000)
    for i in range(3):
        assert front.ask(header(client) + b"%d" % i) == b"%d" % i
    assert {d.peer for d in node.got} == {client}
    line = weir.wait_access(1)[0]
    assert (line["client"], line["dest"]) == (named(client), named(DEST))
    assert (line["peer"], line["local"]) == (named(front.address), f"10.9.9.9:{port}")
