# SPDX-License-Identifier: Apache-2.0
"""`weir test`: rules tested offline. What passes, what fails and says why, and what stops it."""
import re
import shutil
import signal
import subprocess
import tempfile
import time
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

from lab.weir import PROGRAM

RULE = """
if http.getPath() == "/boom" then error("it went wrong") end
if http.getPath() == "/forever" then while true do end end
if http.getPath() == "/nap" then connection.sleep(20) end
if http.getHeader("X-Mobile") then
    log.info("a telephone")
    http.setHeader("X-Kind", "mobile")
    pool.use("mobile")
end
"""

GIVEN = """
local test = require "test"
test.given {
    request_rules = "kind", pool = "web",
    pools = { web = { "10.0.0.1:80", "10.0.0.2:80" }, mobile = "10.0.0.3:80" },
}
"""

PASSING = GIVEN + """
test.case("telephones have a pool", {
    request = { headers = { ["X-Mobile"] = "1" }, client = "203.0.113.9" },
    response = { status = 201, headers = { ["X-App"] = "a" }, body = "hello" },
    expect = {
        pool = "mobile", node = "10.0.0.3:80", source = false, outcome = "ok",
        rule = "kind", line = 8, log = { "a telephone" }, error = false,
        sent = { method = "GET", url = "/", headers = { ["x-kind"] = "mobile" } },
        status = 201, reason = "Created", headers = { ["X-App"] = "a", Server = false }, body = "hello",
    },
})
"""


