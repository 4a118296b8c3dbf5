# SPDX-License-Identifier: Apache-2.0
"""Keep-alive towards nodes: which connections are used again, by whom, and how many are kept."""
import threading

from lab.wait import until


def test_many_clients_share_one_node_connection(bench):
    node = bench.node()
    weir = bench.weir([node])
    for _ in range(10):
        bench.connect(weir).get("/")
    assert len(node.connections) == 1
    assert {request.version for request in node.requests} == {1}


def test_keepalive_off_closes_after_each(bench):
    node = bench.node()
    weir = bench.weir([node], pool={"keepalive": False})
    client = bench.connect(weir)
    for _ in range(3):
        client.get("/")
    assert len(node.connections) == 3
    assert all("close" in r.get("Connection", "").lower() for r in node.requests)


def test_a_post_takes_a_fresh_connection_by_default(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node]))
    client.get("/")
    client.get("/", method="POST", body=b"x")
    assert len(node.connections) == 2


def test_a_post_may_use_a_kept_connection_if_told(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], pool={"http": {"keepalive_non_idempotent": True}}))
    client.get("/")
    client.get("/", method="POST", body=b"x")
    assert len(node.connections) == 1


def test_a_node_that_says_close_is_not_used_again(bench):
    node = bench.node(lambda x: x.reply(200, b"ok", "Connection: close\r\n"))
    client = bench.connect(bench.weir([node]))
    for _ in range(3):
        response = client.get("/")
        assert response.get("Connection") is None  # the client's own connection lives on
    assert len(node.connections) == 3


def test_a_node_of_http_1_0_is_not_used_again(bench):
    node = bench.node(lambda x: x.send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"))
    client = bench.connect(bench.weir([node]))
    for _ in range(2):
        assert client.get("/").line.startswith("HTTP/1.1 200")
    assert len(node.connections) == 2


def test_idle_connections_are_bounded(bench):
    arrived = threading.Barrier(8)

    def together(exchange):
        arrived.wait(10)
        exchange.reply()

    node = bench.node(together)
    weir = bench.weir([node], pool={"max_idle_connections_pernode": 3})
    clients = [bench.connect(weir) for _ in range(8)]
    for client in clients:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    for client in clients:
        assert client.response().status == 200
    until(lambda: sum(c.ended is None for c in node.connections) == 3, "three idle connections")


def test_a_stale_idle_connection_costs_the_client_nothing(bench):
    """The node closes a connection just as a request leaves on it: another one is taken."""
    def once(exchange):
        if exchange.connection.requests > 1:
            exchange.node.requests.remove(exchange.request)
            exchange.reset()
        else:
            exchange.reply()

    node = bench.node(once)
    client = bench.connect(bench.weir([node]))
    for i in range(5):
        assert client.get(f"/{i}").status == 200
    assert [r.target for r in node.requests] == [f"/{i}" for i in range(5)]


def test_an_idle_connection_that_the_node_closed_is_dropped(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node]))
    client.get("/")
    node.connections[0].sock.shutdown(2)
    node.wait_ended(0)
    assert client.get("/").status == 200
    assert len(node.connections) == 2


def test_bytes_that_nobody_asked_for_end_an_idle_connection(bench):
    """A response behind the response must never answer the next request."""
    has_said_all = threading.Event()

    def twice(exchange):
        exchange.reply(200, exchange.request.target.encode())
        if exchange.request.target == "/0":
            exchange.reply(200, b"stolen")
        has_said_all.set()

    node = bench.node(twice)
    weir = bench.weir([node])
    for i in range(3):
        assert bench.connect(weir).get(f"/{i}").text == f"/{i}"
        assert has_said_all.wait(10)
    assert node.wait_ended(0)


def test_a_request_with_a_body_goes_on_a_connection_of_its_own(bench):
    """A used one may be stale, and a body that has left cannot be sent again."""
    node = bench.node()
    client = bench.connect(bench.weir([node]))
    assert client.get("/").status == 200
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
    assert client.response().status == 200
    assert client.get("/").status == 200
    first, put, last = (request.connection for request in node.requests)
    assert put is not first and last in (first, put)


def test_bodies_use_old_connections_where_told_to(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], pool={"http": {"keepalive_non_idempotent": True}}))
    client.get("/")
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
    assert client.response().status == 200
    assert len(node.connections) == 1
