# SPDX-License-Identifier: Apache-2.0
"""weir reload, or SIGHUP: new rules in the same workers; a rule with errors changes nothing."""
import json
import os
import re
import signal
import subprocess
import threading

import pytest
import yaml

from lab.wait import until
from lab.weir import PROGRAM, in_user_namespace, is_sanitized


def command(weir, *words):
    return subprocess.run([PROGRAM, *words, "-c", weir.path], capture_output=True, text=True,
                          timeout=60)


def reload(weir):
    done = command(weir, "reload")
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def write(weir, name, text):
    path = os.path.join(weir.directory, "rules", name + ".lua")
    with open(path, "w") as file:
        file.write(text)
    return path


def saying(word):
    return f'http.sendResponse(200, "text/plain", "{word}")'


def answer(weir):
    with weir.client() as client:
        return client.get("/").text


def version(weir):
    return weir.status()["rules_version"]


def start(bench, request=saying("old"), **more):
    return bench.weir(pool={"nodes": ["127.0.0.1:9"]}, request=request, **more)


def test_new_rules_in_the_same_workers(bench):
    weir = start(bench, workers=2)
    path = write(weir, "request", saying("new"))
    assert answer(weir) == "old"
    assert reload(weir) == f"rules reloaded; changed: {path}\n"
    assert {answer(weir) for _ in range(20)} == {"new"}
    assert version(weir) == 1
    assert set(weir.children) == weir.first_children
    line = json.loads(weir.wait_log('"audit"'))
    assert re.fullmatch(rf"user \d+ \(process \d+\): rules: version 0 -> 1: {re.escape(path)}",
                        line["message"])


def test_files_that_are_as_they_were(bench):
    weir = start(bench)
    assert reload(weir) == "rules are as they were\n"
    assert version(weir) == 0


def test_a_hangup_does_the_same(bench):
    weir = start(bench)
    write(weir, "request", saying("new"))
    weir.process.send_signal(signal.SIGHUP)
    weir.wait_log("version 0 -> 1")
    assert answer(weir) == "new"


def test_modules_are_read_again(bench):
    module = "local n = 0 return { word = function() n = n + 1 return '%s' .. n end }"
    weir = start(bench, 'http.sendResponse(200, "text/plain", require("module").word())',
                 rules={"module": module % "one"})
    assert [answer(weir), answer(weir)] == ["one1", "one2"]
    path = write(weir, "module", module % "two")
    assert reload(weir) == f"rules reloaded; changed: {path}\n"
    assert [answer(weir), answer(weir)] == ["two1", "two2"]


def test_transactions_under_way_keep_their_rules(bench):
    """Its later rules too, and the modules that it requires only then."""
    old = """
        if http.getPath() == "/slow" then connection.sleep(1500) end
        http.setHeader("X-Rule", "WORD")
    """
    later = 'http.setResponseHeader("X-Later", "WORD " .. require("module").word)'
    node = bench.node(lambda x: x.reply(200, x.request.get("X-Rule").encode()))
    weir = bench.weir([node], request=old.replace("WORD", "old"),
                      response=later.replace("WORD", "old"),
                      rules={"module": 'return {word = "old"}'})
    slow = bench.connect(weir)
    slow.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    weir.until_status(lambda now: now["virtual_servers"]["main"]["rules"][0]["waits_total"], 1)
    write(weir, "request", old.replace("WORD", "new"))
    write(weir, "response", later.replace("WORD", "new"))
    write(weir, "module", 'return {word = "new"}')
    reload(weir)

    def said(response):
        return response.text, response.get("X-Later")
    assert said(bench.connect(weir).get("/")) == ("new", "new new")
    assert said(slow.response()) == ("old", "old old")
    assert said(slow.get("/")) == ("new", "new new")


def test_a_connection_keeps_its_data(bench):
    text = """
        local n = (connection.data.get("n") or 0) + 1
        connection.data.set("n", n)
        http.sendResponse(200, "text/plain", "WORD " .. n)
    """
    weir = start(bench, text.replace("WORD", "old"))
    client = bench.connect(weir)
    assert client.get("/").text == "old 1"
    write(weir, "request", text.replace("WORD", "new"))
    reload(weir)
    assert client.get("/").text == "new 2"


