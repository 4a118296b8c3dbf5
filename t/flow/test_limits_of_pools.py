# SPDX-License-Identifier: Apache-2.0
"""How much a node may have at one time (max_connections_per_node, max_transactions_per_node), over all
workers; who waits for it, in which order and for how long; and the pool that stands in for a failed one."""
import os
import signal
import subprocess
import threading
import time

import pytest

from lab.http1 import Closed
from lab.wait import until
from lab.weir import PROGRAM, free_port

WORKERS = pytest.mark.parametrize("workers", [1, 2, 4])
PER = pytest.mark.parametrize("key", ["max_connections_per_node", "max_transactions_per_node"])
LONG = {"connect": "60s", "keepalive": "60s"}


class Held:
    """A node whose answers wait until they are let go; it knows how many it had at one time."""

    def __init__(self, bench):
        self.lock = threading.Condition()
        self.held, self.now, self.most, self.is_open = [], 0, 0, False
        self.node = bench.node(self.answer)
        self.name, self.requests = self.node.name, self.node.requests

    def answer(self, x):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.held.append(x)
            self.lock.wait_for(lambda: self.is_open or x not in self.held, 30)
            self.now -= 1
        x.reply(200, x.request.target.encode())

    def let_go(self, all_of_them=False):
        with self.lock:
            self.is_open = all_of_them
            del self.held[:1]
            self.lock.notify_all()


def limited(bench, nodes, connection, workers=1, timeouts=None, **options):
    pool = {"connection": connection, "timeouts": {"queue": "30s", **(timeouts or {})}, **options.pop("pool", {})}
    return bench.weir(nodes, workers=workers, pool=pool, vserver={"timeouts": LONG}, **options)


def ask(bench, weir, target="/"):
    client = bench.connect(weir)
    client.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
    return client


def queue(weir, pool="web"):
    return weir.status()["pools"][pool]["queue"]


def counts_of_queue(now, pool="web"):
    found = now["pools"][pool]["queue"]
    return tuple(found[key] for key in ("waiting", "queued_total", "refused_total", "timed_out_total"))


def waiting(weir, count):
    until(lambda: queue(weir)["waiting"] == count, f"{count} wait")


@PER
@WORKERS
def test_a_limit_is_never_passed_and_all_are_served(bench, workers, key):
    held = Held(bench)
    weir = limited(bench, [held], {key: 3}, workers)
    clients = [ask(bench, weir, f"/{i}") for i in range(20)]
    until(lambda: len(held.requests) == 3, "three are at the node")
    waiting(weir, 17)
    assert held.now == 3
    held.let_go(all_of_them=True)
    assert sorted(client.response().text for client in clients) == sorted(f"/{i}" for i in range(20))
    assert held.most <= 3
    if key == "max_connections_per_node":
        assert weir.status()["pools"]["web"]["nodes"][0]["sessions"] <= 3
    weir.until_status(counts_of_queue, (0, 17, 0, 0))
    weir.until_status(lambda now: now["pools"]["web"]["queue"]["waited_seconds_total"] > 0)
    assert sum(line.get("queue_us", 0) > 0 for line in weir.wait_access(20)) == 17


def test_in_order_of_arrival(bench):
    held = Held(bench)
    weir = limited(bench, [held], {"max_transactions_per_node": 1})
    clients = []
    for i in range(6):
        clients.append(ask(bench, weir, f"/{i}"))
        until(lambda: len(held.requests) == 1 and queue(weir)["waiting"] == i, f"{i} wait")
    for client in clients:
        until(lambda: held.held, "it is at the node")
        held.let_go()
        client.response()
    assert [request.target for request in held.requests] == [f"/{i}" for i in range(6)]
    assert len(held.node.connections) == 1, "the connection is used again"


