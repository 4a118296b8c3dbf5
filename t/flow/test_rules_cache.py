# SPDX-License-Identifier: Apache-2.0
"""http.cache.*: rules say what is looked up and stored, under which key, and answer from the cache early."""
import pytest

from lab.wait import until

ON = {"web_cache": {"enabled": True}}
FRESH = "Cache-Control: max-age=60\r\n"


def start(bench, on=True, headers=FRESH, **options):
    node = bench.node(lambda x: x.reply(200, b"%d" % len(x.node.requests), headers))
    weir = bench.weir([node], vserver=ON if on else {}, **options)
    return node, weir, bench.connect(weir)


def test_disable_in_a_request_rule_neither_looks_nor_stores(bench):
    node, weir, client = start(bench, request='if http.getHeader("X-Off") then http.cache.disable() end')
    assert client.get("/a", "X-Off: 1\r\n").text == "1"
    assert client.get("/a").text == "2"
    assert client.get("/a", "X-Off: 1\r\n").text == "3"
    assert client.get("/a").text == "2"
    assert ["cache" in line for line in weir.wait_access(4)] == [False, True, False, True]


@pytest.mark.parametrize("before", ["", "http.getResponseBody()", "http.getResponseBody(1)"])
def test_disable_in_a_response_rule_stores_nothing(bench, before):
    node, _, client = start(bench, response=f"{before}\nhttp.cache.disable()")
    assert [client.get("/a").text for _ in range(2)] == ["1", "2"]


def test_enable_where_the_virtual_server_has_it_off(bench):
    node, _, client = start(bench, on=False, request="""
        if http.getPath() == "/on" then assert(http.cache.enable() == true) end""")
    assert [client.get("/on").text for _ in range(2)] == ["1", "1"]
    assert [client.get("/off").text for _ in range(2)] == ["2", "3"]


def test_enable_takes_disable_back(bench):
    node, _, client = start(bench, request="http.cache.disable() http.cache.enable()",
                            response="http.cache.disable() assert(http.cache.enable() == true)")
    assert [client.get("/a").text for _ in range(2)] == ["1", "1"]


def test_enable_that_comes_too_late(bench):
    node, weir, client = start(bench, on=False, response='assert(http.cache.enable() == false)')
    assert [client.get("/a").text for _ in range(2)] == ["1", "2"]
    weir.wait_log("http.cache.enable: it is too late")


def test_enable_does_not_overrule_the_node(bench):
    node, _, client = start(bench, headers="Cache-Control: private, max-age=60\r\n", request="http.cache.enable()")
    assert [client.get("/a").text for _ in range(2)] == ["1", "2"]


@pytest.mark.parametrize("phases", [["request"], ["request", "response"]])
def test_keys_of_rules_keep_groups_apart(bench, phases):
    rule = 'assert(http.cache.setkey("no") == true) http.cache.setkey(http.getHeader("X-Group") or "")'
    node, _, client = start(bench, **{phase: rule for phase in phases})
    groups = ["a", "b", "a", "b", "a\n", "ab"]
    seen = [client.get("/a", f"X-Group: {group.strip()}\r\n").text for group in groups]
    assert seen == ["1", "2", "1", "2", "1", "3"]
    assert client.get("/a").text == "4"


def test_a_key_of_a_response_rule_alone_is_never_found(bench):
    node, _, client = start(bench, response='http.cache.setkey("x")')
    assert [client.get("/a").text for _ in range(2)] == ["1", "2"]


def test_a_key_that_comes_too_late(bench):
    node, weir, client = start(bench, response="""
        http.getResponseBody()
        assert(http.cache.setkey("x") == (http.getResponseHeader("Age") ~= nil))""")
    assert [client.get("/a").text for _ in range(2)] == ["1", "1"]
    weir.wait_log("http.cache.setkey: it is too late")


def test_exists_in_every_phase_and_of_another_pool(bench):
    other = bench.node(lambda x: x.reply(200, b"other", FRESH))
    rule = """
        local said = rule.getName()
        for _, name in ipairs({"", "web", "other", "discard"}) do
            local is_there
            if name == "" then is_there = http.cache.exists() else is_there = http.cache.exists(name) end
            said = said .. " " .. tostring(is_there)
        end
        log.info(said)"""
    node, weir, client = start(bench, request=rule, response=rule, completion=rule,
                               pools={"other": {"nodes": [other.name]}})
    client.get("/a")
    weir.wait_log("completion true true false false")
    assert weir.wait_log("request false false false false") and weir.wait_log("response false false false false")
    client.get("/a")
    weir.wait_log("request true true false false")
    assert weir.wait_log("response true true false false")


def test_respond_if_cached_is_a_verdict_on_a_hit_only(bench):
    node, weir, client = start(bench, request="""
        pcall(function() http.cache.respondIfCached() end)
        log.info("it returned for " .. http.getRawURL())""")
    assert client.get("/a").text == "1"
    weir.wait_log("it returned for /a")
    assert client.get("/a").text == "1"
    assert client.get("/b").text == "2"
    weir.wait_log("it returned for /b")
    assert sum("it returned for /a" in line for line in weir.lines) == 1
    access = weir.wait_access(3)
    assert [line["verdict"] for line in access] == [None, "http.cache.respondIfCached", None]
    assert access[1]["rule"] == "request:2"


