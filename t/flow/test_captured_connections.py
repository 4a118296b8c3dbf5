# SPDX-License-Identifier: Apache-2.0
"""The main job: connections headed elsewhere, captured both ways, v4 and v6, forwarded with weir's
address or with the client's own."""
import pytest

from lab import river as r
from lab.client import Client
from lab.http1 import Closed
from lab.weir import free_port

TELL = """
    http.setHeader("X-Dest", request.getDestIP() .. " " .. request.getDestPort())
    http.setHeader("X-Local", request.getLocalIP() .. " " .. request.getLocalPort())
    http.setHeader("X-Remote", request.getRemoteIP() .. " " .. request.getRemotePort())
"""
FAMILIES = {
    "v4": dict(client=r.CLIENTS_V4[6], weir=r.WEIR_V4, weir_node_side=r.WEIR_NODE_SIDE_V4, node=r.NODE_V4,
               elsewhere="10.9.9.9", anywhere="0.0.0.0:{}"),
    "v6": dict(client=r.CLIENTS_V6[6], weir=r.WEIR_V6, weir_node_side=r.WEIR_NODE_SIDE_V6, node=r.NODE_V6,
               elsewhere="fd00:9::9", anywhere="[::]:{}"),
}


def capture(river, mode, port, to):
    if mode == "redirect":
        river.capture_redirect(port, to)
    elif mode == "tproxy":
        river.capture_tproxy(port, to)


@pytest.mark.parametrize("family", ["v4", "v6"])
@pytest.mark.parametrize("transparent", [False, True], ids=["plain", "transparent"])
@pytest.mark.parametrize("mode", ["redirect", "tproxy"])
def test_a_captured_connection(bench, river, mode, transparent, family):
    at, port = FAMILIES[family], free_port()
    node = bench.node(address=at["node"], namespace=river.node)
    weir = bench.weir([node], request=TELL, listen=at["anywhere"].format(port), namespace=river.weir,
                      vserver={"capture": mode}, pool={"transparent": transparent})
    capture(river, mode, 80, port)
    client = bench.client((at["elsewhere"], 80), source=at["client"], namespace=river.client)
    for _ in range(3):
        assert client.get("/").status == 200
    for request in node.requests:
        assert request.peer[0] == (at["client"] if transparent else at["weir_node_side"])
        assert request.get("X-Dest") == f"{at['elsewhere']} 80"
        # REDIRECT changes the destination to our own address, TPROXY does not
        assert request.get("X-Local") == (f"{at['weir']} {port}" if mode == "redirect"
                                          else f"{at['elsewhere']} 80")
        assert request.get("X-Remote") == f"{at['client']} {client.address[1]}"
        assert request.get("X-Cluster-Client-Ip") == at["client"]
    assert len(node.connections) == 1
    line = weir.wait_access(3)[2]
    assert at["elsewhere"] in line["dest"] and at["client"] in line["client"]
    assert node.requests[0].peer[0] in line["source"]
    assert (line["pool"], line["node"]) == ("web", node.name)


@pytest.mark.parametrize("family", ["v4", "v6"])
@pytest.mark.parametrize("mode", ["redirect", "tproxy", "none"])
def test_a_connection_to_weir_itself(bench, river, mode, family):
    """Not captured: its destination is where it arrived. Under redirect and tproxy too, for those
    who find the port; only the pool of a captured original destination would be a loop."""
    at, port = FAMILIES[family], free_port()
    node = bench.node(address=at["node"], namespace=river.node)
    bench.weir([node], request=TELL, listen=at["anywhere"].format(port), namespace=river.weir,
               vserver={"capture": mode})
    client = bench.client((at["weir"], port), source=at["client"], namespace=river.client)
    assert client.get("/").status == 200
    assert node.requests[0].get("X-Dest") == f"{at['weir']} {port}"
    assert node.requests[0].get("X-Local") == f"{at['weir']} {port}"


def test_both_families_and_captures_at_once(bench, river):
    """One weir, a virtual server for each capture, both families, in one go."""
    redirect, tproxy = free_port(), free_port()
    nodes = {family: bench.node(address=at["node"], namespace=river.node) for family, at in FAMILIES.items()}
    pools = {"v6": {"nodes": [nodes["v6"].name], "transparent": True}}
    rule = 'http.setHeader("X-Server", connection.getVirtualServer()) ' \
           'if request.getRemoteIP():find(":", 1, true) then pool.use("v6") end'
    main = {"listen": [f"0.0.0.0:{redirect}", f"[::]:{redirect}"], "capture": "redirect",
            "request_rules": ["rule"], "pool": "v4"}
    other = dict(main, listen=[f"0.0.0.0:{tproxy}", f"[::]:{tproxy}"], capture="tproxy")
    pools["v4"] = {"nodes": [nodes["v4"].name], "transparent": True}
    bench.start({"virtual_servers": {"main": main, "other": other}, "pools": pools}, {"rule": rule},
                namespace=river.weir)
    river.capture_redirect(80, redirect)
    river.capture_tproxy(81, tproxy)
    for family, at in FAMILIES.items():
        for port, server in ((80, "main"), (81, "other")):
            client = bench.client((at["elsewhere"], port), source=at["client"], namespace=river.client)
            assert client.get("/").status == 200
            request = nodes[family].requests[-1]
            assert (request.get("X-Server"), request.peer[0]) == (server, at["client"])