WRONG = {
    "syntax": ("local a\nif if", r"request\.lua:2:\d+: unexpected symbol"),
    "global": ("local a = 1\n  nowhere(a)", r"request\.lua:2:3: unknown global 'nowhere'"),
    "pool": ('pool.use("elsewhere")', r"request\.lua:1:\d+: there is no pool 'elsewhere'"),
    "phase": ('local a\nhttp.getResponseHeader("a")',
              r"request\.lua:2:1: 'http.getResponseHeader' makes no sense in a request rule"),
    "module": ('require("nowhere")', r"request\.lua:1:\d+: cannot load module 'nowhere'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_compile_changes_nothing(bench, name):
    text, complaint = WRONG[name]
    weir = start(bench)
    write(weir, "request", text)
    done = command(weir, "reload")
    assert done.returncode == 1 and done.stdout == ""
    assert re.search(complaint, done.stderr), done.stderr
    assert done.stderr.endswith("weir: nothing was reloaded\n")
    assert re.search(complaint, json.loads(weir.wait_log("cannot reload"))["message"])
    weir.wait_log("reload refused")
    assert (answer(weir), version(weir)) == ("old", 0)
    write(weir, "request", saying("new"))
    reload(weir)
    assert (answer(weir), version(weir)) == ("new", 1)


def test_a_rule_that_is_gone(bench):
    weir = start(bench)
    os.remove(os.path.join(weir.directory, "rules", "request.lua"))
    done = command(weir, "reload")
    assert done.returncode == 1 and "request" in done.stderr
    assert answer(weir) == "old"


def test_other_changes_want_a_restart(bench):
    weir = start(bench)
    write(weir, "request", saying("new"))
    weir.conf["pools"]["web"]["nodes"] = ["127.0.0.1:8"]
    with open(weir.path, "w") as file:
        yaml.safe_dump(weir.conf, file, sort_keys=False)
    done = command(weir, "reload")
    assert done.returncode == 1
    assert re.search(r"weir\.yaml:\d+:\d+: .*only rules can be reloaded: restart weir", done.stderr)
    assert answer(weir) == "old"


def test_comments_in_the_configuration_are_no_change(bench):
    weir = start(bench)
    write(weir, "request", saying("new"))
    with open(weir.path) as file:
        text = file.read()
    with open(weir.path, "w") as file:
        file.write("# why not\n\n" + text)
    reload(weir)
    assert answer(weir) == "new"


def test_a_worker_that_starts_later_has_what_was_accepted(bench):
    weir = start(bench)
    for word in "second", "third":
        write(weir, "request", saying(word))
        reload(weir)
    write(weir, "request", "if if if")
    weir.deaths_expected = True
    before = set(weir.children)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(set(weir.children) - before) == len(before), "all children are replaced")

    def answers():
        try:
            return answer(weir)
        except Exception:  # noqa: BLE001 - it may be on its way up
            return None
    until(lambda: answers() == "third", "the new worker has the newest rules")
    write(weir, "request", saying("fourth"))
    reload(weir)
    assert (answer(weir), version(weir)) == ("fourth", 3)


@pytest.mark.skipif(os.geteuid() != 0 or in_user_namespace(), reason="there is one user only")
def test_workers_need_no_right_to_read_rules(bench):
    weir = start(bench)
    os.chmod(write(weir, "request", saying("new")), 0o600)
    os.chmod(os.path.join(weir.directory, "rules"), 0o700)
    reload(weir)
    assert answer(weir) == "new"


def test_many_at_once(bench):
    weir = start(bench, workers=2)
    found = []

    def one():
        found.append(command(weir, "reload").returncode)
    for word in "a", "b", "c":
        write(weir, "request", saying(word))
        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {answer(weir) for _ in range(10)} == {word}
    assert found == [0] * 12


def test_nothing_is_lost_under_load(bench):
    weir = bench.weir([bench.node()], request='http.setHeader("X-Rule", "0")')
    stop, failures = threading.Event(), []

    def load():
        client = weir.client()
        try:
            while not stop.is_set():
                if client.get("/").status != 200:
                    failures.append("an answer of weir's own")
        except Exception as failure:  # noqa: BLE001
            failures.append(repr(failure))
        client.close()
    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 8):
        write(weir, "request", f'http.setHeader("X-Rule", "{number}")')
        reload(weir)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == [] and version(weir) == 7


@pytest.mark.skipif(is_sanitized(), reason="its heap keeps what was freed")
def test_memory_of_old_rules_is_given_back(bench):
    weir = start(bench)
    worker = weir.status()["workers"][0]["pid"]

    def resident():
        with open(f"/proc/{worker}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1))
    body = "\n".join(f'local function f{i}(x) return x .. "{i} {"y" * 60}" end' for i in range(90))
    grown = []
    for number in range(40):
        write(weir, "request", "\n".join(f"do {body} end" for _ in range(8)) + "\n" + saying(str(number)))
        reload(weir)
        assert answer(weir) == str(number)
        grown.append(resident())
    assert grown[-1] - grown[10] < 3000, grown
