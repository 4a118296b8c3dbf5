# SPDX-License-Identifier: Apache-2.0
"""Back-pressure: a body of any size through a reader of any slowness costs a constant."""
import threading
import time

from lab.wait import until
from lab.weir import is_sanitized

SIZE = 200_000_000
PIECE = bytes(range(256)) * 256
MOST_HELD = 32_000_000   # by weir and by the kernel's buffers of four sockets, each of several MB
# of weir's memory; a sanitizer keeps what was freed for a while, to see who still uses it
MOST_GROWTH = 60_000_000 if is_sanitized() else 6_000_000


def memory(weir):
    total = 0
    for pid in weir.children:
        with open(f"/proc/{pid}/status") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) * 1024
    return total


def standing(count):
    """Waits until count() stands still: everything on the way is full."""
    last = [-1, time.monotonic()]

    def is_still():
        if count() != last[0]:
            last[:] = [count(), time.monotonic()]
        return time.monotonic() - last[1] > 0.3
    until(is_still, "the sender is held back", 20)
    return last[0]


def test_a_large_response_to_a_slow_client(bench):
    sent = [0]

    def flood(exchange):
        exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n")
        while sent[0] < SIZE:
            exchange.send(PIECE[:SIZE - sent[0]])
            sent[0] += len(PIECE[:SIZE - sent[0]])

    weir = bench.weir([bench.node(flood)])
    client = bench.connect(weir, receive_buffer=65536)
    before = memory(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    head = client.head()
    client.reader.exactly(1_000_000)
    assert standing(lambda: sent[0]) < MOST_HELD
    held, most = 1_000_000, 0
    while held < SIZE:
        held += len(client.reader.exactly(min(SIZE - held, 4_000_000)))
        most = max(most, memory(weir))
    assert head.status == 200
    assert most - before < MOST_GROWTH


def test_a_large_request_to_a_slow_node(bench):
    release = threading.Event()

    def wait(exchange):
        release.wait(20)
        exchange.read_body()
        exchange.reply()

    node = bench.node(wait, early=True)
    weir = bench.weir([node])
    client, sent = bench.connect(weir), [0]
    before = memory(weir)
    client.send(f"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n")

    def flood():
        while sent[0] < SIZE:
            client.send(PIECE[:SIZE - sent[0]])
            sent[0] += len(PIECE[:SIZE - sent[0]])

    thread = threading.Thread(target=flood)
    thread.start()
    assert standing(lambda: sent[0]) < MOST_HELD
    stalled = memory(weir)
    release.set()
    assert client.response().status == 200
    thread.join()
    assert node.requests[0].size == SIZE
    assert max(stalled, memory(weir)) - before < MOST_GROWTH


def test_many_slow_clients_stay_small(bench):
    """A hundred stalled responses at once: the bound is per connection, and it is not reached
    by those that merely wait."""
    weir = bench.weir([bench.node(lambda x: x.reply(200, b"x" * 1_000_000))])
    before = memory(weir)
    clients = [bench.connect(weir, receive_buffer=4096) for _ in range(100)]
    for client in clients:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    for client in clients:
        assert client.head().status == 200
    assert memory(weir) - before < 100 * 300_000
    for client in clients:
        client.reader.exactly(1_000_000)


def test_a_pipelining_client_that_never_reads_is_held_back(bench):
    node = bench.node(lambda x: x.reply(200, b"x" * 10_000))
    weir = bench.weir([node], vserver={"timeouts": {"idle": "5s"}})
    client, sent = bench.connect(weir), [0]
    client.sock.setblocking(False)
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 1000
    before = memory(weir)

    def push():
        try:
            sent[0] += client.sock.send(request)
        except BlockingIOError:
            pass
        return sent[0]

    assert standing(push) < MOST_HELD
    assert memory(weir) - before < MOST_GROWTH
