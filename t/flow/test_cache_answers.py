# SPDX-License-Identifier: Apache-2.0
"""The web cache answers in place of a node, where RFC 9111 lets a shared cache do so."""
import hashlib
import os
import re
import signal
import subprocess
import threading
import time
from email.utils import formatdate

import pytest

from lab.wait import until
from lab.weir import PROGRAM

ON = {"web_cache": {"enabled": True}}
FRESH = "Cache-Control: max-age=60\r\n"


def counting(headers=FRESH, status=200, body=b"body %d"):
    """A node whose answers are numbered."""
    def answer(x):
        x.reply(status, body % len(x.node.requests) if b"%d" in body else body, headers)
    return answer


def run(weir, command, *words):
    return subprocess.run([PROGRAM, command, "-c", weir.path, *words], capture_output=True, text=True,
                          check=True).stdout


def start(bench, answer=None, vserver=None, **options):
    node = bench.node(answer or counting())
    weir = bench.weir([node], vserver={**ON, **(vserver or {})}, **options)
    return node, weir, bench.connect(weir)


def test_a_second_request_is_answered_without_the_node(bench):
    node, weir, client = start(bench)
    first, second, third = (client.get("/a") for _ in range(3))
    assert [r.text for r in (first, second, third)] == ["body 1"] * 3
    assert len(node.requests) == 1
    assert first.get("Age") is None and int(second.get("Age")) < 5
    assert second.get("Cache-Control") == "max-age=60" and second.get("Via") == "1.1 weir"
    access = weir.wait_access(3)
    assert [line.get("cache") for line in access] == ["miss", "hit", "hit"]
    assert [line["end"] for line in access] == ["ok", "cached", "cached"]
    assert [line["pool"] for line in access] == ["web"] * 3 and access[1]["node"] is None


def test_off_by_default(bench):
    node = bench.node(counting())
    weir = bench.weir([node])
    client = bench.connect(weir)
    assert [client.get("/a").text for _ in range(3)] == ["body 1", "body 2", "body 3"]
    assert "cache" not in weir.wait_access(3)[0]


def test_all_workers_share_it(bench):
    node, weir, client = start(bench, workers=2)
    client.get("/a")
    clients = [bench.connect(weir) for _ in range(20)]
    assert {c.get("/a").text for c in clients} == {"body 1"}
    assert len(node.requests) == 1


