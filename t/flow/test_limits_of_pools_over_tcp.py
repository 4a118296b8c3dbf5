# SPDX-License-Identifier: Apache-2.0
"""How much a node may have at one time holds for TCP sessions too; who has to wait does, and who may not is
cut off."""
import socket

import pytest

from lab.talker import Talker, read_all, read_until
from lab.wait import until
from lab.weir import free_port

PER = pytest.mark.parametrize("key", ["max_connections_per_node", "max_transactions_per_node"])
PROTOCOLS = pytest.mark.parametrize("protocol", ["tcp", "client_first", "server_first"])


def greets(sock):
    """A node that tells each connection that it has it."""
    sock.sendall(b"hello\n")
    while line := read_until(sock):
        sock.sendall(b"you said " + line)


def limited(bench, key, protocol="tcp", timeout="30s", nodes=None, workers=1, **options):
    nodes = nodes or [bench.keep(Talker(greets))]
    weir = bench.weir(nodes, workers=workers, vserver={"protocol": protocol}, pool={
        "connection": {key: 1}, "timeouts": {"queue": timeout}}, **options)
    weir.talkers = nodes
    return weir


def connect(bench, weir):
    sock = bench.keep(socket.create_connection(weir.address(), 10))
    sock.sendall(b"x\n")
    return sock


def waiting(weir, count):
    until(lambda: weir.status()["pools"]["web"]["queue"]["waiting"] == count, f"{count} wait")


@PER
@PROTOCOLS
@pytest.mark.parametrize("workers", [1, 2])
def test_a_session_waits_for_the_one_before_it(bench, key, protocol, workers):
    weir = limited(bench, key, protocol, workers=workers)
    first = connect(bench, weir)
    assert read_until(first) == b"hello\n"
    second = connect(bench, weir)
    waiting(weir, 1)
    assert len(weir.talkers[0].socks) == 1
    assert read_until(first) == b"you said x\n"
    first.close()
    assert [read_until(second) for _ in range(2)] == [b"hello\n", b"you said x\n"]
    waiting(weir, 0)
    second.shutdown(socket.SHUT_WR)
    assert read_all(second) == (b"", "end")
    assert {line["end"] for line in weir.wait_access(2)} == {"ok"}


@PROTOCOLS
@pytest.mark.parametrize("timeout, end", [("200ms", "queue_timeout"), ("0s", "queue_full")])
def test_waiting_has_an_end(bench, protocol, timeout, end):
    weir = limited(bench, "max_connections_per_node", protocol, timeout)
    first = connect(bench, weir)
    assert read_until(first) == b"hello\n"
    try:
        assert read_all(connect(bench, weir)) == (b"", "reset")
    except ConnectionError:  # before it could say anything
        pass
    assert weir.wait_access()[0]["end"] == end
    assert read_until(first) == b"you said x\n"


def test_a_client_that_leaves_without_a_word_leaves_the_queue(bench):
    weir = limited(bench, "max_connections_per_node")
    first = connect(bench, weir)
    assert read_until(first) == b"hello\n"
    sock = socket.create_connection(weir.address(), 10)
    waiting(weir, 1)
    sock.close()  # and has said nothing
    waiting(weir, 0)
    assert weir.wait_access()[0]["end"] == "client_gone"
    assert len(weir.talkers[0].socks) == 1


def test_who_has_said_all_may_still_wait(bench):
    """The end of a client's direction is not the end of its interest."""
    weir = limited(bench, "max_connections_per_node", request="request.get(2)")
    first = connect(bench, weir)
    assert read_until(first) == b"hello\n"
    second = connect(bench, weir)
    second.shutdown(socket.SHUT_WR)
    waiting(weir, 1)
    first.close()
    assert read_all(second) == (b"hello\nyou said x\n", "end")


def test_full_nodes_are_passed_over(bench):
    nodes = [bench.keep(Talker(greets)) for _ in range(2)]
    weir = limited(bench, "max_connections_per_node", nodes=nodes)
    socks = [connect(bench, weir) for _ in range(2)]
    assert [read_until(sock) for sock in socks] == [b"hello\n"] * 2
    assert [len(node.socks) for node in nodes] == [1, 1]


def test_another_pool_stands_in_for_a_failed_one(bench):
    spare = bench.keep(Talker(greets))
    weir = bench.weir([f"127.0.0.1:{free_port()}"], vserver={"protocol": "tcp"}, pool={"failure_pool": "spare"},
                      pools={"spare": {"nodes": [spare.name]}})
    for _ in range(3):
        assert read_until(connect(bench, weir)) == b"hello\n"


def test_room_is_given_back_however_a_session_ends(bench):
    weir = limited(bench, "max_transactions_per_node", timeout="10s")
    for number in range(5):
        sock = connect(bench, weir)
        assert read_until(sock) == b"hello\n"
        if number % 2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
    weir.until_status(lambda now: now["pools"]["web"]["nodes"][0]["transactions"], 0)
