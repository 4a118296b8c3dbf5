# SPDX-License-Identifier: Apache-2.0
"""TCP in turns: rules see what a client says and what a node answers, and may change both."""
import socket

import pytest

from lab.talker import Talker, read_all, read_exactly, read_until, reset
from lab.wait import until
from lab.weir import free_port

CLIENT_FIRST, SERVER_FIRST, STREAM = ({"protocol": p} for p in ("client_first", "server_first", "tcp"))


def lines(sock):
    """Answers each line with its echo."""
    said = []
    while line := read_until(sock):
        said.append(line)
        sock.sendall(b"you said " + line)
    return said


def shouts(name):
    """Answers each line with its own name in front."""
    def talk(sock):
        while line := read_until(sock):
            sock.sendall(name + b" " + line)
    return talk


@pytest.fixture
def turns(bench):
    def make(*talks, vserver=CLIENT_FIRST, **options):
        nodes = [bench.keep(Talker(talk)) for talk in talks]
        weir = bench.weir(nodes, vserver=vserver, **options)
        weir.talkers = nodes
        return weir
    return make


def connect(bench, weir):
    return bench.keep(socket.create_connection(weir.address(), 10))


def ask(sock, line):
    sock.sendall(line)
    return read_until(sock)


def failure(weir):
    """What a rule's error was."""
    return weir.wait_log("rule 're[a-z]+' failed")


# ---- turns -----------------------------------------------------------------------------------------


def test_without_rules_bytes_just_pass(bench, turns):
    weir = turns(lines)
    sock = connect(bench, weir)
    assert ask(sock, b"one\n") == b"you said one\n"
    assert ask(sock, b"two\n") == b"you said two\n"
    sock.close()
    line = weir.wait_access()[0]
    assert line["end"] == "ok" and "turns" not in line


def test_a_client_that_says_nothing_reaches_no_node_and_no_rule(bench, turns):
    weir = turns(lines, request='log.info("ran")')
    sock = connect(bench, weir)
    sock.shutdown(socket.SHUT_WR)
    assert read_all(sock) == (b"", "end")
    sock = connect(bench, weir)
    assert ask(sock, b"x\n") == b"you said x\n"
    sock.close()
    weir.wait_access()
    assert len(weir.talkers[0].peers) == 1 and weir.log.count('"ran"') + weir.log.count(": ran") <= 1


def test_rules_run_in_each_turn(bench, turns):
    weir = turns(lines, request='''
        local count = (connection.data.get("turns") or 0) + 1
        connection.data.set("turns", count)
        request.set(count .. ":" .. request.get())''', response='response.set("<" .. response.get() .. ">\\n")')
    sock = connect(bench, weir)
    for number in (1, 2, 3):
        assert ask(sock, b"hello\n") == b"<you said %d:hello\n" % number
        assert read_until(sock) == b">\n"
    sock.shutdown(socket.SHUT_WR)
    assert read_all(sock) == (b"", "end")
    line = weir.wait_access()[0]
    assert (line["turns"], line["end"]) == (3, "ok")
    assert until(lambda: weir.talkers[0].said.get(0)) == [b"1:hello\n", b"2:hello\n", b"3:hello\n"]


def test_a_rule_for_the_first_turn_only(bench, turns):
    weir = turns(lines, vserver={**CLIENT_FIRST, "request_rules": [{"rule": "mark", "run": "once_per_connection"}]},
                 rules={"mark": 'request.set("marked " .. request.get())'})
    sock = connect(bench, weir)
    assert ask(sock, b"a\n") == b"you said marked a\n"
    assert ask(sock, b"b\n") == b"you said b\n"
    assert ask(sock, b"c\n") == b"you said c\n"


