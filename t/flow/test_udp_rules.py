# SPDX-License-Identifier: Apache-2.0
"""Rules on UDP: they see a session's first datagram and its first answer, and decide as on any other protocol."""
import json
import os
import subprocess

import pytest

from lab import proxy_protocol as pp
from lab.datagram import silence
from lab.wait import until
from lab.weir import PROGRAM, free_port


def udp(bench, nodes, vserver=None, **options):
    return bench.weir(nodes, listen=f"127.0.0.1:{free_port()}", vserver={"protocol": "udp", **(vserver or {})},
                      **options)


def client_of(bench, weir, **options):
    return bench.datagram_client(weir.address(), **options)


def refusals(weir):
    return weir.status()["virtual_servers"]["main"]["refusals"]


def waits(weir):
    """How often rules have waited."""
    return sum(rule["waits_total"] for rule in weir.status()["virtual_servers"]["main"]["rules"])


def failure(weir):
    """What a rule's error was."""
    return weir.wait_log("rule 're[a-z]+' failed")


# ---- what rules see --------------------------------------------------------------------------------


def test_what_a_rule_is_told(bench):
    node = bench.datagram_node(lambda d: d.reply(b"four"))
    rule = """
        log.info(table.concat({request.getRemoteIP(), request.getRemotePort(), request.getDestIP(),
            request.getDestPort(), request.getLocalIP(), request.getLocalPort(), request.getLength(),
            request.get(), request.get(2), connection.getVirtualServer()}, " "))"""
    after = """
        log.info(table.concat({response.getRemoteIP(), response.getRemotePort(), response.getLocalIP(),
            response.getLocalPort(), response.getLength(), response.get(), response.get(2), request.get(),
            connection.getNode(), connection.getPool()}, " "))"""
    weir = udp(bench, [node], request=rule, response=after, completion=after.replace("response.get(), response.get(2),"
               " request.get()", "'-', '-', tostring(request.getLine())"))
    client = client_of(bench, weir)
    assert client.ask(b"hello") == b"four"
    (ip, port), (dest, dest_port) = client.address, weir.address()
    weir.wait_log(f"{ip} {port} {dest} {dest_port} {dest} {dest_port} 5 hello he main")
    source, source_port = node.got[0].peer
    weir.wait_log(f"{node.host} {node.port} {source} {source_port} 4 four fo hello {node.name} web")
    weir.wait_log(f"{node.host} {node.port} {source} {source_port} 4 - - hello {node.name} web")


def test_lines_of_a_datagram(bench):
    """SIP and the like are text: a line ends where it ends, and the last one with the datagram."""
    rule = r"""
        local said, at, line = {}, 1, nil
        repeat
            line, at = request.getLine(nil, at)
            said[#said + 1] = tostring(line)
        until line == nil
        said[#said + 1] = (request.getLine("[0-9]"))
        log.info("lines: " .. table.concat(said, "|"))"""
    weir = udp(bench, [bench.datagram_node()], request=rule)
    assert client_of(bench, weir).ask(b"a b\nc1d") == b"a b\nc1d"
    assert "lines: a b\n|c1d|nil|a b\nc1" in json.loads(weir.wait_log("lines:"))["message"]


@pytest.mark.parametrize("size", [0, 1, 2000, 65507])
def test_every_size(bench, size):
    data = os.urandom(size)
    weir = udp(bench, [bench.datagram_node()], request="request.set(request.get())",
               response="response.set(response.get())")
    assert client_of(bench, weir).ask(data) == data


# ---- what rules change -----------------------------------------------------------------------------


def test_another_datagram_goes_to_the_node(bench):
    node = bench.datagram_node()
    weir = udp(bench, [node], request='request.set("<" .. request.get() .. ">") request.skip(1)')
    assert client_of(bench, weir).ask(b"x") == b"x>"
    assert [d.data for d in node.got] == [b"x>"]


def test_only_the_first_datagram_is_theirs(bench):
    weir = udp(bench, [bench.datagram_node()], {"udp": {"response_datagrams_expected": -1, "timeout": "1s"}},
               request='request.set("first")', response='response.append("!")')
    client = client_of(bench, weir)
    assert [client.ask(b"one"), client.ask(b"two"), client.ask(b"three")] == [b"first!", b"two", b"three"]


