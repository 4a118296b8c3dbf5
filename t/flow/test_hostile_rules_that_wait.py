# SPDX-License-Identifier: Apache-2.0
"""Rules that do their worst by waiting and writing: they end at their wall time, take no memory to speak
of, and hold nobody up."""
import time

import pytest

from lab.counting import most_memory
from lab.hostile import RULES, as_one
from lab.http1 import Closed
from lab.wait import until
from lab.weir import is_sanitized

WAITS = {
    "sleep": "while true do connection.sleep(0) end",
    "sleep in pcall": "while true do pcall(connection.sleep, 1) end",
    "sleep in coroutines": "while true do coroutine.wrap(function() connection.sleep(1) end)() end",
    "names": 'while true do net.dns.resolveHost("127.0.0.1") end',
    "rates": 'while true do rate.use("calls") end',
    "rates without end": 'local i = 0 while true do i = i + 1 rate.use("calls", "n" .. i) end',
    "requests": 'while true do http.request.get("http://%s/") end',
    "sockets": 'while true do tcp.connect("%s", %d) end',
    "sockets that are closed": 'while true do local s = tcp.connect("%s", %d) tcp.write(s, ("x"):rep(1e5)) tcp.close(s) end',
    "other pools": 'while true do pool.select("web") request.avoidNode("%s") connection.sleep(1) end',
    "values": 'local i = 0 while true do i = i + 1 data.set("k" .. i, ("x"):rep(1e4)) connection.sleep(1) end',
    "lines": 'while true do log.info("again") connection.sleep(0) end',
}


@pytest.mark.parametrize("name", WAITS)
def test_a_rule_that_waits_for_ever_ends_at_its_wall_time(bench, name):
    node = bench.node()
    rule = WAITS[name].replace("%d", str(node.port))
    rule = rule.replace("%s", node.host if "tcp." in rule else node.name)
    weir = bench.weir([node], vserver={"rules": {"wall_time": "1s"}}, data={"size": "1m"},
                      rate_classes={"calls": {"max_rate_per_second": 1000}},
                      request=f'if http.getPath() == "/bad" then {rule} end')
    bad, good, times = bench.connect(weir), bench.connect(weir), []
    bad.send("GET /bad HTTP/1.1\r\nHost: a\r\n\r\n")
    ends = time.monotonic() + 0.8
    while time.monotonic() < ends:
        start = time.monotonic()
        assert good.get("/good").status == 200
        times.append(time.monotonic() - start)
    assert bad.response().status == 500
    # the machine may stand still once, but no rule sees to it that others wait again and again
    assert len(times) >= 3 and sorted(times)[-2] < 0.4, sorted(times)[-10:]
    assert "rule 'request' failed: " in weir.wait_log("rule 'request' failed: ")
    lines = [line for line in weir.errors if "again" in line or "no room" in line]
    assert len(lines) <= 2 * 100 + 2


def test_an_answer_without_end_ends_and_waits_for_its_client(bench):
    rule = ('http.stream.startResponse(200, "text/plain") '
            'while true do http.stream.writeResponse(("x"):rep(1e6)) end')
    weir = bench.weir([bench.node()], request=f'if http.getPath() == "/bad" then {rule} end',
                      vserver={"rules": {"wall_time": "2s"}})
    good, before = bench.connect(weir), most_memory(weir.children[0])
    deaf = [bench.connect(weir, receive_buffer=4096) for _ in range(5)]
    for client in deaf:
        client.send("GET /bad HTTP/1.1\r\nHost: a\r\n\r\n")
    eager = bench.connect(weir)
    eager.send("GET /bad HTTP/1.1\r\nHost: a\r\n\r\n")
    message = eager.head()
    with pytest.raises(Closed):  # in the middle: nobody takes it for all of it
        while True:
            eager.reader.response_body(message)
            good.get("/good")
    assert good.get("/good").status == 200
    until(lambda: len([line for line in weir.access if line["uri"] == "/bad"]) == 6, "all have ended")
    if not is_sanitized():
        assert most_memory(weir.children[0]) - before < 100


@pytest.mark.skipif(is_sanitized(), reason="a sanitizer keeps what was freed")
@pytest.mark.parametrize("part", range(2))
def test_memory_is_bounded_whatever_rules_do(bench, part):
    """One rule may have 16 MiB; when many have run, what stays is not much more than two of them need.
    They may count to a tenth of what they may by default: test_an_endless_rule_ends lets each do its worst."""
    weir = bench.weir([bench.node()], request=as_one(), data={"size": "1m", "local_size": "1m"},
                      vserver={"rules": {"budget": 100_000, "total_budget": 1_000_000}})
    before = most_memory(weir.children[0])
    for number in range(part, len(RULES), 2):
        with weir.client() as client:
            assert client.get(f"/{number}").status == 500
    assert most_memory(weir.children[0]) - before < 128
