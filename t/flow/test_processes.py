# SPDX-License-Identifier: Apache-2.0
"""Children die and are replaced, the load is shared, privileges are dropped, a stop is graceful."""
import os
import signal
import socket
import threading
import time

import pytest

from lab.http1 import Closed
from lab.wait import until
from lab.weir import in_user_namespace

NET_RAW = 1 << 13


def status(pid, key):
    with open(f"/proc/{pid}/status") as file:
        return next(line.split()[1] for line in file if line.startswith(key + ":"))


def alive(pid):
    try:
        return status(pid, "State") != "Z"
    except (FileNotFoundError, StopIteration, ProcessLookupError):
        return False


def sockets(pid):
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
        except FileNotFoundError:
            pass
    return count


class Load:
    """Clients that ask all the time; a connection lost is counted and opened again."""

    def __init__(self, weir, count=8):
        self.weir, self.lost, self.served, self.troubles = weir, [0] * count, [0] * count, []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(count)]
        for thread in self._threads:
            thread.start()

    def _ask(self, i):
        client = None
        while not self._stop.is_set():
            try:
                client = client or self.weir.client()
                assert client.get("/").status == 200
                self.served[i] += 1
            except (Closed, ConnectionError):
                self.lost[i] += 1
                client.close() if client else None
                client = None
            except Exception as trouble:
                self.troubles.append(repr(trouble))
                return

    def more(self, count=20):
        """Waits until every client has been served so many times more."""
        goal = [served + count for served in self.served]
        until(lambda: self.troubles or all(s >= g for s, g in zip(self.served, goal)), "requests go on")
        assert not self.troubles, self.troubles

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert not self.troubles, self.troubles


def test_a_child_killed_under_load_is_replaced(bench):
    """Each child in turn. One that dies takes its own connections only; no client fails to come back."""
    weir = bench.weir([bench.node()], workers=2)
    weir.deaths_expected = True
    load = Load(weir)
    try:
        load.more()
        for victim in weir.children:
            before, lost = set(weir.children), sum(load.lost)
            os.kill(victim, signal.SIGKILL)
            until(lambda: len(weir.children) == len(before) and victim not in weir.children, "a new child")
            load.more()
            assert sum(load.lost) - lost <= len(load.lost), load.lost
            assert len(set(weir.children) & before) == len(before) - 1  # the others live on
    finally:
        load.stop()
    assert bench.connect(weir).get("/").status == 200


def test_several_workers_share_the_load(bench):
    weir = bench.weir([bench.node()], workers=2, pool={"keepalive": False},
                      vserver={"timeouts": {"connect": "60s", "keepalive": "60s"}})
    idle = {pid: sockets(pid) for pid in weir.children}
    clients = [bench.connect(weir) for _ in range(100)]
    for client in clients:
        assert client.get("/").status == 200
    shares = sorted(sockets(pid) - idle[pid] for pid in weir.children)
    assert shares[-2] >= 25 and shares[-1] + shares[-2] >= 100, shares


@pytest.mark.skipif(in_user_namespace(), reason="there is no nobody to become here")
@pytest.mark.parametrize("transparent", [False, True], ids=["plain", "transparent"])
def test_children_keep_no_privilege_but_what_transparency_needs(bench, transparent):
    weir = bench.weir([bench.node()], pool={"transparent": transparent})
    until(lambda: all(status(pid, "Uid") != "0" for pid in weir.children), "no child is root")
    capabilities = [int(status(pid, "CapEff"), 16) for pid in weir.children]
    assert set(capabilities) <= ({0, NET_RAW} if transparent else {0})
    assert (NET_RAW in capabilities) == transparent


def test_a_stop_waits_for_transactions_and_refuses_new_ones(bench):
    release = threading.Event()
    node = bench.node(lambda x: (x.request.target == "/idle" or release.wait(10)) and x.reply(200, b"whole"))
    weir = bench.weir([node])
    busy = bench.connect(weir)
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    node.wait_for(1)
    idle = bench.connect(weir)
    idle.get("/idle")
    weir.process.send_signal(signal.SIGTERM)
    assert idle.ending() == "end"

    def refused():
        try:
            with weir.client() as late:
                return late.get("/").status == 503
        except (ConnectionError, Closed):
            return True

    until(refused, "new connections are refused")
    release.set()
    response = busy.response()
    assert (response.text, response.get("Connection")) == ("whole", "close")
    assert weir.process.wait(10) == 0


def test_a_stop_is_bounded(bench):
    node = bench.node(lambda x: None)
    weir = bench.weir([node], shutdown_timeout="500ms")
    bench.connect(weir).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    node.wait_for(1)
    children = weir.children
    start = time.monotonic()
    weir.process.send_signal(signal.SIGTERM)
    assert weir.process.wait(10) == 1
    assert 0.4 < time.monotonic() - start < 5
    assert not any(alive(pid) for pid in children)
    weir.process.returncode = 0


def test_a_second_interrupt_is_immediate(bench):
    node = bench.node(lambda x: None)
    weir = bench.weir([node])
    bench.connect(weir).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    node.wait_for(1)
    weir.process.send_signal(signal.SIGINT)
    with pytest.raises(ConnectionError):
        while True:
            weir.client().close()  # until the first signal has closed the listener
    weir.process.send_signal(signal.SIGINT)
    assert weir.process.wait(5) == 1
    weir.process.returncode = 0


def test_children_do_not_outlive_their_supervisor(bench):
    node = bench.node()
    weir = bench.weir([node], shutdown_timeout="5s")
    children = weir.children
    client = bench.connect(weir)
    client.get("/")
    weir.process.kill()
    until(lambda: not any(alive(pid) for pid in children), "the children are gone")
    weir.process.wait()
    again = bench.weir([node], listen="{}:{}".format(*weir.address()))  # the same port, at once
    assert bench.connect(again).get("/").status == 200
    weir.process.returncode = 0


def test_readiness_is_told_to_systemd(bench, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(path))
        told.settimeout(10)
        weir = bench.weir([bench.node()], wrapper=("env", f"NOTIFY_SOCKET={path}"))
        assert b"READY=1" in told.recv(1000).split(b"\n")
        assert bench.connect(weir).get("/").status == 200