def test_a_request_ends_where_a_rule_says(bench, turns):
    """What comes behind the end waits: one request after the other, each seen."""
    weir = turns(lines, request='local all = request.endsWith("\\n") log.info("saw " .. all:gsub("\\n", "|"))')
    sock = connect(bench, weir)
    sock.sendall(b"one\ntwo\nthr")
    assert read_until(sock) == b"you said one\n"
    assert read_until(sock) == b"you said two\n"
    sock.sendall(b"ee\n")
    assert read_until(sock) == b"you said three\n"
    for text in ("saw one|", "saw two|", "saw three|"):
        weir.wait_log(text.replace("|", r"\|"))
    sock.close()
    assert weir.wait_access()[0]["turns"] == 3


def test_a_request_of_so_many_bytes(bench, turns):
    def talk(sock):
        while data := read_exactly(sock, 4):
            sock.sendall(data.upper())
    weir = turns(talk, request='assert(#request.endsAt(4) == 4)')
    sock = connect(bench, weir)
    for byte in b"abcdefgh":
        sock.sendall(bytes([byte]))
    assert read_exactly(sock, 8) == b"ABCDEFGH"


def test_the_last_request_may_lack_its_end(bench, turns):
    def talk(sock):
        data, _ = read_all(sock)
        sock.sendall(b"all: " + data)
    weir = turns(talk, request='request.endsWith("\\n")')
    sock = connect(bench, weir)
    sock.sendall(b"no line end")
    sock.shutdown(socket.SHUT_WR)
    assert read_all(sock) == (b"all: no line end", "end")


def test_bytes_of_a_request_without_an_end_flow_on(bench, turns):
    """Until the node answers they belong to it."""
    def talk(sock):
        data = read_exactly(sock, 6)
        sock.sendall(b"got " + data + b"\n")
        return read_all(sock)
    weir = turns(talk, request='log.info("turn")')
    sock = connect(bench, weir)
    sock.sendall(b"abc")
    until(lambda: weir.talkers[0].socks)
    sock.sendall(b"def")
    assert read_until(sock) == b"got abcdef\n"
    sock.close()
    assert weir.wait_access()[0]["turns"] in (1, 2)


def test_get_waits_for_bytes(bench, turns):
    weir = turns(lines, request='''
        local first = request.get(5)
        request.set(first .. "|" .. request.get(1) .. "|" .. request.getLength() .. "\\n")''')
    sock = connect(bench, weir)
    sock.sendall(b"ab")
    sock.sendall(b"cde")
    assert read_until(sock) == b"you said abcde|a|5\n"


def test_get_gives_less_where_the_client_ends(bench, turns):
    weir = turns(lines, request='request.set("<" .. request.get(100) .. ">\\n")')
    sock = connect(bench, weir)
    sock.sendall(b"ab")
    sock.shutdown(socket.SHUT_WR)
    assert read_all(sock) == (b"you said <ab>\n", "end")


def test_lines_one_after_the_other(bench, turns):
    weir = turns(lines, request='''
        local line, offset = request.getLine()
        local words = {}
        while line and line ~= ".\\r\\n" do
            words[#words + 1] = line:gsub("%s", "")
            line, offset = request.getLine("\\r?\\n", offset)
        end
        request.set(table.concat(words, ",") .. "\\n")''')
    sock = connect(bench, weir)
    for piece in (b"one\r", b"\ntw", b"o\n", b"", b".\r\n"):
        sock.sendall(piece)
    assert read_until(sock) == b"you said one,two\n"


def test_the_last_line_and_none_behind_it(bench, turns):
    weir = turns(lines, request='''
        local a, o = request.getLine()
        local b, p = request.getLine("\\n", o)
        local c = request.getLine("\\n", p)
        request.set(string.format("%s%s,%s,%s\\n", a:sub(1, -2), b, tostring(c), p))''')
    sock = connect(bench, weir)
    sock.sendall(b"one\nrest")
    sock.shutdown(socket.SHUT_WR)
    assert read_all(sock) == (b"you said onerest,nil,9\n", "end")


