# SPDX-License-Identifier: Apache-2.0
"""http.request.*: requests that rules make themselves, in the clear."""
import os
import threading

import pytest

from lab.peers import Dnsmasq, Nginx
from lab.wait import until
from lab.weir import free_port

SAY = """
local out = {}
local function say(...)
    local words = {}
    for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))) end
    out[#out + 1] = table.concat(words, ",")
end
"""
ANSWER = '\nhttp.sendResponse(200, "text/plain", table.concat(out, "|"))'


def weir_that(bench, rule, **more):
    return bench.weir([bench.node()], request=SAY + rule + ANSWER, **more)


def said_by(bench, rule, **more):
    return bench.connect(weir_that(bench, rule, **more)).get().text


def other(bench, answer=None, **options):
    """A server that is no node of weir's."""
    return bench.node(answer, **options)


def raw(*pieces, then=None):
    """An answer of these bytes, and an end (`then`: another ending)."""
    def answer(x):
        x.send(*pieces)
        (then or type(x).close)(x)
    return answer


# ---- what is asked and what comes back ----------------------------------------------------------------


def test_all_that_an_answer_has(bench):
    server = other(bench, lambda x: x.reply(201, b"made\0of\xff", "Content-Type: text/x; a=b\r\nX-A: 1\r\nX-A: 2\r\n"))
    text = said_by(bench, f"""
        local body, status, type, headers, line = http.request.get("http://{server.name}/a%20b?c=d#e")
        say(#body, body:byte(5), body:byte(8), status, type)
        say(headers:gsub("\\r\\n", "~"))
        say(line)
    """)
    assert text == ("8,0,255,201,text/x; a=b|Content-Type: text/x; a=b~X-A: 1~X-A: 2~Content-Length: 8~,4"
                    "|HTTP/1.1 201 Said So")
    request = server.requests[0]
    assert (request.method, request.target) == ("GET", "/a%20b?c=d")
    assert request.all("Host") == [server.name]
    assert request.all("User-Agent") == ["weir"]
    assert request.all("Content-Length") == []


def test_every_method(bench):
    bodies = []
    def answer(x):
        bodies.append(x.request.body)
        x.reply(200, x.request.method.encode())
    server = other(bench, answer)
    url = f"http://{server.name}"
    assert said_by(bench, f"""
        say(http.request.get("{url}")) say(http.request.head("{url}/")) say(http.request.delete("{url}?x"))
        say(http.request.post("{url}/p", "data\\0")) say(http.request.put("{url}/q", ""))
    """).replace("\r\n", "~") == "|".join(
        f"{body},200,nil,Content-Length: {length}~,HTTP/1.1 200 Said So"
        for body, length in (("GET", 3), ("", 4), ("DELETE", 6), ("POST", 4), ("PUT", 3)))
    assert [(r.method, r.target) for r in server.requests] == [
        ("GET", "/"), ("HEAD", "/"), ("DELETE", "/?x"), ("POST", "/p"), ("PUT", "/q")]
    assert [r.get("Content-Length") for r in server.requests] == [None, None, None, "5", "0"]
    assert bodies[3:] == [b"data\0", b""]


def test_headers_as_text_and_as_a_table(bench):
    server = other(bench)
    said_by(bench, f"""
        http.request.get("http://{server.name}/", "X-A: 1\\r\\nx-b:  2 \\nUser-Agent: me\\nHost: other.test")
        http.request.get("http://{server.name}/", {{["X-A"] = {{"1", "2"}}, ["x-b"] = 3}})
        http.request.post("http://{server.name}/", "x", {{["Content-Type"] = "text/y"}})
    """)
    first, second, third = server.requests
    assert (first.get("X-A"), first.get("X-B"), first.all("User-Agent"), first.all("Host")) == \
        ("1", "2", ["me"], ["other.test"])
    assert (second.all("X-A"), second.get("X-B")) == (["1", "2"], "3")
    assert third.get("Content-Type") == "text/y"