@WORKERS
def test_a_full_queue(bench, workers):
    held = Held(bench)
    weir = limited(bench, [held], {"max_transactions_per_node": 2, "max_queue_size": 3}, workers)
    clients = [ask(bench, weir) for _ in range(5)]
    waiting(weir, 3)
    late = bench.connect(weir)
    for _ in range(2):
        assert late.get("/late").status == 503, "and the connection goes on"
    line = next(line for line in weir.wait_access(1) if line["uri"] == "/late")
    assert (line["end"], line["reason"], line["status"]) == ("queue_full", "queue_full", 503)
    weir.until_status(lambda now: (counts_of_queue(now)[2], now["virtual_servers"]["main"]["refusals"]),
                      (2, {"queue_full": 2}))
    held.let_go(all_of_them=True)
    assert [client.response().status for client in clients] == [200] * 5
    assert late.get("/late").status == 200


@pytest.mark.parametrize("timeout, end", [("200ms", "queue_timeout"), ("0s", "queue_full")])
def test_waiting_has_an_end(bench, timeout, end):
    held = Held(bench)
    weir = limited(bench, [held], {"max_connections_per_node": 1}, timeouts={"queue": timeout})
    first = ask(bench, weir)
    until(lambda: held.requests, "the first is at the node")
    late = bench.connect(weir)
    assert late.get().status == 503
    assert weir.wait_access(1)[0]["reason"] == end
    held.let_go(all_of_them=True)
    assert first.response().status == late.get().status == 200
    weir.until_status(lambda now: counts_of_queue(now)[3], end == "queue_timeout")


@pytest.mark.parametrize("how", ["reset", "close"])
def test_clients_that_leave_while_they_wait(bench, how):
    held = Held(bench)
    weir = limited(bench, [held], {"max_transactions_per_node": 1, "max_queue_size": 2})
    first = ask(bench, weir, "/first")
    until(lambda: held.requests, "the first is at the node")
    gone, stays = ask(bench, weir, "/gone"), None
    waiting(weir, 1)
    stays = ask(bench, weir, "/stays")
    waiting(weir, 2)
    getattr(gone, how)()
    waiting(weir, 1)
    assert weir.wait_access(1)[0]["end"] == "client_gone"
    held.let_go(all_of_them=True)
    assert [first.response().text, stays.response().text] == ["/first", "/stays"]
    assert [request.target for request in held.requests] == ["/first", "/stays"]


@PER
def test_a_worker_that_dies_gives_its_room_back(bench, key):
    held = Held(bench)
    weir = limited(bench, [held], {key: 4, "max_queue_size": 100}, workers=2)
    clients = [ask(bench, weir, f"/{i}") for i in range(12)]
    waiting(weir, 8)
    before = {w["pid"]: w["sessions"] for w in weir.status()["workers"]}
    victim = max(before, key=before.get)
    weir.deaths_expected = True
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in [w["pid"] for w in weir.status()["workers"]], "another one is there")
    held.let_go(all_of_them=True)
    served = 0
    for client in clients:
        try:
            served += client.response().status == 200
        except Closed:
            pass
    assert served == 12 - before[victim]
    assert bench.connect(weir).get("/new").status == 200
    weir.until_status(lambda now: (now["pools"]["web"]["nodes"][0]["transactions"], counts_of_queue(now)[0]), (0, 0))


