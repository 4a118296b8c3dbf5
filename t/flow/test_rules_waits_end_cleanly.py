# SPDX-License-Identifier: Apache-2.0
"""What rules wait for is given up without a trace: when clients go away, and when weir stops."""
import glob
import os
import signal
import socket
import threading

import pytest

from lab.needs import needs
from lab.wait import until
from lab.weir import is_sanitized


class Silent:
    """Takes connections and datagrams, and never says anything."""

    def __init__(self):
        self.stream = socket.create_server(("127.0.0.1", 0))
        self.port = self.stream.getsockname()[1]
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", self.port))
        self.accepted, self.asked = [], 0
        for serve in (self._accept, self._ask):
            threading.Thread(target=serve, daemon=True).start()

    def _accept(self):
        while True:
            try:
                self.accepted.append(self.stream.accept()[0])
            except OSError:
                return

    def _ask(self):
        while True:
            try:
                self.datagrams.recv(4096)
                self.asked += 1
            except OSError:
                return

    def close(self):
        self.stream.shutdown(socket.SHUT_RDWR)
        self.stream.close()
        self.datagrams.close()
        for sock in self.accepted:
            sock.close()


# path: what it waits for. In a coroutine and in pcall: neither may keep what is given up.
WAITS = {
    "name": 'net.dns.resolveHost("a.test")',
    "address": 'net.dns.resolveIP("10.1.1.1")',
    "connect": 'tcp.read(tcp.connect("127.0.0.1", PORT), 10)',
    "write": '''local sock = tcp.connect("127.0.0.1", PORT)
                while true do tcp.write(sock, ("x"):rep(1000000)) end''',
    "http": 'http.request.get("http://127.0.0.1:PORT/", {["X-A"] = "b"}, 30)',
    "post": 'http.request.post("http://127.0.0.1:PORT/", ("x"):rep(5000000))',
    "https": 'http.request.get("https://127.0.0.1:PORT/")',
    "named": 'http.request.get("http://a.test:PORT/")',
}


def weir_that_waits(bench, silent, **more):
    rule = "".join(f'if http.getPath() == "/{path}" then pcall(coroutine.wrap(function() {what} end)) end\n'
                   for path, what in WAITS.items()).replace("PORT", str(silent.port))
    return bench.weir([bench.node()], request=rule, dns={"servers": f"127.0.0.1:{silent.port}", "timeout": "30s"},
                      **more)


LARGE = ("write", "post")  # what valgrind takes long for
NAMES = ("name", "address", "named")  # what never comes to a connection


def wait_in_all(bench, weir, silent, times, paths=tuple(WAITS)):
    clients = []
    before = len(silent.accepted) + times * sum(path not in NAMES for path in paths)
    for _ in range(times):
        for path in paths:
            clients.append(bench.connect(weir))
            clients[-1].send(f"GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n")
    until(lambda: len(silent.accepted) == before and silent.asked > 0, "all of them wait")
    return clients


def test_clients_go_away(bench):
    silent = bench.keep(Silent())
    weir = weir_that_waits(bench, silent)
    for _ in range(3):
        for client in wait_in_all(bench, weir, silent, 4):
            client.reset()
    count = 3 * 4 * len(WAITS)
    assert {line["end"] for line in weir.wait_access(count)} == {"client_gone"}
    assert bench.connect(weir).get().status == 200


def test_weir_stops(bench):
    silent = bench.keep(Silent())
    weir = weir_that_waits(bench, silent, shutdown_timeout="100ms")
    wait_in_all(bench, weir, silent, 4)
    weir.process.send_signal(signal.SIGTERM)
    assert weir.process.wait(20) == 1
    weir.process.returncode = 0  # it was cut short, as it had to be; what it found says the log


@needs("valgrind")
@pytest.mark.skipif(is_sanitized(), reason="a sanitizer has the heap already")
def test_memory_is_clean(bench, tmp_path):
    tmp_path.chmod(0o777)
    silent = bench.keep(Silent())
    valgrind = ("valgrind", "-q", "--leak-check=full", f"--log-file={tmp_path}/found.%p",
                "--show-leak-kinds=definite,indirect,possible")
    weir = weir_that_waits(bench, silent, wrapper=valgrind, shutdown_timeout="1s",
                           watchdog_timeout="60s")
    paths = [path for path in WAITS if path not in LARGE]
    for client in wait_in_all(bench, weir, silent, 1, paths):
        client.reset()
    weir.wait_access(len(paths))
    wait_in_all(bench, weir, silent, 1, paths)
    weir.process.send_signal(signal.SIGTERM)
    assert weir.process.wait(30) == 1
    weir.process.returncode = 0
    found = {path: open(path).read() for path in glob.glob(os.path.join(tmp_path, "found.*"))}
    assert len(found) >= 2
    assert not any(found.values()), "\n".join(found.values())