def test_headers_that_a_rule_may_not_give(bench):
    calls = {
        '"Connection: close"': "argument 2 (headers): header 'Connection' is written by weir itself",
        '{["Content-Length"] = "3"}': "argument 2 (headers): header 'Content-Length' is written by weir itself",
        '{["Transfer-Encoding"] = "x"}': "argument 2 (headers): header 'Transfer-Encoding' is written by weir itself",
        '{["X A"] = "1"}': "argument 2 (headers): expected a header name, got 'X A'",
        '{["X-A"] = "1\\r\\nX-B: 2"}': "argument 2 (headers): header 'X-A': expected text without CR, LF, NUL and"
                                       " other controls",
        '"no colon"': "argument 2 (headers): expected lines 'name: value', got 'no colon'",
        '{["X-A"] = {{}}}': "argument 2 (headers): expected text as an item of a value, got table",
    }
    text = said_by(bench, "".join(f'say(select(2, pcall(http.request.get, "http://127.0.0.1:1/", {c})))\n'
                                  for c in calls))
    for call, wanted, got in zip(calls, calls.values(), text.split("|")):
        assert got.endswith(f"http.request.get: {wanted}"), (call, got)


def test_wrong_arguments_are_errors(bench):
    url = '"http://127.0.0.1:1/"'
    calls = {
        "get()": "argument 1 (url): expected a string, got nothing",
        "get({})": "argument 1 (url): expected a string, got table",
        f"get({url}, true)": "argument 2 (headers): expected a string, got boolean",
        f"get({url}, nil, {{}})": "argument 3 (timeout): expected a number, got table",
        f"get({url}, nil, 0)": "argument 3 (timeout): expected seconds above 0 and up to 86400, got 0",
        f"head({url}, nil, 86401)": "argument 3 (timeout): expected seconds above 0 and up to 86400, got 86401",
        f"delete({url}, nil, 1, 2)": "argument 4 (options): expected a table of options",
        f"get({url}, nil, 1, {{verfy = false}})": "argument 4 (options): expected the option 'verify', got 'verfy'",
        f"get({url}, nil, 1, {{verify = 1}})": "argument 4 (options): expected a boolean as the option 'verify'",
        f"get({url}, {{verify = false, ['X-A'] = '1'}})": "argument 2 (headers): expected the option 'verify' and"
                                                          " nothing beside it",
        f"post({url})": "argument 2 (data): expected a string, got nothing",
        f"put({url}, {{}})": "argument 2 (data): expected a string, got table",
        f"post({url}, 'x', nil, -1)": "argument 4 (timeout): expected seconds above 0 and up to 86400, got -1",
        f"put({url}, 'x', nil, 1, 'no')": "argument 5 (options): expected a table of options",
        f"ssl.get({url}, true)": "argument 2 (authorities): expected PEM certificates as text",
        f"ssl.get({url}, {{a = 'b'}})": "argument 2 (authorities): expected an array of PEM certificates",
    }
    text = said_by(bench, "".join(f"say(select(2, pcall(function() return http.request.{c} end)))\n" for c in calls))
    for call, wanted, got in zip(calls, calls.values(), text.split("|")):
        assert got.endswith(f"http.request.{call.split('(')[0]}: {wanted}") and "request.lua:" in got, (call, got)


def test_urls_that_are_none(bench):
    weir = weir_that(bench, """
        for _, url in ipairs{"", "ftp://a/", "//a/", "http://", "http:///x", "http://a:0x/", "http://a:70000/",
                             "http://a b/", "http://a/\\r\\nX: y", "http://me@a/", "http://[::1/", "http://a_%/"} do
            local body, why = http.request.get(url)
            say(body, type(why))
        end
    """)
    assert bench.connect(weir).get().text == "|".join(["nil,string"] * 12)
    weir.wait_log("cannot ask for 'ftp://a/': a URL begins with http:// or https://")


# ---- bodies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [
    lambda x: x.chunked(b"ab", b"c" * 70000, trailers="X-T: 1\r\n"),
    lambda x: x.reply(200, b"ab" + b"c" * 70000),
    raw("HTTP/1.0 200 OK\r\n\r\nab", b"c" * 70000),
    raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 70002\r\n"
        "\r\nab", b"c" * 70000),
], ids=["chunked", "counted", "until close", "behind 1xx"])
def test_bodies_of_every_framing(bench, answer):
    server = other(bench, answer)
    assert said_by(bench, f"""
        local body, status = http.request.get("http://{server.name}/")
        say(#body, body:sub(1, 3), status, body:find("[^abc]"))
    """) == "70002,abc,200,nil"