def test_skip_drops_the_first_bytes(bench, turns):
    weir = turns(lines, request='request.skip(3)')
    sock = connect(bench, weir)
    sock.sendall(b"ab")
    sock.sendall(b"cdef\n")
    assert read_until(sock) == b"you said def\n"


def test_a_rule_answers_itself_and_the_session_goes_on(bench, turns):
    weir = turns(lines, request='''
        if request.endsWith("\\n") == "ping\\n" then request.sendResponse("pong\\n") end''')
    sock = connect(bench, weir)
    assert ask(sock, b"ping\n") == b"pong\n"
    assert not weir.talkers[0].socks
    assert ask(sock, b"hello\n") == b"you said hello\n"
    assert ask(sock, b"ping\n") == b"pong\n"
    sock.close()
    assert until(lambda: weir.talkers[0].said.get(0)) == [b"hello\n"]


def test_another_pool_in_a_later_turn(bench, turns):
    other = bench.keep(Talker(shouts(b"other")))
    weir = turns(shouts(b"web"), pools={"other": {"nodes": [other.name]}}, request='''
        if request.endsWith("\\n"):find("^b") then pool.use("other") end''')
    sock = connect(bench, weir)
    assert ask(sock, b"a\n") == b"web a\n"
    assert ask(sock, b"b\n") == b"other b\n"
    assert ask(sock, b"c\n") == b"other c\n"  # it was chosen for the session
    assert (len(weir.talkers[0].peers), len(other.peers)) == (1, 1)


def test_another_node_gets_a_request_that_went_unanswered(bench, turns):
    def dies(sock):
        read_until(sock)

    def resets(sock):
        read_until(sock)
        reset(sock)
    for broken in (dies, resets):
        weir = turns(broken, lines, request='request.endsWith("\\n")')
        for _ in range(3):
            sock = connect(bench, weir)
            assert ask(sock, b"again\n") == b"you said again\n"
            sock.close()


@pytest.mark.parametrize("rule", ['request.get(3)', 'request.endsWith("\\n") request.setIdempotent(false)'])
def test_no_other_node_gets_one_that_may_have_had_its_effect(bench, turns, rule):
    weir = turns(*[lambda sock: reset(sock) if read_until(sock) else None] * 2, request=rule)
    sock = connect(bench, weir)
    sock.sendall(b"once\n")
    assert read_all(sock)[1] == "reset"
    assert weir.wait_access()[0]["end"] in ("node_broken", "node_reset", "node_closed")
    assert sum(len(t.peers) for t in weir.talkers) == 1


def test_a_node_that_owes_an_answer_has_so_long(bench, turns):
    def silent(sock):
        return read_all(sock)
    weir = turns(silent, request='request.endsWith("\\n")', pool={"timeouts": {"reply": "200ms"}})
    sock = connect(bench, weir)
    sock.sendall(b"well?\n")
    assert read_all(sock)[1] == "reset"
    assert weir.wait_access()[0]["end"] == "reply_timeout"


# ---- responses ---------------------------------------------------------------------------------------


def test_a_response_is_changed(bench, turns):
    def talk(sock):
        read_until(sock)
        for piece in (b"he", b"llo\n", b"more\n"):
            sock.sendall(piece)
    weir = turns(talk, response='''
        local line, next = response.getLine()
        local more = response.getLine("\\n", next)
        response.set(line:upper()) response.append(more .. "!\\n")''')
    sock = connect(bench, weir)
    sock.sendall(b"x\n")
    assert read_exactly(sock, 13) == b"HELLO\nmore\n!\n"


