# SPDX-License-Identifier: Apache-2.0
"""Nodes are judged as hard as clients (rows 30, 31 and 36 of the catalogue of attacks): what has two
readings becomes 502 and the end of that connection; never a byte of one answer in another."""
import threading

import pytest

from lab import river as r
from lab.wait import until
from lab.weir import free_port

OK = b"HTTP/1.1 200 OK\r\n"
EVIL = b"HTTP/1.1 200 OK\r\nX-Evil: 1\r\nContent-Length: 4\r\n\r\nevil"
BAD = {
    b"\x16\x03\x01\x00\x05hello": "status_line", b"hello world\r\n\r\n": "status_line",
    b"\r\n" + OK + b"\r\n": "status_line", b" " + OK + b"\r\n": "status_line",
    b"HTTP/1.1 2000 OK\r\n\r\n": "status_line", b"HTTP/1.1 099 OK\r\n\r\n": "status_line",
    b"HTTP/1.1 20 OK\r\n\r\n": "status_line", b"HTTP/1.1 600 OK\r\n\r\n": "status_line",
    b"HTTP/1.1 -20 OK\r\n\r\n": "status_line", b"HTTP/1.1 200\tOK\r\n\r\n": "status_line",
    b"HTTP/1.1 200 O\x00K\r\n\r\n": "status_line", b"http/1.1 200 OK\r\n\r\n": "status_line",
    b"HTTP/2 200 OK\r\n\r\n": "status_line", b"HTTP/1.2 200 OK\r\n\r\n": "version",
    b"HTTP/1.1 200 OK\nContent-Length: 0\n\n": "line_end", OK + b"A: b\rC: d\r\n\r\n": "line_end",
    OK + b"A: b\n\r\n": "line_end", OK + b"A: b\r\n c\r\n\r\n": "header_folded",
    OK + b"A : b\r\nContent-Length: 0\r\n\r\n": "header_name", OK + b": b\r\n\r\n": "header_name",
    OK + b"A: b\x00\r\n\r\n": "header_value", OK + b"A\r\n\r\n": "header_name",
    OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc": "content_length",
    OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc": "content_length",
    OK + b"Content-Length: 3, 3\r\n\r\nabc": "content_length",
    OK + b"Content-Length: +3\r\n\r\nabc": "content_length",
    OK + b"Content-Length: -1\r\n\r\n": "content_length", OK + b"Content-Length:\r\n\r\n": "content_length",
    OK + b"Content-Length: 99999999999999999999\r\n\r\n": "content_length",
    OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": "length_and_chunked",
    OK + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n": "length_and_chunked",
    OK + b"Transfer-Encoding: gzip\r\n\r\nabc": "transfer_encoding",
    OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n": "transfer_encoding",
    OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": "transfer_encoding",
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": "transfer_encoding_version",
    OK + b"Connection: Set-Cookie\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n": "connection_names",
    OK + b"X: " + b"y" * 200_000 + b"\r\n\r\n": "head_too_large",
    OK + b"X" * 200_000: "head_too_large", OK + b"X:\r\n" * 5000 + b"\r\n": "too_many_headers",
    b"HTTP/1.1 200 " + b"x" * 200_000: "status_line",
    b"HTTP/1.1 101 Switching\r\n\r\nhello": "switch_unasked",
    b"HTTP/1.1 103 Hints\r\n\r\n" * 100_000: "too_many_informational",
    b"HTTP/1.1 100 Continue\r\nContent-Length: 71\r\n\r\n" + EVIL: "informational_body",
    b"HTTP/1.1 103 Hints\r\nTransfer-Encoding: chunked\r\n\r\n" + EVIL: "informational_body",
    OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnonsense\r\n0\r\n\r\n": "chunk_size",
    OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n": "chunk_size",
    OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n": "chunk_size",
    OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n": "chunk_end",
    OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA : b\r\n\r\n": "trailer",
}


def say(text):
    def answer(exchange):
        if exchange.request.target == "/honest":
            exchange.reply()
        else:
            exchange.send(text)
    return answer


