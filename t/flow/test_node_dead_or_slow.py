# SPDX-License-Identifier: Apache-2.0
"""Nodes that do not answer: another one is tried while nothing was sent, and failures are noticed."""
import pytest

from lab.wait import until
from lab.weir import free_port


def dead():
    """The address of a node that refuses connections."""
    return f"127.0.0.1:{free_port()}"


def test_a_dead_node_is_skipped(bench):
    node = bench.node()
    weir = bench.weir([dead(), node])
    client = bench.connect(weir)
    for i in range(20):
        assert client.get(f"/{i}", method="POST", body=b"x").status == 200
    assert len(node.requests) == 20
    weir.wait_access(20)


def test_all_nodes_dead(bench):
    weir = bench.weir([dead(), dead()])
    client = bench.connect(weir)
    response = client.get("/")
    assert response.status == 503
    assert response.size < 1000
    line = weir.wait_access(1)[0]
    assert (line["status"], line["retries"]) == (503, 1)


def test_one_node_is_tried_once(bench):
    weir = bench.weir([dead()])
    assert bench.connect(weir).get("/").status == 503
    assert weir.wait_access(1)[0]["retries"] == 0


def test_without_passive_monitoring_no_other_node_is_tried(bench):
    weir = bench.weir([dead(), dead()], pool={"passive_monitoring": False})
    assert bench.connect(weir).get("/").status == 503
    assert weir.wait_access(1)[0]["retries"] == 0


def test_an_empty_pool_of_disabled_nodes(bench):
    node = bench.node()
    weir = bench.weir([], pool={"nodes": [{"address": node.name, "state": "disabled"}]})
    assert bench.connect(weir).get("/").status == 503
    assert node.connections == []


def test_a_node_that_comes_back_is_used_again(bench):
    address = dead()
    weir = bench.weir([address], pool={"node": {"retry_fail_time": "1s"}})
    client = bench.connect(weir)
    for _ in range(4):
        assert client.get("/").status == 503
    bench.node(port=int(address.rsplit(":", 1)[1]))
    until(lambda: client.get("/").status == 200, "the node is used again", 5)


def test_a_request_that_may_be_repeated_goes_to_another_node(bench):
    bad = bench.node(lambda x: x.reset())
    good = bench.node()
    weir = bench.weir([bad, good])
    client = bench.connect(weir)
    for i in range(6):
        assert client.get(f"/{i}").status == 200
    assert [r.target for r in good.requests] == [f"/{i}" for i in range(6)]
    assert sum(line["retries"] for line in weir.wait_access(6)) == len(bad.requests)


@pytest.mark.parametrize("body", [b"", b"x"], ids=["no body", "body"])
def test_a_request_that_must_not_be_repeated_is_sent_once(bench, body):
    bad, bad_too = bench.node(lambda x: x.reset()), bench.node(lambda x: x.reset())
    client = bench.connect(bench.weir([bad, bad_too]))
    assert client.get("/", method="POST", body=body).status == 502
    assert len(bad.requests) + len(bad_too.requests) == 1


def test_a_slow_node_makes_no_other_request_slow(bench):
    slow = bench.node(lambda x: None)
    fast = bench.node()
    weir = bench.weir([slow], request='if http.getPath() == "/fast" then pool.use("fast") end',
                      pools={"fast": {"nodes": [fast.name]}})
    for _ in range(20):
        bench.connect(weir).send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    slow.wait_for(20)
    client = bench.connect(weir)
    client.sock.settimeout(2)
    for _ in range(20):
        assert client.get("/fast").status == 200
