# SPDX-License-Identifier: Apache-2.0
"""Every framing of a body, both ways, arrives whole and in one canonical form."""
import hashlib
import os

import pytest

BIG = os.urandom(3_000_000)
DIGEST = hashlib.sha256(BIG).digest()


@pytest.mark.parametrize("size", [0, 1, 1000, 65536, len(BIG)])
def test_counted_bodies_both_ways(bench, size):
    node = bench.node(lambda x: x.reply(200, BIG[:size]))
    client = bench.connect(bench.weir([node]))
    response = client.get("/", method="PUT", body=BIG[:size])
    expected = hashlib.sha256(BIG[:size]).digest()
    assert response.digest.digest() == expected
    assert (node.requests[0].framing, node.requests[0].digest.digest()) == ("length", expected)
    assert response.get("Content-Length") == str(size)
    assert client.get("/").status == 200


def test_chunked_bodies_both_ways(bench):
    pieces = [BIG[i:i + 40_001] for i in range(0, len(BIG), 40_001)]
    node = bench.node(lambda x: x.chunked(*pieces))
    client = bench.connect(bench.weir([node]))
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                *(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces), "0\r\n\r\n")
    response = client.response()
    assert (response.framing, response.digest.digest()) == ("chunked", DIGEST)
    assert (node.requests[0].framing, node.requests[0].digest.digest()) == ("chunked", DIGEST)
    assert client.get("/").status == 200


def test_chunks_of_one_byte(bench):
    node = bench.node(lambda x: x.chunked(*(b"%c" % c for c in b"hello world")))
    client = bench.connect(bench.weir([node]))
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(*(b"1\r\n%c\r\n" % c for c in b"hello node"), *(b"%c" % c for c in b"0\r\n\r\n"))
    assert client.response().text == "hello world"
    assert node.requests[0].body == b"hello node"


def test_chunk_extensions_do_not_pass(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node]))
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3;name=\"quoted\"\r\nabc\r\n0;last\r\n\r\n")
    assert client.response().status == 200
    assert node.requests[0].body == b"abc"  # the reader refuses extensions


def test_trailers_pass_to_the_node(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node]))
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: Checksum\r\n\r\n"
                "3\r\nabc\r\n0\r\nChecksum: 42\r\nContent-Length: 7\r\n\r\n")
    assert client.response().status == 200
    assert node.requests[0].trailers == [("Checksum", "42")]  # framing is never a trailer


def test_trailers_pass_to_a_client_that_accepts_them(bench):
    node = bench.node(lambda x: x.chunked(b"abc", trailers="Checksum: 42\r\n"))
    client = bench.connect(bench.weir([node]))
    assert client.get("/", "TE: trailers\r\nConnection: TE\r\n").trailers == [("Checksum", "42")]
    assert client.get("/").trailers in ([], [("Checksum", "42")])
    assert client.get("/").status == 200


def test_a_body_that_ends_with_the_connection(bench):
    def until_close(exchange):
        exchange.send("HTTP/1.1 200 OK\r\n\r\n", BIG)
        exchange.close()

    node = bench.node(until_close)
    client = bench.connect(bench.weir([node]))
    response = client.get("/")
    assert response.digest.digest() == DIGEST
    if response.framing == "chunked":  # then the client may go on
        assert client.get("/").digest.digest() == DIGEST


def test_a_body_without_end_for_http_1_0_ends_by_close(bench):
    def until_close(exchange):
        exchange.send("HTTP/1.0 200 OK\r\n\r\nall of it")
        exchange.close()

    client = bench.connect(bench.weir([bench.node(until_close)]))
    client.send("GET / HTTP/1.0\r\n\r\n")
    response = client.response()
    assert (response.framing, response.text) == ("close", "all of it")


def test_head_has_no_body_but_keeps_its_length(bench):
    node = bench.node(lambda x: x.reply(200, b"12345"))
    client = bench.connect(bench.weir([node]))
    response = client.get("/", method="HEAD")
    assert (response.get("Content-Length"), response.size) == ("5", 0)
    assert client.get("/").text == "12345"


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_body(bench, status):
    node = bench.node(lambda x: x.send(f"HTTP/1.1 {status} None\r\nETag: \"a\"\r\n\r\n"))
    client = bench.connect(bench.weir([node]))
    for _ in range(2):
        response = client.get("/")
        assert (response.status, response.framing, response.get("ETag")) == (status, "none", '"a"')
        assert response.get("Transfer-Encoding") is None
    assert len(node.connections) == 1


def test_304_may_state_a_length(bench):
    node = bench.node(lambda x: x.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"))
    client = bench.connect(bench.weir([node]))
    for _ in range(2):
        assert client.get("/").status == 304
    assert len(node.connections) == 1


def test_a_body_dribbled_by_the_node(bench):
    def dribble(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n", *[b"x"] * 30)

    client = bench.connect(bench.weir([bench.node(dribble)]))
    assert client.get("/").body == b"x" * 30


def test_pieces_pass_at_once(bench):
    """A proxy that gathers the whole body first would hang here."""
    def converse(exchange):
        reader = exchange.connection.reader
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            asked = reader.until(b"\r\n", 99)
            piece = reader.exactly(int(asked, 16) + 2)[:-2]
            exchange.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        reader.until(b"0\r\n\r\n")
        exchange.send("0\r\n\r\n")

    node = bench.node(converse, early=True)
    client = bench.connect(bench.weir([node]))
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    head = client.head()
    for word in (b"one", b"three", b"seven"):
        client.send(b"%x\r\n%s\r\n" % (len(word), word))
        size = int(client.reader.until(b"\r\n"), 16)
        assert client.reader.exactly(size + 2) == word + b"\r\n"
    client.send("0\r\n\r\n")
    assert client.reader.until(b"\r\n\r\n") == b"0\r\n\r\n"
    assert head.status == 200
