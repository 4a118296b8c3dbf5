# SPDX-License-Identifier: Apache-2.0
"""rate.*, slm.*, counter.* and stats.*: what all workers know together, and what status shows of it."""
import subprocess
import time

import yaml

from lab.weir import PROGRAM


def get(weir, path="/", headers=""):
    """On a new connection, so that any worker may have it."""
    client = weir.client()
    try:
        return client.get(path, headers)
    finally:
        client.close()


def backlog(now):
    return now["rate_classes"]["calls"]["backlog"]


USE = """
local path, user = http.getPath(), http.getHeader("X-User")
local answer
if path == "/use" then answer = rate.use("calls", user)
elseif path == "/try" then answer = rate.use.noQueue("calls", user)
else answer = rate.getbacklog("calls", user) end
http.sendResponse(200, "text/plain", tostring(answer))
"""


def test_a_limit_holds_over_all_workers(bench):
    weir = bench.weir([bench.node()], request=USE, workers=4,
                      rate_classes={"calls": {"max_rate_per_minute": 7}})
    answers = [get(weir, "/try").text for _ in range(40)]
    assert answers == ["true"] * 7 + ["false"] * 33
    assert get(weir, "/try", "X-User: other\r\n").text == "true"
    found = weir.status()["rate_classes"]["calls"]
    assert (found["passed_total"], found["refused_total"], found["backlog"]) == (8, 33, 0)
    assert "calls" in weir.status_text()


def test_use_waits_in_order_of_arrival(bench):
    weir = bench.weir([bench.node()], rate_classes={"calls": {"max_rate_per_second": 2}}, request="""
        local passed = rate.use("calls")
        http.sendResponse(200, "text/plain", tostring(passed) .. data.local_.increment("order"))
    """)
    clients = [bench.connect(weir) for _ in range(7)]
    began = time.monotonic()
    for number, client in enumerate(clients):
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        weir.until_status(lambda now: now["virtual_servers"]["main"]["transactions_total"], number + 1)
    assert [client.response().text for client in clients] == [f"true{i}" for i in range(1, 8)]
    assert time.monotonic() - began > 2.9
    found = weir.status()["rate_classes"]["calls"]
    assert (found["passed_total"], found["refused_total"], found["backlog"]) == (7, 0, 0)
    assert weir.status()["virtual_servers"]["main"]["rules"][0]["waits_total"] >= 4


def test_a_client_that_goes_leaves_the_queue(bench):
    weir = bench.weir([bench.node()], request=USE, workers=2,
                      rate_classes={"calls": {"max_rate_per_minute": 1, "max_queue": 2}})
    assert get(weir, "/use", "X-User: a\r\n").text == "true"
    waiting = [weir.client() for _ in range(2)]
    for client in waiting:
        client.send(b"GET /use HTTP/1.1\r\nHost: a\r\nX-User: a\r\n\r\n")
    weir.until_status(backlog, 2)
    assert get(weir, "/", "X-User: a\r\n").text == "2"
    assert get(weir, "/", "X-User: b\r\n").text == "0"
    for client in waiting:
        client.reset()
    weir.until_status(lambda now: (backlog(now), now["rate_classes"]["calls"]["given_up_total"]), (0, 2))
    assert get(weir, "/", "X-User: a\r\n").text == "0"


def test_a_queue_is_bounded(bench):
    weir = bench.weir([bench.node()], request=USE,
                      rate_classes={"calls": {"max_rate_per_minute": 1, "max_queue": 1}})
    assert get(weir, "/use").text == "true"
    waiting = weir.client()
    waiting.send(b"GET /use HTTP/1.1\r\nHost: a\r\n\r\n")
    weir.until_status(backlog, 1)
    assert get(weir, "/use").text == "nil"
    waiting.reset()
    weir.until_status(backlog, 0)


def test_a_dead_worker_waits_for_nothing(bench):
    weir = bench.weir([bench.node()], request=USE, rate_classes={"calls": {"max_rate_per_minute": 1}})
    weir.deaths_expected = True
    assert get(weir, "/use").text == "true"
    waiting = weir.client()
    waiting.send(b"GET /use HTTP/1.1\r\nHost: a\r\n\r\n")
    weir.until_status(backlog, 1)
    subprocess.run(["kill", "-9", str(weir.status()["workers"][0]["pid"])], check=True)
    weir.until_status(backlog, 0)
    waiting.close()


