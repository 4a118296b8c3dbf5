# SPDX-License-Identifier: Apache-2.0
"""Whose address a node sees: always the right client's, kept-alive connections included; and every
address that must not be used is refused."""
import json
import random
import threading

import pytest

from lab import river as r
from lab.weir import free_port


@pytest.mark.parametrize("addresses,node_at,listen", [
    (r.CLIENTS_V4, r.NODE_V4, "0.0.0.0:{}"), (r.CLIENTS_V6, r.NODE_V6, "[::]:{}"),
], ids=["v4", "v6"])
def test_fifty_clients_in_random_order(bench, river, tmp_path, addresses, node_at, listen):
    """Each request carries its client's address; no node may see it under another's."""
    port, per_client, log = free_port(), 40, tmp_path / "access.log"
    node = bench.node(address=node_at, namespace=river.node)
    weir = bench.weir([node], listen=listen.format(port), namespace=river.weir, workers=2,
                      vserver={"capture": "redirect"}, pool={"transparent": True},
                      log={"format": "json", "access": str(log)})  # a file takes every line at once
    river.capture_redirect(80, port)
    clients = {a: bench.client((node_at, 80), source=a, namespace=river.client) for a in addresses}
    order = list(addresses) * per_client
    random.shuffle(order)

    def talk(turns):
        for address in turns:
            if random.random() < 0.05:  # now and then a client comes back on a new connection
                clients[address].close()
                clients[address] = bench.client((node_at, 80), source=address, namespace=river.client)
            assert clients[address].get("/" + address).status == 200

    # a client's turns stay in one thread; threads interleave at random
    threads = [threading.Thread(target=talk, args=([a for a in order if hash(a) % 4 == i],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(node.requests) == len(order)
    wrong = [(q.target, q.peer[0]) for q in node.requests if q.target != "/" + q.peer[0]]
    assert not wrong, f"{len(wrong)} under another's address, such as {wrong[0]}"
    assert len(node.connections) <= 3 * len(addresses)  # of 2000 requests; two workers, comings and goings
    weir.stop()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) == len(order)
    assert all(line["source"].rsplit(":", 1)[0].strip("[]") == line["uri"][1:] for line in lines)


def test_a_rule_sets_who_the_client_is(bench, river):
    port = free_port()
    node = bench.node(address=r.NODE_V4, namespace=river.node)
    weir = bench.weir([node], listen=f"0.0.0.0:{port}", namespace=river.weir, pool={"transparent": True},
                      request='local ip = http.getHeader("X-Real") if ip then '
                              'local ok = request.setRemoteIP(ip) '
                              'http.setHeader("X-Ok", tostring(ok)) http.setHeader("X-Now", request.getRemoteIP()) end')
    client = bench.client((r.WEIR_V4, port), source=r.CLIENTS_V4[0], namespace=river.client)
    for real in ("10.1.0.33", None, "10.1.0.44", "nonsense", "10.1.0.33"):
        assert client.get("/", f"X-Real: {real}\r\n" if real else "").status == 200
    assert [q.peer[0] for q in node.requests] == ["10.1.0.33", "10.1.0.1", "10.1.0.44", "10.1.0.1", "10.1.0.33"]
    assert [q.get("X-Ok") for q in node.requests] == ["true", None, "true", "false", "true"]
    assert node.requests[0].get("X-Now") == "10.1.0.33"
    assert node.requests[0].connection is node.requests[4].connection
    assert node.requests[1].connection is not node.requests[0].connection
    assert "10.1.0.33" in str(weir.wait_access(5)[0])


REFUSED = ["127.0.0.1", "127.8.9.1", "224.0.0.5", "255.255.255.255", "0.0.0.0", r.WEIR_V4, r.WEIR_NODE_SIDE_V4,
           "10.1.255.255", "::ffff:10.1.0.7"]


@pytest.mark.parametrize("address", REFUSED)
@pytest.mark.parametrize("otherwise", ["fail", "plain"])
def test_addresses_that_must_not_be_used(bench, river, address, otherwise):
    port = free_port()
    node = bench.node(address=r.NODE_V4, namespace=river.node)
    weir = bench.weir([node], listen=f"0.0.0.0:{port}", namespace=river.weir, request=f'request.setRemoteIP("{address}")',
                      pool={"transparent": True, "on_spoof_failure": otherwise})
    client = bench.client((r.WEIR_V4, port), source=r.CLIENTS_V4[2], namespace=river.client)
    response = client.get("/")
    if address == "::ffff:10.1.0.7" and response.status == 200:
        # a v4-mapped address may be taken for what it maps; never be sent as such
        assert node.requests[0].peer[0] in ("10.1.0.7", r.CLIENTS_V4[2], r.WEIR_NODE_SIDE_V4)
    elif otherwise == "fail":
        assert response.status == 503
        assert node.connections == []
        assert weir.wait_access(1)[0]["end"] == "spoof_refused"
    else:
        assert response.status == 200
        assert node.requests[0].peer[0] == r.WEIR_NODE_SIDE_V4


@pytest.mark.parametrize("address", ["::1", "ff02::1", "::", r.WEIR_V6])
def test_addresses_that_must_not_be_used_v6(bench, river, address):
    port = free_port()
    node = bench.node(address=r.NODE_V6, namespace=river.node)
    bench.weir([node], listen=f"[::]:{port}", namespace=river.weir, pool={"transparent": True},
               request=f'request.setRemoteIP("{address}")')
    client = bench.client((r.WEIR_V6, port), source=r.CLIENTS_V6[2], namespace=river.client)
    assert client.get("/").status == 503
    assert node.connections == []


@pytest.mark.parametrize("otherwise", ["fail", "plain"])
@pytest.mark.parametrize("client_is", ["v4", "v6"])
def test_a_client_of_the_other_family(bench, river, client_is, otherwise):
    port = free_port()
    source, weir_at, node_at, seen = {
        "v4": (r.CLIENTS_V4[0], r.WEIR_V4, r.NODE_V6, r.WEIR_NODE_SIDE_V6),
        "v6": (r.CLIENTS_V6[0], r.WEIR_V6, r.NODE_V4, r.WEIR_NODE_SIDE_V4)}[client_is]
    node = bench.node(address=node_at, namespace=river.node)
    weir = bench.weir([node], listen=[f"0.0.0.0:{port}", f"[::]:{port}"], namespace=river.weir,
                      pool={"transparent": True, "on_spoof_failure": otherwise})
    client = bench.client((weir_at, port), source=source, namespace=river.client)
    if otherwise == "plain":
        assert client.get("/").status == 200
        assert node.requests[0].peer[0] == seen
    else:
        assert client.get("/").status == 503
        assert weir.wait_access(1)[0]["end"] == "spoof_refused"
        assert node.connections == []


@pytest.mark.parametrize("capture", ["none", "redirect", "tproxy"])
@pytest.mark.parametrize("transparent", [False, True], ids=["plain", "transparent"])
def test_our_own_listener_is_no_destination(bench, river, capture, transparent):
    """A client that finds the port itself must not make weir connect to weir."""
    port = free_port()
    weir = bench.weir("original_destination", listen=[f"0.0.0.0:{port}", f"[::]:{port}"], namespace=river.weir,
                      vserver={"capture": capture}, pool={"transparent": transparent})
    for number, address in enumerate((r.WEIR_V4, r.WEIR_V6, r.WEIR_NODE_SIDE_V4)):
        source = (r.CLIENTS_V6 if ":" in address else r.CLIENTS_V4)[3]
        client = bench.client((address, port), source=source, namespace=river.client)
        assert client.get("/").status == 508
        assert weir.wait_access(number + 1)[number]["end"] == "loop"
    assert len(weir.access) == 3


def test_no_return_path_is_a_timeout_and_no_hang(bench, river):
    """The node's replies go elsewhere: the connect time-out decides, and it is logged why."""
    port = free_port()
    node = bench.node(address=r.NODE_V4, namespace=river.node)
    weir = bench.weir([node], listen=f"0.0.0.0:{port}", namespace=river.weir, request='request.setRemoteIP("10.77.0.1")',
                      pool={"transparent": True, "timeouts": {"connect": "500ms"}})
    river.node.run("ip route add blackhole 10.77.0.0/16")
    try:
        client = bench.client((r.WEIR_V4, port), namespace=river.client)
        assert client.get("/").status in (503, 504)
        assert weir.wait_access(1)[0]["end"] in ("connect_timeout", "connect_failed")
    finally:
        river.node.run("ip route del blackhole 10.77.0.0/16")


def test_ports_are_chosen_at_connect(bench, river):
    """With 50 free ports one client fills them towards node A, and still reaches node B, and
    another client node A: bind() reserves nothing."""
    port = free_port()
    held = threading.Event()
    a, b = (bench.node(lambda x: held.wait(20) and x.reply(), address=r.NODE_V4, namespace=river.node) for _ in "ab")
    river.weir.sysctl("ipv4/ip_local_port_range", "40000 40049")
    try:
        weir = bench.weir([a], listen=f"0.0.0.0:{port}", namespace=river.weir, pool={"transparent": True, "passive_monitoring": False},
                          pools={"b": {"nodes": [b.name], "transparent": True}},
                          request='if http.getPath() == "/b" then pool.use("b") end')
        clients = [bench.client((r.WEIR_V4, port), source=r.CLIENTS_V4[0], namespace=river.client) for _ in range(60)]
        for client in clients:
            client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        a.wait_for(50)
        more = [bench.client((r.WEIR_V4, port), source=s, namespace=river.client) for s in r.CLIENTS_V4[:2]]
        more[0].send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        more[1].send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        b.wait_for(1)
        a.wait_for(51)
        held.set()
        answers = [client.response().status for client in clients + more]
        assert answers.count(200) == 52 and set(answers) == {200, 503}
        assert {line["end"] for line in weir.wait_access(62)} == {"ok", "no_port"}
    finally:
        river.weir.sysctl("ipv4/ip_local_port_range", "32768 60999")


def test_addresses_without_a_way_back_do_not_eject_the_node(bench, river):
    """Replies to 192.0.2.x end up nowhere: that is not the node's fault, and others must not pay."""
    port = free_port()
    node = bench.node(address=r.NODE_V4, namespace=river.node)
    weir = bench.weir([node], listen=f"0.0.0.0:{port}", namespace=river.weir,
                      request='local ip = http.getHeader("X-Ip") if ip then request.setRemoteIP(ip) end',
                      pool={"transparent": True, "node_connection_attempts": 1, "timeouts": {"connect": "300ms"}})
    client = bench.client((r.WEIR_V4, port), source=r.CLIENTS_V4[2], namespace=river.client)
    river.node.run("ip route add blackhole 192.0.2.0/24")
    try:
        for i in range(3):
            assert client.get("/", f"X-Ip: 192.0.2.{i + 1}\r\n").status == 504
    finally:
        river.node.run("ip route del blackhole 192.0.2.0/24")
    assert client.get("/").status == 200
    assert not any("has failed" in line for line in weir.log.splitlines())