@pytest.mark.parametrize("text", BAD, ids=lambda text: repr(text[:60])[2:-1])
def test_row_30_answers_with_two_readings(bench, text):
    node = bench.node(say(text))
    weir = bench.weir([node], pool={"passive_monitoring": False})
    client = bench.connect(weir)
    client.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
    response = client.response()
    assert response.status == 502
    assert b"evil" not in response.body and response.get("X-Evil") is None
    line = weir.wait_access(1)[0]
    assert (line["status"], line["end"], line["reason"]) == (502, "node_bad", "node_" + BAD[text])
    assert node.wait_ended(0)
    assert bench.connect(weir).get("/honest").text == "ok"
    assert len(node.connections) == 2


def test_row_30_a_chunk_that_is_none_later_cuts_the_answer(bench):
    """The head has gone out: all that can still be said is that the body is not whole."""
    has_begun = threading.Event()

    def answer(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        has_begun.wait(10)
        exchange.send("nonsense\r\n0\r\n\r\n")

    weir = bench.weir([bench.node(answer)])
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.head().status == 200
    assert client.reader.exactly(8) == b"3\r\nabc\r\n"
    has_begun.set()
    assert client.ending() in ("end", "reset")
    line = weir.wait_access(1)[0]
    assert (line["status"], line["end"], line["reason"]) == (200, "node_cut", "node_chunk_size")


@pytest.mark.parametrize("length", [b"Content-Length: 2\r\n\r\nok", b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
                         ids=["length", "chunked"])
@pytest.mark.parametrize("is_late", [False, True], ids=["at once", "late"])
def test_row_30_bytes_behind_an_answer_are_nobodys_answer(bench, length, is_late):
    """A second answer that nobody asked for, in the same segment or once the connection is idle."""
    sent = threading.Event()

    def answer(exchange):
        if exchange.connection.number > 0:
            return exchange.reply(200, b"mine")
        exchange.send(OK + length + (b"" if is_late else EVIL))
        if is_late:
            sent.wait(10)
            exchange.send(EVIL)

    node = bench.node(answer)
    weir = bench.weir([node])
    client = bench.connect(weir)
    assert client.get().text == "ok"
    sent.set()
    assert node.wait_ended(0) in ("end", "reset")
    assert client.get().text == "mine"
    assert [line["end"] for line in weir.wait_access(2)] == ["ok", "ok"]


def test_row_30_a_chunk_without_end_does_not_fill_memory(bench):
    """A size of 16 digits is good; as much as comes is passed on, and no more is held."""
    def answer(exchange):
        exchange.send(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 16 + b"\r\n")
        try:
            while True:
                exchange.send(bytes(100_000))
        except OSError:
            exchange.connection.ended = "us"

    node = bench.node(answer)
    weir = bench.weir([node])
    client = bench.connect(weir, receive_buffer=4096)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.head().status == 200
    assert len(client.reader.exactly(1_000_000)) == 1_000_000
    client.reset()
    assert weir.wait_access(1)[0]["end"] == "client_gone"
    assert node.wait_ended(0)


def test_row_30_an_early_answer_of_a_node_that_then_reads_nothing(bench):
    """The client gets it although most of its body has no taker, and weir is rid of the node."""
    release = threading.Event()

    def early(exchange):
        if exchange.request.target == "/honest":
            return exchange.reply()
        exchange.reply(413, b"no")
        assert release.wait(10)
        exchange.close()

    node = bench.node(early, early=True)
    weir = bench.weir([node], vserver={"timeouts": {"idle": "500ms"}})
    client = bench.connect(weir)
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n", bytes(50_000))
    response = client.response()
    assert (response.status, response.text) == (413, "no")
    client.sock.settimeout(2)
    try:
        while True:
            client.send(bytes(100_000))
    except OSError:
        pass
    weir.wait_access(1)
    assert bench.connect(weir).get("/honest").text == "ok"
    release.set()


NO_BODY = {
    "HEAD with a body": ("HEAD", OK + b"Content-Length: 4\r\n\r\n", b"evil", 200),
    "HEAD with an answer": ("HEAD", OK + b"Content-Length: 71\r\n\r\n", EVIL, 200),
    "HEAD with chunks": ("HEAD", OK + b"Transfer-Encoding: chunked\r\n\r\n", b"4\r\nevil\r\n0\r\n\r\n", 200),
    "304 with a body": ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 71\r\n\r\n", EVIL, 304),
    "304 with chunks": ("GET", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n", 304),
    "204 with a body": ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 71\r\n\r\n", EVIL, 204),
    "204 with chunks": ("GET", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n", 204),
}


@pytest.mark.parametrize("is_late", [False, True], ids=["at once", "late"])
@pytest.mark.parametrize("name", NO_BODY)
def test_row_31_bodies_where_there_are_none(bench, name, is_late):
    method, head, body, status = NO_BODY[name]
    sent = threading.Event()

    def answer(exchange):
        if exchange.connection.number > 0:
            return exchange.reply(200, b"mine")
        exchange.send(head if is_late else head + body)
        sent.wait(10)
        try:
            exchange.send(body if is_late else b"")
        except OSError:
            pass

    node = bench.node(answer)
    weir = bench.weir([node])
    client = bench.connect(weir)
    response = client.get(method=method)
    sent.set()
    assert (response.status, client.reader.held) == (status, b"")
    assert response.get("Transfer-Encoding") is None
    if status == 204:
        assert response.get("Content-Length") is None
    assert node.wait_ended(0) in ("end", "reset")
    assert client.get().text == "mine"


@pytest.mark.parametrize("head", [OK + b"Content-Length: 71\r\n", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 71\r\n"],
                         ids=["HEAD", "304"])
def test_row_31_a_length_without_its_body_is_no_fault(bench, head):
    """It is that of the body that GET would bring: told to the client, and the connection is kept."""
    node = bench.node(lambda x: x.send(head + b"\r\n"))
    client = bench.connect(bench.weir([node]))
    for _ in range(3):
        assert client.get(method="HEAD").get("Content-Length") == "71"
    assert len(node.connections) == 1


@pytest.mark.parametrize("dest", ["10.1.255.254", "169.254.169.254"])
def test_row_36_destinations_that_are_no_hosts(bench, river, dest):
    """Captured on the way to our own listener, or to where clouds keep credentials."""
    port = free_port()
    node = bench.node(address=r.NODE_V4, namespace=river.node)
    weir = bench.weir("original_destination", listen=f"0.0.0.0:{port}", namespace=river.weir,
                      vserver={"capture": "redirect"})
    river.capture_redirect(80, port)
    is_own = dest == r.WEIR_V4
    client = bench.client((dest, port if is_own else 80), source=r.CLIENTS_V4[3], namespace=river.client)
    assert client.get().status == (508 if is_own else 502)
    assert weir.wait_access(1)[0]["end"] == ("loop" if is_own else "bad_destination")
    assert node.connections == []


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "224.0.0.1", "255.255.255.255", "0.0.0.0",
                                  "::1", "fe80::1", "ff02::1", "::ffff:127.0.0.1"])
def test_row_36_rules_cannot_be_led_to_such_destinations(bench, river, host):
    """A rule that takes the address from what a client says must not open these doors."""
    port = free_port()
    node = bench.node(address=r.NODE_V4, namespace=river.node)
    weir = bench.weir([node], listen=f"0.0.0.0:{port}", namespace=river.weir,
                      request='pool.use("web", http.getHeader("X-To"), 80)')
    client = bench.client((r.WEIR_V4, port), source=r.CLIENTS_V4[3], namespace=river.client)
    assert client.get("/", f"X-To: {host}\r\n").status in (500, 502)
    until(lambda: weir.access, "its line")
    assert weir.access[0]["end"] in ("bad_destination", "rule_failed")
    assert node.connections == []
