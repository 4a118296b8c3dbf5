# SPDX-License-Identifier: Apache-2.0
"""data.* belongs to all workers, whatever becomes of them; data.local_.* to one."""
import os
import signal
import threading

from lab.wait import until

ASK = """
local key = http.getHeader("X-Key")
local value = http.getHeader("X-Value")
local answer
local path = http.getPath()
if path == "/set" then answer = data.set(key, value, tonumber(http.getHeader("X-Ttl")))
elseif path == "/get" then answer = data.get(key)
elseif path == "/count" then answer = data.increment(key)
elseif path == "/local" then answer = data.local_.increment(key)
elseif path == "/free" then answer = data.getMemoryFree()
elseif path == "/cas" then
    repeat local old = data.get(key) until data.compareAndSet(key, old, {n = (old and old.n or 0) + 1})
    answer = data.get(key).n
end
http.sendResponse(200, "text/plain", tostring(answer))
"""


def ask(weir, path, key="k", value=None, ttl=None):
    """A new connection each time, so that any worker may have it."""
    client = weir.client()
    headers = f"X-Key: {key}\r\n" + (f"X-Value: {value}\r\n" if value is not None else "")
    headers += f"X-Ttl: {ttl}\r\n" if ttl else ""
    try:
        return client.get(path, headers).text
    finally:
        client.close()


def in_parallel(count, work):
    failures = []

    def run():
        try:
            work()
        except Exception as why:  # pylint: disable=broad-except
            failures.append(why)
    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def test_what_one_worker_sets_all_others_have(bench):
    weir = bench.weir([bench.node()], request=ASK, workers=4)
    assert ask(weir, "/set", value="there") == "true"
    assert {ask(weir, "/get") for _ in range(40)} == {"there"}


def test_no_increment_is_lost(bench):
    weir = bench.weir([bench.node()], request=ASK, workers=3)

    def work():
        client = weir.client()
        for _ in range(100):
            client.get("/count", "X-Key: n\r\n")
            client.get("/cas", "X-Key: table\r\n")
        client.close()
    in_parallel(6, work)
    assert ask(weir, "/count", "n") == "601"
    assert ask(weir, "/cas", "table") == "601"


def test_local_data_are_each_workers_own(bench):
    weir = bench.weir([bench.node()], request=ASK, workers=4)
    counts = [int(ask(weir, "/local")) for _ in range(40)]
    assert max(counts) < 40
    assert counts.count(1) > 1


def test_a_time_to_live_holds_for_all(bench):
    weir = bench.weir([bench.node()], request=ASK, workers=3)
    assert ask(weir, "/set", value="short", ttl=1) == "true"
    assert ask(weir, "/set", key="long", value="there", ttl=1000) == "true"
    until(lambda: ask(weir, "/get") == "nil", "it is gone")
    assert {ask(weir, "/get") for _ in range(10)} == {"nil"}
    assert ask(weir, "/get", key="long") == "there"


def test_full_is_false_and_what_was_there_stays(bench):
    weir = bench.weir([bench.node()], request=ASK, workers=2, data={"size": "16k"})
    assert ask(weir, "/set", value="first") == "true"
    answers = [ask(weir, "/set", key=f"k{i}", value="x" * 1000) for i in range(20)]
    assert answers.count("false") > 2 and answers[0] == "true"
    weir.wait_log("there is no room for the value of 'k")
    assert ask(weir, "/get") == "first"
    assert int(ask(weir, "/free")) < 2000


WRITE = """
local n = tonumber(http.getHeader("X-Seed"))
for i = 1, 20000 do
    n = (n * 1103 + 12345) % 65536
    data.set("k" .. n % 100, ("x"):rep(n % 700), n % 3 == 0 and 0.05 or nil)
    if n % 7 == 0 then data.remove("k" .. n % 90) end
    data.increment("n")
end
"""


def test_workers_are_killed_while_they_write(bench):
    weir = bench.weir([bench.node()], rules={"ask": ASK, "write": f'if http.getPath() == "/write" then {WRITE} end'},
                      vserver={"request_rules": ["write", "ask"]}, workers=3, data={"size": "256k"})
    weir.deaths_expected = True

    def write(seed):
        client = weir.client()
        try:
            client.get("/write", f"X-Seed: {seed}\r\n")
        except Exception:  # pylint: disable=broad-except
            pass  # its worker was killed
        finally:
            client.close()

    def killable():
        return [worker["pid"] for worker in weir.status()["workers"] if worker["pid"]]
    for round_number in range(4):
        threads = [threading.Thread(target=write, args=(round_number * 100 + i,)) for i in range(6)]
        for thread in threads:
            thread.start()
        for pid in killable()[round_number % 2:]:
            os.kill(pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
        until(lambda: len(killable()) == 3, "all workers are back")
        assert int(answer_of(weir, "/count", "alive")) == round_number + 1


def answer_of(weir, path, key):
    """Tries until a worker takes it: some are just being started anew."""
    def attempt():
        try:
            return ask(weir, path, key)
        except Exception:  # pylint: disable=broad-except
            return None
    return until(attempt, "a worker answers")
