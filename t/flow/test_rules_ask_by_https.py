# SPDX-License-Identifier: Apache-2.0
"""http.request.* by https: who the other side is gets verified unless the rule says otherwise."""
import os
import socket
import ssl
import struct
import threading

import pytest

from lab.authority import Authority, SecureServer
from lab.listener import Listener
from lab.peers import Dnsmasq, Nginx
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
REFUSED = "nil,certificate not accepted: "


@pytest.fixture(scope="module")
def authority():
    made = Authority()
    yield made
    made.close()


def answers(body=b"secret", headers="", more=b"", end=None):
    """Answers each request of a connection so."""
    def serve(sock):
        held = b""
        while True:
            while b"\r\n\r\n" not in held:
                data = sock.recv(65536)
                if not data:
                    return
                held += data
            held = held.split(b"\r\n\r\n", 1)[1]
            sock.sendall(f"HTTP/1.1 200 OK\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body + more)
    return serve


def server(bench, authority, *names, serve=None, **options):
    certificate, key = authority.issue(*(names or ("IP:127.0.0.1",)), days=options.pop("days", 30))
    return bench.keep(SecureServer(certificate, key, serve or answers(), **options))


def weir_that(bench, authority, rule, **more):
    """It takes the authority for one of the system's."""
    return bench.weir([bench.node()], request=SAY + rule + ANSWER,
                      wrapper=("env", f"SSL_CERT_FILE={authority.certificate}"), **more)


def said_by(bench, authority, rule, **more):
    return bench.connect(weir_that(bench, authority, rule, **more)).get().text


def names_for(bench, *names):
    lines = [f"host-record={name},127.0.0.1" for name in names]
    return {"servers": bench.keep(Dnsmasq(("127.0.0.1", free_port()), lines)).name}


def test_a_verified_exchange(bench, authority):
    s = server(bench, authority)
    assert said_by(bench, authority, f"""
        local body, status, type, headers, line = http.request.get("https://127.0.0.1:{s.port}/x")
        say(body, status, type, #headers, line)
        say((http.request.post("https://127.0.0.1:{s.port}/x", "data")))
    """) == "secret,200,nil,19,HTTP/1.1 200 OK|secret"
    assert s.names == [None] * 2  # an address is not asked for by name


def test_the_name_is_asked_for_and_verified(bench, authority):
    good, bad = server(bench, authority, "DNS:one.test"), server(bench, authority, "DNS:other.test")
    wild = server(bench, authority, "DNS:*.wild.test")
    assert said_by(bench, authority, f"""
        say((http.request.get("https://one.test:{good.port}/")))
        say(http.request.get("https://one.test:{bad.port}/"))
        say((http.request.get("https://a.wild.test:{wild.port}/")))
        say(http.request.get("https://127.0.0.1:{good.port}/"))
    """, dns=names_for(bench, "one.test", "a.wild.test")) == "|".join([
        "secret", REFUSED + "hostname mismatch", "secret", REFUSED + "IP address mismatch"])
    assert good.names[0] == "one.test"


def test_who_is_not_to_be_trusted(bench, authority):
    stranger = bench.keep(Authority())
    strange, old = server(bench, stranger), server(bench, authority, days=-1)
    assert said_by(bench, authority, f"""
        say(http.request.get("https://127.0.0.1:{strange.port}/"))
        say(http.request.post("https://127.0.0.1:{strange.port}/", "data"))
        say(http.request.get("https://127.0.0.1:{old.port}/"))
    """) == "|".join(REFUSED + words for words in ("unable to get local issuer certificate",
                                                   "unable to get local issuer certificate",
                                                   "certificate has expired"))


@pytest.mark.parametrize("call", [
    'get(url, {verify = false})', 'get(url, nil, {verify = false})', 'get(url, nil, 5, {verify = false})',
    'get(url, {["X-A"] = "b"}, 5, {verify = false})', 'post(url, "x", {verify = false})',
    'put(url, "x", nil, 5, {verify = false})', 'delete(url, {verify = false})'])
def test_verification_can_be_switched_off(bench, authority, call):
    s = server(bench, bench.keep(Authority()), "DNS:elsewhere.test")
    assert said_by(bench, authority, f"""
        local url = "https://127.0.0.1:{s.port}/"
        say((http.request.{call}))
        say(http.request.get(url, nil, nil, {{verify = true}}))
        say(http.request.get(url))
    """) == "|".join(["secret"] + [REFUSED + "unable to get local issuer certificate"] * 2)


def test_with_authorities_of_the_rules_own(bench, authority):
    mine, other = bench.keep(Authority()), bench.keep(Authority())
    s = server(bench, mine)
    pem = {name: "[[" + a.pem + "]]" for name, a in (("mine", mine), ("other", other))}
    assert said_by(bench, authority, f"""
        local url = "https://127.0.0.1:{s.port}/"
        say((http.request.ssl.get(url, {{{pem["mine"]}}})))
        say((http.request.ssl.get(url, {{{pem["other"]}, {pem["mine"]}}}, {{["X-A"] = "1"}}, 5)))
        say((http.request.ssl.get(url, {pem["other"]} .. {pem["mine"]})))
        say(http.request.ssl.get(url, {{{pem["other"]}}}))
        say(http.request.ssl.get(url))
        say(http.request.ssl.get(url, {{{pem["mine"]}, "nothing"}}))
    """) == "|".join(["secret"] * 3 + [REFUSED + "unable to get local issuer certificate"] * 2
                     + ["nil,authority 2 is no PEM certificate"])


def test_the_systems_are_not_trusted_beside_the_rules_own(bench, authority):
    other = bench.keep(Authority())
    s = server(bench, authority)
    assert said_by(bench, authority, f"""
        say((http.request.ssl.get("https://127.0.0.1:{s.port}/")))
        say(http.request.ssl.get("https://127.0.0.1:{s.port}/", {{[[{other.pem}]]}}))
    """) == f"secret|{REFUSED}unable to get local issuer certificate"


def test_connections_are_used_again_but_not_unverified_ones(bench, authority):
    s = server(bench, authority)
    weir = weir_that(bench, authority, f"""
        local url = "https://127.0.0.1:{s.port}/"
        for i = 1, 3 do say((http.request.get(url))) end
        for i = 1, 2 do say((http.request.get(url, {{verify = false}}))) end
        say((http.request.ssl.get(url)))
    """)
    for _ in range(2):
        assert bench.connect(weir).get().text == "|".join(["secret"] * 6)
    assert s.connections == 4  # verified, not verified, and one for each ssl.get


@pytest.mark.parametrize("size", [1, 16384, 100000, 1000000])
def test_bodies_of_many_records(bench, authority, size):
    body = bytes(range(256)) * (size // 256 + 1)
    def serve(sock):
        held = b""
        while b"\r\n\r\n" not in held or len(held.split(b"\r\n\r\n", 1)[1]) < size:
            held += sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + held.split(b"\r\n\r\n", 1)[1])
    s = server(bench, authority, serve=serve)
    assert said_by(bench, authority, f"""
        local all = {{}}
        for i = 0, 255 do all[i + 1] = string.char(i) end
        local data = table.concat(all):rep({size // 256 + 1}):sub(1, {size})
        say(http.request.post("https://127.0.0.1:{s.port}/", data) == data)
    """) == "true"
    assert len(body) >= size


def resets(sock):
    sock.recv(1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@pytest.mark.parametrize("serve, reason", [
    (lambda sock: sock.sendall(b"HTTP/1.1 400 No\r\n\r\n"), "TLS: "),
    (lambda sock: sock.sendall(bytes(range(256)) * 99), "TLS: "),
    (lambda sock: sock.sendall(b"\x16\x03\x03\xff\xff" + bytes(70000)), "TLS: "),
    (lambda sock: (sock.recv(1), sock.shutdown(socket.SHUT_RDWR)), ("TLS: unexpected eof", "the connection broke")),
    (resets, "Connection reset by peer"),
    (lambda sock: None, "timed out"),
], ids=["http", "noise", "long record", "end", "reset", "silence"])
def test_handshakes_that_fail(bench, authority, serve, reason):
    raw = bench.keep(Listener(serve, holds=True))
    said = said_by(bench, authority, f'say(http.request.get("https://127.0.0.1:{raw.port}/", nil, 1))')
    reasons = (reason,) if isinstance(reason, str) else reason
    assert said.startswith(tuple("nil," + one for one in reasons)), said


def test_old_versions_are_not_spoken(bench, authority):
    s = server(bench, authority, maximum_version=ssl.TLSVersion.TLSv1_1)
    assert said_by(bench, authority, f'say(http.request.get("https://127.0.0.1:{s.port}/"))').startswith("nil,TLS: ")
    s = server(bench, authority, maximum_version=ssl.TLSVersion.TLSv1_2)
    assert said_by(bench, authority, f'say((http.request.get("https://127.0.0.1:{s.port}/")))') == "secret"


def test_an_end_without_good_bye_is_no_end(bench, authority):
    """Anybody on the way can cut a connection off."""
    def cuts(sock):
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        os.close(sock.detach())
    def ends(sock):
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\nwhole")
        try:
            sock.unwrap()
        except OSError:
            pass
    cut, whole = server(bench, authority, serve=cuts), server(bench, authority, serve=ends)
    said = said_by(bench, authority, f"""
        say(http.request.get("https://127.0.0.1:{cut.port}/"))
        say((http.request.get("https://127.0.0.1:{whole.port}/")))
    """).split("|")
    assert said[0].startswith("nil,the answer is not whole: ")
    assert said[1] == "whole"


def test_clients_that_go_away_in_every_state(bench, authority):
    silent = bench.keep(Listener(lambda sock: None, holds=True))
    gate = threading.Event()
    bench.keep(type("Gate", (), {"close": staticmethod(gate.set)}))
    slow = server(bench, authority, serve=lambda sock: gate.wait(30))
    weir = weir_that(bench, authority, f"""
        local port = http.getPath() == "/slow" and {slow.port} or {silent.port}
        http.request.get("https://127.0.0.1:" .. port .. "/")
    """)
    for path in ("/slow", "/silent") * 10:
        client = bench.connect(weir)
        client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
        if path == "/slow":
            while slow.connections == 0:
                pass
        client.reset()
    assert {line["end"] for line in weir.wait_access(20)} == {"client_gone"}


def test_fifty_wait_at_once(bench, authority):
    gate = threading.Event()
    arrived = threading.Semaphore(0)
    def serve(sock):
        data = sock.recv(65536)
        arrived.release()
        gate.wait(30)
        path = data.split()[1]
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path) + path)
    s = server(bench, authority, serve=serve)
    weir = weir_that(bench, authority,
                     f'say((http.request.get("https://127.0.0.1:{s.port}" .. http.getPath())))')
    clients = [bench.connect(weir) for _ in range(50)]
    for i, client in enumerate(clients):
        client.send(f"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n")
    for _ in clients:
        assert arrived.acquire(timeout=30)
    gate.set()
    assert [client.response().text for client in clients] == [f"/{i}" for i in range(50)]


def test_a_real_server(bench, authority):
    certificate, key = authority.issue("DNS:real.test")
    port = free_port()
    nginx = bench.keep(Nginx(("127.0.0.1", free_port()), more=f"""
        listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};
    """))
    with open(os.path.join(nginx.root, "big"), "wb") as file:
        file.write(b"0123456789" * 90000)
    assert said_by(bench, authority, f"""
        local body, status, type = http.request.get("https://real.test:{port}/big")
        say(body == ("0123456789"):rep(90000), status)
        say(http.request.get("https://real.test:{port}/small"):sub(1, 5))
        say(select(2, http.request.head("https://real.test:{port}/small")))
    """, dns=names_for(bench, "real.test")).startswith("true,200|small|200,")