def test_respond_if_cached_of_another_pool(bench):
    other = bench.node(lambda x: x.reply(200, b"other", FRESH))
    node, weir, client = start(bench, pools={"other": {"nodes": [other.name]}}, request="""
        if http.getHeader("X-Other") then pool.use("other") end
        http.cache.respondIfCached("discard")
        http.cache.respondIfCached("other")""")
    assert client.get("/a").text == "1"
    assert client.get("/a", "X-Other: 1\r\n").text == "other"
    assert client.get("/a").text == "other"
    assert [line["pool"] for line in weir.wait_access(3)] == ["web", "other", "other"]


def test_respond_if_cached_in_a_response_rule_does_nothing(bench):
    node, weir, client = start(bench, response='http.cache.respondIfCached() http.setResponseHeader("X-Ran", "1")')
    assert [client.get("/a").get("X-Ran") for _ in range(2)] == ["1", "1"]


def test_an_answer_that_a_rule_wants_again_is_not_stored(bench):
    node, weir, client = start(bench, response="""
        if http.getResponseBody() == "1" then request.retry() end""")
    assert client.get("/a").text == "2"
    assert client.get("/a").text in ("3", "1", "4")
    assert len(node.requests) >= 3


def test_rules_stream_and_replace_stored_bodies(bench):
    body = bytes(i * 7 % 251 for i in range(400_000))
    node = bench.node(lambda x: x.reply(200, body, FRESH))
    weir = bench.weir([node], vserver=ON, response="""
        local path = http.getPath()
        if path == "/stream" then
            http.stream.startResponse(200, "text/plain")
            local piece = http.stream.readResponse(1000)
            http.stream.writeResponse("<" .. #piece .. ">")
            http.stream.continueFromBackend("|")
        elseif path == "/replace" then
            http.setResponseBody("short")
        elseif path == "/look" then
            assert(#http.getResponseBody(10) == 10)
        elseif path == "/own" then
            http.sendResponse(203, "text/plain", "mine")
        end""")
    client = bench.connect(weir)
    for _ in range(3):
        assert client.get("/stream").body == b"<1000>|" + body[1000:]
        assert client.get("/look").body == body
        assert client.get("/plain").body == body
        assert client.get("/replace").text == "short"
        assert client.get("/own").status == 203
    until(lambda: len(node.requests) >= 5, "the node was asked")
    before = len(node.requests)
    assert client.get("/look").body == body and client.get("/stream").body == b"<1000>|" + body[1000:]
    assert len(node.requests) == before


@pytest.mark.parametrize("chunked", [False, True])
def test_what_had_come_when_a_rule_replaced_the_body_is_not_stored_as_all_of_it(bench, chunked):
    half = b"x" * 5000

    def answer(x):
        if chunked:
            x.send(f"HTTP/1.1 200 OK\r\n{FRESH}Transfer-Encoding: chunked\r\n\r\n", b"1388\r\n" + half + b"\r\n")
        else:
            x.send(f"HTTP/1.1 200 OK\r\n{FRESH}Content-Length: 10000\r\n\r\n" + half.decode())
        if not x.request.get("X-Replace"):
            x.send(b"1388\r\n" + half + b"\r\n0\r\n\r\n" if chunked else half)

    node = bench.node(answer)
    weir = bench.weir([node], vserver=ON, response="""
        if http.getHeader("X-Replace") then http.setResponseBody("mine") end""")
    client = bench.connect(weir)
    assert client.get("/a", "X-Replace: 1\r\n").text == "mine"
    assert client.get("/a").body == half + half
    assert client.get("/a").body == half + half
    assert len(node.requests) == 2


@pytest.mark.parametrize("call, part", [
    ('local name = "nowhere" http.cache.exists(name)', "http.cache.exists: argument 1 (pool): there is no pool 'nowhere'"),
    ("http.cache.exists({})", "http.cache.exists: argument 1 (pool)"),
    ('local name = "nowhere" http.cache.respondIfCached(name)', "respondIfCached: argument 1 (pool): there is no pool 'nowhere'"),
    ("http.cache.respondIfCached(true)", "http.cache.respondIfCached: argument 1 (pool)"),
    ("http.cache.setkey()", "http.cache.setkey: argument 1 (key)"),
    ("http.cache.setkey({})", "http.cache.setkey: argument 1 (key)"),
    ('http.cache.setkey(("x"):rep(4097))', "argument 1 (key): expected at most 4096 bytes, got 4097"),
])
def test_wrong_arguments(bench, call, part):
    node, weir, client = start(bench, request="\n" + call)
    assert client.get("/a").status == 500
    line = weir.wait_log("rule 'request' failed")
    assert part in line and "request.lua:2" in line


@pytest.mark.parametrize("name", ["disable", "enable", "setkey"])
def test_phases_in_which_they_make_no_sense(bench, name):
    with pytest.raises(RuntimeError, match=f"'http.cache.{name}' makes no sense in a completion rule"):
        start(bench, completion=f'http.cache.{name}("x")')


def test_a_pool_that_is_not_there_is_found_at_start(bench):
    with pytest.raises(RuntimeError, match="there is no pool 'nowhere'"):
        start(bench, request='http.cache.exists("nowhere")')