def test_another_answer_goes_to_the_client(bench):
    weir = udp(bench, [bench.datagram_node()], response='response.set(response.get():upper()) response.append(".")')
    assert client_of(bench, weir).ask(b"hello") == b"HELLO."


@pytest.mark.parametrize("data", [b"", b"here", b"\0" * 65507], ids=len)
def test_a_rule_answers_itself(bench, data):
    node = bench.datagram_node()
    rule = f'request.sendResponse(("\\0"):rep({len(data)}))' if len(data) > 9 else f'request.sendResponse("{data.decode()}")'
    weir = udp(bench, [node], request=rule)
    assert client_of(bench, weir).ask(b"x") == data
    line = weir.wait_access(1)[0]
    assert (line["end"], line["verdict"], node.got) == ("answered", "request.sendResponse", [])
    assert (int(line["datagrams_out"]), int(line["bytes_out"])) == (1, len(data))


def test_a_rule_closes_with_an_answer(bench):
    node = bench.datagram_node()
    weir = udp(bench, [node], request='connection.close("bye")')
    assert client_of(bench, weir).ask(b"x") == b"bye"
    assert weir.wait_access(1)[0]["end"] == "closed" and node.got == []


def test_a_rule_closes_without_one(bench):
    weir = udp(bench, [bench.datagram_node()], request='connection.close("")')
    client = client_of(bench, weir)
    client.send(b"x")
    assert weir.wait_access(1)[0]["end"] == "closed" and client.hears_nothing()


@pytest.mark.parametrize("rule", ["connection.discard()", 'pool.use("discard")'])
def test_a_rule_discards(bench, rule):
    """Nobody hears of it, by ICMP neither."""
    node = bench.datagram_node()
    weir = udp(bench, [node], request=rule)
    client = client_of(bench, weir)
    client.send(b"x")
    assert weir.wait_access(1)[0]["end"] == "discarded"
    assert client.hears_nothing() and node.got == []


# ---- where it goes ---------------------------------------------------------------------------------


def test_a_rule_chooses_the_pool(bench):
    """For the whole session."""
    one, other = bench.datagram_node(), bench.datagram_node()
    rule = 'if request.get(1) == "b" then pool.use("other") end'
    weir = udp(bench, [one], {"udp": {"response_datagrams_expected": -1, "timeout": "1s"}}, request=rule,
               pools={"other": {"nodes": [other.name]}})
    first, second = client_of(bench, weir), client_of(bench, weir)
    assert [first.ask(b"a"), first.ask(b"b2"), second.ask(b"b"), second.ask(b"a2")] == [b"a", b"b2", b"b", b"a2"]
    assert [d.data for d in one.got] == [b"a", b"b2"] and [d.data for d in other.got] == [b"b", b"a2"]
    assert {line["pool"] for line in weir.wait_access(2)} == {"web", "other"}


def test_a_rule_chooses_the_node(bench):
    node = bench.datagram_node()
    weir = udp(bench, ["127.0.0.1:9"], request=f'pool.use("web", "{node.host}", {node.port})')
    assert client_of(bench, weir).ask(b"x") == b"x"


def test_the_next_node_gets_what_the_rule_left(bench):
    dead, alive = bench.datagram_node(), bench.datagram_node()
    weir = udp(bench, [dead, alive], request='request.set("set once: " .. request.get())')
    dead.close()
    for i in range(4):
        assert client_of(bench, weir).ask(b"%d" % i) == b"set once: %d" % i
    assert sum(int(line["retries"]) for line in weir.wait_access(4)) >= 1


def test_a_rule_asks_another_node(bench):
    bad, good = bench.datagram_node(lambda d: d.reply(b"SERVFAIL", b"more of it")), bench.datagram_node()
    again = """
        if response.get() == "SERVFAIL" then
            request.avoidNode(connection.getNode())
            pool.select("good")
            log.info("again: " .. tostring(request.retry()))
        end"""
    weir = udp(bench, [bad], response=again, pools={"good": {"nodes": [good.name]}})
    client = client_of(bench, weir)
    assert client.ask(b"x") == b"x"
    assert client.hears_nothing()
    line = weir.wait_access(1)[0]
    assert (line["pool"], line["node"], line["end"]) == ("good", good.name, "ok")
    assert [d.data for d in good.got] == [b"x"]


