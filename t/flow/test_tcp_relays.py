# SPDX-License-Identifier: Apache-2.0
"""`protocol: tcp`: bytes both ways from the first moment, each side's end passed on as it was."""
import hashlib
import os
import socket
import threading

import pytest

from lab import river as r
from lab.talker import Talker, fate, read_all, read_exactly, read_until, reset
from lab.wait import until
from lab.weir import free_port, is_sanitized

TCP = {"protocol": "tcp"}


def echo(sock):
    while data := sock.recv(65536):
        sock.sendall(data)


@pytest.fixture
def tcp(bench):
    """Makes a weir in front of nodes with these talks."""
    def make(*talks, vserver=None, **options):
        nodes = [bench.keep(Talker(talk)) for talk in talks]
        weir = bench.weir(nodes, vserver={**TCP, **(vserver or {})}, **options)
        weir.talkers = nodes
        return weir
    return make


def connect(bench, weir):
    return bench.keep(socket.create_connection(weir.address(), 10))


def test_bytes_go_both_ways(bench, tcp):
    weir = tcp(echo)
    sock = connect(bench, weir)
    for size in (1, 5, 1000, 70_000):
        data = os.urandom(size)
        sock.sendall(data)
        assert read_exactly(sock, size) == data
    sock.shutdown(socket.SHUT_WR)
    assert read_all(sock) == (b"", "end")
    line = weir.wait_access()[0]
    assert line["protocol"] == "tcp" and line["end"] == "ok"
    assert line["bytes_in"] == line["bytes_out"] == 71_006
    assert line["node"] == weir.talkers[0].name and line["pool"] == "web"
    assert line["client"] == "{}:{}".format(*sock.getsockname()[:2])
    assert "method" not in line and "turns" not in line


def test_the_server_may_speak_first(bench, tcp):
    weir = tcp(lambda sock: sock.sendall(b"220 hello\r\n"))
    assert read_all(connect(bench, weir)) == (b"220 hello\r\n", "end")


def test_a_client_that_ends_can_still_be_answered(bench, tcp):
    def talk(sock):
        data, how = read_all(sock)
        sock.sendall(b"all of " + data)
        return how
    weir = tcp(talk)
    sock = connect(bench, weir)
    sock.sendall(b"this")
    sock.shutdown(socket.SHUT_WR)
    assert read_all(sock) == (b"all of this", "end")
    assert until(lambda: weir.talkers[0].said.get(0)) == "end"
    assert weir.wait_access()[0]["end"] == "ok"


def test_a_node_that_ends_can_still_be_told(bench, tcp):
    def talk(sock):
        sock.sendall(b"bye")
        sock.shutdown(socket.SHUT_WR)
        return read_all(sock)
    weir = tcp(talk)
    sock = connect(bench, weir)
    assert read_all(sock) == (b"bye", "end")
    sock.sendall(b"and thanks")
    sock.close()
    assert until(lambda: weir.talkers[0].said.get(0)) == (b"and thanks", "end")
    assert weir.wait_access()[0]["end"] == "ok"


def test_the_end_of_a_client_without_a_byte(bench, tcp):
    weir = tcp(read_all)
    sock = connect(bench, weir)
    sock.shutdown(socket.SHUT_WR)
    assert read_all(sock) == (b"", "end")
    assert until(lambda: weir.talkers[0].said.get(0)) == (b"", "end")


@pytest.mark.parametrize("passes", [True, False])
def test_a_client_resets(bench, tcp, passes):
    got = []

    def talk(sock):
        got.append(read_exactly(sock, 6))
        return read_all(sock)
    weir = tcp(talk, vserver={"tcp": {"pass_resets": passes}})
    sock = connect(bench, weir)
    sock.sendall(b"so far")
    until(lambda: got)
    reset(sock)
    assert until(lambda: weir.talkers[0].said.get(0))[1] == ("reset" if passes else "end")
    assert weir.wait_access()[0]["end"] == "client_reset"


@pytest.mark.parametrize("passes", [True, False])
def test_a_node_resets(bench, tcp, passes):
    def talk(sock):
        sock.sendall(b"so far")
        sock.recv(1)
        reset(sock)
    weir = tcp(talk, vserver={"tcp": {"pass_resets": passes}})
    sock = connect(bench, weir)
    assert read_exactly(sock, 6) == b"so far"
    sock.sendall(b"x")
    assert read_all(sock) == (b"", "reset" if passes else "end")
    assert weir.wait_access()[0]["end"] == "node_reset"