@pytest.mark.parametrize("family", ["v4", "v6"])
@pytest.mark.parametrize("transparent", [False, True], ids=["plain", "transparent"])
@pytest.mark.parametrize("mode", ["redirect", "tproxy"])
def test_original_destination(bench, river, mode, transparent, family):
    at, port = FAMILIES[family], free_port()
    node = bench.node(address=at["node"], port=80, namespace=river.node)
    weir = bench.weir("original_destination", listen=at["anywhere"].format(port), namespace=river.weir,
                      vserver={"capture": mode}, pool={"transparent": transparent})
    capture(river, mode, 80, port)
    client = bench.client((at["node"], 80), source=at["client"], namespace=river.client)
    for _ in range(3):
        assert client.get("/").status == 200
    assert {q.peer[0] for q in node.requests} == {at["client"] if transparent else at["weir_node_side"]}
    assert len(node.connections) == 1
    assert weir.wait_access(3)[0]["node"] == node.name.replace(f":{node.port}", ":80")


def test_original_destinations_do_not_mix(bench, river):
    """Two hosts behind one pool: an idle connection to the one never serves a request to the other."""
    port = free_port()
    nodes = {a: bench.node(lambda x, a=a: x.reply(200, a.encode()), address=a, port=80, namespace=river.node)
             for a in (r.NODE_V4, r.LEGACY_V4)}
    bench.weir("original_destination", listen=f"0.0.0.0:{port}", namespace=river.weir,
               vserver={"capture": "redirect"})
    river.capture_redirect(80, port)
    clients = {a: bench.client((a, 80), namespace=river.client) for a in nodes}
    for _ in range(10):
        for address, client in clients.items():
            assert client.get("/").text == address
    assert [len(node.connections) for node in nodes.values()] == [1, 1]


def test_the_rule_of_the_design_on_real_addresses(bench, river):
    """Only requests to the legacy application, or headed for its address, leave as the client's."""
    port = free_port()
    node = bench.node(address=r.NODE_V4, namespace=river.node)
    bench.weir([node], listen=f"0.0.0.0:{port}", namespace=river.weir, vserver={"capture": "redirect"},
               pools={"web-transparent": {"nodes": [node.name], "transparent": True}},
               request=f'if request.getDestIP() == "{r.LEGACY_V4}" or http.getPath():find("^/legacy/") then '
                       'pool.use("web-transparent") end')
    river.capture_redirect(80, port)
    source = r.CLIENTS_V4[9]
    with Client((r.NODE_V4, 80), source=source, namespace=river.client) as client:
        for path in ("/", "/legacy/a", "/", "/legacy/b"):
            client.get(path)
    with Client((r.LEGACY_V4, 80), source=source, namespace=river.client) as client:
        client.get("/")
    assert [q.peer[0] for q in node.requests] == [r.WEIR_NODE_SIDE_V4, source, r.WEIR_NODE_SIDE_V4, source, source]


@pytest.mark.parametrize("only, is_meant", [
    ({"ports": [80]}, True), ({"ports": [81, 443]}, False),
    ({"to": ["10.9.0.0/16"]}, True), ({"to": ["10.8.0.0/16", "192.0.2.1"]}, False),
    ({"ports": [80], "to": ["10.8.0.0/16"]}, False), ({"interface": "lo"}, False),
], ids=str)
def test_only_what_may_be_captured(bench, river, only, is_meant):
    at, port = FAMILIES["v4"], free_port()
    node = bench.node(address=at["node"], namespace=river.node)
    bench.weir([node], listen=at["anywhere"].format(port), namespace=river.weir,
               vserver={"capture": {"mode": "redirect", **only}})
    capture(river, "redirect", 80, port)
    try:
        client = bench.client((at["elsewhere"], 80), source=at["client"], namespace=river.client)
        assert client.get("/").status == 200 and is_meant
    except (ConnectionError, Closed):
        assert not is_meant
        assert node.connections == []