def test_what_came_behind_an_answer_goes_with_it(bench):
    """When another node is asked, nothing that the first one said reaches the client."""
    bad, good = bench.datagram_node(lambda d: d.reply(b"SERVFAIL", b"more of it")), bench.datagram_node()
    weir = udp(bench, [bad], {"udp": {"response_datagrams_expected": -1, "timeout": "1s"}}, response="""
        if response.get() == "SERVFAIL" then
            connection.sleep(100)
            pool.select("good")
            request.retry()
        end""", pools={"good": {"nodes": [good.name]}})
    client = client_of(bench, weir)
    assert client.ask(b"x") == b"x"
    assert client.hears_nothing()
    assert weir.wait_access(1)[0]["end"] == "ok"


def test_no_other_node_is_asked_when_there_was_more(bench):
    """A second datagram went to the node: nobody has it any more."""
    waiting = []
    node = bench.datagram_node(waiting.append)
    weir = udp(bench, [node], {"udp": {"response_datagrams_expected": -1, "timeout": "1s"}},
               response='log.info("whole: " .. tostring(request.isResendable()) .. tostring(request.retry()))')
    client = client_of(bench, weir)
    client.send(b"a", b"b")
    node.wait_for(2)
    waiting[0].reply(b"answer")
    assert client.receive() == b"answer"
    weir.wait_log("whole: falsefalse")


def test_a_rule_says_who_the_client_is(bench):
    node = bench.datagram_node(lambda d: d.reply(pp.split(d.data)[2]))
    weir = udp(bench, [node], request='request.setRemoteIP("192.0.2.99")', pool={"proxy_protocol": "v2"})
    client = client_of(bench, weir)
    assert client.ask(b"x") == b"x"
    assert pp.split(node.got[0].data)[0] == ("192.0.2.99", client.address[1])


def test_what_a_front_told(bench):
    weir = udp(bench, [bench.datagram_node()], {"proxy_protocol": {"from": "127.0.0.0/8"}}, request="""
        request.sendResponse(request.getRemoteIP() .. " " .. tostring(request.getProxyTLV(224)) .. " " .. request.get())""")
    head = pp.v2(("198.51.100.7", 4321), ("203.0.113.5", 53), pp.tlv(224, b"blue"), family=0x12)
    assert client_of(bench, weir).ask(head + b"said") == b"198.51.100.7 blue said"


def test_version_1_towards_nodes_is_for_tcp(bench):
    other = bench.datagram_node()
    weir = udp(bench, [bench.datagram_node()], request='pool.use("other")',
               pools={"other": {"nodes": [other.name], "proxy_protocol": "v1"}})
    client_of(bench, weir).send(b"x")
    line = weir.wait_access(1)[0]
    assert (line["end"], other.got) == ("connect_failed", []) and "v1" in line["detail"]


@pytest.mark.parametrize("kind", [{"type": "j2ee"}, {"type": "asp"}, {"type": "cookie", "cookie": "c"}, {"type": "x_zeus"}],
                         ids=lambda k: k["type"])
def test_cookies_tell_no_session(bench, kind):
    node = bench.datagram_node()
    weir = udp(bench, [node], request='pool.use("other")', persistence_classes={"p": kind},
               pools={"other": {"nodes": [node.name], "persistence_class": "p"}})
    assert [client_of(bench, weir).ask(b"%d" % i) for i in range(3)] == [b"0", b"1", b"2"]


def test_a_key_of_the_datagram_tells_the_node(bench):
    """As a Call-ID of SIP does."""
    nodes = [bench.datagram_node() for _ in range(3)]
    weir = udp(bench, nodes, persistence_classes={"call": {"type": "universal"}}, request="""
        connection.setPersistence("call")
        connection.setPersistenceKey(request.get(1))""")
    for i in range(4):
        for call in (b"a", b"b"):
            client_of(bench, weir).ask(call + b"%d" % i)
    for call in (b"a", b"b"):
        assert [any(d.data.startswith(call) for d in node.got) for node in nodes].count(True) == 1