def test_answers_in_single_bytes(bench):
    def answer(x):
        for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
            x.send(bytes([byte]))
    server = other(bench, answer)
    assert said_by(bench, f'say((http.request.get("http://{server.name}/")))') == "abc"


def test_a_large_request_body(bench):
    server = other(bench, lambda x: x.reply(200, b"%d" % x.request.size))
    assert said_by(bench, f"""
        say((http.request.post("http://{server.name}/", ("x"):rep(3000000))))
    """) == "3000000"


def test_an_answer_before_all_was_sent(bench):
    server = other(bench, raw("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno",
                              then=lambda x: (x.half_close(), x.read_body())), early=True)
    assert said_by(bench, f"""
        local body, status = http.request.post("http://{server.name}/", ("x"):rep(8000000))
        say(body, status)
    """) == "no,413"


def test_redirections_are_given_not_followed(bench):
    server = other(bench, lambda x: x.reply(302, b"", "Location: /other\r\n"))
    assert said_by(bench, f'say(select(2, http.request.get("http://{server.name}/")))').startswith("302,")
    assert len(server.requests) == 1


# ---- bad servers --------------------------------------------------------------------------------------


BAD = {
    "nothing": (raw(b""), "the connection was closed"),
    "noise": (raw(b"\0\1\2 what"), "the answer is malformed: "),
    "another protocol": (raw("SSH-2.0-x\r\n"), "the answer is malformed: "),
    "half a head": (raw("HTTP/1.1 200 OK\r\nX-A: "), "the answer is not whole: the connection was closed"),
    "half a body": (raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "the answer is not whole: "),
    "half a chunk": (raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"), "the answer is not whole: "),
    "bad chunk": (raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "the answer is malformed: "),
    "two lengths": (raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "the answer is malf"),
    "length and chunks": (raw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                          "the answer is malformed: "),
    "a bare LF": (raw("HTTP/1.1 200 OK\nContent-Length: 0\n\n"), "the answer is malformed: "),
    "switching": (raw("HTTP/1.1 101 Now\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), "the answer switches protocols"),
    "endless 1xx": (lambda x: [x.send("HTTP/1.1 100 Continue\r\n\r\n") for _ in range(1000)], "the answer has too many 1xx"),
    "endless headers": (lambda x: [x.send("HTTP/1.1 200 OK\r\n")] + [x.send("X: y\r\n") for _ in range(99999)],
                        "the answer is malformed: "),
    "endless body": (lambda x: [x.send("HTTP/1.0 200 OK\r\n\r\n")] + [x.send(bytes(9999)) for _ in range(9999)],
                     "the answer has more than 1048576 bytes"),
    "reset": (lambda x: x.reset(), "Connection reset by peer"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_answers_are_failures_by_value(bench, name):
    answer, reason = BAD[name]
    server = other(bench, answer)
    said = said_by(bench, f'say(http.request.get("http://{server.name}/"))')
    assert said.startswith(f"nil,{reason}"), said


def test_who_is_slow_is_given_up(bench):
    gate = threading.Event()
    bench.keep(type("Gate", (), {"close": staticmethod(gate.set)}))
    silent = other(bench, lambda x: gate.wait(30))
    def trickles(x):
        x.send("HTTP/1.1 200 OK\r\n\r\n")
        while not gate.wait(0.02):
            x.send(b"x")
    slow = other(bench, trickles)
    assert said_by(bench, f"""
        say(http.request.get("http://{silent.name}/", nil, 0.2))
        say(http.request.post("http://{slow.name}/", "x", nil, 0.2))
    """) == "nil,timed out|nil,timed out"


def test_nobody_there(bench):
    port = free_port()
    assert said_by(bench, f'say(http.request.get("http://127.0.0.1:{port}/"))') == \
        f"nil,cannot connect to '127.0.0.1:{port}': Connection refused"


def test_the_body_is_bounded_by_rules_buffer(bench):
    server = other(bench, lambda x: x.reply(200, b"x" * int(x.request.target[1:])))
    assert said_by(bench, f"""
        say(#http.request.get("http://{server.name}/2048"))
        say(http.request.get("http://{server.name}/2049"))
    """, vserver={"rules": {"buffer": "2k"}}) == "2048|nil,the answer has more than 2048 bytes"


# ---- connections --------------------------------------------------------------------------------------


def test_connections_are_used_again(bench):
    server = other(bench)
    weir = weir_that(bench, f"""
        for i = 1, 3 do http.request.get("http://{server.name}/" .. i) end
    """)
    for _ in range(3):  # also by other clients
        bench.connect(weir).get()
    assert len(server.requests) == 9
    assert len(server.connections) == 1


def test_requests_with_a_body_take_new_ones(bench):
    server = other(bench)
    said_by(bench, f"""
        http.request.get("http://{server.name}/")
        for i = 1, 3 do http.request.post("http://{server.name}/", "x") end
        http.request.get("http://{server.name}/")
    """)
    assert [r.connection.number for r in server.requests][:4] == [0, 1, 2, 3]
    assert len(server.connections) == 4


def test_not_where_the_server_closes_or_says_too_much(bench):
    for headers, more in (("Connection: close\r\n", b""), ("", b"HTTP/1.1 200 OK\r\n\r\n")):
        said = f"HTTP/1.1 200 OK\r\n{headers}Content-Length: 1\r\n\r\na".encode() + more
        server = other(bench, lambda x, said=said: x.send(said))
        assert said_by(bench, f"""
            for i = 1, 3 do say((http.request.get("http://{server.name}/"))) end
        """) == "a|a|a"
        assert len(server.connections) == 3


def test_a_stale_one_is_no_failure(bench):
    count = [0]
    def answer(x):
        count[0] += 1
        if x.connection.requests == 2:  # it had closed before it saw this one
            x.close()
        else:
            x.reply(200, b"fine")
    server = other(bench, answer)
    assert said_by(bench, f"""
        for i = 1, 3 do say((http.request.get("http://{server.name}/"))) end
    """) == "fine|fine|fine"
    assert len(server.connections) >= 2


def test_idle_ones_end_after_their_time(bench):
    server = other(bench)
    said_by(bench, f'http.request.get("http://{server.name}/")', connection={"idle_timeout": "100ms"})
    assert server.wait_ended(0) == "end"


def test_idle_ones_are_bounded(bench):
    gate = threading.Event()
    def answer(x):
        gate.wait(20)
        x.reply()
    server = other(bench, answer)
    weir = weir_that(bench, f'say((http.request.get("http://{server.name}/")))')
    clients = [bench.connect(weir) for _ in range(50)]
    for client in clients:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    server.wait_for(50)
    gate.set()
    assert {client.response().text for client in clients} == {"ok"}
    until(lambda: sum(c.ended is None for c in server.connections) == 8, "eight to one place are kept")


# ---- names, loops, waits ------------------------------------------------------------------------------


def test_hosts_by_name(bench):
    names = bench.keep(Dnsmasq(("127.0.0.1", free_port()), ["host-record=one.test,127.0.0.1", "local=/test/"]))
    server = other(bench)
    assert said_by(bench, f"""
        say((http.request.get("http://one.test:{server.port}/")))
        say(http.request.get("http://none.test/"))
        say((http.request.get("http://localhost:{server.port}/")))
    """, dns={"servers": names.name}) == "ok|nil,cannot resolve 'none.test': there is no such name|ok"
    assert server.requests[0].get("Host") == f"one.test:{server.port}"


def test_another_address_of_the_name_is_tried(bench):
    names = bench.keep(Dnsmasq(("127.0.0.1", free_port()), ["host-record=two.test,127.0.0.9,::1"]))
    server = other(bench, address="::1")
    assert said_by(bench, f'say((http.request.get("http://two.test:{server.port}/")))', dns={"servers": names.name}) == "ok"


def test_loops_through_weir_are_bounded(bench):
    port = free_port()
    weir = bench.weir([bench.node()], listen=f"127.0.0.1:{port}", rules={}, request=f"""
        local body, why = http.request.get("http://127.0.0.1:{port}/again")
        http.sendResponse(200, "text/plain", (body or why) .. ".")
    """)
    assert bench.connect(weir).get().text == "requests of rules have led to one another too often....."
    assert len(weir.wait_access(5)) == 5
    # nor does a rule that passes on what it was asked with begin to count anew
    passing = bench.weir([bench.node()], listen=f"127.0.0.1:{free_port()}", rules={}, request="""
        local body, why = http.request.get("http://" .. http.getHeader("Host") .. "/",
            { ["Weir-Hops"] = http.getHeader("Weir-Hops") or "0" })
        http.sendResponse(200, "text/plain", (body or why) .. ".")
    """)
    assert bench.connect(passing).get(host=f"127.0.0.1:{passing.address()[1]}").text.count(".") == 5
    # a client cannot make believe that it was led here
    assert bench.connect(weir).get(headers="Weir-Hops: 4-0000000000000000\r\n").text.count(".") == 5


def test_it_waits_in_every_phase_in_pcall_and_in_coroutines(bench):
    server = other(bench, lambda x: x.reply(200, b"said"))
    ask = f"""
        local fine, said = pcall(coroutine.wrap(function() return (http.request.get("http://{server.name}/")) end))
    """
    weir = bench.weir([bench.node()], request=ask + 'http.setHeader("X-Request", said)',
                      response=ask + 'http.setResponseHeader("X-Response", said)',
                      completion=ask + 'log.info("completion " .. said)')
    assert bench.connect(weir).get().get("X-Response") == "said"
    assert bench.nodes[1].requests[0].get("X-Request") == "said"
    weir.wait_log("completion said")


def test_a_client_that_goes_away_takes_its_request_along(bench):
    gate = threading.Event()
    bench.keep(type("Gate", (), {"close": staticmethod(gate.set)}))
    server = other(bench, lambda x: gate.wait(30))
    weir = weir_that(bench, f'http.request.get("http://{server.name}/")')
    clients = [bench.connect(weir) for _ in range(50)]
    for client in clients:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    server.wait_for(50)
    for client in clients:
        client.reset()
    assert {line["end"] for line in weir.wait_access(50)} == {"client_gone"}
    gate.set()
    for number in range(50):
        server.wait_ended(number)


def test_wall_time_ends_a_wait(bench):
    gate = threading.Event()
    bench.keep(type("Gate", (), {"close": staticmethod(gate.set)}))
    server = other(bench, lambda x: gate.wait(30))
    weir = bench.weir([bench.node()], vserver={"rules": {"wall_time": "200ms"}},
                      request=f'http.request.get("http://{server.name}/")')
    assert bench.connect(weir).get().status == 500
    weir.wait_log("it took longer than rules.wall_time")


def test_fifty_wait_at_once(bench):
    gate = threading.Event()
    def answer(x):
        gate.wait(20)
        x.reply(200, x.request.target.encode())
    server = other(bench, answer)
    weir = weir_that(bench, f'say((http.request.get("http://{server.name}" .. http.getPath())))')
    clients = [bench.connect(weir) for _ in range(50)]
    for i, client in enumerate(clients):
        client.send(f"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n")
    server.wait_for(50)
    gate.set()
    assert [client.response().text for client in clients] == [f"/{i}" for i in range(50)]


def test_a_real_server(bench):
    server = bench.keep(Nginx(("127.0.0.1", free_port())))
    with open(os.path.join(server.root, "big"), "wb") as file:
        file.write(b"0123456789" * 90000)
    assert said_by(bench, f"""
        local body, status, type = http.request.get("http://{server.name}/big")
        say(body == ("0123456789"):rep(90000), status)
        say(select(2, http.request.head("http://{server.name}/big")))
        say((http.request.get("http://{server.name}/small"):gsub("%s", "")))
        say(select(2, http.request.get("http://{server.name}/none")))
    """).split("|")[0] == "true,200"
