# SPDX-License-Identifier: Apache-2.0
"""What rules did: counted for status, and said in the log where one failed."""
import json
import subprocess

from lab.weir import free_port


def rule(now, name, server="main"):
    return next(one for one in now["virtual_servers"][server]["rules"] if one["rule"] == name)


def outcomes(now, name="request"):
    return {word: count for word, count in rule(now, name)["outcomes"].items() if count}


EACH = """
local path = http.getPath()
if path == "/verdict" then pool.use("web") end
if path == "/error" then error("no") end
if path == "/budget" then while true do end end
if path == "/memory" then string.rep("x", 1e9) end
if path == "/wait" then connection.sleep(30) connection.sleep(30) end
if path == "/long" then connection.sleep(60000) end
"""


def test_every_way_to_end_is_counted(bench):
    weir = bench.weir([bench.node()], request=EACH, vserver={"rules": {"wall_time": "500ms"}})
    for path, times in (("/", 2), ("/verdict", 3), ("/error", 1), ("/budget", 1), ("/memory", 1),
                        ("/wait", 1), ("/long", 1)):
        for _ in range(times):
            bench.connect(weir).get(path)
    client = bench.connect(weir)
    client.send(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
    weir.until_status(lambda now: rule(now, "request")["waits_total"], 4)  # the last one waits
    client.reset()
    now = weir.until_status(outcomes, {"finished": 3, "verdict": 3, "error": 1, "budget": 1,
                                       "memory": 1, "wall_time": 1, "given_up": 1})
    found = rule(now, "request")
    assert (found["phase"], found["runs_total"], found["waits_total"]) == ("request", 11, 4)
    assert sum(place["runs"] for place in found["times"]) == 11
    belows = [place["below"] for place in found["times"]]
    assert belows == sorted(belows)
    assert found["waited_seconds_total"] > 0.05
    assert 0 < found["seconds_total"] < 10


def test_each_virtual_server_and_phase_has_its_own(bench):
    def server(**rules):
        return {"listen": f"127.0.0.1:{free_port()}", "protocol": "http", "pool": "web", **rules}

    node = bench.node()
    weir = bench.start({"virtual_servers": {"one": server(request_rules=["seen"]),
                                            "two": server(request_rules=["seen"],
                                                          response_rules=["other", "seen"],
                                                          completion_rules=["seen"])},
                        "pools": {"web": {"nodes": [node.name]}}},
                       {"seen": "local a = 1", "other": "local b = 2"})
    weir.client("one").get("/")
    two = bench.keep(weir.client("two"))
    two.get("/")
    two.get("/")
    weir.wait_access(3)

    def counts(now):
        return {name: [(one["rule"], one["phase"], one["runs_total"]) for one in value["rules"]]
                for name, value in now["virtual_servers"].items()}
    weir.until_status(counts, {"one": [("seen", "request", 1)],
                               "two": [("seen", "request", 2), ("other", "response", 2),
                                       ("seen", "response", 2), ("seen", "completion", 2)]})


def test_the_table_shows_them(bench):
    weir = bench.weir([bench.node()], request=EACH)
    for path in ("/", "/verdict", "/error", "/memory"):
        bench.connect(weir).get(path)
    row = next(line.split() for line in weir.status_text().splitlines() if " request " in line)
    assert row[:8] == ["main", "request", "request", "4", "1", "1", "1", "0"]
    assert row[9] in ("ns", "us", "ms")
    without = bench.weir([bench.node()])
    assert "RULE" not in without.status_text()


def test_time_of_a_rule_is_its_own(bench):
    """A busy rule has a time of its own in the histogram; a wait is no such time."""
    weir = bench.weir([bench.node()], rules={
        "busy": "local n = 0 for i = 1, 300000 do local f = function() n = n + i end f() end",
        "waiting": "connection.sleep(300)", "idle": ""},
        vserver={"request_rules": ["busy", "waiting", "idle"]})
    for _ in range(3):
        bench.connect(weir).get("/")
    busy, waiting, idle = (rule(weir.status(), name) for name in ("busy", "waiting", "idle"))
    assert busy["seconds_total"] > 10 * idle["seconds_total"]
    assert busy["seconds_total"] > waiting["seconds_total"]
    assert waiting["seconds_total"] < 0.3 < waiting["waited_seconds_total"]


def test_counts_outlive_a_worker(bench):
    weir = bench.weir([bench.node()], request="pool.use('web')")
    bench.connect(weir).get("/")
    weir.until_status(outcomes, {"verdict": 1})
    weir.deaths_expected = True
    worker = weir.status()["workers"][0]["pid"]
    subprocess.run(["kill", "-KILL", str(worker)], check=True)
    weir.until_status(lambda now: now["workers"][0]["pid"] not in (0, worker))
    bench.connect(weir).get("/")
    weir.until_status(outcomes, {"verdict": 2})


FAILING = """local host = http.getHeader("X-Word")
local parts = { 1, 2, 3 }
local function size(word)
    local twice = word .. word
    return #twice + parts.missing -- here
end
size(host)
"""


def test_an_error_shows_source_and_locals(bench):
    weir = bench.weir([bench.node()], request=FAILING)
    bench.connect(weir).get("/", headers='X-Word: a"b\\c\r\n')

    def said(text):
        return json.loads(weir.wait_log(text))["message"]
    path = f"{weir.directory}/rules/request.lua"
    assert said("failed") == (f"rule 'request' failed: {path}:5: attempt to perform arithmetic on"
                              " field 'missing' (a nil value)")
    assert said("source") == "rule 'request': source: return #twice + parts.missing -- here"
    assert said("in size") == f"rule 'request': {path}:5: in size"
    assert said("locals") == (r"""rule 'request': locals: word = "a\"b\\c", twice ="""
                              r""" "a\"b\\ca\"b\\c", parts = a table of 3""")
