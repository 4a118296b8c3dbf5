# SPDX-License-Identifier: Apache-2.0
"""How many sessions there may be at one time: of a virtual server, of each client, of all. Exact
over all workers, told by reason, and given back when a session or its worker ends."""
import os
import re
import signal
import threading

import pytest

from lab.client import Client
from lab.http1 import Closed
from lab.netns import Namespace
from lab.wait import until
from lab.weir import free_port

LONG = {"connect": "60s", "keepalive": "60s"}
WORKERS = pytest.mark.parametrize("workers", [1, 2, 4])


def sessions(now):
    return now["virtual_servers"]["main"]["sessions"]


def admitted(bench, weir, **options):
    """A client that has been served and stays; None when its connection was reset at once."""
    client = Client(weir.address(options.pop("name", "main"), options.pop("number", 0)), **options)
    try:
        assert client.get().status == 200
    except (Closed, ConnectionResetError, BrokenPipeError) as ended:
        assert not getattr(ended, "received", b"")
        client.close()
        return None
    return bench.keep(client)


def many(bench, weir, count, **options):
    """How many of so many that come at the same time are served."""
    served, threads = [], []

    def come():
        client = admitted(bench, weir, **options)
        if client:
            served.append(client)

    for _ in range(count):
        threads.append(threading.Thread(target=come))
        threads[-1].start()
    for thread in threads:
        thread.join()
    return served


def fits_soon(bench, weir, **options):
    """One more is served; weir may have yet to see that another has ended."""
    return until(lambda: admitted(bench, weir, **options), "there is room again")


@WORKERS
def test_sessions_of_a_virtual_server(bench, workers):
    weir = bench.weir([bench.node()], workers=workers,
                      vserver={"max_concurrent_connections": 8, "timeouts": LONG})
    clients = [admitted(bench, weir) for _ in range(8)]
    assert all(clients)
    assert [admitted(bench, weir) for _ in range(4)] == [None] * 4
    assert all(client.get().status == 200 for client in clients)  # the others have not noticed
    clients.pop().close()
    clients.append(fits_soon(bench, weir))
    assert admitted(bench, weir) is None
    main = weir.until_status(sessions, 8)["virtual_servers"]["main"]
    assert main["refusals"].keys() == {"too_many_connections"}
    assert main["refusals"]["too_many_connections"] >= 5


@WORKERS
def test_sessions_of_a_client(bench, workers):
    weir = bench.weir([bench.node()], workers=workers,
                      vserver={"max_connections_per_client": 3, "timeouts": LONG})
    for source in ("127.0.0.2", "127.0.0.3"):
        clients = [admitted(bench, weir, source=source) for _ in range(3)]
        assert all(clients)
        assert [admitted(bench, weir, source=source) for _ in range(3)] == [None] * 3
        clients.pop().close()
        assert fits_soon(bench, weir, source=source)
        assert admitted(bench, weir, source=source) is None
    weir.until_status(sessions, 6)


def test_a_client_of_two_virtual_servers_is_counted_for_each(bench):
    node = bench.node()
    main = {"listen": f"127.0.0.1:{free_port()}", "pool": "web", "max_connections_per_client": 2, "timeouts": LONG}
    weir = bench.start({"virtual_servers": {"main": main, "other": {**main, "listen": f"127.0.0.1:{free_port()}"}},
                        "pools": {"web": {"nodes": [node.name]}}})
    for name in ("main", "other"):
        assert admitted(bench, weir, name=name) and admitted(bench, weir, name=name)
        assert admitted(bench, weir, name=name) is None


def test_an_ipv6_client_is_its_network(bench):
    host = bench.keep(Namespace("host"))
    for address in ("fd00::1", "fd00::2", "fd00:0:0:1::1"):
        host.run(f"ip -6 addr add {address}/128 dev lo nodad")
    weir = bench.weir([bench.node(namespace=host)], namespace=host, listen=f"[::1]:{free_port()}",
                      vserver={"max_connections_per_client": 2, "timeouts": LONG})
    assert admitted(bench, weir, namespace=host, source="fd00::1")
    assert admitted(bench, weir, namespace=host, source="fd00::2")
    assert admitted(bench, weir, namespace=host, source="fd00::1") is None
    assert admitted(bench, weir, namespace=host, source="fd00:0:0:1::1")


