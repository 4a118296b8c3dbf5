# SPDX-License-Identifier: Apache-2.0
"""What rules hold while none of them runs is bounded in bytes, whoever makes them hold it."""
import os
import subprocess

from lab.wait import until
from lab.weir import PROGRAM

LIMITS = {"vserver": {"rules": {"memory": "1m", "buffer": "200k"}}, "data": {"kept_size": "4m"}}
KEEP = 'http.sendResponse(200, "text/plain", tostring(connection.data.set(http.getHeader("X-Key"), http.getBody())))'


_numbers = iter(range(1_000_000))


def piece():
    """Each is another text: Lua has equal ones once."""
    return b"%06d" % next(_numbers) + b"x" * 150_000


def keep(client, key, body=None):
    return client.get("/", f"X-Key: {key}\r\n", method="POST", body=piece() if body is None else body).text


def test_of_one_connection(bench):
    weir = bench.weir([bench.node()], request=KEEP, **LIMITS)
    client = bench.connect(weir)
    assert [keep(client, i) for i in range(8)] == ["true"] * 6 + ["false"] * 2
    weir.wait_log("connection.data.set: the connection's keys and strings would be more than 'rules: {memory}'")
    assert [keep(client, i) for i in range(6)] == ["true"] * 6  # each in place of another
    assert keep(client, 0, b"") == "true" and keep(client, 8) == "true" and keep(client, 9) == "false"
    assert keep(bench.connect(weir), 0) == "true"


def test_of_all_connections_of_a_worker(bench):
    weir = bench.weir([bench.node()], request=KEEP, **LIMITS)
    clients = [bench.connect(weir) for _ in range(40)]
    kept = [keep(client, 0) for client in clients]
    assert kept[:10] == ["true"] * 10 and "false" in kept and kept.count("true") < 30
    weir.wait_log("connection.data.set: all rules of the worker hold more than 'data: {kept_size}'")
    assert len(weir.children) == 2
    for client in clients:
        client.close()
    last = bench.connect(weir)
    until(lambda: keep(last, 0) == "true", "there is room again")


def test_of_rules_that_wait(bench):
    weir = bench.weir([bench.node()], request="""
        if http.getPath() == "/hold" then
            local held = ("x"):rep(150000) .. http.getHeader("X-Number")
            connection.sleep(60000)
            http.setHeader("X-Held", held:sub(1, 1))
        end
        http.sendResponse(200, "text/plain", "fine")""", **LIMITS)
    clients = [bench.connect(weir) for _ in range(80)]
    for number, client in enumerate(clients):
        client.send(f"GET /hold HTTP/1.1\r\nHost: a\r\nX-Number: {number}\r\n\r\n")
    until(lambda: weir.status()["virtual_servers"]["main"]["outcomes"]["rule_memory"] >= 20, "most of them found none")
    weir.wait_log("rule 'request' failed: .*memory exhausted: all rules of the worker hold more than 4194304 bytes")
    assert weir.status()["virtual_servers"]["main"]["transactions"] >= 8
    for client in clients:
        client.reset()
    until(lambda: bench.connect(weir).get("/").status == 200, "there is room again")
    client = bench.connect(weir)
    client.send("GET /hold HTTP/1.1\r\nHost: a\r\nX-Number: 1\r\n\r\n")
    until(lambda: weir.status()["virtual_servers"]["main"]["transactions"] == 1, "it waits")
    client.reset()
    until(lambda: weir.status()["virtual_servers"]["main"]["transactions"] == 0, "it is given up")


def test_of_modules_until_rules_are_read_anew(bench):
    weir = bench.weir([bench.node()], request="""
        local held = require "held"
        held[#held + 1] = http.getBody()
        http.sendResponse(200, "text/plain", "fine")""", rules={"held": "return {}"}, **LIMITS)
    client = bench.connect(weir)
    statuses = [client.get("/", method="POST", body=piece()).status for _ in range(60)]
    assert statuses[:20] == [200] * 20 and statuses[-1] == 500 and statuses.count(200) < 40
    with open(os.path.join(weir.directory, "rules", "request.lua"), "a") as file:
        file.write("-- another\n")
    subprocess.run([PROGRAM, "reload", "-c", weir.path], check=True, timeout=30, capture_output=True)
    until(lambda: bench.connect(weir).get("/", method="POST", body=piece()).status == 200, "there is room again")