def test_nobody_starves_beside_a_busy_worker(bench):
    """Connections that ask again and again in one worker leave room to who has waited in another."""
    node = bench.node(lambda x: (time.sleep(0.005), x.reply()))
    weir = limited(bench, [node], {"max_transactions_per_node": 1}, workers=2)
    ends = threading.Event()

    def busy():
        with weir.client() as client:
            while not ends.is_set():
                assert client.get().status == 200

    threads = [threading.Thread(target=busy) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        longest = 0
        for _ in range(20):
            began = time.monotonic()
            assert bench.connect(weir).get("/other").status == 200
            longest = max(longest, time.monotonic() - began)
    finally:
        ends.set()
        for thread in threads:
            thread.join()
    assert longest < 10, "the queue's time-out is 30 s"


def test_idle_connections_of_one_worker_make_room_for_another(bench):
    node = bench.node()
    weir = bench.weir([node], workers=4, connection={"idle_timeout": "60s"}, vserver={"timeouts": LONG}, pool={
        "connection": {"max_connections_per_node": 1}, "timeouts": {"queue": "60s"}})
    for _ in range(24):
        with weir.client() as client:  # some worker; that an idle one goes by itself, it would not wait for
            assert client.get().status == 200
    assert weir.status()["pools"]["web"]["nodes"][0]["sessions"] <= 1


def test_an_idle_connection_gives_way_to_a_new_one(bench):
    """A request with a body wants a connection that nobody has used."""
    node = bench.node()
    weir = bench.weir([node], connection={"idle_timeout": "60s"}, vserver={"timeouts": LONG}, pool={
        "connection": {"max_connections_per_node": 1}, "timeouts": {"queue": "60s"}})
    client = bench.connect(weir)
    for _ in range(3):
        assert client.get().status == client.get(method="POST", body=b"x").status == 200
    assert len(node.connections) == 4


@pytest.mark.parametrize("algorithm", ["round_robin", "random", "least_connections"])
def test_full_nodes_are_passed_over(bench, algorithm):
    held, free = Held(bench), bench.node()
    weir = limited(bench, [held, free], {"max_transactions_per_node": 1}, pool={"algorithm": algorithm})
    until(lambda: ask(bench, weir) and held.requests, "the first is full")
    before = len(free.requests)
    client = bench.connect(weir)
    for _ in range(10):
        assert client.get().status == 200
    assert len(free.requests) >= before + 10 and len(held.requests) == 1
    held.let_go(all_of_them=True)


def test_a_lower_priority_is_for_failures_only(bench):
    held, spare = Held(bench), bench.node()
    weir = limited(bench, [], {"max_transactions_per_node": 1}, pool={"nodes": [
        {"address": spare.name, "priority": 1}, {"address": held.name, "priority": 2}]})
    clients = [ask(bench, weir) for _ in range(2)]
    waiting(weir, 1)
    held.let_go(all_of_them=True)
    assert [client.response().status for client in clients] == [200, 200]
    assert not spare.requests


def test_check_limits(bench):
    held = Held(bench)
    weir = limited(bench, [held], {"max_transactions_per_node": 1}, pools={"other": {"nodes": ["127.0.0.1:1"]}},
                   request="""
        if http.getPath() == "/ask" then
            http.sendResponse(200, "text/plain", tostring(connection.checkLimits()) .. " " ..
                tostring(connection.checkLimits("web")) .. " " .. tostring(connection.checkLimits("other")) ..
                " " .. tostring(connection.checkLimits("discard")), "")
        end""")
    client = bench.connect(weir)
    assert client.get("/ask").text == "true true true true"
    first = ask(bench, weir)
    until(lambda: held.requests, "it is at the node")
    assert client.get("/ask").text == "false false true true"
    held.let_go(all_of_them=True)
    first.response()
    assert client.get("/ask").text == "true true true true"


def test_a_rules_own_node_has_limits_too(bench):
    held, other = Held(bench), bench.node()
    weir = limited(bench, [other, held], {"max_transactions_per_node": 1}, request=f"""
        if http.getPath():sub(1, 5) == "/held" then pool.use("web", "127.0.0.1", {held.node.port}) end""")
    clients = [ask(bench, weir, f"/held{i}") for i in range(2)]
    waiting(weir, 1)
    assert len(held.requests) == 1
    held.let_go(all_of_them=True)
    assert [client.response().status for client in clients] == [200, 200]


def test_what_is_seen_of_it(bench):
    held = Held(bench)
    weir = limited(bench, [held], {"max_transactions_per_node": 1, "max_queue_size": 7000})
    trace = subprocess.Popen([PROGRAM, "trace", "--control", weir.conf["control"]], stdout=subprocess.PIPE, text=True)
    lines = []
    threading.Thread(target=lambda: lines.extend(iter(trace.stdout.readline, "")), daemon=True).start()
    try:
        weir.wait_log("follows transactions")
        ask(bench, weir)
        until(lambda: held.requests, "it has one")
        ask(bench, weir)
        until(lambda: any("as much as it allows" in line for line in lines), "the wait is told")
        held.let_go(all_of_them=True)
        until(lambda: any("it has waited for" in line for line in lines), "its end is told")
    finally:
        trace.kill()
        trace.wait()
    text = subprocess.run([PROGRAM, "status", "--control", weir.conf["control"]], check=True, capture_output=True,
                          text=True).stdout
    lines = text.splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("LIMITS OF POOL"))
    assert lines[head + 1].split()[:4] == ["web", "0", "1", "7000"]


