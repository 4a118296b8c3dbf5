# SPDX-License-Identifier: Apache-2.0
"""The web cache asks nodes whether what it has still holds, tells clients that nothing is new, gives parts, and
lets go of what an unsafe method has changed."""
from email.utils import formatdate

import pytest

from lab.wait import until

ON = {"web_cache": {"enabled": True, "refresh_time": "0s"}}
OLD = formatdate(1_000_000_000, usegmt=True)
TAGGED = 'Cache-Control: max-age=60\r\nETag: "one"\r\nLast-Modified: ' + OLD + "\r\n"
ASKS = 'Cache-Control: no-cache\r\nETag: "one"\r\n'


def start(bench, answer, vserver=None, **options):
    node = bench.node(answer)
    weir = bench.weir([node], vserver={**ON, **(vserver or {})}, **options)
    return node, weir, bench.connect(weir)


def confirming(headers=ASKS, confirmation=ASKS, body=b"a body"):
    """A node that says 304 to whoever asks by its tag."""
    def answer(x):
        if x.request.get("If-None-Match") == '"one"':
            x.send(f"HTTP/1.1 304 Not Modified\r\n{confirmation}\r\n")
        else:
            x.reply(200, body, headers)
    return answer


def test_no_cache_is_confirmed_each_time(bench):
    node, weir, client = start(bench, confirming())
    for number in range(3):
        response = client.get("/a")
        assert (response.status, response.text) == (200, "a body")
    assert [r.get("If-None-Match") for r in node.requests] == [None, '"one"', '"one"']
    assert [line["cache"] for line in weir.wait_access(3)] == ["miss", "updated", "updated"]
    assert len(node.connections) == 1


def test_a_304_brings_the_head_up_to_date_and_makes_it_fresh(bench):
    node, _, client = start(bench, confirming(
        "Cache-Control: no-cache\r\nETag: \"one\"\r\nX-Old: 1\r\nX-Both: old\r\nContent-Encoding: x\r\n",
        "Cache-Control: max-age=60\r\nX-Both: new\r\nX-New: 1\r\nContent-Encoding: y\r\nContent-Length: 9\r\n"
        "Set-Cookie: id=7\r\n"))
    client.get("/a")
    for _ in range(2):
        response = client.get("/a")
        assert (response.get("X-Old"), response.get("X-Both"), response.get("X-New")) == ("1", "new", "1")
        assert (response.get("Content-Encoding"), response.get("Content-Length")) == ("x", "6")
        assert response.text == "a body"
        assert response.get("Set-Cookie") is None
    assert len(node.requests) == 2


def test_a_new_version_takes_the_old_ones_place(bench):
    def answer(x):
        number = len(x.node.requests)
        x.reply(200, b"%d" % number, f'Cache-Control: max-age={0 if number == 1 else 60}\r\nETag: "{number}"\r\n')

    node, _, client = start(bench, answer)
    assert [client.get("/a").text for _ in range(3)] == ["1", "2", "2"]


def test_a_304_for_another_version_is_not_believed(bench):
    def answer(x):
        if x.request.get("If-None-Match"):
            x.send('HTTP/1.1 304 Not Modified\r\nETag: "other"\r\n\r\n')
        else:
            x.reply(200, b"%d" % len(x.node.requests), ASKS)

    node, _, client = start(bench, answer)
    assert [client.get("/a").text for _ in range(2)] == ["1", "3"]


def test_a_clients_own_condition_is_not_what_the_node_hears(bench):
    node, _, client = start(bench, confirming())
    client.get("/a")
    response = client.get("/a", 'If-None-Match: "two"\r\nRange: bytes=0-0\r\nIf-Range: "two"\r\n')
    assert response.text == "a body"
    asked = node.requests[1]
    assert (asked.all("If-None-Match"), asked.get("Range"), asked.get("If-Range")) == (['"one"'], None, None)