def test_a_response_leaves_piece_by_piece(bench, turns):
    go_on = []

    def talk(sock):
        read_until(sock)
        sock.sendall(b"first")
        until(lambda: go_on)
        sock.sendall(b"second\n")
    weir = turns(talk, response='''
        assert(response.get(5) == "first") response.flush()
        assert(response.get(6) == "second") response.flush(3)
        response.set("X" .. response.get())''')
    sock = connect(bench, weir)
    sock.sendall(b"x\n")
    assert read_exactly(sock, 5) == b"first"
    go_on.append(True)
    assert read_exactly(sock, 8) == b"secXond\n"


def test_a_flush_waits_for_the_client(bench, turns):
    """A rule cannot pile up what a slow client does not take."""
    size = 16 << 20

    def talk(sock):
        read_until(sock)
        sock.settimeout(60)
        sock.sendall(b"x" * size)
    weir = turns(talk, response='''
        for _ = 1, 256 do response.get(65536) response.flush(65536) end''')
    sock = connect(bench, weir)
    sock.sendall(b"x\n")
    until(lambda: weir.talkers[0].socks)
    assert len(read_exactly(sock, size)) == size


def test_the_nodes_connection_is_closed_and_opened_again(bench, turns):
    weir = turns(lines, request='request.endsWith("\\n")', response='response.getLine() response.close()')
    sock = connect(bench, weir)
    assert ask(sock, b"one\n") == b"you said one\n"
    assert until(lambda: weir.talkers[0].said.get(0)) == [b"one\n"]
    assert ask(sock, b"two\n") == b"you said two\n"
    sock.shutdown(socket.SHUT_WR)
    assert read_all(sock) == (b"", "end")
    assert len(weir.talkers[0].peers) == 2


def test_a_response_rule_sends_the_request_again(bench, turns):
    weir = turns(shouts(b"bad"), request='request.endsWith("\\n")', pools={"good": {"nodes": [
        bench.keep(Talker(shouts(b"good"))).name]}}, response='''
        if response.getLine():find("^bad") then pool.select("good") request.retry() end''')
    sock = connect(bench, weir)
    assert ask(sock, b"x\n") == b"good x\n"
    sock.close()
    assert weir.wait_access()[0]["retries_by_rule"] == 1


def test_the_client_hears_from_a_rule_and_is_closed(bench, turns):
    weir = turns(lines, request='if request.endsWith("\\n") == "quit\\n" then connection.close("bye\\n") end')
    sock = connect(bench, weir)
    assert ask(sock, b"a\n") == b"you said a\n"
    sock.sendall(b"quit\n")
    assert read_all(sock) == (b"bye\n", "end")
    assert weir.wait_access()[0]["end"] == "closed"


def test_behind_the_end_of_a_request_nothing_is_waited_for(bench, turns):
    weir = turns(lines, request='''
        request.endsWith("\\n")
        log.info("all <" .. request.get(1000):sub(1, -2) .. "> line <" .. tostring(request.getLine("\\n", 100)) .. ">")
        request.skip(2)''')
    sock = connect(bench, weir)
    assert ask(sock, b"one\n") == b"you said e\n"
    weir.wait_log("all <one> line <nil>")
    assert ask(sock, b"two\n") == b"you said o\n"


# ---- who speaks first ----------------------------------------------------------------------------------


def smtp(sock):
    """Complains of a client that speaks before it is greeted."""
    sock.settimeout(0.2)
    try:
        early = sock.recv(1, socket.MSG_PEEK)
    except (TimeoutError, socket.timeout):
        early = b""
    sock.settimeout(10)
    if early:
        sock.sendall(b"554 you talk before me\r\n")
        return None
    sock.sendall(b"220-node says\r\n220 hello\r\n")
    said = []
    while line := read_until(sock):
        said.append(line)
        sock.sendall(b"250 " + line)
    return said


def test_the_server_speaks_first(bench, turns):
    weir = turns(smtp, vserver=SERVER_FIRST, request='log.info("request <" .. request.get() .. ">")',
                 response='log.info("response " .. response.getLine())')
    sock = connect(bench, weir)
    assert read_until(sock, b"hello\r\n").startswith(b"220-node")
    assert ask(sock, b"EHLO me\r\n") == b"250 EHLO me\r\n"
    weir.wait_log("request <>")
    weir.wait_log("response 220-node says")
    weir.wait_log("request <EHLO me")
    weir.wait_log("response 250 EHLO me")