# ---- rules that wait -------------------------------------------------------------------------------


def test_datagrams_wait_with_the_rule(bench):
    """In their order, and the loop serves others meanwhile."""
    node = bench.datagram_node()
    weir = udp(bench, [node], {"udp": {"response_datagrams_expected": -1, "timeout": "1s"}}, request="""
        if request.get(4) == "slow" then
            while data.get("go") == nil do connection.sleep(5) end
        elseif request.get(2) == "go" then
            data.set("go", true)
        end
        request.set("(" .. request.get() .. ")")""")
    slow, other = client_of(bench, weir), client_of(bench, weir)
    slow.send(b"slow 1", b"slow 2", b"slow 3")
    for i in range(3):
        quick = client_of(bench, weir)
        assert quick.ask(b"quick %d" % i) == b"(quick %d)" % i
    other.send(b"go")
    assert [slow.receive() for _ in range(3)] == [b"(slow 1)", b"slow 2", b"slow 3"]
    assert [d.data for d in node.got if b"slow" in d.data] == [b"(slow 1)", b"slow 2", b"slow 3"]


def test_answers_wait_with_the_rule(bench):
    node = bench.datagram_node(lambda d: d.reply(b"1", b"2", b"3"))
    weir = udp(bench, [node], {"udp": {"response_datagrams_expected": 3}},
               response='connection.sleep(50) response.append("st")')
    client = client_of(bench, weir)
    client.send(b"x")
    assert [client.receive() for _ in range(3)] == [b"1st", b"2", b"3"]
    assert weir.wait_access(1)[0]["end"] == "ok"


def test_the_node_is_lost_while_a_rule_waits(bench):
    """Its answer is here; what the client sent after that was refused, which it is told, too."""
    node = bench.datagram_node()
    weir = udp(bench, [node], {"udp": {"response_datagrams_expected": -1}}, response="""
        while data.get("go") == nil do connection.sleep(5) end""", request='if request.get() == "go" then data.set("go", true) '
               'request.sendResponse("") end')
    client, other = client_of(bench, weir), client_of(bench, weir)
    client.send(b"x")
    node.wait_for(1)
    until(lambda: waits(weir) >= 1, "the answer is here")
    node.close()
    client.send(b"for the node that is gone")
    assert other.ask(b"go") == b""
    heard = []
    for _ in range(2):
        try:
            heard.append(client.receive())
        except ConnectionRefusedError:
            heard.append("refused")
    assert sorted(heard, key=str) == [b"x", "refused"]
    assert {line["end"] for line in weir.wait_access(2)} == {"answered", "node_cut"}


def test_what_is_held_for_a_rule_is_bounded(bench):
    """By connection: {max_client_buffer}: the rest is dropped, and counted."""
    node = bench.datagram_node(silence)
    weir = udp(bench, [node], {"connection": {"max_client_buffer": "1k"},
                               "udp": {"response_datagrams_expected": 0, "max_sessions": 100}},
               request="""
        if request.get() == "go" then data.set("go", true) end
        while data.get("go") == nil do connection.sleep(5) end""")
    client = client_of(bench, weir)
    client.send(b"first", *[b"%d" % i + bytes(299) for i in range(10)])
    until(lambda: refusals(weir) == {"too_many_held": 7}, "seven are too many")
    client_of(bench, weir).send(b"go")
    node.wait_for(5)
    assert [d.data[:5] for d in node.got if d.data != b"go"] == [b"first", *[b"%d" % i + bytes(4) for i in range(3)]]


def test_a_rule_that_takes_too_long(bench):
    weir = udp(bench, [bench.datagram_node()], request="connection.sleep(60000)", rules={}, vserver={
        "rules": {"wall_time": "100ms"}})
    client = client_of(bench, weir)
    client.send(b"x")
    assert weir.wait_access(1)[0]["end"] == "rule_timeout" and client.hears_nothing()


