# SPDX-License-Identifier: Apache-2.0
"""Whatever is refused has a reason of its own: counted, in the log, and visible to an operator."""
import socket
import threading

from lab.http1 import Closed


def refusals(now):
    return now["virtual_servers"]["main"]["refusals"]


def say(bench, weir, text):
    client = bench.connect(weir)
    client.send(text)
    try:
        return client.response()
    except Closed:
        return None


def test_a_refused_request_and_a_refused_answer_are_told_apart(bench):
    node = bench.node(lambda x: x.send("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na"))
    weir = bench.weir([node])
    assert refusals(weir.status()) == {}
    for _ in range(2):
        assert say(bench, weir, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na").status == 400
    assert say(bench, weir, "GET / HTTP/1.1\r\n\r\n").status == 400
    assert bench.connect(weir).get().status == 502
    lines = weir.wait_access(4)
    assert [line["reason"] for line in lines] == ["content_length", "content_length", "host_missing",
                                                  "node_content_length"]
    assert [line["end"] for line in lines] == ["bad_request"] * 3 + ["node_bad"]
    assert lines[2]["detail"] == "Host is missing"
    weir.until_status(refusals, {"content_length": 2, "host_missing": 1, "node_content_length": 1})
    table = weir.status_text()
    assert "REFUSED FOR" in table and "node_content_length" in table


def test_what_ends_well_has_no_reason(bench):
    weir = bench.weir([bench.node()])
    bench.connect(weir).get()
    assert "reason" not in weir.wait_access(1)[0]
    assert refusals(weir.status()) == {} and "REFUSED FOR" not in weir.status_text()


def test_a_body_refused_behind_the_head_of_the_answer_is_logged_with_the_status_that_left(bench):
    has_begun = threading.Event()

    def early(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        has_begun.wait(10)

    weir = bench.weir([bench.node(early, early=True)])
    client = bench.connect(weir)
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
    assert client.head().status == 200
    client.send("nonsense\r\n")
    line = weir.wait_access(1)[0]
    has_begun.set()
    assert (line["status"], line["end"], line["reason"]) == (200, "bad_body", "chunk_size")
    weir.until_status(refusals, {"chunk_size": 1})


def test_a_connection_beyond_the_limit_is_counted(bench):
    weir = bench.weir([bench.node()], vserver={"max_concurrent_connections": 1})
    first, second = bench.connect(weir), socket.create_connection(weir.address())
    assert first.get().status == 200
    bench.keep(second)
    weir.until_status(refusals, {"too_many_connections": 1})
