# SPDX-License-Identifier: Apache-2.0
"""Large counted bodies move from socket to socket inside the kernel, through one pipe for all of a
worker's connections. Whatever happens to one of them, each gets its own bytes, all of them, or a cut."""
import hashlib
import socket
import threading
import time

import pytest

from lab.http1 import Closed

SIZE = 3_000_000
PIECE = 65536  # what weir moves at a time


def body_of(number, size=SIZE):
    """Bytes that occur in no other body, and at no other place of this one."""
    return b"".join(b"%07d.%03d\n" % (i, number) for i in range(size // 12 + 1))[:size]


def number_of(target):
    return int(target.rsplit("/", 1)[1])


class Crowd:
    """Threads whose exceptions are the test's."""

    def __init__(self):
        self.threads, self.troubles = [], []

    def add(self, work, *arguments):
        def run():
            try:
                work(*arguments)
            except BaseException as trouble:  # pylint: disable=broad-except
                self.troubles.append(f"{work.__name__}{arguments}: {trouble!r}")
        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()

    def join(self):
        for thread in self.threads:
            thread.join(40)
        assert not self.troubles, "\n".join(self.troubles)
        assert not any(thread.is_alive() for thread in self.threads)


def test_many_at_once_and_some_break(bench):
    """Fast and slow readers, fast and slow senders, up and down, and resets in the middle of each."""
    def answer(exchange):
        number, kind = number_of(exchange.request.target), exchange.request.target.split("/")[1]
        body = body_of(number)
        if kind == "up":
            assert exchange.request.digest.digest() == hashlib.sha256(body).digest(), number
            exchange.reply()
            return
        exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n")
        if kind == "broken":
            exchange.send(body[:SIZE // 2])
            exchange.reset()
            return
        try:
            for at in range(0, SIZE, 100_000):
                exchange.send(body[at:at + 100_000])
        except OSError:
            assert kind == "leaving"
            exchange.close()

    node = bench.node(answer)
    weir = bench.weir([node])
    crowd = Crowd()

    def download(number, receive_buffer):
        client = weir.client(receive_buffer=receive_buffer)
        for _ in range(3):
            assert client.get(f"/down/{number}").digest.digest() == hashlib.sha256(
                body_of(number)).digest()
        client.close()

    def upload(number, step):
        client, body = weir.client(), body_of(number)
        for _ in range(2):
            client.send(f"PUT /up/{number} HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n")
            for at in range(0, SIZE, step):
                client.send(body[at:at + step])
            assert client.response().text == "ok"
        client.close()

    def leave(number):
        for _ in range(5):
            client = weir.client(receive_buffer=8192)
            client.send(f"GET /leaving/{number} HTTP/1.1\r\nHost: a\r\n\r\n")
            client.head()
            client.reader.exactly(200_000)
            client.reset()

    def break_off(number):
        for _ in range(5):
            client = weir.client(receive_buffer=8192)
            client.send(f"PUT /up/{number} HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n",
                        body_of(number)[:SIZE // 2])
            client.reset()

    def be_cut(number):
        for _ in range(5):
            client = weir.client()
            with pytest.raises(Closed) as closed:
                client.get(f"/broken/{number}")
            assert body_of(number).startswith(closed.value.received[-1000:]) or \
                closed.value.received[-1000:] in body_of(number)
            client.close()

    for number, receive_buffer in enumerate([None, None, 4096, 65536]):
        crowd.add(download, number, receive_buffer)
    for number, step in enumerate([SIZE, 50_001, 1_000_000], 10):
        crowd.add(upload, number, step)
    for number, work in enumerate([leave, break_off, be_cut], 20):
        crowd.add(work, number)
    crowd.join()


def test_what_comes_behind_a_body_is_the_next_request(bench):
    node = bench.node(lambda x: x.reply(200, x.request.method.encode()))
    client, body = bench.connect(bench.weir([node])), body_of(1, 1 << 20)
    put = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    client.send((put + body + get) * 3)
    assert [client.response().text for _ in range(6)] == ["PUT", "GET"] * 3
    assert all(r.digest.digest() == hashlib.sha256(body).digest()
               for r in node.requests if r.method == "PUT")


def test_node_connections_are_kept_behind_a_body(bench):
    body = body_of(1, 1 << 20)
    node = bench.node(lambda x: x.reply(200, body))
    client = bench.connect(bench.weir([node]))
    for _ in range(5):
        assert client.get("/").digest.digest() == hashlib.sha256(body).digest()
    assert len(node.connections) == 1


def test_what_a_node_says_behind_its_body_reaches_nobody(bench):
    body = body_of(1, 1 << 20)

    def say_more(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body +
                      b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")

    node = bench.node(say_more)
    weir = bench.weir([node])
    for _ in range(3):
        client = bench.connect(weir)
        for _ in range(3):
            assert client.get("/").digest.digest() == hashlib.sha256(body).digest()
    assert len(node.connections) == len(node.requests)


def test_an_answer_may_come_before_the_body_has_gone(bench):
    def refuse(exchange):
        exchange.connection.reader.exactly(1_000_000)
        exchange.reply(413, b"too much", "Connection: close\r\n")

    node = bench.node(refuse, early=True)
    weir = bench.weir([node])
    client = bench.connect(weir)
    client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n", body_of(1, 1_500_000))
    assert client.response().status == 413


def test_a_half_closed_client_gets_the_answer(bench):
    body = body_of(1)
    node = bench.node(lambda x: x.reply(200, body))
    client = bench.connect(bench.weir([node]))
    client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body), body)
    client.half_close()
    assert client.response().digest.digest() == hashlib.sha256(body).digest()
    assert node.requests[0].digest.digest() == hashlib.sha256(body).digest()


def test_a_client_that_ends_in_the_middle_cuts_its_request(bench):
    node = bench.node()
    weir = bench.weir([node])
    client = bench.connect(weir)
    client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % SIZE, body_of(1, SIZE - 1))
    client.half_close()
    assert weir.wait_access(1)[0]["end"] == "client_cut"
    assert node.wait_ended(0) and node.requests == []


def send_one_turn_of_work(sock, head):
    """When the rule has waited, weir moves the head and one piece, and leaves the rest for later."""
    sock.sendall(head)
    time.sleep(0.1)
    sock.sendall(body_of(1, PIECE))
    sock.shutdown(socket.SHUT_WR)


def test_a_client_that_ends_where_a_turn_does_cuts_its_request(bench):
    weir = bench.weir([bench.node()], request="connection.sleep(400)")
    client = bench.connect(weir)
    send_one_turn_of_work(client.sock,
                          b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % SIZE)
    assert weir.wait_access(1)[0]["end"] == "client_cut"


def test_a_node_that_ends_where_a_turn_does_cuts_its_answer(bench):
    def answer(exchange):
        send_one_turn_of_work(exchange.connection.sock,
                              b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)

    weir = bench.weir([bench.node(answer)], response="connection.sleep(400)")
    with pytest.raises(Closed):
        bench.connect(weir).get("/")
    assert weir.wait_access(1)[0]["end"] == "node_cut"


def test_every_byte_is_counted(bench):
    body = body_of(1)
    weir = bench.weir([bench.node(lambda x: x.reply(200, body))])
    client = bench.connect(weir)
    head = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    client.send(head + body)
    response = client.response()
    access = weir.wait_access(1)[0]
    assert access["bytes_in"] == len(head) + len(body)
    assert access["bytes_out"] >= response.size + 50


def send_with_urgent_byte(sock, head, body):
    """The byte goes beside the body. What comes before it has to be gone from weir when it comes."""
    sock.sendall(head + body[:SIZE // 2])
    time.sleep(0.3)
    sock.send(b"!", socket.MSG_OOB)
    time.sleep(0.3)
    sock.sendall(body[SIZE // 2:])


def test_an_urgent_byte_does_not_stop_a_body(bench):
    """The kernel splices nothing from where one lies, and says all the while that there is something."""
    up, down = body_of(1), body_of(2)

    def answer(exchange):
        send_with_urgent_byte(exchange.connection.sock,
                              b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE, down)

    node = bench.node(answer)
    client = bench.connect(bench.weir([node]))
    send_with_urgent_byte(client.sock,
                          b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % SIZE, up)
    assert client.response().digest.digest() == hashlib.sha256(down).digest()
    assert node.requests[0].digest.digest() == hashlib.sha256(up).digest()


def gaps(bench, whole, wait, pieces):
    """Seconds from each sending of a piece by the node until the client has it."""
    arrived, found = threading.Semaphore(0), []

    def send(exchange):
        exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {whole}\r\n\r\n")
        for piece in pieces:
            began = time.monotonic()
            exchange.send(piece)
            arrived.acquire(timeout=wait)
            found.append(time.monotonic() - began)
        exchange.close()

    client = bench.connect(bench.weir([bench.node(send)]))
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.head().status == 200
    for piece in pieces:
        assert client.reader.exactly(len(piece)) == piece
        arrived.release()
    return found


def test_a_sender_that_pauses_holds_nothing_up(bench):
    """The kernel keeps what it is told will go on for 200 ms; nobody may have to wait for that."""
    sizes = (PIECE, 2 * PIECE, 4 * PIECE, 5 * PIECE, 40_000, PIECE + 1000, 5 * PIECE + 10)
    pieces = [body_of(i, size) for i, size in enumerate(sizes * 3)]
    found = gaps(bench, 100_000_000, 10, pieces)
    for kind in range(len(sizes)):
        assert min(found[kind::len(sizes)]) < 0.15, found


def test_a_reader_that_stops_is_cut_and_one_that_is_slow_is_not(bench):
    body = body_of(1, 30_000_000)
    weir = bench.weir([bench.node(lambda x: x.reply(200, body))],
                      vserver={"timeouts": {"idle": "1500ms"}})
    stuck = bench.connect(weir, receive_buffer=4096)
    slow = bench.connect(weir, receive_buffer=65536)
    for client in (stuck, slow):
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.head().status == 200
    began, got, digest = time.monotonic(), 0, hashlib.sha256()
    while got < len(body):
        piece = slow.reader.exactly(min(400_000, len(body) - got))
        got += len(piece)
        digest.update(piece)
        if time.monotonic() - began < 3:
            time.sleep(0.05)
    assert digest.digest() == hashlib.sha256(body).digest()
    assert [line["end"] for line in weir.wait_access(1)][0] == "idle_timeout"


def test_without_a_descriptor_for_the_pipe_bytes_are_copied(bench):
    body = body_of(1)
    node = bench.node(lambda x: x.reply(200, body))
    weir = bench.weir([node], wrapper=("prlimit", "--nofile=64:64"))
    client = bench.connect(weir)
    client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body), body[:1000])
    until_full = [bench.connect(weir) for _ in range(64)]
    for other in until_full:
        other.send("GET ")  # TCP_DEFER_ACCEPT: nobody is let in without a word
    weir.wait_log("cannot accept a connection")
    client.send(body[1000:])
    assert client.response().digest.digest() == hashlib.sha256(body).digest()
    assert node.requests[0].digest.digest() == hashlib.sha256(body).digest()