def test_stopping_ends_rules_that_wait(bench):
    weir = udp(bench, [bench.datagram_node()], request="connection.sleep(60000)", shutdown_timeout="1s")
    client_of(bench, weir).send(b"x")
    until(lambda: waits(weir) == 1, "the rule waits")
    os.kill(weir.pid, 15)
    assert weir.process.wait(10) == 1
    weir.process.returncode = 0
    assert weir.wait_access(1)[0]["end"] == "shutdown"


def test_a_rule_asks_others(bench):
    """DNS over HTTP, a database, whatever: the datagram waits for it."""
    web = bench.node()
    node = bench.datagram_node()
    weir = udp(bench, [node], request=f"""
        local body, status = http.request.get("http://{web.name}/allowed")
        if status ~= 200 then connection.discard() end""")
    assert client_of(bench, weir).ask(b"x") == b"x"


# ---- what goes wrong -------------------------------------------------------------------------------


def test_a_rule_that_fails(bench):
    node = bench.datagram_node()
    weir = udp(bench, [node], request='error("no")')
    client = client_of(bench, weir)
    client.send(b"x")
    assert weir.wait_access(1)[0]["end"] == "rule_failed"
    assert client.hears_nothing() and node.got == []


def test_a_rule_that_fails_and_does_not_matter(bench):
    weir = udp(bench, [bench.datagram_node()], {"rules": {"on_error": "continue"}}, request='error("no")')
    assert client_of(bench, weir).ask(b"x") == b"x"


@pytest.mark.parametrize("rule, words", [
    ('request.set(("x"):rep(65508))', "65508 bytes are more than a datagram can have"),
    ('request.sendResponse(("x"):rep(65508))', "65508 bytes are more than a datagram can have"),
    ("request.get(-1)", "request.get"), ("request.set({})", "request.set"), ("request.skip()", "request.skip"),
    ('request.getLine("(")', "request.getLine"),
], ids=str)
def test_wrong_arguments(bench, rule, words):
    weir = udp(bench, [bench.datagram_node()], request=rule)
    client_of(bench, weir).send(b"x")
    assert words in failure(weir)


def test_an_answer_that_is_too_long(bench):
    weir = udp(bench, [bench.datagram_node()], response='response.append(("x"):rep(65507))')
    client_of(bench, weir).send(b"x")
    assert "65508 bytes are more than a datagram can have" in failure(weir)


@pytest.mark.parametrize("rule, words", [
    ("http.getPath()", "for HTTP, not for UDP"), ('http.sendResponse(200, "a/b", "")', "for HTTP, not for UDP"),
    ("ssl.getTLSServerName()", "for connections, which UDP has not"),
    ("request.endsAt(3)", "for connections, which UDP has not"), ("request.setDSCP(3)", "for connections, which UDP has not"),
    ('request.setBandwidthClass("x")', "for connections, which UDP has not"),
    ("response.flush()", "for connections, which UDP has not"), ("response.close()", "for connections, which UDP has not"),
], ids=str)
def test_what_is_not_for_udp(bench, rule, words):
    """Found when the rule is loaded, and when it is called by a way that nobody can see then."""
    phase = "response" if rule.startswith("response") else "request"
    with pytest.raises(RuntimeError) as refused:
        udp(bench, ["127.0.0.1:9"], **{phase: rule})
    assert words in str(refused.value)
    name = rule[:rule.index("(")]
    family, function = name.split(".")
    weir = udp(bench, [bench.datagram_node()], **{phase: f'local by = "{function}" {family}[by]{rule[len(name):]}'})
    client_of(bench, weir).send(b"x")
    assert words in failure(weir)


def test_the_tester_has_requests_of_http_only(bench):
    """`weir test` says so."""
    weir = udp(bench, [bench.datagram_node()], request="request.get()")
    case = os.path.join(weir.directory, "rules", "udp.test.lua")
    with open(case, "w") as file:
        file.write('local test = require "test" test.case("a", { request = { url = "/" }, expect = { pool = "web" } })')
    done = subprocess.run([PROGRAM, "test", "-c", weir.path, case], capture_output=True, text=True)
    assert done.returncode == 1 and "does not carry HTTP" in done.stdout + done.stderr
