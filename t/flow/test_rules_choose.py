# SPDX-License-Identifier: Apache-2.0
"""What a rule decides happens, for each request of a connection anew."""
import os
import random

import pytest

from lab.weir import HOUSE


def test_a_pool_for_each_request_of_one_connection(bench):
    a, b = bench.node(lambda x: x.reply(200, b"a")), bench.node(lambda x: x.reply(200, b"b"))
    weir = bench.weir([a], pools={"other": {"nodes": [b.name]}},
                      request='if http.getPath():find("^/b") then pool.use("other") end')
    client = bench.connect(weir)
    wanted = [random.choice("ab") for _ in range(200)]
    for i, letter in enumerate(wanted):
        assert client.get(f"/{letter}/{i}").text == letter
    assert [r.target[1] for r in a.requests] == ["a"] * wanted.count("a")
    assert [r.target[1] for r in b.requests] == ["b"] * wanted.count("b")
    assert len(a.connections) == len(b.connections) == 1
    lines = weir.wait_access(200)
    assert [line["pool"] for line in lines[:200]] == [{"a": "web", "b": "other"}[x] for x in wanted]
    assert {line["node"] for line in lines} == {a.name, b.name}


def test_the_rule_of_the_design(bench):
    """rules/choose-pool.lua as shipped."""
    plain, legacy = bench.node(lambda x: x.reply(200, b"plain")), bench.node(lambda x: x.reply(200, b"legacy"))
    weir = bench.weir([plain], rules_dir=os.path.join(HOUSE, "rules"),
                      pools={"web-transparent": {"nodes": [legacy.name]}},
                      vserver={"request_rules": ["choose-pool"]})
    client = bench.connect(weir)
    assert client.get("/").text == "plain"
    assert client.get("/legacy/x").text == "legacy"
    assert client.get("/x/legacy/").text == "plain"


def test_use_ends_the_rules_and_select_does_not(bench):
    nodes = {name: bench.node(lambda x, n=name: x.reply(200, n.encode())) for name in ("web", "b", "c")}
    weir = bench.weir([nodes["web"]], pools={n: {"nodes": [nodes[n].name]} for n in "bc"},
                      rules={"first": 'pool.select("b") '
                                      'if http.getPath() == "/use" then pool.use("c") error("went on") end',
                             "second": 'if http.getPath() == "/c" then pool.select("c") end'},
                      vserver={"request_rules": ["first", "second"]})
    client = bench.connect(weir)
    assert client.get("/").text == "b"
    assert client.get("/c").text == "c"
    assert client.get("/use").text == "c"


def test_use_ends_the_run_also_inside_pcall_and_coroutines(bench):
    other = bench.node(lambda x: x.reply(200, b"other"))
    weir = bench.weir([bench.node()], pools={"other": {"nodes": [other.name]}}, request="""
        local function go() pool.use("other") end
        if http.getPath() == "/pcall" then pcall(go) http.setHeader("X-On", "yes") end
        if http.getPath() == "/coroutine" then coroutine.wrap(go)() http.setHeader("X-On", "yes") end
    """)
    client = bench.connect(weir)
    for path in ("/pcall", "/coroutine"):
        assert client.get(path).text == "other"
        assert other.requests[-1].get("X-On") is None


def test_use_with_host_and_port(bench):
    a, b = bench.node(), bench.node(lambda x: x.reply(200, b"that very one"))
    weir = bench.weir([a, b], request=f'pool.use("web", "127.0.0.1", {b.port})')
    client = bench.connect(weir)
    assert [client.get("/").text for _ in range(6)] == ["that very one"] * 6


def test_headers_and_target_are_the_rules_to_change(bench):
    node = bench.node()
    weir = bench.weir([node], request="""
        http.setHeader("X-New", "1")
        http.addHeader("X-Twice", "b")
        http.removeHeader("X-Gone")
        http.setPath("/changed")
    """, response="""
        http.setResponseHeader("X-Answer", request.getRemoteIP())
        http.removeResponseHeader("X-Secret")
        http.setResponseCode(201)
    """)
    node.answer = lambda x: x.reply(200, b"ok", "X-Secret: 1\r\n")
    client = bench.connect(weir)
    response = client.get("/old?q=1", "X-Gone: 1\r\nX-Twice: a\r\n")
    request = node.requests[0]
    assert request.target == "/changed?q=1"
    assert (request.get("X-New"), request.get("X-Gone")) == ("1", None)
    assert request.all("X-Twice") == ["a", "b"]
    assert (response.status, response.reason) == (201, "Created")
    assert (response.get("X-Answer"), response.get("X-Secret")) == ("127.0.0.1", None)


