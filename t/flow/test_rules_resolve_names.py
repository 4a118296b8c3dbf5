# SPDX-License-Identifier: Apache-2.0
"""net.dns.*: names to addresses and back, by real servers and by bad ones."""
import socket
import struct
import threading

from lab.peers import Dnsmasq
from lab.weir import free_port

ANSWER = 'http.sendResponse(200, "text/plain", table.concat(out, "|"))'
# What a rule asks for, in the query: "4 name", "6 name", "ip address"; all answers with their reasons.
RULE = """
local ask = {["4"] = net.dns.resolveHost, ["6"] = net.dns.resolveHost6, ip = net.dns.resolveIP}
local out = {}
for kind, name in http.getQueryString():gmatch("(%w+)=([^&]*)") do
    local found, reason = ask[kind](name)
    out[#out + 1] = tostring(found) .. (reason and ":" .. reason or "")
end
""" + ANSWER


def dnsmasq(bench, *lines):
    return bench.keep(Dnsmasq(("127.0.0.1", free_port()), lines))


def weir_for(bench, server, rule=RULE, timeout="5s", **more):
    servers = server if isinstance(server, list) else [server]
    names = [getattr(one, "name", one) for one in servers]
    return bench.weir([bench.node()], request=rule, dns={"servers": names, "timeout": timeout}, **more)


def ask(client, query):
    return client.get("/?" + query).text


class Bad:
    """A name server that says what `answer(question)` makes of each question: bytes, or None."""

    def __init__(self, answer):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.name = "%s:%d" % self.sock.getsockname()
        self.asked = 0
        self.answer = answer
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                question, peer = self.sock.recvfrom(4096)
                self.asked += 1
                said = self.answer(question)
                if said is not None:
                    self.sock.sendto(said, peer)
            except OSError:
                return

    def close(self):
        self.sock.close()


def reply(question, records, flags=0x8180, ident=None):
    """An answer to the question with these (type, ttl, data) records, names compressed."""
    name_end = question.index(b"\0", 12) + 5
    head = (ident or question[:2]) + struct.pack(">HHHHH", flags, 1, len(records), 0, 0)
    body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data
                    for kind, ttl, data in records)
    return head + question[12:name_end] + body


def test_addresses_and_names(bench):
    server = dnsmasq(bench, "local=/test/", "local=/in-addr.arpa/", "host-record=one.test,10.1.2.3,fd00::3", "host-record=four.test,10.4.4.4",
                     "address=/none.test/", "cname=alias.test,one.test", "local-ttl=60")
    client = bench.connect(weir_for(bench, server))
    assert ask(client, "4=one.test&6=one.test&4=alias.test&ip=10.1.2.3&ip=fd00::3") == \
        "10.1.2.3|fd00::3|10.1.2.3|one.test|one.test"
    assert ask(client, "4=ONE.Test.&4=10.9.9.9&6=fd00::9") == "10.1.2.3|10.9.9.9|fd00::9"
    assert ask(client, "ip=10.77.0.1") == "10.77.0.1"  # it has no name
    assert ask(client, "4=none.test").startswith("nil:")
    assert ask(client, "6=four.test") == "nil:the name has no such address"
    assert ask(client, "4=fd00::1") == "nil:it is an address of the other kind"


def test_wrong_names_are_failures_by_value(bench):
    weir = weir_for(bench, dnsmasq(bench))
    client = bench.connect(weir)
    for name in ("a..b", "-%", "x" * 64, ".", "", "a_b c", "y." * 127 + "yy"):
        assert ask(client, "4=" + name.replace(" ", "%20")) == "nil:it is no host name", name
    assert ask(client, "ip=one.test") == "nil:it is no address"
    weir.wait_log("'a..b' is no host name")
    weir.wait_log("'one.test' is no address")


def test_wrong_arguments_are_errors(bench):
    weir = bench.weir([bench.node()], request="""
        local out = {}
        for _, name in ipairs{"resolveHost", "resolveHost6", "resolveIP"} do
            for _, wrong in ipairs{{}, true} do
                local fine, why = pcall(net.dns[name], wrong)
                out[#out + 1] = tostring(fine) .. " " .. why
            end
        end
        """ + ANSWER)
    said = bench.connect(weir).get().text.split("|")
    assert len(said) == 6
    for name, (table, boolean) in zip(("resolveHost", "resolveHost6", "resolveIP"), zip(said[::2], said[1::2])):
        argument = "ip" if name == "resolveIP" else "name"
        place = f"request.lua:5: net.dns.{name}: argument 1 ({argument}): expected a string, got "
        assert table.startswith("false ") and table.endswith(place + "table")
        assert boolean.endswith(place + "boolean")


def test_hosts_file_comes_first(bench):
    client = bench.connect(weir_for(bench, dnsmasq(bench, "address=/localhost/10.0.0.1")))
    assert ask(client, "4=localhost") == "127.0.0.1"


