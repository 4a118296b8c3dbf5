# SPDX-License-Identifier: Apache-2.0
"""How long a connection serves: requests, pipelined ones, age; with clients and with nodes."""
import time

import pytest

from lab.http1 import Closed
from lab.wait import until

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def answers(client, most=50):
    """What each answer says of the connection, until it ends."""
    said = []
    while len(said) < most:
        try:
            said.append(client.response().get("Connection"))
        except Closed:
            break
    return said


def test_requests_of_a_connection(bench):
    node = bench.node()
    weir = bench.weir([node], vserver={"connection": {"max_requests": 3}})
    client = bench.connect(weir)
    assert [client.get().get("Connection") for _ in range(3)] == [None, None, "close"]
    assert client.ending() == "end"
    assert len(node.requests) == 3


def test_one_request_of_a_connection(bench):
    weir = bench.weir([bench.node()], vserver={"connection": {"max_requests": 1}})
    client = bench.connect(weir)
    assert client.get().get("Connection") == "close"
    assert client.ending() == "end"


def test_requests_that_rules_answer_count_too(bench):
    weir = bench.weir(["127.0.0.1:1"], request='http.sendResponse(200, "text/plain", "hello")',
                      vserver={"connection": {"max_requests": 2}})
    client = bench.connect(weir)
    assert [client.get().get("Connection") for _ in range(2)] == [None, "close"]
    assert client.ending() == "end"


def test_requests_behind_the_last_are_not_sent_to_a_node(bench):
    node = bench.node()
    weir = bench.weir([node], vserver={"connection": {"max_requests": 3}})
    client = bench.connect(weir)
    client.send(GET * 10)
    assert answers(client) == [None, None, "close"]
    assert len(node.requests) == 3


@pytest.mark.parametrize("count,said", [
    (3, [None, None, None]),           # two of them had to wait for an answer
    (4, [None, None, None, "close"]),
    (9, [None, None, None, "close"]),
])
def test_pipelined_requests(bench, count, said):
    node = bench.node()
    weir = bench.weir([node], vserver={"connection": {"max_pipelined": 3}, "timeouts": {"keepalive": "500ms"}})
    client = bench.connect(weir)
    client.send(GET * count)
    assert answers(client) == said
    assert len(node.requests) == len(said)


def test_requests_that_wait_for_their_turn_are_not_pipelined(bench):
    weir = bench.weir([bench.node()], vserver={"connection": {"max_pipelined": 1}})
    client = bench.connect(weir)
    for _ in range(20):
        assert client.get().get("Connection") is None
    client.send(GET * 2)
    assert answers(client) == [None, "close"]


def test_only_pipelined_requests_in_a_row_count(bench):
    weir = bench.weir([bench.node()], vserver={"connection": {"max_pipelined": 2}})
    client = bench.connect(weir)
    for _ in range(5):
        client.send(GET * 2)
        assert answers(client, 2) == [None, None]


def test_a_thousand_pipelined_requests_pass_by_default(bench):
    client = bench.connect(bench.weir([bench.node()]))
    client.send(GET * 1000)
    assert answers(client, 1000) == [None] * 1000


def test_an_old_connection_gets_no_further_request(bench):
    node = bench.node()
    weir = bench.weir([node], vserver={"connection": {"max_age": "700ms"}})
    client = bench.connect(weir)
    assert client.get().get("Connection") is None
    node.answer = lambda exchange: (time.sleep(1), exchange.reply())
    assert client.get().get("Connection") == "close"
    assert client.ending() == "end"


def test_an_old_connection_is_closed_while_idle(bench):
    weir = bench.weir([bench.node()], vserver={"connection": {"max_age": "700ms"}, "timeouts": {"keepalive": "0s"}})
    client = bench.connect(weir)
    start = time.monotonic()
    assert client.get().get("Connection") is None
    assert client.ending() == "end"
    assert 0.5 < time.monotonic() - start < 8


def test_a_connection_that_never_asks_ends_by_its_age(bench):
    weir = bench.weir([bench.node()], vserver={"connection": {"max_age": "500ms"}, "timeouts": {"connect": "0s"}})
    assert bench.connect(weir).ending() == "end"


@pytest.mark.parametrize("most,connections", [(0, 1), (1, 6), (2, 3), (6, 1), (7, 1)])
def test_requests_of_a_node_connection(bench, most, connections):
    node = bench.node()
    weir = bench.weir([node], pool={"connection": {"max_requests": most}})
    client = bench.connect(weir)
    for _ in range(6):
        assert client.get().status == 200
    assert len(node.connections) == connections


def test_an_old_node_connection_is_not_used_again(bench):
    def late(exchange):
        time.sleep(0.8)
        exchange.reply()

    node = bench.node(late)
    weir = bench.weir([node], pool={"connection": {"max_age": "500ms"}})
    assert bench.connect(weir).get().status == 200
    assert node.wait_ended(0) == "end"


def test_an_old_node_connection_is_closed_while_idle(bench):
    node = bench.node()
    weir = bench.weir([node], pool={"connection": {"max_age": "600ms"}}, connection={"idle_timeout": "0s"})
    start = time.monotonic()
    assert bench.connect(weir).get().status == 200
    until(lambda: node.connections[0].ended == "end", "end of the node connection", 5)
    assert time.monotonic() - start > 0.4