def test_what_a_client_says_before_its_turn_is_seen_by_rules(bench, turns):
    """A client in a hurry must not slip past the rules in the server's turn."""
    weir = turns(smtp, vserver=SERVER_FIRST, request='''
        if request.get():find("EVIL") then connection.close("no\\r\\n") end''')
    sock = connect(bench, weir)
    sock.sendall(b"EVIL\r\n")
    data, how = read_all(sock)
    assert data.endswith(b"no\r\n") and how == "end"


def test_a_banner_stands_in_for_the_nodes(bench, turns):
    weir = turns(smtp, vserver={**SERVER_FIRST, "server_first_banner": "220 ready\r\n"},
                 request='if request.getLine():find("^EHLO other") then pool.use("other") end',
                 pools={"other": {"nodes": [bench.keep(Talker(smtp)).name]}})
    for name in (b"EHLO me\r\n", b"EHLO other\r\n"):
        sock = connect(bench, weir)
        assert read_until(sock) == b"220 ready\r\n"
        assert ask(sock, name) == b"250 " + name
        assert ask(sock, b"NOOP\r\n") == b"250 NOOP\r\n"
        sock.close()
    assert [line["pool"] for line in weir.wait_access(2)] == ["web", "other"]


def test_a_banner_without_rules(bench, turns):
    weir = turns(smtp, vserver={**SERVER_FIRST, "server_first_banner": "220 ready\r\n"})
    sock = connect(bench, weir)
    assert read_until(sock) == b"220 ready\r\n"
    assert ask(sock, b"EHLO me\r\n") == b"250 EHLO me\r\n"
    sock.close()
    assert connect(bench, weir).recv(100) == b"220 ready\r\n"  # and never says anything


def test_a_node_without_end_of_its_greeting(bench, turns):
    weir = turns(lambda sock: sock.sendall(b"220" + b"x" * 100_000), vserver={
        **SERVER_FIRST, "server_first_banner": "220 ready\r\n"})
    sock = connect(bench, weir)
    assert read_until(sock) == b"220 ready\r\n"
    sock.sendall(b"EHLO me\r\n")
    assert read_all(sock)[1] == "reset"
    assert weir.wait_access()[0]["end"] == "node_bad"


# ---- bounds ---------------------------------------------------------------------------------------------


def test_a_client_is_not_waited_for_longer_than_it_may_take(bench, turns):
    for vserver in (CLIENT_FIRST, STREAM):
        weir = turns(lines, vserver={**vserver, "timeouts": {"connect": "300ms"}}, request='request.get(100)')
        sock = connect(bench, weir)
        sock.sendall(b"x")
        assert read_all(sock) == (b"", "end")
        assert weir.wait_access()[0]["end"] == "request_timeout"


@pytest.mark.parametrize("call", ['request.get(5000)', 'request.endsAt(5000)', 'request.endsWith("\\n")',
                                  'request.getLine()', 'request.getLine("\\n", 5000)'])
def test_no_more_is_held_than_the_configuration_says(bench, turns, call):
    weir = turns(lines, request=call, vserver={**CLIENT_FIRST, "rules": {"buffer": "4k"}})
    sock = connect(bench, weir)
    sock.sendall(b"x" * 6000)
    assert read_all(sock)[1] == "reset"
    assert "rules.buffer (4096 bytes)" in failure(weir)


def test_a_response_is_held_within_the_same_bound(bench, turns):
    weir = turns(lambda sock: sock.sendall(b"y" * 6000), response='response.get(5000)',
                 vserver={**CLIENT_FIRST, "rules": {"buffer": "4k"}})
    sock = connect(bench, weir)
    sock.sendall(b"x")
    assert read_all(sock)[1] == "reset"
    assert "the response has more than rules.buffer" in failure(weir)