def test_answers_are_kept_for_their_time_to_live(bench):
    server = dnsmasq(bench, "local=/test/", "local=/in-addr.arpa/", "host-record=kept.test,10.1.2.3,600", "host-record=brief.test,10.1.2.4,0")
    client = bench.connect(weir_for(bench, server))
    for _ in range(5):
        assert ask(client, "ip=10.1.2.3&ip=10.1.2.4&ip=10.1.2.5") == "kept.test|brief.test|10.1.2.5"
        assert ask(client, "4=kept.test&4=Kept.test&4=brief.test") == "10.1.2.3|10.1.2.3|10.1.2.4"
    assert server.queries("kept.test") == 1
    assert server.queries("brief.test") == 5
    assert server.queries("3.2.1.10.in-addr.arpa") == 1
    assert server.queries("4.2.1.10.in-addr.arpa") == 5


def test_they_are_asked_for_again_after_it(bench):
    served = [1]
    def answer(question):
        served[0] += 1
        return reply(question, [(1, 1, bytes([10, 0, 0, served[0]]))])
    server = bench.keep(Bad(answer))
    client = bench.connect(weir_for(bench, server))
    first = ask(client, "4=a.test")
    while (now := ask(client, "4=a.test")) == first:
        pass  # the test's own limit ends this
    assert (first, now) == ("10.0.0.2", "10.0.0.3")


def test_the_same_question_is_asked_once_at_a_time(bench):
    gate = threading.Event()
    def answer(question):
        gate.wait(20)
        return reply(question, [(1, 0, bytes([10, 0, 0, 7]))])
    server = bench.keep(Bad(answer))
    weir = weir_for(bench, server, timeout="20s")
    clients = [bench.connect(weir) for _ in range(50)]
    for client in clients:
        client.send("GET /?4=same.test HTTP/1.1\r\nHost: a\r\n\r\n")
    bench.connect(weir).get("/?4=10.0.0.1")  # all of them have asked
    gate.set()
    assert {client.response().text for client in clients} == {"10.0.0.7"}
    assert server.asked == 1


def test_a_silent_server_is_given_up(bench):
    silent = bench.keep(Bad(lambda question: None))
    weir = weir_for(bench, silent, timeout="300ms")
    client = bench.connect(weir)
    assert ask(client, "4=a.test") == "nil:no answer in time"
    assert ask(client, "ip=10.0.0.1") == "nil:no answer in time"
    assert ask(client, "4=localhost") == "127.0.0.1"


def test_another_server_is_asked_instead(bench):
    silent = bench.keep(Bad(lambda question: None))
    good = dnsmasq(bench, "host-record=one.test,10.1.2.3")
    client = bench.connect(weir_for(bench, [silent.name, good.name], timeout="3s"))
    assert ask(client, "4=one.test") == "10.1.2.3"


def test_bad_answers_harm_nobody(bench):
    loop = b"\xc0\x0c"  # a name that is itself
    bad = {
        "empty": lambda q: b"",
        "short": lambda q: q[:7],
        "noise": lambda q: q[:2] + bytes(range(200)),
        "question": lambda q: q,
        "looping": lambda q: q[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0) + loop + q[-4:] + loop + bytes(14),
        "counts": lambda q: reply(q, [])[:6] + b"\xff\xff" + reply(q, [])[8:],
        "length": lambda q: reply(q, [(1, 60, b"\x0a\x00\x00")]),
        "wrongid": lambda q: reply(q, [(1, 60, b"\x0a\x00\x00\x01")], ident=bytes([q[0] ^ 1, q[1]])),
        "chain": lambda q: reply(q, [(5, 60, loop)]),
        "many": lambda q: reply(q, [(1, 60, struct.pack(">I", 0x0a000000 + i)) for i in range(1, 26)]),
        "refused": lambda q: reply(q, [], flags=0x8185),
    }
    for name, answer in bad.items():
        server = bench.keep(Bad(answer))
        client = bench.connect(weir_for(bench, server, timeout="500ms"))
        said = ask(client, f"4={name}.test")
        assert said == "10.0.0.1" if name == "many" else said.startswith("nil:"), (name, said)


def test_a_rule_waits_in_every_phase_in_pcall_and_in_coroutines(bench):
    server = dnsmasq(bench, "host-record=one.test,10.1.2.3")
    look = 'local ip = select(2, pcall(coroutine.wrap(function() return net.dns.resolveHost("one.test") end)))'
    weir = weir_for(bench, server, rule=look + ' http.setHeader("X-Request", ip)',
                    response=look + ' http.setResponseHeader("X-Response", ip)',
                    completion=look + ' log.info("completion " .. ip)')
    response = bench.connect(weir).get()
    assert response.get("X-Response") == "10.1.2.3"
    assert bench.nodes[0].requests[0].get("X-Request") == "10.1.2.3"
    weir.wait_log("completion 10.1.2.3")


def test_a_client_that_goes_away_takes_its_question_along(bench):
    silent = bench.keep(Bad(lambda question: None))
    weir = weir_for(bench, silent, timeout="60s", rules={})
    for _ in range(20):
        client = bench.connect(weir)
        client.send("GET /?4=a.test&ip=10.0.0.1 HTTP/1.1\r\nHost: a\r\n\r\n")
        client.reset()
    assert all(line["end"] == "client_gone" for line in weir.wait_access(20))
    assert ask(bench.connect(weir), "4=localhost") == "127.0.0.1"
