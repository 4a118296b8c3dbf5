#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""UDP: the CPU time that weir and nginx (stream, udp) spend per datagram, in turns on the same work.

    t/bench/udp.py [--rounds N] [--weir PATH]

Wants root: it makes a network namespace of its own. Answers are compared byte by byte; one that does not
come in time is asked for again, and counted.
"""
import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lab.netns import leave_the_machine  # noqa: E402
from measure import schedstat  # noqa: E402

ADDRESS, NODE_PORT, PATIENCE = "127.0.0.1", 9000, 0.5
PORTS = {"weir": {"one": 9001, "any": 9002}, "nginx": {"one": 9003, "any": 9004}}

WEIR = """
workers: 1
control: {directory}/control.sock
log: {{level: warn, access: off}}
virtual_servers:
  one: {{listen: "127.0.0.1:9001", protocol: udp, pool: node}}
  any: {{listen: "127.0.0.1:9002", protocol: udp, pool: node, udp: {{response_datagrams_expected: -1, timeout: 60s}}}}
pools:
  node: {{nodes: ["127.0.0.1:9000"]}}
"""
NGINX = """
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; master_process off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log error;
events {{ worker_connections 8192; }}
stream {{
    server {{ listen 127.0.0.1:9003 udp; proxy_pass 127.0.0.1:9000; proxy_responses 1; proxy_timeout 7s; }}
    server {{ listen 127.0.0.1:9004 udp; proxy_pass 127.0.0.1:9000; proxy_timeout 60s; }}
}}
"""
# name: (which listener, clients, datagrams of each client in a row, bytes of one, datagrams at once)
SCENARIOS = {
    "a question, an answer, a new client": ("one", 2000, 1, 64, 1),
    "50 clients that go on, 100 bytes": ("any", 50, 60, 100, 1),
    "one client, 1200 bytes, 16 at once": ("any", 1, 4000, 1200, 16),
}


def echo():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((ADDRESS, NODE_PORT))
    while True:
        data, peer = sock.recvfrom(65536)
        try:
            sock.sendto(data, peer)
        except ConnectionRefusedError:
            pass


class Client:
    def __init__(self, port):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect((ADDRESS, port))
        self.number = 0

    def exchange(self, size, window):
        """Sends `window` datagrams and waits for their echoes; how many were lost."""
        wanted = set()
        for _ in range(window):
            data = (b"%d:" % self.number).ljust(size, b"x")
            self.number += 1
            wanted.add(data)
            self.sock.send(data)
        asked_again = 0
        while wanted:
            try:
                got = self.sock.recv(65536)
            except socket.timeout:
                asked_again += len(wanted)
                for data in wanted:
                    self.sock.send(data)
                continue
            if len(got) != size:
                raise RuntimeError(f"an answer has {len(got)} bytes, not {size}")
            wanted.discard(got)
        return asked_again


def load(port, clients, count, size, window):
    """(datagrams, asked again) of one run."""
    again = 0
    everybody = []
    for _ in range(clients):
        client = Client(port)
        everybody.append(client)
        if count == 1:  # its only one
            again += client.exchange(size, 1)
            everybody.pop().sock.close()
    for _ in range(count // window if count > 1 else 0):
        for client in everybody:
            again += client.exchange(size, window)
    for client in everybody:
        client.sock.close()
    return clients * count, again


def tree(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
        return [process.pid, *map(int, file.read().split())]


def start(command, directory):
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], cwd=directory, stdin=subprocess.DEVNULL)
    return process


def wait_for(port):
    for _ in range(40):
        client = Client(port)
        try:
            client.sock.send(b"?")
            client.sock.recv(10)
            return
        except OSError:
            time.sleep(0.1)
        finally:
            client.sock.close()
    raise RuntimeError(f"nothing answers at port {port}")


def run(proxies, rounds):
    print(f"{'CPU time in microseconds per datagram of a client':<52}{'weir':>8}{'nginx':>8}{'ratio':>8}  range")
    for name, (listener, *work) in SCENARIOS.items():
        spent, again = {proxy: [] for proxy in proxies}, dict.fromkeys(proxies, 0)
        for number in range(rounds + 1):
            order = list(proxies) if number % 2 else list(proxies)[::-1]
            for proxy in order:
                pids = tree(proxies[proxy])
                before = schedstat(pids)
                datagrams, repeated = load(PORTS[proxy][listener], *work)
                if number > 0:  # the first warms up
                    spent[proxy].append((schedstat(pids) - before) / datagrams / 1000)
                    again[proxy] += repeated
        ratios = sorted(w / n for w, n in zip(spent["weir"], spent["nginx"]))
        print(f"{name:<52}{statistics.median(spent['weir']):8.2f}{statistics.median(spent['nginx']):8.2f}"
              f"{statistics.median(ratios):8.2f}  {ratios[0]:.2f} to {ratios[-1]:.2f}"
              + (f"  asked again: {again}" if any(again.values()) else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--weir", default="build/weir")
    chosen = parser.parse_args()
    weir = os.path.abspath(chosen.weir)
    leave_the_machine()
    threading.Thread(target=echo, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="weir-bench-udp-") as directory:
        os.chmod(directory, 0o755)
        for name, text in (("weir.yaml", WEIR), ("nginx.conf", NGINX)):
            with open(os.path.join(directory, name), "w") as file:
                file.write(text.format(directory=directory))
        proxies = {"weir": start([weir, "run", "-c", "weir.yaml"], directory),
                   "nginx": start(["nginx", "-c", f"{directory}/nginx.conf", "-e", "stderr"], directory)}
        try:
            for ports in PORTS.values():
                for port in ports.values():
                    wait_for(port)
            run(proxies, chosen.rounds)
        finally:
            for process in proxies.values():
                process.terminate()
                process.wait()


if __name__ == "__main__":
    main()