def test_a_client_leaves_while_a_rule_waits_for_it(bench, turns):
    weir = turns(lines, request='request.get(100)')
    sock = connect(bench, weir)
    sock.sendall(b"x")
    until(lambda: True)
    reset(sock)
    assert weir.wait_access()[0]["end"] in ("client_reset", "client_gone")
    assert not weir.talkers[0].socks


def test_one_byte_pieces_cannot_hold_a_worker(bench, turns):
    """Each look at the same bytes is paid for."""
    weir = turns(lines, request='request.endsWith("(a+)+[xy]")', vserver={
        **CLIENT_FIRST, "rules": {"total_budget": 1000000, "budget": 1000000}})
    sock = connect(bench, weir)
    data, how = b"", None
    try:
        for _ in range(5000):
            sock.sendall(b"a")
        data, how = read_all(sock)
    except (ConnectionResetError, BrokenPipeError):
        how = "reset"
    assert (data, how) == (b"", "reset")
    failure(weir)


# ---- wrong calls ------------------------------------------------------------------------------------------

WRONG = [
    ('request.get("x")', "argument 1 (count)"), ('request.get(-1)', "argument 1 (count)"),
    ('request.getLine("(")', "argument 1 (regex): expected a regular expression"),
    ('request.getLine("a", 0)', "argument 2 (offset)"), ('request.endsAt()', "argument 1 (offset)"),
    ('request.endsAt(0)', "argument 1 (offset)"), ('request.endsWith()', "argument 1 (regex)"),
    ('request.endsWith("(")', "expected a regular expression"), ('request.set({})', "argument 1 (data)"),
    ('request.skip(-1)', "argument 1 (count)"), ('request.sendResponse()', "argument 1 (data)"),
]


@pytest.mark.parametrize("call,words", WRONG)
def test_wrong_calls_are_errors(bench, turns, call, words):
    weir = turns(lines, request="local ok, why = pcall(function() " + call + " end) error(why, 0)")
    sock = connect(bench, weir)
    sock.sendall(b"x\n")
    assert read_all(sock)[1] == "reset"
    assert words in failure(weir)
    assert weir.wait_access()[0]["end"] == "rule_failed"


def test_a_failed_rule_may_be_passed_over(bench, turns):
    weir = turns(lines, request='error("oh")', vserver={**CLIENT_FIRST, "rules": {"on_error": "continue"}})
    assert ask(connect(bench, weir), b"x\n") == b"you said x\n"


def test_long_work_on_a_turn_goes_in_pieces_too(bench, turns):
    weir = turns(lines, request='''
        local line = request.getLine()
        local long = string.rep("x", 2^20) .. line
        request.set(json.deserialize(json.serialize({ long }))[1]:sub(-2, -2) .. " "
            .. string.regexsub(line, "y(.)", "$1") .. string.hashSHA256(long):len() .. "\\n")''')
    assert ask(connect(bench, weir), b"xyz\n") == b"you said z xz\n"


@pytest.mark.parametrize("protocol,phase,call,words", [
    ("client_first", "request", "http.getHeader('x')", "'http.getHeader': for HTTP, not for TCP"),
    ("tcp", "request", "request.getLine()", "'request.getLine': for requests and responses in turns"),
    ("tcp", "request", "request.endsAt(5)", "'request.endsAt': for requests and responses in turns"),
    ("http", "request", "request.get()", "'request.get': for TCP and UDP; on HTTP write http.getBody()"),
    ("client_first", "response", "request.endsAt(1)", "makes no sense in a response rule"),
    ("client_first", "request", "response.get()", "makes no sense in a request rule"),
])
def test_a_function_where_it_makes_no_sense_is_found_at_start(bench, protocol, phase, call, words):
    with pytest.raises(RuntimeError) as error:
        bench.weir([f"127.0.0.1:{free_port()}"], vserver={"protocol": protocol}, **{phase: call})
    assert words in str(error.value)


