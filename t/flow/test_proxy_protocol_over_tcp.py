# SPDX-License-Identifier: Apache-2.0
"""Headers of the PROXY protocol around TCP: the node hears first whose connection it is, and so do rules."""
import socket

import pytest

from lab import proxy_protocol as pp
from lab.talker import Talker, read_all, read_exactly, read_until, reset
from lab.wait import until
from lab.weir import free_port

SOURCE, DEST = ("198.51.100.7", 4321), ("203.0.113.5", 443)
VERSIONS = pytest.mark.parametrize("version", [1, 2])
PROTOCOLS = pytest.mark.parametrize("protocol", ["tcp", "client_first", "server_first"])


def hears(talk):
    """A node that reads the header and goes on with `talk`."""
    headers = []

    def whole(sock):
        headers.append(pp.read(sock))
        return talk(sock)
    return headers, whole


def talker(bench, talk, **options):
    headers, whole = hears(talk)
    node = bench.keep(Talker(whole, **options))
    node.headers = headers
    return node


def make(bench, nodes, version, **options):
    return bench.weir(nodes, pool={"proxy_protocol": f"v{version}"}, **options)


def connect(bench, weir):
    return bench.keep(socket.create_connection(weir.address(), 10))


def lines(sock):
    while line := read_until(sock):
        sock.sendall(b"you said " + line)


def greets(sock):
    sock.sendall(b"220 hello\r\n")
    lines(sock)


@VERSIONS
@pytest.mark.parametrize("protocol", ["tcp", "client_first"])
@pytest.mark.parametrize("rule", [None, "request.get()"])
def test_the_header_comes_before_what_the_client_says(bench, version, protocol, rule):
    node = talker(bench, lines)
    weir = make(bench, [node], version, vserver={"protocol": protocol}, request=rule)
    for _ in range(2):
        sock = connect(bench, weir)
        for line in (b"one\n", b"two\n"):  # once for each connection
            sock.sendall(line)
            assert read_until(sock) == b"you said " + line
        assert node.headers.pop() == (version, sock.getsockname(), weir.address())
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == (b"", "end")


@VERSIONS
@pytest.mark.parametrize("vserver", [
    {"protocol": "tcp"}, {"protocol": "server_first"},
    {"protocol": "server_first", "server_first_banner": "220 ready\r\n"}])
@pytest.mark.parametrize("response", [None, "response.get()"])
def test_a_node_that_greets_only_those_it_knows(bench, version, vserver, response):
    node = talker(bench, greets)
    weir = make(bench, [node], version, vserver=vserver, response=response)
    sock = connect(bench, weir)
    assert read_until(sock).startswith(b"220 ")
    sock.sendall(b"EHLO\r\n")
    assert read_until(sock) == b"you said EHLO\r\n"
    assert node.headers == [(version, sock.getsockname(), weir.address())]


def test_each_node_that_is_tried_hears_it(bench):
    """And a header alone is nothing of the client's: another node may still be tried."""
    def leaves(sock):
        reset(sock)
    first, second = talker(bench, leaves), talker(bench, lines)
    weir = make(bench, [f"127.0.0.1:{free_port()}", first, second], 2, vserver={"protocol": "tcp"})
    for _ in range(6):
        sock = connect(bench, weir)
        until(lambda: sock.getsockname() in [header[1] for header in second.headers])
        sock.sendall(b"x\n")
        assert read_until(sock) == b"you said x\n"
        sock.close()
    lines_ = weir.wait_access(6)
    assert {line["node"] for line in lines_} == {second.name}
    assert any(line["retries"] for line in lines_)
    assert len(first.headers) >= 1


def test_a_rule_may_say_who_it_is(bench):
    node = talker(bench, lines)
    weir = make(bench, [node], 1, vserver={"protocol": "client_first"}, request='request.setRemoteIP("192.0.2.77")')
    sock = connect(bench, weir)
    sock.sendall(b"x\n")
    assert read_until(sock) == b"you said x\n"
    assert node.headers[0][1] == ("192.0.2.77", sock.getsockname()[1])


@PROTOCOLS
@VERSIONS
def test_the_header_of_a_front_is_taken(bench, protocol, version):
    """In any pieces, with the first bytes of the client right behind it."""
    node = bench.keep(Talker(greets if protocol == "server_first" else lines))
    weir = bench.weir([node], vserver={"protocol": protocol, "proxy_protocol": {"from": "127.0.0.0/8"}}, request='''
        log.info(("client %s %d dest %s %d"):format(request.getRemoteIP(), request.getRemotePort(),
                                                    request.getDestIP(), request.getDestPort()))''')
    header = (pp.v1 if version == 1 else pp.v2)(SOURCE, DEST)
    for pieces in ([header + b"x\n"], [header[:9], header[9:] + b"x\n"], [header, b"x\n"]):
        sock = connect(bench, weir)
        for piece in pieces:
            sock.sendall(piece)
        if protocol == "server_first":
            assert read_until(sock) == b"220 hello\r\n"
        assert read_until(sock) == b"you said x\n"
        sock.close()
    weir.wait_log("client 198.51.100.7 4321 dest 203.0.113.5 443")
    assert {line["client"] for line in weir.wait_access(3)} == {"198.51.100.7:4321"}


@PROTOCOLS
def test_no_header_no_session(bench, protocol):
    node = bench.keep(Talker(lines))
    weir = bench.weir([node], vserver={"protocol": protocol, "proxy_protocol": {"from": "127.0.0.0/8"}})
    sock = connect(bench, weir)
    sock.sendall(b"HELO you, this is no header\r\n")
    try:
        assert read_exactly(sock, 1) == b""
    except ConnectionResetError:
        pass
    assert not node.socks
