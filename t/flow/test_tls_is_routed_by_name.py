# SPDX-License-Identifier: Apache-2.0
"""TLS that is passed on as it is, routed by what the client's hello says."""
import socket
import ssl
import struct
import subprocess

import pytest

from lab.authority import Authority
from lab.peers import Nginx
from lab.talker import Talker, read_all, read_exactly
from lab.weir import free_port

ROUTE = '''
    local name, offers = ssl.getTLSServerName(), ssl.getALPN()
    log.info("name " .. tostring(name) .. " offers " .. (offers and table.concat(offers, ",") or "nil")
             .. " ssl " .. tostring(ssl.isSSL()))
    if name == "other.test" or (offers and offers[1] == "special") then pool.use("other") end'''


def hello(name="www.test", alpn=(), pad=0):
    """What OpenSSL says first."""
    context = ssl.create_default_context()
    if alpn:
        context.set_alpn_protocols(list(alpn))
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(into, out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def in_records(data, size):
    """The same handshake message in records of so many bytes."""
    message = data[5:]
    return b"".join(b"\x16\x03\x01" + struct.pack(">H", len(message[i:i + size])) + message[i:i + size]
                    for i in range(0, len(message), size))


def names(sock):
    """A node that tells how much it got, byte for byte, once the client has ended."""
    data, _ = read_all(sock)
    sock.sendall(data)


@pytest.fixture(params=["tcp", "client_first"])
def routed(request, bench):
    web, other = bench.keep(Talker(names)), bench.keep(Talker(names))
    weir = bench.weir([web], vserver={"protocol": request.param}, request=ROUTE,
                      pools={"other": {"nodes": [other.name]}})
    weir.web, weir.other = web, other
    return weir


def send(bench, weir, pieces):
    sock = bench.keep(socket.create_connection(weir.address(), 10))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in pieces:
        sock.sendall(piece)
    sock.shutdown(socket.SHUT_WR)
    return read_all(sock)


def test_a_hello_in_one_piece_and_in_bytes_and_over_records(bench, routed):
    for number, (name, pool) in enumerate((("www.test", "web"), ("OTHER.test", "other"), ("other.test.", "other"))):
        whole = hello(name)
        forms = [whole, in_records(whole, 100), in_records(whole, 1)]
        for form in forms:
            assert send(bench, routed, [form]) == (form, "end")
        one_by_one = [bytes([byte]) for byte in in_records(whole, 50)]
        assert send(bench, routed, one_by_one) == (b"".join(one_by_one), "end")
        lines = routed.wait_access(4 * (number + 1))
        assert {line["pool"] for line in lines[-4:]} == {pool}
    routed.wait_log("name other.test offers  ssl false")


def test_what_is_offered(bench, routed):
    data = hello("www.test", ["special", "h2", "http/1.1"])
    assert send(bench, routed, [data]) == (data, "end")
    routed.wait_log("name www.test offers special,h2,http/1.1")
    assert routed.wait_access()[0]["pool"] == "other"


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x00", b"\x16\x02\x00\x00\x05hello", b"\x16\x03\x01\x00\x05\x02\x00\x00\x01x",
    b"\x16\x03\x01\x40\x01", b"\x80\x2e\x01\x03\x01", None, b"\x15\x03\x01\x00\x02\x02\x28", b"\x16\x03\x01\x00\x04\x01\x01\x00\x00",
], ids=["http", "empty", "version", "server", "long", "ssl2", "cut", "alert", "huge"])
def test_something_else_than_a_hello(bench, routed, data):
    """It is nil at once, and goes on as it came."""
    data = data or hello()[:60]
    assert send(bench, routed, [data]) == (data, "end")
    routed.wait_log("name nil offers nil")


def test_a_hello_without_end(bench, routed):
    """No more than 64 KiB are waited for."""
    data = b"\x16\x03\x01\x40\x00\x01\x00\xff\xf0" + b"x" * (16384 - 4)
    data += (b"\x16\x03\x01\x40\x00" + b"x" * 16384) * 3
    sock = bench.keep(socket.create_connection(routed.address(), 10))
    sock.sendall(data)  # and no end
    routed.wait_log("name nil offers nil")
    sock.shutdown(socket.SHUT_WR)
    assert read_exactly(sock, len(data)) == data


def test_a_client_that_never_ends_its_hello(bench):
    node = bench.keep(Talker(names))
    weir = bench.weir([node], vserver={"protocol": "tcp", "timeouts": {"connect": "300ms"}},
                      request="ssl.getTLSServerName()")
    sock = bench.keep(socket.create_connection(weir.address(), 10))
    sock.sendall(hello()[:40])
    assert read_all(sock)[1] in ("end", "reset")
    assert weir.wait_access()[0]["end"] == "request_timeout"
    assert not node.socks


def test_a_hello_is_what_a_session_begins_with(bench):
    """As with STARTTLS: behind other turns there may be one, and it is not looked for."""
    def talk(sock):
        while sock.recv(65536):
            sock.sendall(b".")
    node = bench.keep(Talker(talk))
    weir = bench.weir([node], vserver={"protocol": "client_first"},
                      request='request.get() log.info("name " .. tostring(ssl.getTLSServerName()))')
    sock = bench.keep(socket.create_connection(weir.address(), 10))
    for data in (b"STARTTLS", hello()):
        sock.sendall(data)
        assert sock.recv(1) == b"."
    assert "name www.test" not in weir.log and weir.wait_log("name nil")


def test_on_http_there_is_no_hello(bench):
    node = bench.node()
    weir = bench.weir([node], request='assert(ssl.getTLSServerName() == nil and ssl.getALPN() == nil)')
    assert bench.connect(weir).get().status == 200


def test_openssl_and_nginx_behind_one_port(bench):
    authority = bench.keep(Authority())
    certificate, key = authority.issue("DNS:www.test")
    other_certificate, other_key = authority.issue("DNS:other.test")
    server = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{(port := free_port())}", "-www", "-quiet",
                               "-cert", other_certificate, "-key", other_key],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        tls_port = free_port()
        bench.keep(Nginx(("127.0.0.1", free_port()), more=f"""}} server {{ listen 127.0.0.1:{tls_port} ssl;
            ssl_certificate {certificate}; ssl_certificate_key {key}; location / {{ return 200 "nginx\\n"; }}"""))
        weir = bench.weir([f"127.0.0.1:{tls_port}"], vserver={"protocol": "tcp"}, request=ROUTE,
                          pools={"other": {"nodes": [f"127.0.0.1:{port}"]}})
        at = "{}:{}".format(*weir.address())

        def curl(name):
            return subprocess.run(["curl", "-sS", "--cacert", authority.certificate, "--retry", "5", "--retry-connrefused",
                                   "--retry-all-errors", "--connect-to", f"{name}:443:{at}", f"https://{name}/x"],
                                  capture_output=True, timeout=30).stdout
        assert curl("www.test") == b"nginx\n"
        assert b"s_server" in curl("other.test")
        assert {line["pool"] for line in weir.wait_access(2)} == {"web", "other"}
    finally:
        server.kill()
        server.wait()
