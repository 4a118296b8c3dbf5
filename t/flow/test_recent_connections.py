# SPDX-License-Identifier: Apache-2.0
"""weir recent shows the connections that ended last: those that rules include, or all but those they exclude."""
import json
import subprocess

import pytest

from lab.wait import until
from lab.weir import PROGRAM

ALL = {"recent_connections": {"save_all": True}}


def run(weir, *words):
    return subprocess.run([PROGRAM, "recent", "-c", weir.path, *words], capture_output=True, text=True)


def recent(weir, *words):
    done = run(weir, "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["connections"]


def uris(weir, *words):
    return [one["uri"] for one in recent(weir, *words)]


def test_all_of_a_virtual_server_newest_first(bench):
    node = bench.node()
    weir = bench.weir([node], vserver=ALL, workers=2)
    for number in range(6):
        client = bench.connect(weir)
        client.get(f"/{number}")
        client.close()
        until(lambda: len(uris(weir)) == number + 1, "it is remembered")
    assert uris(weir) == [f"/{number}" for number in (5, 4, 3, 2, 1, 0)]
    assert uris(weir, "-n", "2") == ["/5", "/4"]


def test_what_is_said_of_each(bench):
    node = bench.node()
    weir = bench.weir([node], vserver=ALL, request='pool.use("web")')
    client = bench.connect(weir)
    client.get("/a?b=1", host="shop.example")
    one = until(lambda: recent(weir), "it is remembered")[0]
    access = weir.wait_access(1)[0]
    for key in ("virtual_server", "client", "dest", "method", "host", "uri", "status", "rule", "pool", "node",
                "source", "bytes_in", "bytes_out", "duration_us", "end"):
        assert one[key] == access[key], key
    assert (one["rule"], one["pool"], one["retries"]) == ("request:1", "web", 0)
    assert one["ended"][:13] == access["time"][:13]
    table = run(weir).stdout
    assert table.splitlines()[0].split()[:3] == ["ENDED", "VIRTUAL", "SERVER"]
    assert "GET shop.example/a?b=1" in table


def test_by_default_only_what_a_rule_includes(bench):
    node = bench.node()
    weir = bench.weir([node], request="""
        assert(recentconns.markedForInclusion() == false)
        if http.getPath() == "/in" then
            recentconns.include()
            assert(recentconns.markedForInclusion() == true)
        end
        if http.getHeader("X-Out") then recentconns.exclude() end""")
    client = bench.connect(weir)
    for target, headers in (("/", ""), ("/in", ""), ("/in", "X-Out: yes\r\n"), ("/", "")):
        assert client.get(target, headers).status == 200
    weir.wait_access(4)
    assert uris(weir) == ["/in"]


@pytest.mark.parametrize("phase", ["request", "response", "completion"])
def test_a_rule_of_any_phase_excludes(bench, phase):
    node = bench.node()
    rule = """
        assert(recentconns.markedForInclusion() == true)
        if http.getPath() == "/secret" then recentconns.exclude() end
        assert(recentconns.markedForInclusion() == (http.getPath() ~= "/secret"))"""
    weir = bench.weir([node], vserver=ALL, **{phase: rule})
    client = bench.connect(weir)
    for target in ("/a", "/secret", "/b"):
        assert client.get(target).status == 200
    weir.wait_access(3)
    assert uris(weir) == ["/b", "/a"]


def test_switched_off_no_rule_can_include(bench):
    node = bench.node()
    weir = bench.weir([node], vserver={"recent_connections": {"enabled": False, "save_all": True}}, request="""
        recentconns.include()
        assert(recentconns.markedForInclusion() == false)""")
    assert bench.connect(weir).get().status == 200
    weir.wait_access(1)
    assert uris(weir) == []


def test_each_worker_remembers_so_many(bench):
    node = bench.node()
    weir = bench.weir([node], vserver=ALL, recent_connections={"max_per_process": 3})
    client = bench.connect(weir)
    for number in range(10):
        client.get(f"/{number}")
    weir.wait_access(10)
    assert uris(weir) == ["/9", "/8", "/7"]


def test_what_was_refused_and_bytes_that_no_terminal_should_get(bench):
    node = bench.node()
    weir = bench.weir([node], vserver=ALL)
    client = bench.connect(weir)
    client.send(b"GET /\xc3\xa9 nonsense\r\n\r\n")
    assert client.response().status == 400
    client = bench.connect(weir)
    client.send(b"GET /?q=\x1b[1m HTTP/1.1\r\n\r\n")
    assert client.response().status == 400
    weir.wait_access(2)
    shown = recent(weir)
    assert [one["status"] for one in shown] == [400, 400]
    assert (shown[1]["end"], shown[1]["method"], shown[1]["pool"]) == ("bad_request", None, None)
    assert shown[1]["uri"] == "GET /?? nonsense" and shown[0]["uri"] == "GET /?q=?[1m HTTP/1.1"


def test_the_functions_take_no_wrong_words(bench):
    weir = bench.weir([bench.node()])
    for words, part in ((["-n", "0"], "no number"), (["-n"], "nothing after"), (["x"], "unexpected"),
                        (["--client", "a"], "unexpected")):
        done = run(weir, *words)
        assert done.returncode == 2 and part in done.stderr, done.stderr