def test_what_a_node_said_before_it_reset_arrives(bench, tcp):
    """Its close() with unread bytes is a reset right behind its last words."""
    def talk(sock):
        sock.recv(1)
        sock.sendall(b"421 bye\r\n")
    weir = tcp(talk)
    for _ in range(20):
        sock = connect(bench, weir)
        sock.sendall(b"x" * 1000)
        assert read_until(sock) == b"421 bye\r\n"


def test_another_node_is_tried(bench, tcp):
    dead = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    node = bench.keep(Talker(echo))
    weir = bench.weir([*dead, node], vserver=TCP)
    for number in range(4):
        sock = connect(bench, weir)
        sock.sendall(b"hello")
        assert read_exactly(sock, 5) == b"hello"
        sock.close()
    lines = weir.wait_access(4)
    assert {line["node"] for line in lines} == {node.name}
    assert any(line["retries"] > 0 for line in lines)


def test_no_node_accepts(bench):
    weir = bench.weir([f"127.0.0.1:{free_port()}"], vserver=TCP)
    assert fate(weir.address()) == (b"", "reset")
    assert weir.wait_access()[0]["end"] == "connect_failed"


def test_a_quiet_session_ends(bench, tcp):
    weir = tcp(read_all, vserver={"timeouts": {"idle": "300ms"}})
    sock = connect(bench, weir)
    sock.sendall(b"x")
    assert read_all(sock) == (b"", "end")
    assert weir.wait_access()[0]["end"] == "idle_timeout"


def test_a_node_that_does_not_accept_in_time(bench, river):
    port = free_port()
    weir = bench.weir(["10.2.200.200:80"], listen=f"0.0.0.0:{port}", namespace=river.weir, vserver=TCP,
                      pool={"timeouts": {"connect": "200ms"}})
    sock = bench.client((r.WEIR_V4, port), namespace=river.client).sock
    assert read_all(sock) == (b"", "reset")
    assert weir.wait_access()[0]["end"] in ("connect_timeout", "connect_failed")


def test_probes_find_a_side_that_is_gone(bench, river):
    """A host that vanished says nothing: the kernel asks it."""
    port, node = free_port(), bench.keep(Talker(read_all, address=r.NODE_V4, namespace=river.node))
    weir = bench.weir([node], listen=f"0.0.0.0:{port}", namespace=river.weir,
                      vserver={**TCP, "tcp": {"keepalive": "1s"}})
    sock = bench.client((r.WEIR_V4, port), namespace=river.client).sock
    sock.sendall(b"x")
    until(lambda: node.socks)
    silence = f"iptables -{{}} INPUT -p tcp --dport {sock.getsockname()[1]} -j DROP"
    river.client.run(silence.format("A"))
    try:
        line = until(lambda: weir.access, "its end", 30)[0]
    finally:
        river.client.run(silence.format("D"))
    assert line["end"] == "client_reset"
    assert until(lambda: node.said.get(0)) == (b"x", "reset")


def test_a_slow_reader_holds_its_node_back(bench, tcp):
    """What waits for it is bounded: the node stands still, not weir's memory."""
    sent, size = [0], 64 << 20

    def talk(sock):
        sock.settimeout(60)
        piece = os.urandom(1 << 16)
        digest = hashlib.sha256()
        while sent[0] < size:
            sock.sendall(piece)
            digest.update(piece)
            sent[0] += len(piece)
        return digest.hexdigest()
    weir = tcp(talk)
    sock = connect(bench, weir)
    seen = -1
    while seen != sent[0]:  # until it stands still
        seen = sent[0]
        try:
            until(lambda: sent[0] != seen, seconds=0.5)
        except AssertionError:
            pass
    assert seen < size / 2
    data, how = read_all(sock)
    assert (len(data), how) == (size, "end")
    assert hashlib.sha256(data).hexdigest() == until(lambda: weir.talkers[0].said.get(0))


def rss(weir):
    total = 0
    for pid in weir.children:
        with open(f"/proc/{pid}/statm") as file:
            total += int(file.read().split()[1]) * 4096
    return total


