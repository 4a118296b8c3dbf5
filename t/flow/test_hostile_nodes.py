# SPDX-License-Identifier: Apache-2.0
"""Nodes that take connections and do no good with them are found out, like those that take none."""
import threading

import pytest


def reset(exchange):
    exchange.reset()


def close(exchange):
    exchange.close()


def garbage(exchange):
    exchange.send("who is there?\r\n\r\n")
    exchange.close()


@pytest.mark.parametrize("behaviour", [reset, close, garbage])
def test_a_node_that_accepts_but_never_answers_well_is_left_alone(bench, behaviour):
    node = bench.node(behaviour)
    weir = bench.weir([node], pool={"node_connection_attempts": 3})
    for _ in range(3):
        assert bench.connect(weir).get(method="POST", body=b"x").status == 502
    weir.wait_log("has failed: 3 attempts in a row")


def test_a_node_that_lets_requests_time_out_is_left_alone_also_where_another_answers(bench):
    release = threading.Event()
    silent, good = bench.node(lambda x: release.wait(20)), bench.node()
    weir = bench.weir([silent, good], pool={"node_connection_attempts": 1, "timeouts": {"reply": "1s"}})
    assert [bench.connect(weir).get().text for _ in range(4)] == ["ok"] * 4
    release.set()
    weir.wait_log(f"{silent.name}.*has failed")
    assert len(silent.requests) == 1
