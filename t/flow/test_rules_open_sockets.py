# SPDX-License-Identifier: Apache-2.0
"""tcp.*: sockets that rules open, read, write and close."""
import socket
import threading

from lab.listener import Listener
from lab.wait import until
from lab.weir import free_port

ANSWER = 'http.sendResponse(200, "text/plain", table.concat(out, "|"))'
SAY = """
local out = {}
local function say(...)
    local words = {}
    for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))) end
    out[#out + 1] = table.concat(words, ",")
end
"""


def echo(sock):
    while data := sock.recv(65536):
        sock.sendall(data)


def quiet(sock):
    while sock.recv(65536):
        pass


def peer(bench, serve):
    return bench.keep(Listener(serve))


def answer_of(bench, rule, **more):
    weir = bench.weir([bench.node()], request=SAY + rule + ANSWER, **more)
    return bench.connect(weir).get().text


def test_a_conversation(bench):
    p = peer(bench, echo)
    assert answer_of(bench, f"""
        local sock = assert(tcp.connect("127.0.0.1", {p.port}))
        for i = 1, 3 do
            say(tcp.write(sock, "line " .. i .. "\\r\\n"))
            say((tcp.read(sock, 100):gsub("%s+$", "")))
        end
        say(tcp.write(sock, ""))
        tcp.write(sock, "abcdef")
        local got = ""
        while #got < 6 do got = got .. tcp.read(sock, 2) end
        say(got)
        say(tcp.close(sock))
    """) == "8|line 1|8|line 2|8|line 3|0|abcdef|true"
    until(lambda: p.ended == 1, "the socket is closed")


def test_binary_data_passes_as_it_is(bench):
    p = peer(bench, echo)
    assert answer_of(bench, f"""
        local all = {{}}
        for i = 0, 255 do all[i + 1] = string.char(i) end
        all = table.concat(all)
        local sock = tcp.connect("127.0.0.1", {p.port})
        tcp.write(sock, all)
        local got = ""
        while #got < 256 do got = got .. tcp.read(sock, 1000) end
        say(got == all)
    """) == "true"


def test_connecting_fails_by_value(bench):
    closed = free_port()
    weir = bench.weir([bench.node()], request=SAY + f"""
        say(tcp.connect("127.0.0.1", {closed}))
        say(tcp.connect("nowhere", 80))
        say(tcp.connect("192.0.2.1", 80))
    """ + ANSWER)
    refused, no_address, unreachable = bench.connect(weir).get().text.split("|")
    assert refused == "nil,Connection refused"
    assert no_address == "nil,it is no address"
    assert unreachable.startswith("nil,")
    weir.wait_log("'nowhere' is no address")


def test_the_time_to_connect_is_bounded(bench):
    full = socket.create_server(("127.0.0.1", 0), backlog=0)  # nobody accepts
    bench.keep(full)
    port = full.getsockname()[1]
    for _ in range(4):  # what fits in the queue
        waiting = socket.socket()
        waiting.setblocking(False)
        waiting.connect_ex(("127.0.0.1", port))
        bench.keep(waiting)
    assert answer_of(bench, f'say(tcp.connect("127.0.0.1", {port}, 200))') == "nil,timed out"


def test_reading_from_who_says_nothing_more(bench):
    def half_closes(sock):
        sock.sendall(b"last")
        sock.shutdown(socket.SHUT_WR)
        quiet(sock)
    p, silent = peer(bench, half_closes), peer(bench, quiet)
    assert answer_of(bench, f"""
        local sock = tcp.connect("127.0.0.1", {p.port})
        say(tcp.read(sock, 100)) say(tcp.read(sock, 100)) say(tcp.read(sock, 100))
        say(tcp.write(sock, "still open"))
        sock = tcp.connect("127.0.0.1", {silent.port})
        say(tcp.read(sock, 100, 50)) say(tcp.write(sock, "x")) say(tcp.read(sock, 100, 50))
    """) == "last|nil,closed|nil,closed|10|nil,timed out|1|nil,timed out"


def test_a_reset_is_a_failure(bench):
    def resets(sock):
        sock.recv(100)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    p = peer(bench, resets)
    assert answer_of(bench, f"""
        local sock = tcp.connect("127.0.0.1", {p.port})
        tcp.write(sock, "x")
        say(tcp.read(sock, 100)) say(tcp.write(sock, "y"))
    """) == "nil,Connection reset by peer|nil,Connection reset by peer"


def test_writing_to_who_does_not_read_is_bounded(bench):
    gate = threading.Event()
    bench.keep(type("Gate", (), {"close": staticmethod(gate.set)}))
    p = peer(bench, lambda sock: gate.wait(30))
    weir = bench.weir([bench.node()], request=SAY + f"""
        local sock = tcp.connect("127.0.0.1", {p.port})
        local data = ("x"):rep(6000000)
        local put, why = tcp.write(sock, data, 200)
        while put do put, why = tcp.write(sock, data, 200) end
        say(why)
        say(tcp.read(sock, 1))
    """ + ANSWER)
    assert bench.connect(weir).get().text == "timed out|nil,there is no such socket"
    weir.wait_log("there is no socket 1")


def test_endless_answers_cost_what_is_asked_for(bench):
    def endless(sock):
        while True:
            sock.sendall(bytes(65536))
    p = peer(bench, endless)
    assert answer_of(bench, f"""
        local sock = tcp.connect("127.0.0.1", {p.port})
        local count = 0
        for i = 1, 20 do count = count + #tcp.read(sock, 1000) end
        say(count <= 20000 and count > 20)
    """) == "true"


