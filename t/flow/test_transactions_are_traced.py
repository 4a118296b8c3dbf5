# SPDX-License-Identifier: Apache-2.0
"""weir trace follows transactions live: what came, what rules did, where it went and why."""
import signal
import subprocess

from lab.trace import follow
from lab.wait import until
from lab.weir import PROGRAM


def texts(lines, what):
    return [line["text"] for line in lines if line["what"] == what]


RULE = """
if http.getPath() == "/wait" then connection.sleep(20) end
if http.getPath() == "/fail" then error("no") end
pool.use("web") -- here
"""


def test_the_way_of_a_transaction(bench):
    node = bench.node()
    weir = bench.weir([node], request=RULE, response="local a = 1")
    trace = follow(bench, weir)
    client = bench.connect(weir)
    client.get("/wait?x", host="shop.example")
    client.get("/fail")
    one, two = trace.ended(2)
    host, port = weir.address()
    rule = f"{weir.directory}/rules/request.lua"
    own = client.sock.getsockname()
    assert texts(one, "client") == [f"{own[0]}:{own[1]} was headed for {host}:{port}, accepted at"
                                    f" {host}:{port}, virtual server 'main'"]
    assert texts(one, "request") == ["GET /wait?x, host 'shop.example'"]
    waits = texts(one, "wait")
    assert waits[0] == (f"'request' waits in connection.sleep at {rule}:2: if http.getPath() =="
                        ' "/wait" then connection.sleep(20) end')
    assert waits[1].startswith("'request' goes on after ") and waits[1].endswith(" us")
    assert texts(one, "rule") == [f"'request' gave the verdict 'pool.use web' at {rule}:4:"
                                  ' pool.use("web") -- here', "'response' gave no verdict"]
    assert texts(one, "pool") == ["'web': a rule chose it"]
    assert texts(one, "node") == [f"{node.name}: round_robin, 1 nodes in the pool"]
    assert texts(one, "connection") == [f"new, to {node.name} from an address of weir's own"]
    assert texts(one, "answer")[0].startswith("200 from the node, to 127.0.0.1:")
    assert texts(one, "end")[0].startswith("ok: the node's answer was delivered; microseconds: "
                                           "request ")
    assert all(word in texts(one, "end")[0] for word in ("rules", "connect", "reply", "transfer"))
    times = [line["microseconds"] for line in one]
    assert times == sorted(times) and times[-1] >= 20000
    assert texts(two, "rule") == [f"'request' failed: {rule}:3: no: if http.getPath() == \"/fail\""
                                  ' then error("no") end']
    assert texts(two, "end")[0].startswith("rule_failed")
    trace.stop()


def test_reuse_the_default_and_another_node(bench):
    node = bench.node()
    weir = bench.weir(["127.0.0.1:9", node], pool={"algorithm": "round_robin"})
    trace = follow(bench, weir)
    client = bench.connect(weir)
    for _ in range(4):
        client.get("/")
    all_of_them = trace.ended(4)
    assert texts(all_of_them[0], "pool") == ["'web': the virtual server's default"]
    nodes = [texts(lines, "node") for lines in all_of_them]
    assert any("after no node accepted the connection" in text for found in nodes for text in found)
    connections = [text for lines in all_of_them for text in texts(lines, "connection")]
    assert any(text.startswith("reused, its use number ") for text in connections)
    trace.stop()


def test_only_what_matches(bench):
    weir = bench.weir([bench.node()], rules={
        "one": 'if http.getPath() == "/to" then pool.use("web") end', "two": "local a"},
        vserver={"request_rules": ["one", "two"]})
    for words, wanted in ((("--host", "Shop.Example"), "/host"), (("--rule", "two"), "/rule"),
                          (("--client", "127.0.0.2"), "/client")):
        trace = follow(bench, weir, *words)
        weir.lines.clear()  # the next one waits for a line of its own
        with weir.client(source="127.0.0.2") as other:
            other.get("/client" if wanted == "/client" else "/to", host="elsewhere")
        with weir.client() as client:
            client.get("/to", host="elsewhere")
            client.get("/host" if wanted == "/host" else "/to", host="shop.example:8080")
            client.get("/rule" if wanted == "/rule" else "/to", host="elsewhere")
        found = trace.ended(1)
        weir.wait_access(1)
        trace.stop()
        assert [texts(lines, "request")[0].split()[1].rstrip(",") for lines in found] == [wanted]
        assert texts(found[0], "client")[0].startswith("127.0.0.")


