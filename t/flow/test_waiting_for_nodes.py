# SPDX-License-Identifier: Apache-2.0
"""What may happen while requests wait for a node that has as much as its pool allows: it dies or is
disabled, rules are reloaded, weir stops, more was sent behind a request, sessions want that node."""
import hashlib
import signal
import threading

import pytest

from lab.http1 import Closed
from lab.wait import until
from test_limits_of_pools import PER, WORKERS, Held, ask, counts_of_queue, limited, waiting
from test_rules_are_reloaded import command, reload, write
from test_session_persistence import kill

ONE = {"max_transactions_per_node": 1}


def dies(bench, held):
    """Nobody listens there any more, and what it had ends without an answer."""
    kill(bench, held.node)
    held.let_go(all_of_them=True)


def is_over(now, pool="web"):
    node = now["pools"][pool]["nodes"][0]
    return (counts_of_queue(now, pool)[0], node["transactions"], node["sessions"])


@PER
@WORKERS
def test_a_node_that_dies(bench, key, workers):
    """Whoever waits for it tries in vain, and is told so; none of them hangs until its time is over."""
    held = Held(bench)
    weir = limited(bench, [held], {key: 2}, workers)
    clients = [ask(bench, weir) for _ in range(10)]
    waiting(weir, 8)
    dies(bench, held)
    assert {client.response().status for client in clients} <= {502, 503, 504}
    weir.until_status(is_over, (0, 0, 0))
    ends = {line["end"] for line in weir.wait_access(10)}
    assert ends <= {"node_closed", "node_broken", "connect_failed", "no_node"}, ends


def test_a_node_that_dies_has_a_stand_in(bench):
    held, spare = Held(bench), bench.node()
    weir = limited(bench, [held], ONE, pool={"failure_pool": "spare", "node_connection_attempts": 1},
                   pools={"spare": {"nodes": [spare.name]}})
    clients = [ask(bench, weir, f"/{i}") for i in range(6)]
    waiting(weir, 5)
    dies(bench, held)
    assert [client.response().status for client in clients] == [200] * 6, "it was safe to ask another one"
    assert sorted(request.target for request in spare.requests) == [f"/{i}" for i in range(6)]
    weir.until_status(is_over, (0, 0, 0))


@pytest.mark.parametrize("word", ["disable", "drain"])
def test_a_node_that_gets_no_more(bench, word):
    held = Held(bench)
    weir = limited(bench, [held], ONE)
    first = ask(bench, weir)
    until(lambda: held.requests, "the first is at the node")
    others = [ask(bench, weir) for _ in range(3)]
    waiting(weir, 3)
    assert command(weir, word, held.name).returncode == 0
    assert [client.response().status for client in others] == [503] * 3
    held.let_go(all_of_them=True)
    assert first.response().status == 200
    assert command(weir, "enable", held.name).returncode == 0
    assert bench.connect(weir).get().status == 200


def test_new_rules_while_requests_wait(bench):
    held = Held(bench)
    weir = limited(bench, [held], ONE, response='http.setResponseHeader("X-Rule", "old")')
    clients = [ask(bench, weir) for _ in range(3)]
    waiting(weir, 2)
    write(weir, "response", 'http.setResponseHeader("X-Rule", "new")')
    reload(weir)
    clients.append(ask(bench, weir))
    waiting(weir, 3)
    held.let_go(all_of_them=True)
    assert [client.response().get("X-Rule") for client in clients] == ["old"] * 3 + ["new"]


def test_a_stop_lets_them_finish(bench):
    held = Held(bench)
    weir = limited(bench, [held], ONE, shutdown_timeout="60s")
    clients = [ask(bench, weir) for _ in range(4)]
    waiting(weir, 3)
    weir.process.send_signal(signal.SIGTERM)

    def is_closed():
        try:
            weir.client().close()
        except OSError:
            return True
        return False
    until(is_closed, "it takes no more")
    held.let_go(all_of_them=True)
    answers = [client.response() for client in clients]
    assert [(answer.status, answer.get("Connection")) for answer in answers] == [(200, "close")] * 4
    assert weir.process.wait(60) == 0