def test_a_large_transfer_takes_constant_memory(bench, tcp):
    gibibytes = int(os.environ.get("WEIR_LARGE_GIB", 2))  # 10 wants a minute of a machine that is busy
    size = (1 << 28) if is_sanitized() else gibibytes << 30

    def talk(sock):
        sock.settimeout(60)
        piece = b"x" * (1 << 20)
        for _ in range(size >> 20):
            sock.sendall(piece)
    weir = tcp(talk)
    sock = connect(bench, weir)
    before, most, got = rss(weir), 0, 0
    into = bytearray(1 << 20)
    while count := sock.recv_into(into):
        got += count
        if got % (1 << 26) < count:
            most = max(most, rss(weir))
    assert got == size
    assert most - before < 4 << 20 or is_sanitized()


def test_many_at_once(bench, tcp):
    weir = tcp(echo, echo, workers=2)

    def one(number):
        with socket.create_connection(weir.address(), 10) as sock:
            for turn in range(20):
                data = f"{number} {turn}\n".encode() * (1 + number * 7)
                sock.sendall(data)
                assert read_exactly(sock, len(data)) == data
    failures = []

    def run(number):
        try:
            one(number)
        except BaseException as failure:
            failures.append(failure)
    threads = [threading.Thread(target=run, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert {line["end"] for line in weir.wait_access(30)} == {"ok"}


def test_sessions_are_limited_and_counted(bench, tcp):
    weir = tcp(echo, vserver={"max_connections_per_client": 2})
    for sock in [connect(bench, weir) for _ in range(2)]:
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
    assert fate(weir.address()) == (b"", "reset")
    weir.wait_log("too_many|max_connections_per_client")


def test_a_discarded_session(bench, tcp):
    weir = tcp(echo, request="connection.discard()")
    assert read_all(connect(bench, weir)) == (b"", "end")
    assert weir.wait_access()[0]["end"] == "discarded"


def test_a_rule_chooses_at_connect(bench, tcp):
    other = bench.keep(Talker(lambda sock: sock.sendall(b"other")))
    weir = tcp(echo, request='pool.use("other")', pools={"other": {"nodes": [other.name]}})
    sock = connect(bench, weir)
    assert read_all(sock) == (b"other", "end")
    sock.close()
    line = weir.wait_access()[0]
    assert (line["pool"], line["rule"]) == ("other", "request:1")


@pytest.mark.parametrize("mode", ["redirect", "tproxy"])
@pytest.mark.parametrize("version", [4, 6])
def test_captured_to_the_original_destination_by_the_clients_address(bench, river, mode, version):
    """The whole trick for TCP: nothing knows of weir."""
    port = free_port()
    address = r.NODE_V4 if version == 4 else r.NODE_V6
    client = r.CLIENTS_V4[6] if version == 4 else r.CLIENTS_V6[6]
    node = bench.keep(Talker(lambda sock: sock.sendall(b"220 ready\r\n") or read_all(sock), address=address,
                             port=free_port(), namespace=river.node))
    weir = bench.weir("original_destination", listen=["0.0.0.0:%d" % port, "[::]:%d" % port],
                      namespace=river.weir, vserver={**TCP, "capture": mode}, pool={"transparent": True})
    getattr(river, "capture_" + mode)(node.port, port)
    sock = bench.client((address, node.port), source=client, namespace=river.client).sock
    assert read_until(sock) == b"220 ready\r\n"
    sock.sendall(b"EHLO me\r\n")
    sock.shutdown(socket.SHUT_WR)
    assert read_all(sock) == (b"", "end")
    assert node.peers[0][0] == client
    assert until(lambda: node.said.get(0)) == (b"EHLO me\r\n", "end")
    line = weir.wait_access()[0]
    assert line["dest"] == line["node"] == node.name
    assert line["source"].rsplit(":", 1)[0].strip("[]") == client


def test_an_end_right_behind_many_bytes(bench, tcp):
    """Also where they were spliced, and nothing is read that could tell."""
    size = 1 << 20

    def talk(sock):
        data, how = read_all(sock)
        sock.sendall(bytes(size))
        return len(data), how
    weir = tcp(talk)
    for number in range(10):
        sock = connect(bench, weir)
        sock.sendall(bytes(size))
        sock.shutdown(socket.SHUT_WR)
        data, how = read_all(sock)
        assert (len(data), how) == (size, "end")
        assert until(lambda: weir.talkers[0].said.get(number)) == (size, "end")
