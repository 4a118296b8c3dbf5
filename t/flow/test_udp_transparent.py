# SPDX-License-Identifier: Apache-2.0
"""Datagrams that were headed elsewhere, captured by TPROXY, and nodes that see the client itself."""
import threading

import pytest

from lab import river as r
from lab.datagram import DatagramClient
from lab.weir import free_port

FAMILIES = {
    "v4": dict(client=r.CLIENTS_V4[6], node=r.NODE_V4, elsewhere="10.9.9.9", anywhere="0.0.0.0:{}", weir=r.WEIR_V4,
               weir_node_side=r.WEIR_NODE_SIDE_V4),
    "v6": dict(client=r.CLIENTS_V6[6], node=r.NODE_V6, elsewhere="fd00:9::9", anywhere="[::]:{}", weir=r.WEIR_V6,
               weir_node_side=r.WEIR_NODE_SIDE_V6),
}


def udp(bench, river, nodes, listen, vserver=None, **options):
    return bench.weir(nodes, listen=listen, namespace=river.weir,
                      vserver={"protocol": "udp", **(vserver or {})}, **options)


@pytest.mark.parametrize("family", ["v4", "v6"])
@pytest.mark.parametrize("transparent", [False, True], ids=["plain", "transparent"])
@pytest.mark.parametrize("same_port", [True, False], ids=["its own port", "another port"])
def test_captured(bench, river, family, transparent, same_port):
    """The answer comes from where the client wrote to, also when weir listens on another port."""
    at, port = FAMILIES[family], free_port()
    to = port if same_port else free_port()
    node = bench.datagram_node(address=at["node"], namespace=river.node)
    weir = udp(bench, river, [node], at["anywhere"].format(to),
               {"capture": "tproxy", "udp": {"response_datagrams_expected": -1, "timeout": "1s"}},
               pool={"transparent": transparent})
    river.capture_tproxy(port, to, "udp")
    client = bench.datagram_client((at["elsewhere"], port), source=at["client"], namespace=river.client)
    for i in range(5):
        assert client.ask(b"%d" % i) == b"%d" % i
    peers = {d.peer for d in node.got}
    assert len(peers) == 1
    if transparent:
        assert peers == {client.address}
    else:
        assert peers.pop()[0] == at["weir_node_side"]
    line = weir.wait_access(1)[0]
    assert at["elsewhere"] in line["dest"] and at["client"] in line["client"]
    assert (int(line["datagrams_in"]), int(line["datagrams_out"]), line["end"]) == (5, 5, "ok")


def test_a_low_port_that_was_written_to(bench, river):
    """Only root may have port 53: workers are nobody, and answer from it all the same."""
    to = free_port()
    node = bench.datagram_node(address=r.NODE_V4, namespace=river.node)
    udp(bench, river, [node], f"0.0.0.0:{to}", {"capture": "tproxy"}, pool={"transparent": True})
    river.capture_tproxy(53, to, "udp")
    client = bench.datagram_client(("10.9.9.9", 53), source=r.CLIENTS_V4[3], port=123, namespace=river.client)
    assert client.ask(b"x") == b"x"
    assert node.got[0].peer == (r.CLIENTS_V4[3], 123)


def test_a_client_port_that_weir_listens_on(bench, river):
    """As SIP has it: 5060 at both ends, and weir between them listens on it at all addresses."""
    port = free_port()
    node = bench.datagram_node(address=r.NODE_V4, namespace=river.node)
    udp(bench, river, [node], f"0.0.0.0:{port}", pool={"transparent": True})
    client = bench.datagram_client((r.WEIR_V4, port), source=r.CLIENTS_V4[4], port=port, namespace=river.client)
    assert client.ask(b"x") == b"x"
    assert node.got[0].peer == (r.CLIENTS_V4[4], port)


def test_one_client_port_that_wrote_to_two_addresses(bench, river):
    """The same node, and the same client port: each answer comes from the address that it is of."""
    port = free_port()
    waiting = []
    node = bench.datagram_node(waiting.append, address=r.NODE_V4, namespace=river.node)
    udp(bench, river, [node], f"0.0.0.0:{port}", {"capture": "tproxy"}, pool={"transparent": True})
    river.capture_tproxy(port, port, "udp")
    client = bench.datagram_client(("10.9.9.9", port), source=r.CLIENTS_V4[5], namespace=river.client)
    sock, heard = client.sock, {}
    sock.send(b"one")
    node.wait_for(1)
    sock.connect(("10.9.9.8", port))
    sock.send(b"two")
    node.wait_for(2)
    assert {d.peer[0] for d in node.got} == {r.CLIENTS_V4[5]} and len({d.peer for d in node.got}) == 2
    waiting[1].reply(b"answer two")
    heard["two"] = client.receive()
    sock.connect(("10.9.9.9", port))
    waiting[0].reply(b"answer one")
    heard["one"] = client.receive()
    assert heard == {"one": b"answer one", "two": b"answer two"}


def test_twenty_clients_at_once(bench, river):
    """No answer to the wrong one, and the node sees each as it is."""
    port = free_port()
    node = bench.datagram_node(lambda d: d.reply(d.data + b" of %s %d" % (d.peer[0].encode(), d.peer[1])),
                               address=r.NODE_V4, namespace=river.node)
    udp(bench, river, [node], f"0.0.0.0:{port}", workers=2, pool={"transparent": True})
    wrong = []

    def talk(source):
        client = DatagramClient((r.WEIR_V4, port), source=source, namespace=river.client)
        ours = b" of %s %d" % (client.address[0].encode(), client.address[1])
        for i in range(50):
            said = b"%d" % i
            if client.ask(said) != said + ours:
                wrong.append((source, i))
        client.close()

    threads = [threading.Thread(target=talk, args=(source,)) for source in r.CLIENTS_V4[:20]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [] and len(node.got) == 1000


@pytest.mark.parametrize("family", ["v4", "v6"])
@pytest.mark.parametrize("transparent", [False, True], ids=["plain", "transparent"])
def test_a_captured_client_is_told_that_nobody_listens(bench, river, family, transparent):
    """Of the port that it wrote to, which is not weir's."""
    at, port = FAMILIES[family], free_port()
    node = bench.datagram_node(address=at["node"], namespace=river.node)
    udp(bench, river, [node], at["anywhere"].format(port), {"capture": "tproxy"}, pool={"transparent": transparent})
    river.capture_tproxy(port, port, "udp")
    node.close()
    client = bench.datagram_client((at["elsewhere"], port), source=at["client"], namespace=river.client)
    client.send(b"x")
    with pytest.raises(ConnectionRefusedError):
        client.receive()