@pytest.mark.parametrize("condition, status", [
    ('If-None-Match: "one"', 304), ('If-None-Match: W/"one"', 304), ('If-None-Match: *', 304),
    ('If-None-Match: "a,b", "one"', 304), ('If-None-Match: "on"', 200), ('If-None-Match: one', 200),
    (f"If-Modified-Since: {OLD}", 304), (f"If-Modified-Since: {formatdate(999_999_999, usegmt=True)}", 200),
    ("If-Modified-Since: nonsense", 200),
    (f'If-None-Match: "two"\r\nIf-Modified-Since: {OLD}', 200),
])
def test_conditions_of_clients_are_judged_by_what_is_stored(bench, condition, status):
    node, _, client = start(bench, lambda x: x.reply(200, b"a body", TAGGED + "Content-Type: text/x\r\n"))
    client.get("/a")
    response = client.get("/a", condition + "\r\n")
    assert (response.status, response.text) == (status, "a body" if status == 200 else "")
    if status == 304:
        assert (response.get("ETag"), response.get("Content-Type")) == ('"one"', None)
        assert response.get("Content-Length") is None and response.get("Age") is not None
    assert client.get("/a").text == "a body" and len(node.requests) == 1


@pytest.mark.parametrize("wanted, status, text, said", [
    ("bytes=0-1", 206, "ab", "bytes 0-1/10"), ("bytes=2-", 206, "cdefghij", "bytes 2-9/10"),
    ("bytes=-3", 206, "hij", "bytes 7-9/10"), ("bytes=-99", 206, "abcdefghij", "bytes 0-9/10"),
    ("bytes=9-99", 206, "j", "bytes 9-9/10"), ("bytes=10-", 416, "", "bytes */10"),
    ("bytes=-0", 416, "", "bytes */10"), ("bytes=0-1,4-5", 200, "abcdefghij", None),
    ("bytes=3-2", 200, "abcdefghij", None), ("lines=1-2", 200, "abcdefghij", None),
    ("bytes=99999999999999999999-", 200, "abcdefghij", None), ("bytes=", 200, "abcdefghij", None),
    ("bytes=a-b", 200, "abcdefghij", None),
])
def test_parts(bench, wanted, status, text, said):
    node, _, client = start(bench, lambda x: x.reply(200, b"abcdefghij", TAGGED))
    client.get("/a")
    response = client.get("/a", f"Range: {wanted}\r\n")
    assert (response.status, response.text, response.get("Content-Range")) == (status, text, said)
    assert client.get("/a").text == "abcdefghij" and len(node.requests) == 1


def test_parts_that_lie_across_blocks(bench):
    body = bytes(i * 7 % 251 for i in range(50_000))
    node, _, client = start(bench, lambda x: x.reply(200, body, TAGGED))
    client.get("/a")
    for first, last in ((0, 49_999), (2047, 2048), (2048, 2048), (2049, 40_000), (49_999, 49_999), (4095, 8193)):
        assert client.get("/a", f"Range: bytes={first}-{last}\r\n").body == body[first:last + 1]
    assert len(node.requests) == 1


@pytest.mark.parametrize("condition, status", [
    ('"one"', 206), ('"two"', 200), ('W/"one"', 200), (OLD, 206), (formatdate(5, usegmt=True), 200)])
def test_if_range(bench, condition, status):
    node, _, client = start(bench, lambda x: x.reply(200, b"abcdefghij", TAGGED))
    client.get("/a")
    assert client.get("/a", f"Range: bytes=0-1\r\nIf-Range: {condition}\r\n").status == status


def test_a_part_from_a_node_is_not_taken_for_the_whole(bench):
    def answer(x):
        if x.request.get("Range"):
            x.reply(206, b"ab", TAGGED + "Content-Range: bytes 0-1/10\r\n")
        else:
            x.reply(200, b"abcdefghij", TAGGED)

    node, _, client = start(bench, answer)
    assert client.get("/a", "Range: bytes=0-1\r\n").status == 206
    assert client.get("/a").text == "abcdefghij"


# ---- unsafe methods ----------------------------------------------------------------------------------

def numbered(x, status=200, headers=""):
    if x.request.method == "GET":
        x.reply(200, b"%d" % len(x.node.requests), "Cache-Control: max-age=60\r\n")
    else:
        x.reply(status, b"", headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "UNHEARD-OF"])
def test_an_unsafe_method_removes_what_is_stored(bench, method):
    node, _, client = start(bench, numbered)
    assert [client.get("/a?x=1").text for _ in range(2)] == ["1", "1"]
    client.get("/b")
    client.get("/a?x=1", method=method, body=b"")
    assert client.get("/a?x=1").text == "4"
    assert client.get("/b").text == "2"