def test_counters_of_the_user(bench):
    weir = bench.weir([bench.node()], request="counter.increment(3) counter64.increment(1, 2^33)",
                      workers=3)
    for _ in range(12):
        get(weir)
    found = weir.status()
    assert found["user_counters"] == [0, 0, 12] + [0] * 7
    assert found["user_counters_64"] == [12 << 33] + [0] * 9
    assert str(12 << 33) in weir.status_text()


LEVEL = """
if http.getPath() == "/slow" then connection.sleep(1100) end
if http.getPath() == "/level" then
    http.sendResponse(200, "text/plain", slm.conforming() .. " " .. tostring(slm.isOK("api")))
end
"""


def answers(now):
    return now["slm_classes"]["api"]["answers_total"]


def test_the_service_level_of_all_workers(bench):
    weir = bench.weir([bench.node()], request=LEVEL, workers=3, vserver={"slm_class": "api"},
                      slm_classes={"api": {"response_time": "1s", "serious_threshold": 60}})
    assert get(weir, "/level").text == "100 true"
    slow = [bench.connect(weir) for _ in range(3)]
    for client in slow:
        client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    for client in slow:
        client.response()
    get(weir)
    weir.until_status(answers, 5)  # another worker may have the next one, and ask before they are counted
    assert get(weir, "/level").text == "40 false"
    found = weir.until_status(answers, 6)["slm_classes"]["api"]
    assert (found["state"], found["late_total"]) == ("serious", 3)
    assert "serious" in weir.status_text()


def test_a_rule_gives_a_connection_its_class(bench):
    weir = bench.weir([bench.node()], slm_classes={"api": {}, "rest": {}}, request="""
        if http.getPath() == "/api" then connection.setServiceLevelClass("api") end
        http.setHeader("X-Level", connection.getServiceLevelClass() or "none")
    """)
    client = bench.connect(weir)
    for path in ("/", "/api", "/", "/"):
        client.get(path)
    found = weir.until_status(answers, 3)["slm_classes"]
    assert found["rest"]["answers_total"] == 0


def test_answers_that_a_rule_writes_have_a_level_too(bench):
    weir = bench.weir([bench.node()], vserver={"slm_class": "api"}, slm_classes={"api": {"response_time": "1s"}},
                      request="""
        if http.getPath() == "/late" then connection.sleep(1100) end
        http.stream.startResponse(200, "text/plain", 3)
        if http.getPath() == "/long" then connection.sleep(1100) end
        http.stream.finishResponse("abc")
    """)
    client = bench.connect(weir)
    for path in ("/", "/late", "/long"):
        assert client.get(path).text == "abc"
    found = weir.until_status(answers, 3)["slm_classes"]["api"]
    assert found["late_total"] == 1, "its beginning counts, as for what a node says"


def test_times_of_a_transaction(bench):
    def answer(exchange):
        time.sleep(0.3)
        exchange.reply(200, b"late")
    weir = bench.weir([bench.node(answer)], response="""
        http.setResponseHeader("X-Node", stats.getServerResponseTime())
        http.setResponseHeader("X-All", stats.getTransactionDuration())
        http.setResponseHeader("X-Queue", stats.getQueueTime())
    """)
    response = get(weir)
    node, whole = int(response.get("X-Node")), int(response.get("X-All"))
    assert 290 < node <= whole < 20000
    assert 0 <= int(response.get("X-Queue")) <= whole


def test_unknown_classes_are_found_before_the_start(bench):
    rule = """
rate.use("callz")
rate.use.noQueue("callz")
rate.getbacklog("callz")
slm.isOK("apy")
connection.setServiceLevelClass("apy")
rate.use("calls") slm.conforming("api")
local name = "unknown" rate.use(name)
"""
    weir = bench.weir([bench.node()], rate_classes={"calls": {}}, slm_classes={"api": {}})
    with open(weir.directory + "/rules/bad.lua", "w") as file:
        file.write(rule)
    weir.conf["virtual_servers"]["main"]["request_rules"] = ["bad"]
    path = weir.directory + "/bad.yaml"
    with open(path, "w") as file:
        yaml.safe_dump(weir.conf, file)
    done = subprocess.run([PROGRAM, "check", "-c", path], capture_output=True, text=True, timeout=30,
                          check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    for line in (2, 3, 4):
        assert f"bad.lua:{line}:" in said and "there is no rate class 'callz'" in said
    for line in (5, 6):
        assert f"bad.lua:{line}:" in said and "there is no service level class 'apy'" in said
    assert "bad.lua:7" not in said and "bad.lua:8" not in said