def test_a_banner_needs_its_protocol(bench):
    with pytest.raises(RuntimeError) as error:
        bench.weir([f"127.0.0.1:{free_port()}"], vserver={**STREAM, "server_first_banner": "x"})
    assert "server_first_banner is for protocol server_first" in str(error.value)


def test_a_stream_is_looked_at_where_it_begins(bench, turns):
    def talk(sock):
        data = read_exactly(sock, 6)
        sock.sendall(b"first " + data)
        return read_all(sock)
    weir = turns(talk, vserver=STREAM, request='if request.get(3) == "abc" then request.skip(3) end',
                 response='response.set("<" .. response.get(12) .. ">")')
    sock = connect(bench, weir)
    sock.sendall(b"abcdefghi")
    assert read_exactly(sock, 14) == b"<first defghi>"
    sock.sendall(b"and on")
    sock.shutdown(socket.SHUT_WR)
    assert until(lambda: weir.talkers[0].said.get(0)) == (b"and on", "end")


def test_a_rule_for_the_first_turn_beside_one_for_all(bench, turns):
    weir = turns(lines, rules={"mark": 'request.set("m" .. request.get())', "all": 'request.set("a" .. request.get())'},
                 vserver={**CLIENT_FIRST, "request_rules": [{"rule": "mark", "run": "once_per_connection"}, "all"]})
    sock = connect(bench, weir)
    assert ask(sock, b"1\n") == b"you said am1\n"
    assert ask(sock, b"2\n") == b"you said a2\n"
    assert ask(sock, b"3\n") == b"you said a3\n"


def test_another_node_of_the_same_pool_in_a_later_turn(bench, turns):
    weir = turns(shouts(b"one"), shouts(b"two"), request='''
        local host, port = request.getLine():match("^(%S+) (%d+)")
        if host then pool.use("web", host, tonumber(port)) end''')
    sock = connect(bench, weir)
    for number in (0, 1, 1, 0):
        node = weir.talkers[number]
        name = (b"one", b"two")[number]
        assert ask(sock, f"{node.host} {node.port}\n".encode()).startswith(name)
    assert [len(node.socks) for node in weir.talkers] == [2, 1]


def test_no_turn_begins_while_the_client_does_not_take_the_last_answer(bench, turns):
    """Who asks and does not listen gets no more answers into weir's memory."""
    size = 32 << 20

    def talk(sock):
        sock.settimeout(60)
        while line := read_until(sock):
            sock.sendall(line[:1] * size)
    weir = turns(talk, request="request.endsWith('\\n') log.info('turn')", response="response.get()")
    sock = connect(bench, weir)
    sock.sendall(b"a\n")
    assert read_exactly(sock, 1) == b"a"
    sock.sendall(b"b\n")
    assert weir.log.count("turn") <= 2
    assert read_exactly(sock, size - 1) == b"a" * (size - 1)
    assert read_exactly(sock, size) == b"b" * size


def test_the_end_of_a_line_comes_alone(bench, turns):
    weir = turns(lines, request='log.info("line <" .. request.getLine():sub(1, -2) .. ">")')
    sock = connect(bench, weir)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(b"abc")
    until(lambda: weir.status()["virtual_servers"]["main"]["sessions"] == 1)
    sock.sendall(b"\n")
    assert read_until(sock) == b"you said abc\n"
    weir.wait_log("line <abc>")


def test_nothing_is_waited_for_from_a_node_that_was_let_go(bench, turns):
    weir = turns(lines, response='response.close() response.set("<" .. response.get(1000):sub(1, -2) .. ">\\n")')
    assert ask(connect(bench, weir), b"x\n") == b"<you said x>\n"
