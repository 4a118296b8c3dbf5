# SPDX-License-Identifier: Apache-2.0
"""Fairness: in one turn of the loop a worker does a bounded piece of work for each client. Seen in
its system calls, so that a slow machine changes nothing; t/bench measures what the others feel."""
import os
import re
import signal
import threading

from lab.counting import Strace
from lab.needs import needs
from lab.wait import PATIENCE

pytestmark = needs("strace")

MOST_BYTES = 1 << 20  # in one turn: a fraction of a millisecond
SIZE, PIECE = 100_000_000, 1_000_000
PIPELINED = 1000
WAIT = re.compile(r"(?:[0-9]+ +)?epoll_p?wait")
# What brings bytes; splice does so twice, into a pipe and out of it.
BROUGHT = re.compile(r"(?:[0-9]+ +)?(recvfrom|recvmsg|read|readv|splice)\(.* = ([0-9]+)$")


def turns(path):
    """The system calls of a worker, turn by turn."""
    found = [[]]
    with open(path) as file:
        for line in file:
            found[-1].append(line)
            if WAIT.match(line):
                found.append([])
    return found


def brought(turn):
    return sum(int(m[2]) / (2 if m[1] == "splice" else 1) for line in turn
               if (m := BROUGHT.match(line)))


def test_a_large_answer(bench, tmp_path):
    weir = bench.weir([bench.node(lambda x: x.reply(200, bytes(SIZE)))])
    client = bench.connect(weir)
    strace = Strace(weir.children[:1], str(tmp_path / "calls"))
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.head().status == 200
    for _ in range(SIZE // PIECE):
        client.reader.exactly(PIECE)
    strace.stop()
    pieces = [brought(turn) for turn in turns(strace.path)]
    assert sum(pieces) >= SIZE
    assert max(pieces) <= MOST_BYTES


def fill(sock, most):
    """Sends until nobody takes any more, `most` bytes at most. How many it were."""
    sent = 0
    sock.setblocking(False)
    try:
        while sent < most:
            sent += sock.send(bytes(min(PIECE, most - sent)))
    except BlockingIOError:
        pass
    sock.settimeout(PATIENCE)
    return sent


def test_a_large_body(bench, tmp_path):
    """Of a body that came while the worker slept it takes a part in a turn, though all of it is there."""
    weir = bench.weir([bench.node()])
    client, worker = bench.connect(weir), weir.children[0]
    strace = Strace([worker], str(tmp_path / "calls"))
    client.send(f"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n")
    os.kill(worker, signal.SIGSTOP)
    sent = fill(client.sock, SIZE)
    os.kill(worker, signal.SIGCONT)
    assert sent > 2 * MOST_BYTES
    body = threading.Thread(target=client.send, args=(bytes(SIZE - sent),))
    body.start()
    assert client.response().status == 200
    body.join()
    strace.stop()
    pieces = [brought(turn) for turn in turns(strace.path)]
    assert sum(pieces) >= SIZE
    assert max(pieces) <= MOST_BYTES


def test_pipelined_requests(bench, tmp_path):
    """Answered by a rule: no node makes each of them wait for another turn anyway."""
    weir = bench.weir([bench.node()], request='http.sendResponse(200, "text/plain", "here")')
    client = bench.connect(weir)
    client.get()  # the turn that accepts it may serve it, too
    strace = Strace(weir.children[:1], str(tmp_path / "calls"))
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * PIPELINED)
    for _ in range(PIPELINED):
        assert client.response().status == 200
    client.get()  # behind the calls of the last one, which strace may tell late
    strace.stop()
    assert len(turns(strace.path)) >= PIPELINED