@WORKERS
def test_sessions_of_all_virtual_servers(bench, workers):
    node = bench.node()
    listens = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    weir = bench.start({
        "workers": workers, "max_connections": 6,
        "virtual_servers": {name: {"listen": listen, "pool": "web", "timeouts": LONG}
                            for name, listen in zip(("main", "other"), listens)},
        "pools": {"web": {"nodes": [node.name]}}})
    clients = [admitted(bench, weir, name=name) for name in ("main", "other") * 3]
    assert all(clients)
    assert admitted(bench, weir) is None and admitted(bench, weir, name="other") is None
    clients.pop().close()
    assert fits_soon(bench, weir)
    now = weir.until_status(lambda now: (sum(v["sessions"] for v in now["virtual_servers"].values()),
                                         sum(worker["sessions"] for worker in now["workers"])), (6, 6))
    assert now["virtual_servers"]["other"]["refusals"]["too_many_connections_in_all"] == 1


@pytest.mark.parametrize("key", ["max_concurrent_connections", "max_connections_per_client"])
def test_those_who_come_at_once_do_not_pass_the_limit(bench, key):
    """However the kernel spreads them: never more than the limit, and when it is calm all of it."""
    weir = bench.weir([bench.node(backlog=256)], workers=4, vserver={key: 20, "timeouts": LONG})
    served = []
    for _ in range(5):
        served += many(bench, weir, 20)
        assert len(served) <= 20
    weir.until_status(sessions, len(served))
    while len(served) < 20:
        served.append(admitted(bench, weir))
    assert all(served)
    assert admitted(bench, weir) is None


@pytest.mark.parametrize("key", ["max_connections", "max_concurrent_connections", "max_connections_per_client"])
def test_a_worker_that_dies_gives_its_counts_back(bench, key):
    options = {"vserver": {key: 10, "timeouts": LONG}}
    if key == "max_connections":
        options = {"vserver": {"timeouts": LONG}, key: 10}
    weir = bench.weir([bench.node()], workers=2, **options)
    weir.deaths_expected = True
    clients = [admitted(bench, weir) for _ in range(10)]
    assert all(clients) and admitted(bench, weir) is None
    now = weir.until_status(lambda now: sum(worker["sessions"] for worker in now["workers"]), 10)
    victim = max(now["workers"], key=lambda worker: worker["sessions"])
    os.kill(victim["pid"], signal.SIGKILL)
    until(lambda: victim["pid"] not in weir.children and len(weir.children) == 3, "another worker")
    again = [fits_soon(bench, weir) for _ in range(victim["sessions"])]
    assert len(again) == victim["sessions"] > 0
    assert admitted(bench, weir) is None
    weir.until_status(sessions, 10)


def test_a_flood_of_refusals_is_one_line_a_second(bench):
    weir = bench.weir([bench.node()], vserver={"max_connections_per_client": 1, "timeouts": LONG})
    assert admitted(bench, weir)
    for _ in range(200):
        assert admitted(bench, weir) is None
    line = weir.wait_log("max_connections_per_client")
    assert re.search(r"virtual server 'main' refused a connection of 127\.0\.0\.1:\d+: ", line)
    refused = weir.until_status(lambda now: now["sessions_refused_total"], 200)
    assert refused["virtual_servers"]["main"]["refusals"]["too_many_connections_of_client"] == 200
    assert len([line for line in weir.errors if "refused a connection" in line]) < 30


def test_no_limit_by_default(bench):
    weir = bench.weir([bench.node()], workers=2)
    assert all(admitted(bench, weir) for _ in range(50))