def weir_test(*arguments, **options):
    return subprocess.run([PROGRAM, "test", *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, **options)


@pytest.fixture
def rules(tmp_path):
    """A folder of rules with one rule; write(test) puts a test file beside it and runs it."""
    (tmp_path / "kind.lua").write_text(RULE)
    (tmp_path / "test").mkdir()

    def write(text, *options, name="kind", rule=None):
        if rule is not None:
            (tmp_path / "kind.lua").write_text(rule)
        (tmp_path / "test" / f"{name}.test.lua").write_text(text)
        return weir_test(*options, tmp_path)
    write.path = tmp_path
    return write


def test_what_holds_passes(rules):
    done = rules(PASSING)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "telephones have a pool" in done.stdout and "1 passed, 0 failed" in done.stdout
    assert re.search(r"ok +\d+\.\d\d ms  telephones", done.stdout)


# Each of them once with another value than the truth.
@pytest.mark.parametrize("wrong, said", [
    ('pool = "web"', 'pool: expected "web", got "mobile"'),
    ('node = "10.0.0.1:80"', 'node: expected "10.0.0.1:80", got "10.0.0.3:80"'),
    ('source = "203.0.113.9"', 'source: expected "203.0.113.9", got nothing'),
    ('outcome = "discarded"', 'outcome: expected "discarded", got "ok"'),
    ('rule = false', 'rule: expected nothing, got "kind"'),
    ('line = 7', 'line: expected 7, got 8'),
    ('log = { "a fridge" }', 'log[1]: expected "a fridge", got "a telephone"'),
    ('log = false', 'log: expected 0, got 1'),
    ('error = "wrong"', 'error: expected "wrong", got none'),
    ('sent = { url = "/x" }', 'sent.url: expected "/x", got "/"'),
    ('sent = { headers = { ["X-Kind"] = false } }', 'sent.headers.x-kind: expected nothing, got "mobile"'),
    ('sent = false', 'sent: expected nothing, got {'),
    ('requests = {}', 'requests: expected 0, got 1'),
    ('status = 200', 'status: expected 200, got 201'),
    ('reason = "OK"', 'reason: expected "OK", got "Created"'),
    ('headers = { ["X-App"] = test.matches("^b") }', 'headers.x-app: expected a text that matches "^b", got "a"'),
    ('body = test.contains("bye")', 'body: expected a text with "bye" in it, got "hello"'),
    ('body = function(text) return #text == 4 end', 'body: the test\'s function does not accept "hello"'),
    ('calls = { { "connection.sleep" } }', 'calls: expected 1, got 0'),
    ('tries = 2', 'tries: expected 2, got 1'),
])
def test_what_does_not_hold_fails_and_says_why(rules, wrong, said):
    text = re.sub(r"expect = \{.*\n    \},", "expect = { " + wrong + " },", PASSING, flags=re.S)
    done = rules(text)
    assert done.returncode == 1
    assert said in done.stdout and "0 passed, 1 failed" in done.stdout
    line = text[:text.index("test.case")].count("\n") + 1
    assert f"{rules.path}/test/kind.test.lua:{line}" in done.stdout


def test_a_failed_check_says_its_line(rules):
    done = rules(GIVEN + """
test.case("checked", { check = function(got)
    assert(got.status == 404, "no such status")
end })
""")
    assert done.returncode == 1 and "check: " in done.stdout and "no such status" in done.stdout


def test_an_error_of_a_rule_fails_the_case_unless_it_is_expected(rules):
    case = 'test.case("boom", { request = { url = "/boom" }, expect = { status = 500%s } })'
    done = rules(GIVEN + case % "")
    assert done.returncode == 1
    assert "kind.lua:2: it went wrong" in done.stdout
    done = rules(GIVEN + case % ', error = "it went wrong"')
    assert done.returncode == 0, done.stdout


def test_an_endless_rule_ends_as_in_a_worker(rules):
    case = 'test.case("forever", { request = { url = "/forever" }, expect = { status = 500%s } })'
    done = rules(GIVEN + case % "")
    assert done.returncode == 1 and "budget exhausted" in done.stdout
    assert rules(GIVEN + case % ', error = "budget"').returncode == 0


def test_a_wait_must_be_answered(rules):
    case = 'test.case("nap", { request = { url = "/nap" }%s })'
    done = rules(GIVEN + case % "")
    assert done.returncode == 1
    assert f"does not answer: {rules.path}/kind.lua:4: connection.sleep" in done.stdout
    done = rules(GIVEN + case % """, answers = { ["connection.sleep"] = true },
        expect = { calls = { { "connection.sleep", 20 } }, status = 200 } """)
    assert done.returncode == 0, done.stdout


STEPS = """
local key = http.getHeader("X-Key") or "k"
if http.getPath() == "/count" then
    local n, mine = data.increment(key, 1, 60), (connection.data.get("n") or 0) + 1
    connection.data.set("n", mine)
    http.sendResponse(200, "text/plain", n .. " " .. mine)
elseif http.getPath() == "/time" then
    http.sendResponse(200, "text/plain", table.concat({ sys.time(), os.time(), os.date("!%H:%M:%S"),
        sys.gmtime.format("%H:%M:%S"), sys.time.highres(), sys.time.year() }, " "))
elseif http.getPath() == "/chance" then
    http.sendResponse(200, "text/plain", tostring(math.random(1e6)))
elseif http.getPath() == "/nap" then
    connection.sleep(10)
end
"""


def test_steps_carry_state_over(rules):
    done = rules(GIVEN + """
local function count(answer, connection, later)
    return { connection = connection, later = later, expect = { body = answer } }
end
test.case("counted", { request = { url = "/count" }, steps = {
    count("1 1"), count("2 2", "same"), count("3 1", "new"), count("4 1"), count("5 2", "same"),
    count("1 1", "new", 61), count("2 2", "same", 5),
    { request = { url = "/count", headers = { ["X-Key"] = "other" } }, expect = { body = "1 1" } },
} })
test.case("a world of its own", { request = { url = "/count" }, expect = { body = "1 1" } })
""", rule=STEPS)
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout + done.stderr


def test_a_step_that_fails_says_which(rules):
    done = rules(GIVEN + """
test.case("counted", { request = { url = "/count" }, steps = {
    { expect = { body = "1 1" } }, { expect = { body = "7 7" } }, { expect = { status = 404 } } } })
""", rule=STEPS)
    assert done.returncode == 1 and "0 passed, 1 failed" in done.stdout
    assert 'step 2: body: expected "7 7", got "2 1"' in done.stdout and "step 3: status: expected 404" in done.stdout
    assert "step 1" not in done.stdout


def test_each_step_has_its_own_nodes_and_answers(rules):
    done = rules(GIVEN + """
test.case("nodes", { request = { url = "/nap" }, answers = { ["connection.sleep"] = true }, steps = {
    { response = { body = "one" }, expect = { body = "one", calls = { { "connection.sleep", 10 } },
        requests = { { node = "10.0.0.1:80" } } } },
    { response = { status = 404 }, expect = { status = 404, requests = { { node = "10.0.0.2:80" } } } },
    { nodes = { ["10.0.0.1:80"] = { status = 503 } }, expect = { node = "10.0.0.1:80", status = 503 } },
    { request = { url = "/" }, expect = { calls = false, log = false } },
} })
""", rule=STEPS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_connection_that_timed_out_cannot_be_gone_on_with(rules):
    done = rules(GIVEN + """
test.case("late", { virtual_server = { timeouts = { keepalive = "100s" } }, steps = {
    { expect = { status = 200 } }, { later = 50, connection = "same", expect = { status = 200 } },
    { later = 150, connection = "same", expect = { status = 200 } } } })
""", rule=STEPS)
    assert done.returncode == 1 and "step 3: it did not end" in done.stdout and "step 2" not in done.stdout


def test_time_stands_where_the_test_says(rules):
    done = rules(GIVEN + """
test.case("time", { time = 1000000000, request = { url = "/time" }, steps = {
    { expect = { body = "1000000000 1000000000 01:46:40 01:46:40 1000000000 2001" } },
    { later = 3600.5, expect = { body = "1000003600 1000003600 02:46:40 02:46:40 1000003600.5 2001" } },
} })
test.case("and goes on", { request = { url = "/time" }, check = function(got)
    assert(tonumber(got.body:match("%d+")) > 1700000000)
end })
""", rule=STEPS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_chance_can_be_told_again(rules):
    done = rules(GIVEN + """
local function draw(seed)
    local drawn = {}
    local step = { check = function(got) drawn[#drawn + 1] = got.body end }
    test.case("drawn", { seed = seed, request = { url = "/chance" }, steps = { step, step, step } })
    return table.concat(drawn, " ")
end
local first = draw(7)
assert(first == draw(7) and first ~= draw(8) and first ~= draw() and #first > 6)
""", rule=STEPS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case, said", [
    ('steps = { { method = "GET" } }', "'a': step 1 has no field 'method'"),
    ('steps = { {}, { connection = "old" } }', "'a': step 2: `connection` is \"same\" or \"new\""),
    ('steps = { { later = -1 } }', "expected seconds from 0 to"), ('time = 0', "expected a number from 1"),
    ('seed = 1.5', "expected a whole number"), ('steps = 7', "`steps`"),
])
def test_steps_that_are_none(rules, case, said):
    done = rules(GIVEN + 'test.case("a", { ' + case + " })", rule=STEPS)
    assert done.returncode == 1 and said in done.stdout, done.stdout


def test_any_function_can_be_answered(rules):
    done = rules(GIVEN + """
local asked
test.case("answered", {
    answers = { ["http.getHeader"] = function(name) asked = name; return nil, "second" end },
    expect = { log = { "nil second" }, calls = { { "http.getHeader", "X-Any" } } },
})
test.case("given back as it was", {
    answers = { ["http.getHeader"] = { { list = { 1, 2, { deep = true } } } } },
    expect = { log = { "table nil" } },
})
test.case("an answer that fails", {
    answers = { ["http.getHeader"] = function() error("lost") end },
})
test.case("and what it knew is still there", { check = function() assert(asked == "X-Any") end })
""", rule="""local a, b = http.getHeader("X-Any")
log.info((type(a) == "table" and a.list[3].deep and "table" or tostring(a)) .. " " .. tostring(b))""")
    assert done.returncode == 1 and "3 passed, 1 failed" in done.stdout, done.stdout
    assert "the test's answer failed" in done.stdout and "lost" in done.stdout


def test_answers_to_functions_that_are_none(rules):
    done = rules(GIVEN + 'test.case("x", { answers = { ["http.getHaeder"] = 1 } })')
    assert done.returncode == 1 and "no function 'http.getHaeder'" in done.stdout


@pytest.mark.parametrize("state", ["failed", "draining", "disabled", "refuses"])
def test_nodes_have_states(rules, state):
    done = rules(GIVEN + f"""
for i = 1, 3 do
    test.case("another node takes it", {{
        nodes = {{ ["10.0.0.1:80"] = "{state}" }}, expect = {{ node = "10.0.0.2:80", status = 200 }},
    }})
end
test.case("none is left", {{
    nodes = {{ ["10.0.0.1:80"] = "{state}", ["10.0.0.2:80"] = "{state}" }},
    expect = {{ status = {'200' if state == 'failed' else '503'} }},
}})
""")
    assert done.returncode == 0, done.stdout


def test_nodes_answer_each_for_itself_and_one_after_the_other(rules):
    done = rules(GIVEN + """
test.case("its own answer", {
    nodes = { ["10.0.0.1:80"] = { status = 404 }, ["10.0.0.2:80"] = "disabled" },
    expect = { node = "10.0.0.1:80", status = 404 },
})
test.case("until the end of the connection", {
    response = { body = "to the end", close = true }, expect = { body = "to the end" },
})
test.case("as it is", {
    response = { raw = "HTTP/1.1 203 Odd\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n3\\r\\nabc\\r\\n0\\r\\n\\r\\n" },
    expect = { status = 203, reason = "Odd", body = "abc" },
})
test.case("something in advance", {
    response = { raw = "HTTP/1.1 103 Early Hints\\r\\nLink: </a>\\r\\n\\r\\nHTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok" },
    expect = { status = 200, body = "ok", headers = { Link = false } },
})
test.case("to a client that knows no chunks", {
    request = { raw = "GET / HTTP/1.0\\r\\n\\r\\n" },
    response = { raw = "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n3\\r\\nabc\\r\\n0\\r\\n\\r\\n" },
    expect = { status = 200, body = "abc", headers = { ["Transfer-Encoding"] = false, ["Content-Length"] = false } },
})
test.case("a head only", {
    request = { method = "HEAD" }, response = { body = "hello" },
    expect = { body = "", headers = { ["Content-Length"] = "5" }, sent = { method = "HEAD" } },
})
test.case("nothing that could be understood", {
    response = { raw = "SSH-2.0\\r\\n\\r\\n" }, expect = { status = 502 },
})
""")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_nodes_hear_of_clients_by_proxy_headers(rules, version):
    """The header that a pool begins connections with is no part of what its node is sent; one in front
    of the request is not awaited, since the test says what it would."""
    done = rules("""
        local test = require "test"
        test.given {
            request_rules = "kind", pool = "web",
            pools = { web = { nodes = "10.0.0.1:80", proxy_protocol = "%s" } },
            virtual_server = { proxy_protocol = { from = "10.0.0.0/8" } },
        }
        test.case("both", {
            request = { client = "203.0.113.9:1234", destination = "192.0.2.1:443" },
            answers = { ["request.getProxyTLV"] = function(type) return type == 2 and "shop" or nil end },
            expect = { sent = { method = "GET", headers = { ["X-Real"] = "203.0.113.10", ["X-Name"] = "shop" },
                                client = "203.0.113.10:1234", destination = "192.0.2.1:443" } },
        })
        test.case("no values", { expect = { sent = { headers = { ["X-Name"] = "nil" } } } })
    """ % version, rule="""
        request.setRemoteIP("203.0.113.10")
        http.setHeader("X-Real", request.getRemoteIP())
        http.setHeader("X-Name", tostring(request.getProxyTLV(2)))
    """)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed, 0 failed" in done.stdout


def test_large_bodies_pass_both_ways(rules):
    done = rules(GIVEN + """
local body = ("0123456789"):rep(100000)
test.case("a million bytes", {
    request = { body = body }, response = { body = body },
    expect = { body = body, sent = { method = "POST", body = body } },
})
""")
    assert done.returncode == 0, done.stdout[-2000:]


def test_all_phases(rules):
    done = rules("""
local test = require "test"
test.case("response rule", {
    response_rules = "kind", response = { status = 503, headers = { ["X-A"] = "a" } },
    expect = { status = 503, log = { "RESPONSE" } },
})
test.case("completion rule", {
    completion_rules = "kind", response = { status = 503, headers = { ["X-A"] = "a" } },
    expect = { status = 503, log = { "COMPLETION" } },
})
test.case("request rule", { request_rules = "kind", expect = { log = { "REQUEST" } } })
""", rule="""log.info(rule.getState())
""")
    assert done.returncode == 0, done.stdout


def test_what_a_connection_knows(rules):
    done = rules("""
local test = require "test"
test.case("addresses", {
    request_rules = "kind",
    request = { client = "203.0.113.9:1234", destination = "10.9.9.9:8080", accepted = "192.0.2.1:80" },
    expect = { log = { "203.0.113.9 1234 10.9.9.9 8080 192.0.2.1 80" } },
})
test.case("to where it was headed", {
    request_rules = "kind", pools = { anywhere = { nodes = "original_destination", transparent = true } },
    request = { client = "203.0.113.9", destination = "10.9.9.9:8080", accepted = "192.0.2.1:80" },
    expect = { node = "10.9.9.9:8080", source = "203.0.113.9" },
})
""", rule="""log.info(table.concat({ request.getRemoteIP(), request.getRemotePort(), request.getDestIP(),
    request.getDestPort(), request.getLocalIP(), request.getLocalPort() }, " "))""")
    assert done.returncode == 0, done.stdout


def test_cases_do_not_see_each_other(rules):
    (rules.path / "counter.lua").write_text("return { count = 0 }")
    done = rules("""
local test = require "test"
for i = 1, 3 do
    test.case("the first of its kind", { request_rules = "kind", expect = { log = { "1" } } })
end
""", rule="""local counter = require "counter"
counter.count = counter.count + 1
log.info(counter.count)""")
    assert done.returncode == 0, done.stdout


def test_on_a_configuration(rules, tmp_path):
    config = tmp_path / "weir.yaml"
    config.write_text("""
rules_dir: .
virtual_servers:
  first: {listen: "127.0.0.1:9999", pool: web, request_rules: kind}
  second: {listen: "127.0.0.1:9998", pool: mobile, request_rules: kind}
pools: {web: {nodes: "10.0.0.1:80"}, mobile: {nodes: "10.0.0.3:80"}}
""")
    text = """
local test = require "test"
test.case("the first server", { expect = { pool = "web" } })
test.case("the other one", { virtual_server = "second", expect = { pool = "mobile" } })
"""
    done = rules(text, "-c", config)
    assert done.returncode == 0, done.stdout + done.stderr
    done = weir_test("-c", config)  # the folder of its rules
    assert "2 passed" in done.stdout
    done = rules(text)
    assert done.returncode == 1 and "no -c FILE" in done.stdout
    config.write_text("virtual_servers: {first: {pol: web}}")
    done = rules(text, "-c", config)
    assert done.returncode == 1 and "did you mean 'pool'" in done.stdout


@pytest.mark.parametrize("text, said", [
    ('local test = require "test"\ntest.case("x", {', "unexpected symbol"),
    ('local test = require "test"\ntset.case("x", {})', "tset"),
    ('local test = require "test"\ntest.case("x", { requst = {} })', "test.lua:2: 'x' has no field 'requst'"),
    ('local test = require "test"\ntest.case("x", { expect = { staus = 2 } })', "has no field 'staus'"),
    ('local test = require "test"\nerror("oh")', "test.lua:2: oh"),
    ('local test = require "test"\nwhile true do end', "budget exhausted"),
    ('local test = require "test"\nlocal t = {}\nwhile true do t = { t, ("x"):rep(1e5) .. #t } end', "exhausted"),
    ('local test = require "test"\nio.open("/etc/passwd")', "io"),
    ('local test = require "test"', "no case was run"),
    (GIVEN + 'test.case("x", { request_rules = "nono" })', "no rule 'nono'"),
    (GIVEN + 'test.case("x", { pools = { web = "10.0.0.1" } })', "needs a port"),
    (GIVEN + 'test.case("x", { nodes = { ["10.0.0.1:80"] = "tired" } })', "not 'tired'"),
    (GIVEN + 'test.case("x", { request = { client = "me" } })', "expected an IP address"),
])
def test_mistakes_of_a_test_file_are_told(rules, text, said):
    done = rules(text)
    assert done.returncode == 1 and said in done.stdout, done.stdout


def test_one_bad_file_does_not_keep_the_others_from_running(rules):
    rules('error("first")', name="a")
    done = rules(PASSING, name="b")
    assert done.returncode == 1 and "1 passed, 1 failed" in done.stdout


def test_usage(tmp_path):
    for arguments in (["--colour"], ["--junit"], ["-c"], ["--tap", "/nowhere/at/all"]):
        assert weir_test(*arguments).returncode == 2, arguments
    done = weir_test(tmp_path)
    assert done.returncode == 1 and "no test" in done.stderr


def test_tap(rules):
    done = rules(PASSING + 'test.case("not # so", { expect = { status = 404 } })', "--tap")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "TAP version 13" and lines[-1] == "1..2"
    assert [line.split(" - ")[0] for line in lines if re.match("(not )?ok", line)] == ["ok 1", "not ok 2"]
    assert "#" not in next(line for line in lines if line.startswith("not ok"))
    assert sum("duration_ms:" in line for line in lines) == 2


def test_junit(rules, tmp_path):
    path = tmp_path / "report.xml"
    done = rules(PASSING + r'test.case("<&\"\1>", { expect = { status = 404, body = "\1]]>" } })',
                 "--junit", path)
    assert done.returncode == 1
    suite = xml.parse(path).getroot()
    assert (suite.tag, suite.get("tests"), suite.get("failures")) == ("testsuite", "2", "1")
    first, second = suite.findall("testcase")
    assert first.get("name") == "telephones have a pool" and float(first.get("time")) > 0
    assert first.find("failure") is None
    assert second.get("name") == '<&"\\x01>'
    assert "status: expected 404, got 200" in second.find("failure").get("message")
    done = rules(PASSING, "--junit", tmp_path / "no" / "such" / "folder.xml")
    assert done.returncode == 1 and "cannot write" in done.stderr


def test_coverage(rules):
    (rules.path / "helper.lua").write_text("local function unused()\n    return 1\nend\nreturn { unused }\n")
    rule = """local helper = require "helper"
local function double(x)
    return x * 2
end
if http.getPath() == "/a" then
    log.info("a")
elseif http.getPath() == "/b" then
    log.info(double(2))
    log.info("b")
end
"""
    case = GIVEN + 'test.case("x", { request = { url = "/%s" } })'
    done = rules(case % "a", "--coverage", rule=rule)
    # a line that begins a function has run when the function was called
    assert re.search(r" 44\.4 %  4 of 9 lines  \S*kind\.lua: 2-3, 7-9 never ran\n", done.stdout), done.stdout
    assert re.search(r"helper\.lua: 2 never ran", done.stdout)
    assert "in all" in done.stdout
    done = rules(case % "a" + '\ntest.case("y", { request = { url = "/b" } })', "--coverage")
    assert re.search(r"100\.0 %  (\d+) of \1 lines  \S*kind\.lua\n", done.stdout), done.stdout


def test_watch_runs_again_when_a_rule_changes(rules):
    rules(PASSING)
    output = rules.path / "output"
    with open(output, "w") as to:
        # whoever runs the tests in the background may have it ignore Ctrl-C
        process = subprocess.Popen([PROGRAM, "test", "--watch", str(rules.path / "test")], stdout=to,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def wait_for(text):
        deadline = time.monotonic() + 60
        while text not in output.read_text():
            assert process.poll() is None and time.monotonic() < deadline, output.read_text()
            time.sleep(0.02)
    try:
        wait_for("1 passed, 0 failed")
        wait_for("waiting for changes")
        (rules.path / "kind.lua").write_text(RULE.replace("mobile", "web"))
        wait_for("0 passed, 1 failed")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def test_needs_neither_root_nor_a_network():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o755)
        (path / "kind.lua").write_text(RULE)
        (path / "kind.test.lua").write_text(PASSING)
        program = shutil.copy(PROGRAM, path / "weir")
        nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        done = subprocess.run(["unshare", "-n", *nobody, program, "test", folder],
                              capture_output=True, text=True, timeout=60)
    assert "1 passed, 0 failed" in done.stdout, done.stdout + done.stderr


def test_the_rules_that_ship_are_tested():
    root = Path(__file__).resolve().parents[2]
    done = weir_test("--coverage", "rules", cwd=root)
    assert done.returncode == 0, done.stdout
    names = {path.stem for path in (root / "rules").glob("*.lua")}
    tested = {path.name.removesuffix(".test.lua") for path in (root / "rules/test").glob("*.test.lua")}
    assert names == tested
    for path in (root / "rules").glob("*.lua"):
        assert len(path.read_text().splitlines()) < 30, path
    assert re.search(r"100\.0 %  \d+ of \d+ lines  in all", done.stdout), done.stdout