def test_answers_of_a_rule(bench):
    node = bench.node()
    weir = bench.weir([node], request="""
        local path = http.getPath()
        if path == "/forbidden" then
            http.sendResponse("403 Forbidden", "text/plain", "go away", {["X-Why"] = "rule"})
        elseif path == "/elsewhere" then http.redirect("http://other.example/there")
        elseif path == "/site" then http.changeSite("www.example") end
    """, response='http.setResponseHeader("X-Judged", "yes")')
    client = bench.connect(weir)
    response = client.get("/forbidden")
    assert (response.status, response.text, response.get("X-Why")) == (403, "go away", "rule")
    assert response.get("Content-Type") == "text/plain"
    assert response.get("X-Judged") is None  # response rules judge what a node said
    response = client.get("/forbidden", method="HEAD")
    assert (response.status, response.get("Content-Length"), response.size) == (403, "7", 0)
    response = client.get("/elsewhere")
    assert (response.status, response.get("Location")) == (302, "http://other.example/there")
    response = client.get("/site?a=b")
    assert (response.status, response.get("Location")) == (301, "http://www.example/site?a=b")
    response = client.get("/forbidden", method="POST", body=b"a body that nobody reads")
    assert response.status == 403
    assert node.requests == []
    if response.get("Connection") is None:
        assert client.get("/").get("X-Judged") == "yes"


def test_a_large_body_that_a_rule_does_not_want(bench):
    weir = bench.weir([bench.node()], request='http.sendResponse(403, "text/plain", "no")')
    client = bench.connect(weir)
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n", b"x" * 100_000)
    assert client.response().status == 403


def test_discard_and_close(bench):
    weir = bench.weir([bench.node()], request="""
        if http.getPath() == "/discard" then connection.discard() end
        if http.getPath() == "/close" then connection.close("HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\nbye") end
    """)
    client = bench.connect(weir)
    client.send("GET /discard HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.ending() in ("end", "reset")
    client = bench.connect(weir)
    client.send("GET /close HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.response().text == "bye"
    assert client.ending() == "end"


def test_a_rule_may_wait(bench):
    """Others pass meanwhile, one of which ends the wait."""
    weir = bench.weir([bench.node()], request="""
        if http.getPath() == "/wait" then
            data.local_.set("waits", true)
            while not data.local_.get("go") do connection.sleep(10) end
        elseif http.getPath() == "/go" then
            while not data.local_.get("waits") do connection.sleep(10) end
            data.local_.set("go", true)
        end
    """)
    waiter, other = bench.connect(weir), bench.connect(weir)
    waiter.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    for path in ["/"] * 20 + ["/go"]:
        assert other.get(path).status == 200
    assert waiter.response().status == 200


def test_a_client_that_leaves_while_its_rule_waits(bench):
    weir = bench.weir([bench.node()], request='if http.getPath() == "/wait" then connection.sleep(20000) end')
    client = bench.connect(weir)
    client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    client.reset()
    assert bench.connect(weir).get("/").status == 200


def test_connection_data_lives_as_long_as_the_connection(bench):
    weir = bench.weir([bench.node()], response="""
        local count = (tonumber(connection.data.get("count")) or 0) + 1
        connection.data.set("count", tostring(count))
        http.setResponseHeader("X-Count", tostring(count))
    """)
    client = bench.connect(weir)
    assert [client.get("/").get("X-Count") for _ in range(3)] == ["1", "2", "3"]
    assert bench.connect(weir).get("/").get("X-Count") == "1"


def test_once_per_connection(bench):
    node = bench.node()
    weir = bench.weir([node], rules={"mark": 'http.setHeader("X-Mark", "1")'},
                      vserver={"request_rules": [{"rule": "mark", "run": "once_per_connection"}]})
    client = bench.connect(weir)
    for _ in range(3):
        client.get("/")
    assert [r.get("X-Mark") for r in node.requests] == ["1", None, None]


def test_a_disabled_rule_does_not_run(bench):
    weir = bench.weir([bench.node()], rules={"bad": 'error("ran")'},
                      vserver={"request_rules": [{"rule": "bad", "enabled": False}]})
    assert bench.connect(weir).get("/").status == 200


def test_completion_rules_run_for_every_transaction(bench):
    weir = bench.weir([bench.node()], request='if http.getPath() == "/no" then http.sendResponse(403, "a/b", "") end',
                      completion='log.info("completed " .. http.getPath())')
    client = bench.connect(weir)
    client.get("/yes")
    weir.wait_log("completed /yes")
    client.get("/no")
    weir.wait_log("completed /no")


@pytest.mark.parametrize("on_error,status", [("fail", 500), ("continue", 200)])
def test_a_rule_that_fails(bench, on_error, status):
    weir = bench.weir([bench.node()], request='\n\nlocal nothing = nil\nif http.getPath() == "/bad" then nothing() end',
                      rules=None, vserver={"rules": {"on_error": on_error}})
    client = bench.connect(weir)
    response = client.get("/bad")
    assert response.status == status
    assert b"lua" not in response.body and b"nothing" not in response.body
    weir.wait_log(r"request\.lua:4")
    assert bench.connect(weir).get("/good").status == 200


def test_a_verdict_inside_a_response_rule_phase_is_an_error(bench):
    weir = bench.weir([bench.node()], response='if http.getPath() == "/bad" then local p = pool p["use"]("web") end')
    assert bench.connect(weir).get("/bad").status == 500
    assert bench.connect(weir).get("/good").status == 200
