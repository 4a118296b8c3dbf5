# SPDX-License-Identifier: Apache-2.0
"""Who gets the next request: algorithms, weights, priorities, states, and the pool that drops."""
from collections import Counter

import pytest


def spread(bench, nodes, requests, **options):
    weir = bench.weir(nodes, **options)
    client = bench.connect(weir)
    for _ in range(requests):
        assert client.get("/").status == 200
    return weir


def test_round_robin(bench):
    nodes = [bench.node() for _ in range(3)]
    spread(bench, nodes, 30)
    assert [len(node.requests) for node in nodes] == [10, 10, 10]


def test_weights(bench):
    nodes = [bench.node() for _ in range(2)]
    spread(bench, [], 40, pool={"algorithm": "weighted_round_robin", "nodes": [
        {"address": nodes[0].name, "weight": 3}, {"address": nodes[1].name, "weight": 1}]})
    assert [len(node.requests) for node in nodes] == [30, 10]


def test_draining_and_disabled_nodes_get_nothing_new(bench):
    nodes = [bench.node() for _ in range(3)]
    spread(bench, [], 10, pool={"nodes": [nodes[0].name,
                                          {"address": nodes[1].name, "state": "draining"},
                                          {"address": nodes[2].name, "state": "disabled"}]})
    assert [len(node.requests) for node in nodes] == [10, 0, 0]


def test_random_reaches_all(bench):
    nodes = [bench.node() for _ in range(2)]
    spread(bench, nodes, 60, pool={"algorithm": "random"})
    assert min(len(node.requests) for node in nodes) > 5


@pytest.mark.parametrize("algorithm", ["least_connections", "weighted_least_connections"])
def test_least_connections_avoids_the_busy(bench, algorithm):
    busy = bench.node(lambda x: None)
    idle = bench.node()
    weir = bench.weir([busy, idle], pool={"algorithm": algorithm})
    waiting = [bench.connect(weir) for _ in range(2)]
    for client in waiting:
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    busy.wait_for(1)
    idle.wait_for(1)
    weir.until_status(lambda now: [node["transactions"] for node in now["pools"]["web"]["nodes"]], [1, 0])
    client = bench.connect(weir)
    for _ in range(10):
        assert client.get("/").status == 200
    assert len(busy.requests) == 1


def test_discard_drops_the_connection(bench):
    weir = bench.weir([bench.node()], vserver={"pool": "discard"})
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.ending() in ("end", "reset")
    assert weir.wait_access(1)[0]["pool"] == "discard"


def test_several_workers_share_the_load(bench):
    """Every worker gets its part of 200 connections."""
    node = bench.node()
    weir = bench.weir([node], workers=2, pool={"keepalive": False})
    for _ in range(200):
        with weir.client() as client:
            assert client.get("/").status == 200
    lines = weir.wait_access(200)
    parts = Counter(line.get("worker") for line in lines)
    if None not in parts:
        assert len(parts) == 2 and min(parts.values()) > 40, parts