@pytest.mark.parametrize("size", [0, 1, 2047, 2048, 2049, 65536, 300_001, 1_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_of_any_size_come_back_whole(bench, size, chunked):
    body = bytes(i * 7 % 251 for i in range(size))

    def answer(x):
        if chunked:
            x.chunked(*(body[i:i + 70_000] for i in range(0, size, 70_000)), headers=FRESH)
        else:
            x.reply(200, body, FRESH)

    node, _, client = start(bench, answer)
    for _ in range(3):
        response = client.get("/a")
        assert response.size == size and response.body == body[:1 << 20]
    assert len(node.requests) == 1


def test_a_slow_reader_gets_all_of_it_and_holds_nobody(bench):
    body = bytes(i * 7 % 251 for i in range(1_200_000))
    node = bench.node(lambda x: x.reply(200, body, FRESH))
    weir = bench.weir([node], vserver=ON)
    bench.connect(weir).get("/a")
    slow = bench.connect(weir, receive_buffer=4096)
    slow.send("GET /a HTTP/1.1\r\nHost: test\r\n\r\n")
    for _ in range(5):
        assert bench.connect(weir).get("/a").size == len(body)
    response = slow.response()
    assert response.digest.digest() == hashlib.sha256(body).digest()
    assert len(node.requests) == 1


@pytest.mark.parametrize("headers", [
    "Cache-Control: no-store\r\n",
    "Cache-Control: private, max-age=60\r\n",
    "Cache-Control: private=\"set-cookie\", max-age=60\r\n",
    "Cache-Control: max-age=60\r\nCache-Control: no-store\r\n",
    "Cache-Control: max-age=0\r\n",
    "Cache-Control: max-age=60, max-age=0\r\n",
    "Cache-Control: max-age=nonsense\r\n",
    "Cache-Control: no-cache\r\n",
    "Cache-Control: s-maxage=0, max-age=60\r\n",
    "Expires: 0\r\n",
    "Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
    "Cache-Control: max-age=60\r\nAge: 60\r\n",
    "Cache-Control: max-age=60\r\nVary: *\r\n",
    "Cache-Control: max-age=60\r\nVary: Accept, *\r\n",
    "Cache-Control: max-age=60\r\nVary: X-Forwarded-For\r\n",
    "Cache-Control: max-age=60\r\nSet-Cookie: id=1\r\n",
    "",
])
def test_answers_that_are_not_stored(bench, headers):
    node, _, client = start(bench, counting(headers))
    assert [client.get("/a").text for _ in range(2)] == ["body 1", "body 2"]


@pytest.mark.parametrize("headers", [
    "Cache-Control: max-age=60\r\n",
    "Cache-Control: MAX-AGE=\"60\"\r\n",
    "cache-control: foo=\"a, no-store\", max-age=60\r\n",
    "Cache-Control: s-maxage=60, max-age=0\r\n",
    "Cache-Control: public, max-age=60\r\nSet-Cookie: id=1\r\n",
    "Cache-Control: no-store, must-understand, max-age=60\r\n",
    "Expires: +600\r\n",
    "Last-Modified: -86400\r\n",
    "Cache-Control: max-age=60\r\nVary: Accept\r\n",
    "Cache-Control: max-age=60\r\nPragma: no-cache\r\n",
])
def test_answers_that_are_stored(bench, headers):
    headers = re.sub(r"(?<=: )[-+]\d+", lambda m: formatdate(time.time() + int(m[0]), usegmt=True), headers)
    node, _, client = start(bench, counting(headers))
    assert [client.get("/a").text for _ in range(2)] == ["body 1", "body 1"]


@pytest.mark.parametrize("status, stored", [(200, True), (203, True), (301, True), (302, False), (404, True),
                                            (410, True), (500, False), (206, False), (201, False)])
def test_which_statuses_are_stored_without_a_word(bench, status, stored):
    modified = "Last-Modified: " + formatdate(time.time() - 86400, usegmt=True) + "\r\n"
    node, _, client = start(bench, counting(modified, status))
    texts = [client.get("/a").text for _ in range(2)]
    assert texts == (["body 1"] * 2 if stored else ["body 1", "body 2"])


@pytest.mark.parametrize("status", [302, 307, 403, 500, 503])
def test_others_when_their_node_says_so(bench, status):
    node, _, client = start(bench, counting(FRESH, status))
    answers = [client.get("/a") for _ in range(2)]
    assert [(a.status, a.text) for a in answers] == [(status, "body 1")] * 2


@pytest.mark.parametrize("request_headers", [
    "Cache-Control: no-store\r\n", "Authorization: Basic YTpi\r\n", "If-Match: \"a\"\r\n",
])
def test_requests_whose_answer_is_not_stored(bench, request_headers):
    node, _, client = start(bench)
    assert client.get("/a", request_headers).text == "body 1"
    assert client.get("/a").text == "body 2"


@pytest.mark.parametrize("request_headers", [
    "Cache-Control: no-cache\r\n", "Pragma: no-cache\r\n", "Cache-Control: max-age=0\r\n",
    "Cache-Control: min-fresh=100\r\n", "Authorization: Basic YTpi\r\n",
])
def test_requests_that_want_more_than_what_is_stored(bench, request_headers):
    node, _, client = start(bench)
    assert client.get("/a").text == "body 1"
    assert client.get("/a", request_headers).text == "body 2"


@pytest.mark.parametrize("word", ["public, max-age=60", "s-maxage=60", "must-revalidate, max-age=60"])
def test_authorization_where_the_node_says_that_it_does_not_matter(bench, word):
    node, _, client = start(bench, counting(f"Cache-Control: {word}\r\n"))
    assert client.get("/a", "Authorization: Basic YTpi\r\n").text == "body 1"
    assert client.get("/a", "Authorization: Basic YTpj\r\n").text == "body 1"
    assert client.get("/a").text == "body 1"


def test_only_if_cached(bench):
    node, weir, client = start(bench)
    assert client.get("/a", "Cache-Control: only-if-cached\r\n").status == 504
    client.get("/a")
    assert client.get("/a", "Cache-Control: only-if-cached\r\n").text == "body 1"
    assert len(node.requests) == 1
    assert weir.wait_access(3)[0]["end"] == "not_cached"


def test_vary_keeps_apart_what_differs(bench):
    def answer(x):
        x.reply(200, f"{x.request.get('Accept-Language')} {len(x.node.requests)}".encode(),
                FRESH + "Vary: Accept-Language, X-Not-There\r\n")

    node, _, client = start(bench, answer)
    seen = [client.get("/a", headers).text for headers in
            ("Accept-Language: de\r\n", "Accept-Language: fr\r\n", "", "Accept-Language: de\r\n",
             "accept-language:   de\r\n", "Accept-Language: fr\r\n", "", "Accept-Language: \r\n")]
    assert seen == ["de 1", "fr 2", "None 3", "de 1", "de 1", "fr 2", "None 3", " 4"]


def test_a_header_for_the_connection_is_not_what_the_node_sees(bench):
    """Connection: X takes X away before the node: the answer is that of a request without it."""
    def answer(x):
        x.reply(200, str(x.request.get("X-Tenant")).encode(), FRESH + "Vary: X-Tenant\r\n")

    node, _, client = start(bench, answer)
    assert client.get("/a", "X-Tenant: a\r\nConnection: X-Tenant\r\n").text == "None"
    assert client.get("/a", "X-Tenant: a\r\n").text == "a"
    assert client.get("/a").text == "None"
    assert len(node.requests) == 2


def test_head_is_answered_from_get(bench):
    node, _, client = start(bench)
    client.get("/a")
    response = client.get("/a", method="HEAD")
    assert (response.status, response.get("Content-Length"), response.size) == (200, "6", 0)
    assert len(node.requests) == 1
    assert client.get("/a").text == "body 1"


def test_head_alone_is_not_stored(bench):
    node, _, client = start(bench)
    client.get("/a", method="HEAD")
    assert client.get("/a").text == "body 2"


def test_a_client_of_http_1_0(bench):
    node, weir, client = start(bench)
    client.get("/a")
    old = bench.connect(weir)
    old.send("GET /a HTTP/1.0\r\nHost: test\r\n\r\n")
    response = old.response()
    assert (response.text, response.get("Connection")) == ("body 1", "close")
    assert old.ending() == "end" and len(node.requests) == 1


def test_age_counts_what_caches_before_have_spent(bench):
    node, _, client = start(bench, counting("Cache-Control: max-age=600\r\nAge: 100\r\n"))
    client.get("/a")
    assert 100 <= int(client.get("/a").get("Age")) < 120


def test_max_time_bounds_what_a_node_says(bench):
    node, _, client = start(bench, counting("Cache-Control: max-age=99999\r\n"),
                            {"web_cache": {"enabled": True, "max_time": "3s", "refresh_time": "0s"}})
    assert client.get("/a").text == client.get("/a").text == "body 1"
    until(lambda: client.get("/a").text != "body 1", "it is asked for again")


def test_errors_are_kept_for_their_own_time(bench):
    node, _, client = start(bench, counting("", 404),
                            {"web_cache": {"enabled": True, "error_page_time": "3s", "refresh_time": "0s"}})
    assert client.get("/a").text == client.get("/a").text == "body 1"
    until(lambda: client.get("/a").text != "body 1", "it is asked for again")


def test_control_out_and_what_verbose_says(bench):
    node, _, client = start(bench, lambda x: x.reply(
        200, b"x", FRESH if x.request.target == "/a" else "Cache-Control: no-store\r\n"),
        {"web_cache": {"enabled": True, "control_out": "public,max-age=5"}}, web_cache={"verbose": True})
    first, second = client.get("/a"), client.get("/a")
    assert (first.get("Cache-Control"), second.get("Cache-Control")) == ("max-age=60", "public,max-age=5")
    assert (first.get("X-Cache-Info"), second.get("X-Cache-Info")) == ("caching", "cached")
    assert client.get("/b").get("X-Cache-Info") == "not cacheable; the answer says no-store"
    assert client.get("/a", method="POST", body=b"").get("X-Cache-Info").startswith("not cacheable; the request")


def test_an_answer_without_a_sure_end_is_not_stored(bench):
    def answer(x):
        x.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nbody")
        x.close()

    node, _, client = start(bench, answer)
    assert client.get("/a").text == "body" and client.reader is not None
    assert len(node.requests) == 1


@pytest.mark.parametrize("how", ["length", "chunked"])
def test_an_answer_that_is_cut_is_not_stored(bench, how):
    def answer(x):
        if len(x.node.requests) > 1:
            x.reply(200, b"whole", FRESH)
            return
        x.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n",
               "Content-Length: 100\r\n\r\nhalf" if how == "length" else "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        x.close()

    node, weir, client = start(bench, answer)
    client.send("GET /a HTTP/1.1\r\nHost: test\r\n\r\n")
    weir.wait_access(1)
    assert bench.connect(weir).get("/a").text == "whole"


def test_a_client_that_leaves_in_the_middle_leaves_nothing_half(bench):
    body = b"x" * 1_000_000

    def answer(x):
        x.send(f"HTTP/1.1 200 OK\r\n{FRESH}Content-Length: {len(body)}\r\n\r\n", body[:500_000])
        if len(x.node.requests) == 1:
            x.node.hold.wait()
        x.send(body[500_000:])

    node = bench.node(answer)
    node.hold = threading.Event()
    weir = bench.weir([node], vserver=ON)
    client = bench.connect(weir)
    client.send("GET /a HTTP/1.1\r\nHost: test\r\n\r\n")
    client.head()
    client.reset()
    weir.wait_access(1)
    node.hold.set()
    node.troubles.clear()
    assert bench.connect(weir).get("/a").size == len(body)
    assert bench.connect(weir).get("/a").size == len(body)
    assert len(node.requests) == 2
    node.troubles[:] = [t for t in node.troubles if "reset" not in t and "Broken" not in t]


def test_longer_than_max_file_size_is_passed_on_and_not_stored(bench):
    body = b"x" * 200_000
    for chunked in (False, True):
        node, _, client = start(
            bench, lambda x: x.chunked(body[:100_000], body[100_000:], headers=FRESH) if chunked
            else x.reply(200, body, FRESH), web_cache={"max_file_size": "100k"})
        assert [client.get("/a").size for _ in range(2)] == [len(body)] * 2
        assert len(node.requests) == 2


def test_it_never_takes_more_than_its_size(bench):
    node, weir, client = start(bench, counting(body=b"%d" + b"x" * 30_000),
                               web_cache={"size": "256k", "max_file_size": "64k"})
    for number in range(50):
        assert client.get(f"/{number}").size > 30_000
    cache = weir.status()["web_cache"]
    assert cache["size_bytes"] <= 256 * 1024 and cache["used_bytes"] <= cache["size_bytes"]
    assert cache["evicted_total"] > 30 and 1 < cache["entries"] < 10
    before = len(node.requests)
    client.get("/49")
    assert len(node.requests) == before


def test_status_counts_and_clear_empties_it(bench):
    node, weir, client = start(bench)
    for target in ("/a", "/a", "/b", "/a"):
        client.get(target)
    status = weir.until_status(lambda now: now["virtual_servers"]["main"]["outcomes"]["cached"], 2)
    main = status["virtual_servers"]["main"]
    assert [main[f"cache_{key}_total"] for key in ("lookups", "hits", "updates")] == [4, 2, 0]
    assert (status["web_cache"]["entries"], status["web_cache"]["stored_total"]) == (2, 2)
    assert "50.0 %" in weir.status_text() and "2 answers" in weir.status_text()
    assert run(weir, "clear") == "web cache cleared: 2 answers\n"
    assert client.get("/a").text == "body 3"
    weir.wait_log("web cache: 2 answers -> none")


def test_clear_where_there_is_no_cache(bench):
    weir = bench.weir([bench.node()])
    done = subprocess.run([PROGRAM, "clear", "-c", weir.path], capture_output=True, text=True)
    assert done.returncode == 1 and "there is no web cache" in done.stderr


def test_a_worker_that_dies_while_it_stores_and_sends_leaves_a_whole_cache(bench):
    body = b"x" * 1_000_000

    def answer(x):
        if x.request.target == "/half":
            x.send(f"HTTP/1.1 200 OK\r\n{FRESH}Content-Length: {len(body)}\r\n\r\n", body[:600_000])
            x.connection.reader.head()
        x.reply(200, body, FRESH)

    node = bench.node(answer)
    weir = bench.weir([node], vserver=ON, web_cache={"size": "4m", "max_file_size": "2m"})
    weir.deaths_expected = True
    bench.connect(weir).get("/a")
    slow, half = bench.connect(weir, receive_buffer=4096), bench.connect(weir)
    slow.send("GET /a HTTP/1.1\r\nHost: test\r\n\r\n")
    half.send("GET /half HTTP/1.1\r\nHost: test\r\n\r\n")
    slow.head(), half.head()
    pid = weir.status()["workers"][0]["pid"]
    os.kill(pid, signal.SIGKILL)
    weir.until_status(lambda now: now["workers"][0]["pid"] not in (0, pid))
    client = bench.connect(weir)
    before = len(node.requests)
    assert client.get("/a").body == body[:1 << 20] and len(node.requests) == before
    for number in range(8):
        assert client.get(f"/{number}").size == len(body)
    assert client.get("/7").size == len(body) and len(node.requests) == before + 8
    cache = weir.status()["web_cache"]
    assert cache["entries"] <= 4 and cache["used_bytes"] > 3_000_000


def test_trace_says_what_the_cache_did(bench):
    node, weir, client = start(bench)
    trace = subprocess.Popen([PROGRAM, "trace", "-c", weir.path, "-n", "3"], stdout=subprocess.PIPE, text=True)
    weir.wait_log("follows transactions")
    client.get("/a"), client.get("/a"), client.get("/a", method="POST", body=b"")
    said = trace.communicate(timeout=10)[0]
    for words in ("miss: nothing is there", "stored, 6 bytes", "hit: 200, age 0 s", "1 answers for this URI were removed"):
        assert words in said, said
