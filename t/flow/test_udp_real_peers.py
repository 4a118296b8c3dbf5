# SPDX-License-Identifier: Apache-2.0
"""Programs that others wrote, on both sides of UDP: name servers, iperf3, SIP."""
import json
import os
import socket
import subprocess
import threading

import pytest

from lab import river as r
from lab.datagram import silence
from lab.needs import needs
from lab.peers import Dnsmasq, Unbound
from lab.wait import until
from lab.weir import free_port

NAMES = {f"n{i}.test": f"192.0.2.{i}" for i in range(1, 21)}


def udp(bench, river, nodes, listen, vserver=None, **options):
    return bench.weir(nodes, listen=listen, namespace=river.weir, vserver={"protocol": "udp", **(vserver or {})},
                      **options)


def run(namespace, *command, **options):
    with namespace:
        return subprocess.run(["setpriv", "--pdeathsig", "KILL", *command], capture_output=True, text=True,
                              timeout=120, **options)


@pytest.fixture
def spawn(bench):
    """Starts a program that ends with the test."""
    class Program:
        def __init__(self, namespace, *command, **options):
            with namespace:
                self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command],
                                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                                stderr=subprocess.DEVNULL, **options)

        def close(self):
            self.process.kill()
            self.process.wait()

    return lambda *words, **options: bench.keep(Program(*words, **options))


def dnsmasq(address, namespace):
    return Dnsmasq(address, [f"address=/{name}/{ip}" for name, ip in NAMES.items()], namespace)


def unbound(address, namespace):
    return Unbound(address, [f"{name}. A {ip}" for name, ip in NAMES.items()], namespace)


@pytest.mark.parametrize("server", [
    pytest.param(dnsmasq, marks=needs("dnsmasq")), pytest.param(unbound, marks=needs("unbound"))])