# ---- failure_pool ---------------------------------------------------------------------------------------

def test_a_failed_pool_has_a_stand_in(bench):
    spare, last = bench.node(), bench.node()
    dead = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    weir = bench.weir(dead, pool={"failure_pool": "spare", "node_connection_attempts": 1},
                      pools={"last": {"nodes": [last.name]},
                             "spare": {"nodes": [dead[0]], "failure_pool": "last"}})
    client = bench.connect(weir)
    for _ in range(3):
        assert client.get().status == 200
    assert len(last.requests) == 3 and not spare.requests
    assert [line["pool"] for line in weir.wait_access(3)] == ["last"] * 3


def test_a_stand_in_rests_while_a_node_works(bench):
    node, spare = bench.node(), bench.node()
    weir = bench.weir([f"127.0.0.1:{free_port()}", node], pool={"failure_pool": "spare"},
                      pools={"spare": {"nodes": [spare.name]}})
    client = bench.connect(weir)
    for _ in range(6):
        assert client.get().status == 200
    assert len(node.requests) == 6 and not spare.requests


def test_full_is_not_failed(bench):
    held, spare = Held(bench), bench.node()
    weir = limited(bench, [held], {"max_transactions_per_node": 1}, pool={"failure_pool": "spare"},
                   pools={"spare": {"nodes": [spare.name]}})
    clients = [ask(bench, weir) for _ in range(2)]
    waiting(weir, 1)
    held.let_go(all_of_them=True)
    assert [client.response().status for client in clients] == [200, 200] and not spare.requests


def test_a_failed_node_is_not_tried_while_another_pool_stands_in(bench):
    node, spare = bench.node(lambda x: x.reply() if ready else x.close()), bench.node()
    ready = []
    weir = bench.weir([node], pool={"failure_pool": "spare", "node_connection_attempts": 1},
                      pools={"spare": {"nodes": [spare.name]}})
    client = bench.connect(weir)
    assert client.get().status == 200
    ready.append(True)
    assert [client.get().status for _ in range(3)] == [200] * 3
    assert (len(node.requests), len(spare.requests)) == (1, 4)


def test_discard_stands_in(bench):
    weir = bench.weir([f"127.0.0.1:{free_port()}"], pool={"failure_pool": "discard"})
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.ending() in ("end", "reset")


@pytest.mark.parametrize("pools, message", [
    ({"a": {"failure_pool": "a"}}, "cannot stand in for itself"),
    ({"a": {"failure_pool": "b"}, "b": {"failure_pool": "a"}}, "leads back to 'a'"),
    ({"a": {"failure_pool": "c"}, "b": {}}, "no pool is named 'c'"),
    ({"a": {"nodes": "original_destination", "connection": {"max_connections_per_node": 1}}}, "lists no nodes"),
    ({"a": {"connection": {"queue_timeout": 5}}}, "timeouts: {queue: 10s}"),
    ({"a": {"connection": {"max_queue_size": -1}}}, "max_queue_size"),
])
def test_what_makes_no_sense_is_refused(bench, pools, message):
    with pytest.raises(RuntimeError) as refused:
        bench.weir(["127.0.0.1:1"], pools={name: {"nodes": ["127.0.0.1:1"], **pool} for name, pool in pools.items()})
    assert message in str(refused.value)
