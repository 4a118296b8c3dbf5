# SPDX-License-Identifier: Apache-2.0
"""Answers that leave compressed and are stored: what the web cache holds is what the node said."""
import gzip

import pytest

from test_answers_are_compressed import ACCEPT, HTML, ON, TEXT, plain

CACHED = {"web_cache": {"enabled": True}}
FRESH = 'Cache-Control: max-age=60\r\nETag: "x"\r\n'


def cached(bench, answer=None, vserver=None, **options):
    node = bench.node(answer or (lambda x: x.reply(200, TEXT, HTML + FRESH)))
    weir = bench.weir([node], vserver={**ON, **CACHED, **(vserver or {})}, **options)
    return node, weir, bench.connect(weir)


def test_one_stored_answer_serves_every_coding(bench):
    node, weir, client = cached(bench)
    for accept, coding, tag in [("gzip", "gzip", 'W/"x;gzip"'), ("br", "br", 'W/"x;br"'), ("", None, '"x"')] * 3:
        response = client.get("/", f"Accept-Encoding: {accept}\r\n")
        assert (response.get("Content-Encoding"), response.get("ETag")) == (coding, tag)
        assert plain(response) == TEXT and response.get("Vary") == "Accept-Encoding"
    assert len(node.requests) == 1
    assert [line.get("cache") for line in weir.wait_access(9)] == ["miss"] + ["hit"] * 8


@pytest.mark.parametrize("kind, asked", [("chunked", 1), ("until_close", 3)])
def test_bodies_whose_size_comes_last(bench, kind, asked):
    """Those that end with their connection are not stored: nobody knows whether they are whole."""
    def answer(x):
        if kind == "chunked":
            x.chunked(TEXT[:10], TEXT[10:], headers=HTML + FRESH)
        else:
            x.send(f"HTTP/1.1 200 OK\r\n{HTML}{FRESH}\r\n", TEXT)
            x.close()
    node, weir, client = cached(bench, answer)
    for accept in (ACCEPT, ACCEPT, ""):
        assert plain(client.get("/", accept)) == TEXT
    assert len(node.requests) == asked


def test_a_stored_answer_is_valid_in_its_coding(bench):
    node, _, client = cached(bench)
    client.get("/", ACCEPT)
    for accept, tag, status in [("gzip", 'W/"x;gzip"', 304), ("gzip", '"x"', 304), ("gzip", 'W/"x;br"', 200),
                                ("br", 'W/"x;br"', 304), ("br", 'W/"x;gzip"', 200), ("", '"x"', 304),
                                ("", 'W/"x;gzip"', 200)]:
        response = client.get("/", f"Accept-Encoding: {accept}\r\nIf-None-Match: {tag}\r\n")
        assert response.status == status, (accept, tag)
        assert status == 200 or response.get("ETag") == tag
    assert len(node.requests) == 1


def test_head_and_ranges_of_a_stored_answer(bench):
    node, _, client = cached(bench)
    client.get("/", ACCEPT)
    head = client.get("/", ACCEPT, method="HEAD")
    assert (head.get("Content-Encoding"), head.get("Content-Length"), head.get("ETag")) == ("gzip", None, 'W/"x;gzip"')
    part = client.get("/", ACCEPT + "Range: bytes=0-9\r\n")
    if part.status == 206:
        assert part.body == TEXT[:10] and part.get("Content-Encoding") is None
    else:
        assert plain(part) == TEXT


def test_what_the_node_varies_is_stored_as_it_says(bench):
    """A node that compresses itself: each coding is an answer of its own."""
    def answer(x):
        coding = x.request.get("Accept-Encoding")
        if coding == "gzip":
            x.reply(200, gzip.compress(TEXT), HTML + FRESH + "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n")
        else:
            x.reply(200, TEXT, HTML + FRESH + "Vary: Accept-Encoding\r\n")
    node, _, client = cached(bench, answer)
    for accept, coding in [("gzip", "gzip"), ("", None), ("br", "br")] * 2:
        response = client.get("/", f"Accept-Encoding: {accept}\r\n")
        assert response.get("Content-Encoding") == coding and plain(response) == TEXT
        assert response.get("Vary") == "Accept-Encoding"
    assert len(node.requests) == 3


def test_a_rule_decides_for_stored_answers_too(bench):
    _, _, client = cached(bench, vserver={"gzip": {}}, request="""
        if http.getPath() == "/yes" then http.compress.enable() end http.setPath("/")""")
    for path, coding in [("/no", None), ("/yes", "gzip"), ("/no", None), ("/yes", "gzip")]:
        response = client.get(path, ACCEPT)
        assert response.get("Content-Encoding") == coding and plain(response) == TEXT