@pytest.mark.parametrize("family", ["v4", "v6"])
@needs("dig")
def test_names_are_asked_for_through_weir(bench, river, server, family):
    """Resolvers ask a name server that is elsewhere, on port 53; weir takes it, and the server sees each."""
    node, clients, elsewhere, anywhere = {
        "v4": (r.NODE_V4, r.CLIENTS_V4, "10.9.9.9", "0.0.0.0"), "v6": (r.NODE_V6, r.CLIENTS_V6, "fd00:9::9", "[::]"),
    }[family]
    to = free_port()
    names = bench.keep(server((node, free_port()), river.node))
    weir = udp(bench, river, [names.name], f"{anywhere}:{to}", {"capture": "tproxy"}, pool={"transparent": True})
    river.capture_tproxy(53, to, "udp")
    answers = {}

    def ask(client, name):
        done = run(river.client, "dig", "+short", "+tries=3", "+time=10", "-b", client, f"@{elsewhere}", name, "A")
        answers[name] = done.stdout.strip() or done.stderr

    threads = [threading.Thread(target=ask, args=pair) for pair in zip(clients, NAMES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == NAMES
    for client, name in zip(clients, NAMES):
        assert set(names.askers(name)) == {client}
    assert {line["end"] for line in weir.wait_access(20)} == {"ok"}


@pytest.mark.parametrize("direction", [[], ["--reverse"]], ids=["up", "down"])
@needs("iperf3")
def test_a_stream_of_iperf3(bench, river, spawn, direction):
    """Its datagrams are captured; its TCP connection, which says what was measured, is just routed."""
    to, port = free_port(), free_port()
    spawn(river.node, "iperf3", "--server", "--port", str(port), "--bind", r.NODE_V4)

    def listens():
        with river.client:
            with socket.socket() as sock:
                return sock.connect_ex((r.NODE_V4, port)) == 0

    until(listens, "iperf3 listens")
    weir = udp(bench, river, "original_destination", f"0.0.0.0:{to}",
               {"capture": "tproxy", "udp": {"response_datagrams_expected": -1, "timeout": "3s"}},
               pool={"transparent": True})
    river.capture_tproxy(port, to, "udp")
    done = run(river.client, "iperf3", "--client", r.NODE_V4, "--port", str(port), "--bind", r.CLIENTS_V4[2], "--udp",
               "--bitrate", "8M", "--length", "1000", "--bytes", "2M", "--json", *direction)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)["end"]["sum"]
    arrived = told["packets"] - told["lost_packets"]
    assert told["packets"] >= 2000 and arrived > 0
    line = weir.wait_access(1)[0]
    assert line["end"] in ("ok", "node_cut")  # it ends before the last datagrams have come
    assert r.CLIENTS_V4[2] in line["source"]
    assert int(line["datagrams_out" if direction else "datagrams_in"]) >= arrived * 0.9


@pytest.mark.parametrize("transparent", [False, True], ids=["plain", "transparent"])
@needs("sipp")
def test_calls_of_sip(bench, river, spawn, transparent, tmp_path):
    """Both ends have port 5060, and weir between them too."""
    spawn(river.node, "sipp", "-sn", "uas", "-i", r.NODE_V4, "-p", "5060", "-nostdin", cwd=tmp_path,
          env={**os.environ, "TERM": "vt100"})
    weir = udp(bench, river, [f"{r.NODE_V4}:5060"], "0.0.0.0:5060",
               {"udp": {"response_datagrams_expected": -1, "timeout": "5s"}}, pool={"transparent": transparent})
    done = run(river.client, "sipp", "-sn", "uac", f"{r.WEIR_V4}:5060", "-i", r.CLIENTS_V4[3], "-p", "5060", "-m", "20",
               "-r", "20", "-d", "50", "-nostdin", "-timeout", "60", "-timeout_error", cwd=tmp_path,
               env={**os.environ, "TERM": "vt100"})
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    line = weir.wait_access(1)[0]
    assert line["end"] == "ok" and int(line["datagrams_in"]) >= 60 and int(line["datagrams_out"]) >= 60
    if transparent:
        assert line["source"] == f"{r.CLIENTS_V4[3]}:5060"


def test_a_flood_leaves_others_their_share(bench):
    """From a hundred thousand addresses: who has a session is answered all the while, by the same node."""
    port = free_port()
    quiet, echo = bench.datagram_node(silence), bench.datagram_node()
    weir = bench.start({
        "log": {"format": "json", "access": "off"},
        "virtual_servers": {"main": {"listen": f"0.0.0.0:{port}", "protocol": "udp", "pool": "quiet", "udp": {
            "response_datagrams_expected": -1, "max_sessions": 300, "timeout": "5s"}},
            "other": {"listen": f"127.0.0.1:{(other := free_port())}", "protocol": "udp", "pool": "echo"}},
        "pools": {"quiet": {"nodes": [quiet.name]}, "echo": {"nodes": [echo.name]}}})
    steady = bench.datagram_client(("127.0.0.1", port))
    steady.send(b"before")
    quiet.wait_for(1)
    sent, is_over = [0], threading.Event()

    def flood():
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        for i in range(100_000):
            source = socket.inet_aton(f"127.{1 + i // 65536}.{i // 256 % 256}.{i % 256}")
            head = b"\x45\0\0\x1d\0\0\0\0\x40\x11\0\0" + source + socket.inet_aton("127.0.0.1")
            try:
                sock.sendto(head + (20000).to_bytes(2, "big") + port.to_bytes(2, "big") + b"\0\x09\0\0x", ("127.0.0.1", 0))
            except OSError:  # an address that is none
                pass
            sent[0] = i
        sock.close()
        is_over.set()

    thread = threading.Thread(target=flood)
    thread.start()
    until(lambda: weir.status()["virtual_servers"]["main"]["refusals"].get("too_many_sessions", 0) > 1000, "it floods")
    during = 0
    while not is_over.is_set():
        # of another virtual server, and one that had a session before
        assert bench.datagram_client(("127.0.0.1", other)).ask(b"x") == b"x"
        steady.send(b"during %d" % during)
        during += 1
    thread.join()
    arrived = [d for d in quiet.got if d.data.startswith(b"during")]
    assert during > 0 and arrived, "what is lost in a full socket is little"
    assert len({d.peer for d in quiet.got if d.data != b"x"}) == 1