def test_a_stop_does_not_wait_for_ever(bench):
    held = Held(bench)
    weir = limited(bench, [held], ONE, shutdown_timeout="500ms")
    clients = [ask(bench, weir) for _ in range(4)]
    waiting(weir, 3)
    weir.process.send_signal(signal.SIGTERM)
    for client in clients:
        with pytest.raises(Closed):
            client.response()
    assert weir.process.wait(60) == 1
    weir.process.returncode = 0
    held.let_go(all_of_them=True)


def test_requests_behind_a_request_that_waits(bench):
    """One of a connection waits at a time, and its answers come in order."""
    held = Held(bench)
    weir = limited(bench, [held], {**ONE, "max_queue_size": 2})
    first = ask(bench, weir)
    until(lambda: held.requests, "the first is at the node")
    clients = [bench.connect(weir) for _ in range(2)]
    for number, client in enumerate(clients):
        client.send("".join(f"GET /{number}/{i} HTTP/1.1\r\nHost: a\r\n\r\n" for i in range(5)))
    waiting(weir, 2)
    held.let_go(all_of_them=True)
    assert first.response().status == 200
    for number, client in enumerate(clients):
        assert [client.response().text for _ in range(5)] == [f"/{number}/{i}" for i in range(5)]
    weir.until_status(is_over, (0, 0, 1))
    assert counts_of_queue(weir.status())[2] == 0, "none was refused"


@pytest.mark.parametrize("how", ["reset", "half_close"])
def test_a_client_that_leaves_requests_behind(bench, how):
    held = Held(bench)
    weir = limited(bench, [held], ONE)
    first = ask(bench, weir)
    until(lambda: held.requests, "the first is at the node")
    gone = bench.connect(weir)
    gone.send("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n" * 5)
    waiting(weir, 1)
    getattr(gone, how)()
    waiting(weir, 0)
    held.let_go(all_of_them=True)
    assert first.response().status == bench.connect(weir).get("/other").status == 200
    assert [request.target for request in held.requests] == ["/", "/other"]
    assert sorted(line["end"] for line in weir.wait_access(3)) == ["client_gone", "ok", "ok"]


def test_a_body_that_comes_while_its_request_waits(bench):
    body = bytes(i * 7 % 251 for i in range(3_000_000))
    held = Held(bench)
    weir = limited(bench, [held], ONE)
    first = ask(bench, weir)
    until(lambda: held.requests, "the first is at the node")
    client = bench.connect(weir)
    sender = threading.Thread(target=client.send, daemon=True, args=(
        f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n", body))
    sender.start()
    waiting(weir, 1)
    held.let_go(all_of_them=True)
    assert first.response().status == client.response().status == 200
    sender.join()
    assert held.requests[1].digest.digest() == hashlib.sha256(body).digest()


@pytest.mark.parametrize("many", [3, 150])
def test_sessions_that_want_the_full_node_do_not_keep_others_from_the_next(bench, many):
    held, free = Held(bench), bench.node()
    weir = limited(bench, [held, free], ONE, pool={"persistence_class": "shop"},
                   persistence_classes={"shop": {"type": "ip"}})

    def send():
        client = bench.connect(weir, source="127.0.1.1")
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        return client
    first = send()
    until(lambda: held.requests, "it has a session")
    late = [send() for _ in range(many)]
    waiting(weir, many)
    for i in range(3):
        assert bench.connect(weir, source=f"127.0.1.{i + 2}").get().status == 200
    assert len(free.requests) == 3 and len(held.requests) == 1
    held.let_go(all_of_them=True)
    assert {client.response().status for client in [first, *late]} == {200}
    assert len(held.requests) == 1 + many