def test_enough_is_enough(bench):
    weir = bench.weir([bench.node()], workers=2)
    trace = follow(bench, weir, "-n", "2")
    for _ in range(3):
        bench.connect(weir).get("/")
    trace.wait()
    assert len([line for line in trace.lines if line["what"] == "end"]) == 2


def test_one_at_a_time_and_the_dead_make_way(bench):
    weir = bench.weir([bench.node()])
    first = follow(bench, weir)
    second = subprocess.run([PROGRAM, "trace", "-c", weir.path], capture_output=True, text=True,
                            timeout=20)
    assert second.returncode == 1 and "somebody else traces already" in second.stderr
    first.close()  # without a good-bye

    def can_follow():
        done = subprocess.Popen([PROGRAM, "trace", "-c", weir.path], stderr=subprocess.PIPE)
        try:
            return done.wait(0.3) is None
        except subprocess.TimeoutExpired:
            return True
        finally:
            done.terminate()
            done.wait()
            done.stderr.close()
    until(can_follow, "the dead one is forgotten")


def test_what_nobody_takes_is_lost_and_said(bench):
    """A stopped reader holds nobody up."""
    weir = bench.weir([bench.node()])
    trace = follow(bench, weir)
    client = bench.connect(weir)
    client.get("/")
    trace.ended(1)
    trace.process.send_signal(signal.SIGSTOP)
    for _ in range(10):
        client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: %s\r\n\r\n" % (i, b"a" * 200)
                             for i in range(100)))
        for _ in range(100):
            assert client.response().status == 200
    trace.process.send_signal(signal.SIGCONT)
    until(lambda: any("lines were lost" in line or "is over" in line for line in trace.errors),
          "it says so; or, where all this took long, that it was taken for dead")


def test_words(bench):
    weir = bench.weir([bench.node()], request="local a")
    for words, status, said in ((["--client", "x"], 1, "no IP address"),
                                (["--rule", "nowhere"], 1, "no rule by that name"),
                                (["--host", ""], 1, "no name"), (["-n", "0"], 2, "no number"),
                                (["-n", "x"], 2, "no number"), (["--client"], 2, "nothing after"),
                                (["x"], 2, "unexpected")):
        done = subprocess.run([PROGRAM, "trace", "-c", weir.path, *words], capture_output=True,
                              text=True, timeout=20)
        assert done.returncode == status and said in done.stderr, (words, done)


def test_nothing_of_a_client_reaches_a_terminal(bench):
    weir = bench.weir([bench.node()], request='error("\\27[31m" .. http.getHeader("X-A"))')
    trace = follow(bench, weir)
    bench.connect(weir).get("/", headers="X-A: \u00e9\r\n")
    assert "\\x1b[31m\\xc3\\xa9" in texts(trace.ended(1)[0], "rule")[0]
    trace.stop()


def test_a_person_reads_lines(bench):
    weir = bench.weir([bench.node()])
    process = subprocess.Popen([PROGRAM, "trace", "-c", weir.path, "-n", "1"], text=True,
                               stdout=subprocess.PIPE)
    weir.wait_log("follows transactions")
    bench.connect(weir).get("/path")
    said, _ = process.communicate(timeout=10)
    assert " us  request    GET /path, host 'test'\n" in said


def test_what_is_kept_for_a_rule_that_may_come_is_bounded(bench):
    """The rule that is waited for runs last: of all the lines before it no more than 64 are kept."""
    weir = bench.weir([bench.node()], request="for i = 1, 50 do connection.sleep(0) end", response="local a = 1")
    trace = follow(bench, weir, "--rule", "response")
    bench.connect(weir).get("/")
    lines = trace.ended(1)[0]
    assert lines[0]["what"] == "client" and texts(lines, "rule") == ["'response' gave no verdict"]
    assert len(texts(lines, "wait")) < 64 < len(lines) < 80
    trace.stop()
