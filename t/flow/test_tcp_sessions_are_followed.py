# SPDX-License-Identifier: Apache-2.0
"""A TCP session is logged, counted, traced and limited as a transaction of HTTP is."""
import socket
import ssl

import pytest

from lab.talker import Talker, fate, read_all, read_exactly, read_until
from lab.trace import follow
from lab.wait import until

NAME = "log.info(tostring(ssl.getTLSServerName()))"


def hello(name):
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(into, out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def nameless():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(into, out).do_handshake()
    return out.read()


def echo(sock):
    while data := sock.recv(65536):
        sock.sendall(data)


def lines(sock):
    while line := read_until(sock):
        sock.sendall(b"you said " + line)


@pytest.fixture
def tcp(bench):
    def make(talk=echo, vserver=None, **options):
        return bench.weir([bench.keep(Talker(talk))], vserver={"protocol": "tcp", **(vserver or {})}, **options)
    return make


def connect(bench, weir):
    return bench.keep(socket.create_connection(weir.address(), 10))


def say(weir, data):
    """One whole session."""
    with socket.create_connection(weir.address(), 10) as sock:
        sock.sendall(data)
        assert read_exactly(sock, len(data)) == data


# ---- the access line -------------------------------------------------------------------------------


def test_the_server_name_is_logged_where_it_was_read(bench, tcp):
    weir = tcp(request=NAME)
    for data in (hello("www.Example.test"), b"no hello"):
        say(weir, data)
    names = [line.get("server_name", "none was read") for line in weir.wait_access(2)]
    assert sorted(names) == ["none was read", "www.example.test"]
    weir = tcp()
    say(weir, hello("www.example.test"))
    assert "server_name" not in weir.wait_access()[0]


def test_a_hello_without_a_name_is_logged_as_one(bench, tcp):
    weir = tcp(request=NAME)
    say(weir, nameless())
    assert weir.wait_access()[0]["server_name"] is None


def test_sessions_are_counted(bench, tcp):
    weir = tcp()
    sock = connect(bench, weir)
    sock.sendall(b"x")
    assert sock.recv(1) == b"x"
    now = weir.status()["virtual_servers"]["main"]
    assert (now["protocol"], now["sessions"], now["transactions"]) == ("tcp", 1, 1)
    sock.close()
    weir.wait_access()
    after = until(lambda: (v := weir.status()["virtual_servers"]["main"])["sessions"] == 0 and v)
    assert {word: count for word, count in after["outcomes"].items() if count} == {"ok": 1}
    assert (after["transactions"], after["transactions_total"], after["from_client_bytes_total"]) == (0, 1, 1)


# ---- weir trace ------------------------------------------------------------------------------------


def test_a_session_is_traced(bench, tcp):
    weir = tcp(lines, {"protocol": "client_first"}, request="request.getLine()", response="response.get()")
    trace = follow(bench, weir)
    sock = connect(bench, weir)
    for line in (b"one\n", b"two\n"):
        sock.sendall(line)
        assert read_until(sock) == b"you said " + line
    sock.close()
    said = trace.ended()[0]
    assert [line["text"] for line in said if line["what"] == "request"] == [
        "turn 1, 4 bytes so far", "turn 2, 4 bytes so far"]
    assert len([line for line in said if line["what"] == "answer"]) == 2
    assert any("'request'" in line["text"] for line in said if line["what"] == "rule")


def test_sessions_are_picked_by_the_server_name(bench, tcp):
    weir = tcp(request=NAME)
    trace = follow(bench, weir, "--host", "WWW.example.test")
    for data in (b"no hello", hello("other.example.test"), hello("www.example.test")):
        say(weir, data)
    ended = trace.ended()
    assert len(ended) == 1
    assert "TLS, server name 'www.example.test'" in [line["text"] for line in ended[0]]
    assert ended[0][0]["what"] == "client"  # what came before is told too
    weir.wait_access(3)
    trace.stop()
    assert len(trace.ended()) == 1


# ---- limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["tcp", "client_first", "server_first"])
def test_a_session_has_its_age(bench, tcp, protocol):
    """However busy it is."""
    weir = tcp(vserver={"protocol": protocol, "connection": {"max_age": "1s"}})
    sock = connect(bench, weir)
    try:
        while True:
            sock.sendall(b"x")
            if sock.recv(1) != b"x":
                break
    except ConnectionError:
        pass
    line = weir.wait_access()[0]
    assert line["end"] == "transaction_timeout" and line["duration_us"] >= 900_000


def test_a_session_has_the_time_of_a_transaction(bench, tcp):
    weir = tcp(vserver={"timeouts": {"transaction": "500ms"}})
    assert fate(weir.address()) == (b"", "end")
    assert weir.wait_access()[0]["end"] == "transaction_timeout"


@pytest.mark.parametrize("protocol", ["tcp", "client_first", "server_first"])
def test_sessions_of_one_client_are_limited(bench, tcp, protocol):
    weir = tcp(vserver={"protocol": protocol, "max_connections_per_client": 2})
    socks = [connect(bench, weir) for _ in range(2)]
    for sock in socks:
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
    assert fate(weir.address()) == (b"", "reset")
    socks[0].close()
    until(lambda: weir.status()["virtual_servers"]["main"]["sessions"] == 1)
    say(weir, b"again")


def test_all_sessions_are_limited(bench, tcp):
    weir = tcp(vserver={"max_concurrent_connections": 1})
    sock = connect(bench, weir)
    sock.sendall(b"x")
    assert sock.recv(1) == b"x"
    assert fate(weir.address()) == (b"", "reset")


def test_bytes_go_as_slowly_as_their_class(bench):
    """And no turn begins while the answer of the one before is held back."""
    size = 200_000

    def talk(sock):
        while line := read_until(sock):
            sock.sendall(line[:-1] * size + b"\n")
    weir = bench.weir([bench.keep(Talker(talk))], vserver={"protocol": "client_first"},
                      bandwidth_classes={"slow": {"maximum": "200k", "sharing": "connection"}},
                      request="request.getLine()", response='response.get(1000) response.setBandwidthClass("slow")')
    sock = connect(bench, weir)
    sock.sendall(b"a\n")
    data = read_exactly(sock, 10)
    sock.sendall(b"b\n")
    assert data + read_exactly(sock, size - 9) == b"a" * size + b"\n"
    assert read_exactly(sock, size + 1) == b"b" * size + b"\n"
    sock.shutdown(socket.SHUT_WR)
    assert read_all(sock) == (b"", "end")
    assert weir.wait_access()[0]["duration_us"] > 1_000_000