def test_sockets_live_as_long_as_the_clients_connection(bench):
    p = peer(bench, echo)
    weir = bench.weir([bench.node()], request=SAY + f"""
        local sock = connection.data.get("sock")
        if sock == nil then
            sock = tcp.connect("127.0.0.1", {p.port})
            connection.data.set("sock", sock)
        end
        tcp.write(sock, "again")
        say(sock, tcp.read(sock, 5))
    """ + ANSWER)
    client = bench.connect(weir)
    for _ in range(3):
        assert client.get().text == "1,again"
    assert len(p.accepted) == 1 and p.ended == 0
    client.close()
    until(lambda: p.ended == 1, "the socket is closed with the client's connection")


def test_a_connection_has_sixteen_at_most(bench):
    p = peer(bench, quiet)
    assert answer_of(bench, f"""
        for i = 1, 16 do assert(tcp.connect("127.0.0.1", {p.port}) == i) end
        say(tcp.connect("127.0.0.1", {p.port}))
        tcp.close(7)
        say(tcp.connect("127.0.0.1", {p.port}))
    """) == "nil,the client's connection has too many sockets already|7"


def test_what_is_no_socket(bench):
    weir = bench.weir([bench.node()], request=SAY + """
        say(tcp.read(1, 10)) say(tcp.write(99, "x")) say(tcp.close(3))
    """ + ANSWER)
    none = "nil,there is no such socket"
    assert bench.connect(weir).get().text == f"{none}|{none}|false"
    weir.wait_log("there is no socket 99: it was closed, or never opened")


def test_weirs_own_listeners_are_not_connected_to(bench):
    port = free_port()
    weir = bench.weir([bench.node()], listen=f"0.0.0.0:{port}",
                      request=SAY + f'say(tcp.connect("127.0.0.1", {port}))' + ANSWER)
    assert bench.connect(weir).get().text == "nil,it is a listener of weir itself"


def test_wrong_arguments_are_errors(bench):
    calls = {
        'tcp.connect({}, 80)': "argument 1 (ip): expected a string, got table",
        'tcp.connect("127.0.0.1")': "argument 2 (port): expected a number, got nothing",
        'tcp.connect("127.0.0.1", 65536)': "argument 2 (port): expected a number from 1 to 65535, got 65536",
        'tcp.connect("127.0.0.1", 80, 0)': "argument 3 (milliseconds): expected a number from 1 to 86400000, got 0",
        'tcp.read("x", 1)': "argument 1 (socket): expected a number, got string",
        'tcp.read(1, 0)': "argument 2 (max): expected a number from 1 to 1048576, got 0",
        'tcp.read(1, 1, "soon")': "argument 3 (milliseconds): expected a number, got string",
        'tcp.write(1)': "argument 2 (data): expected a string, got nothing",
        'tcp.write(0, "x")': "argument 1 (socket): expected a number from 1 to 2147483647, got 0",
        'tcp.write(1, "x", -1)': "argument 3 (milliseconds): expected a number from 1 to 86400000, got -1",
        'tcp.close(nil)': "argument 1 (socket): expected a number, got nil",
    }
    said = answer_of(bench, "\n".join(f"say(select(2, pcall(function() return {call} end)))" for call in calls))
    for call, wanted, got in zip(calls, calls.values(), said.split("|")):
        assert got.endswith(f"{call.split('(')[0]}: {wanted}") and "request.lua:" in got, (call, got)


def test_it_waits_in_every_phase_and_in_coroutines(bench):
    p = peer(bench, echo)
    talk = f"""
        local function talk()
            local sock = tcp.connect("127.0.0.1", {p.port})
            tcp.write(sock, "hello")
            local said = tcp.read(sock, 5)
            tcp.close(sock)
            return said
        end
        local fine, said = pcall(coroutine.wrap(talk))
    """
    weir = bench.weir([bench.node()], request=talk + ' http.setHeader("X-Request", said)',
                      response=talk + ' http.setResponseHeader("X-Response", said)',
                      completion=talk + ' log.info("completion " .. said)')
    assert bench.connect(weir).get().get("X-Response") == "hello"
    assert bench.nodes[0].requests[0].get("X-Request") == "hello"
    weir.wait_log("completion hello")


def test_a_client_that_goes_away_closes_them(bench):
    p = peer(bench, quiet)
    weir = bench.weir([bench.node()], request=f"""
        local sock = tcp.connect("127.0.0.1", {p.port})
        tcp.read(sock, 100)
    """)
    for _ in range(50):
        bench.connect(weir).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    until(lambda: len(p.accepted) == 50, "all have connected")
    for client in bench._to_close[1:]:
        client.reset()
    until(lambda: p.ended == 50, "all are closed")
    assert {line["end"] for line in weir.wait_access(50)} == {"client_gone"}


def test_wall_time_ends_a_wait(bench):
    p = peer(bench, quiet)
    weir = bench.weir([bench.node()], rules={}, vserver={"rules": {"wall_time": "200ms"}},
                      request=f'tcp.read(tcp.connect("127.0.0.1", {p.port}), 100)')
    assert bench.connect(weir).get().status == 500
    weir.wait_log("it took longer than rules.wall_time")


def test_fifty_wait_at_once(bench):
    gate = threading.Event()
    def late(sock):
        data = sock.recv(100)
        gate.wait(20)
        sock.sendall(data)
    p = peer(bench, late)
    weir = bench.weir([bench.node()], request=SAY + f"""
        local sock = tcp.connect("127.0.0.1", {p.port})
        tcp.write(sock, http.getPath())
        say(tcp.read(sock, 100))
    """ + ANSWER)
    clients = [bench.connect(weir) for _ in range(50)]
    for i, client in enumerate(clients):
        client.send(f"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n")
    until(lambda: len(p.accepted) == 50, "all have connected")
    gate.set()
    assert [client.response().text for client in clients] == [f"/{i}" for i in range(50)]