@pytest.mark.parametrize("method, status", [("POST", 400), ("POST", 500), ("OPTIONS", 200)])
def test_a_safe_or_failed_one_does_not(bench, method, status):
    node, _, client = start(bench, lambda x: numbered(x, status))
    client.get("/a")
    client.get("/a", method=method, body=b"")
    assert client.get("/a").text == "1"


@pytest.mark.parametrize("where, is_removed", [
    ("/b", True), ("http://test/b", True), ("http://TEST/x/../b#part", True), ("http://other/b", False),
    ("https://test/b", False), ("b", False), ("/../b", False)])
def test_what_location_names_is_removed_too(bench, where, is_removed):
    node, _, client = start(bench, lambda x: numbered(x, 201, f"Location: {where}\r\n"))
    client.get("/b")
    client.get("/a", method="POST", body=b"")
    assert client.get("/b").text == ("3" if is_removed else "1")


# ---- nodes that fail -----------------------------------------------------------------------------------

def failing(kind, words):
    def answer(x):
        if len(x.node.requests) == 1:
            x.reply(200, b"good", f'Cache-Control: {words}\r\nETag: "one"\r\n')
        elif kind == "close":
            x.close()
        elif kind == "malformed":
            x.send("nonsense\r\n\r\n")
            x.close()
        else:
            x.reply(kind, b"bad")
    return answer


@pytest.mark.parametrize("kind", [500, 502, 503, 504, "close", "malformed"])
def test_stale_if_error(bench, kind):
    node, weir, client = start(bench, failing(kind, "max-age=0, stale-if-error=60"))
    assert client.get("/a").text == "good"
    for _ in range(2):
        response = client.get("/a")
        assert (response.status, response.text) == (200, "good")
    assert len(node.requests) >= 3
    assert weir.wait_access(3)[2]["cache"] == "stale"


@pytest.mark.parametrize("words", ["max-age=0", "max-age=0, stale-if-error=60, must-revalidate",
                                   "max-age=9, s-maxage=0, stale-if-error=60", "no-cache, stale-if-error=60",
                                   "max-age=0, stale-if-error=60, proxy-revalidate"])
def test_no_stale_answer_where_it_is_not_allowed(bench, words):
    node, weir, client = start(bench, failing(503, words))
    assert client.get("/a").text == "good"
    assert client.get("/a").status == 503


def test_stale_if_error_when_no_node_can_be_reached(bench):
    node = bench.node(lambda x: x.reply(200, b"good", 'Cache-Control: max-age=0, stale-if-error=60\r\nETag: "1"\r\n'))
    weir = bench.weir([node], vserver=ON)
    client = bench.connect(weir)
    assert client.get("/a").text == "good"
    bench.nodes.remove(node)
    node.close()
    node.wait_ended(0)
    response = client.get("/a")
    assert (response.status, response.text) == (200, "good")
    assert client.get("/b").status in (502, 503)


def test_max_stale_of_the_client(bench):
    node, _, client = start(bench, lambda x: x.reply(
        200, b"%d" % len(x.node.requests), 'Cache-Control: max-age=0\r\nETag: "one"\r\n'))
    assert client.get("/a").text == "1"
    assert client.get("/a", "Cache-Control: max-stale\r\n").text == "1"
    assert client.get("/a", "Cache-Control: max-stale=60\r\n").text == "1"
    assert client.get("/a").text == "2"


def test_near_its_end_who_wants_it_only_from_a_cache_gets_it(bench):
    node = bench.node(lambda x: x.reply(200, b"kept", "Cache-Control: max-age=60\r\n"))
    weir = bench.weir([node], vserver={"web_cache": {"enabled": True, "refresh_time": "100s"}})
    client = bench.connect(weir)
    client.get("/a")
    answer = client.get("/a", "Cache-Control: only-if-cached\r\n")
    assert (answer.status, answer.text) == (200, "kept")
    assert len(node.requests) == 1


def test_near_its_end_one_request_refreshes_it(bench):
    node, weir, client = start(bench, lambda x: x.reply(
        200, b"%d" % len(x.node.requests), "Cache-Control: max-age=5\r\n"),
        {"web_cache": {"enabled": True, "refresh_time": "100s"}})
    assert client.get("/a").text == "1"
    assert client.get("/a").text == "2"  # the one of this second
    until(lambda: client.get("/a").text == "3", "another one a second later")
    assert len(node.requests) == 3
    assert weir.wait_access(3)
