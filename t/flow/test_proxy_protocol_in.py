# SPDX-License-Identifier: Apache-2.0
"""`proxy_protocol: {from: ..}`: a front that is believed says whose connection it passes on, anybody else
and whatever is not exactly a header is refused for a reason of its own."""
import socket
import subprocess
import time

import pytest

from lab import proxy_protocol as pp
from lab import river as r
from lab.http1 import Closed
from lab.needs import needs
from lab.peers import Haproxy
from lab.wait import until
from lab.weir import free_port

SOURCE, DEST = ("198.51.100.7", 4321), ("203.0.113.5", 443)
SOURCE6, DEST6 = ("2001:db8::7", 65535), ("2001:db8::5", 80)
TELL = """
local function text(ip, port) return tostring(ip) .. " " .. tostring(port) end
http.sendResponse(200, "text/plain", table.concat({
    text(request.getRemoteIP(), request.getRemotePort()), text(request.getDestIP(), request.getDestPort()),
    text(request.getLocalIP(), request.getLocalPort())}, "\\n"))
"""
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
FROM = {"from": ["127.0.0.0/8", "::1"]}


def start(bench, request=TELL, senders=None, **options):
    vserver = {"proxy_protocol": senders or FROM, **options.pop("vserver", {})}
    return bench.weir([bench.node()], request=request, vserver=vserver, **options)


def refusals(now):
    return now["virtual_servers"]["main"]["refusals"]


def sessions(now):
    return now["virtual_servers"]["main"]["sessions"]


def told(client):
    return [tuple(line.split()) for line in client.response().text.split("\n")]


def as_told(*addresses):
    return [(ip, str(port)) for ip, port in addresses]


HEADERS = {
    "v1": (pp.v1(SOURCE, DEST), SOURCE, DEST),
    "v1-six": (pp.v1(SOURCE6, DEST6), SOURCE6, DEST6),
    "v2": (pp.v2(SOURCE, DEST), SOURCE, DEST),
    "v2-six": (pp.v2(SOURCE6, DEST6), SOURCE6, DEST6),
    "v2-udp": (pp.v2(SOURCE, DEST, family=0x12), SOURCE, DEST),
    "v2-tlvs": (pp.v2(SOURCE, DEST, pp.tlv(pp.ALPN, b"h2") + pp.tlv(pp.NOOP, bytes(1000))), SOURCE, DEST),
    "v2-checksum": (pp.v2(SOURCE, DEST, pp.tlv(pp.AUTHORITY, b"a"), checksum=True), SOURCE, DEST),
    "v2-longest": (pp.v2(SOURCE, DEST, pp.tlv(pp.NOOP, bytes(4096 - 16 - 12 - 3))), SOURCE, DEST),
    "mapped": (pp.v1(("::ffff:198.51.100.7", 4321), ("::ffff:cb00:7105", 443)), SOURCE, DEST),
    "no-ports": (pp.v1(("198.51.100.7", 0), ("203.0.113.5", 0)), ("198.51.100.7", 0), ("203.0.113.5", 0)),
}


@pytest.mark.parametrize("name", HEADERS)
def test_the_header_says_who_the_client_is(bench, name):
    """In one piece with the request, in one-byte pieces, and for every request of the connection."""
    header, source, dest = HEADERS[name]
    weir = start(bench)
    for pieces in ([header + REQUEST], [header, REQUEST], [bytes([byte]) for byte in header + REQUEST]):
        client = bench.connect(weir)
        client.send(*pieces)
        assert told(client) == as_told(source, dest, weir.address())
        client.send(REQUEST * 2)
        assert told(client) == told(client) == as_told(source, dest, weir.address())
    assert refusals(weir.status()) == {}


@pytest.mark.parametrize("header", [
    pytest.param(b"PROXY UNKNOWN\r\n", id="unknown"),
    pytest.param(b"PROXY UNKNOWN 1.2.3.4 5.6.7.8 9 10\r\n", id="unknown-with"),
    pytest.param(pp.binary(pp.LOCAL, 0, b""), id="local"),
    pytest.param(pp.binary(pp.LOCAL, 0x11, bytes(12)), id="local-with"),
    pytest.param(pp.binary(pp.PROXY, 0, b"xyz"), id="unspecified"),
    pytest.param(pp.binary(pp.PROXY, 0x31, bytes(216)), id="unix"),
])
def test_a_header_that_names_nobody_leaves_the_connections_own_addresses(bench, header):
    weir = start(bench)
    client = bench.connect(weir)
    client.send(header + REQUEST)
    assert told(client) == as_told(client.address, weir.address(), weir.address())
    assert refusals(weir.status()) == {}


def test_over_ipv6(bench):
    weir = start(bench, listen=f"[::1]:{free_port()}")
    client = bench.connect(weir)
    client.send(pp.v2(SOURCE, DEST) + REQUEST)
    assert told(client)[:2] == as_told(SOURCE, DEST)


TLVS = pp.tlv(pp.AUTHORITY, b"shop.example") + pp.tlv(0xe0, b"\0\xff") + pp.tlv(0xe0, b"second") + pp.tlv(0xe1, b"")


def test_rules_see_tlvs(bench):
    weir = start(bench, request="""
        local found = {}
        for type = 0, 255 do
            local value = request.getProxyTLV(type)
            if value then found[#found + 1] = type .. "=" .. string.hexencode(value) end
        end
        http.sendResponse(200, "text/plain", table.concat(found, " "))""")
    for header, expected in ((pp.v2(SOURCE, DEST, TLVS), "2=73686f702e6578616d706c65 224=00ff 225="),
                             (pp.v2(SOURCE, DEST), ""), (pp.v1(SOURCE, DEST), ""),
                             (pp.binary(pp.PROXY, 0x31, bytes(216) + pp.tlv(0xe0, b"u")), "224=75"),
                             (pp.binary(pp.LOCAL, 0x11, bytes(12) + TLVS), "")):
        client = bench.connect(weir)
        client.send(header + REQUEST)
        assert client.response().text == expected
        client.send(REQUEST)
        assert client.response().text == expected


@pytest.mark.parametrize("call, said", [
    ("request.getProxyTLV()", "argument 1 \\(type\\): expected"),
    ("request.getProxyTLV('AUTHORITY')", "argument 1 \\(type\\): expected"),
    ("request.getProxyTLV(256)", "argument 1 \\(type\\): expected .* 0 to 255"),
    ("request.getProxyTLV(-1)", "argument 1 \\(type\\): expected .* 0 to 255"),
])
def test_tlvs_of_wrong_types(bench, call, said):
    weir = start(bench, request="\n" + call)
    client = bench.connect(weir)
    client.send(pp.v2(SOURCE, DEST, TLVS) + REQUEST)
    assert client.response().status == 500
    weir.wait_log("request.lua:2: request.getProxyTLV: " + said)


def test_the_log_names_the_client_and_who_spoke_for_it(bench):
    weir = start(bench, completion="log.info('done ' .. request.getRemoteIP())")
    client = bench.connect(weir)
    client.send(pp.v1(SOURCE, DEST) + REQUEST)
    told(client)
    line = weir.wait_access(1)[0]
    assert line["client"] == "198.51.100.7:4321" and line["dest"] == "203.0.113.5:443"
    assert line["peer"] == "{}:{}".format(*client.address)
    assert line["local"] == "{}:{}".format(*weir.address())
    assert line["bytes_in"] == len(REQUEST)
    weir.wait_log("done 198.51.100.7")


def refused(bench, weir, *pieces, **options):
    """The connection is closed without an answer."""
    client = bench.connect(weir, **options)
    try:
        client.send(*pieces)
        client.response()
    except (Closed, BrokenPipeError, ConnectionResetError) as ended:
        assert not getattr(ended, "received", b"")
        return
    raise AssertionError("it was answered")


BAD = {
    "proxy_header_missing": [REQUEST, b"\x16\x03\x01\0\x05hello", b"\r\n\r\n" + REQUEST, b"PROXX"],
    "proxy_header_malformed": [
        b"PROXY TCP4 198.51.100.7 203.0.113.5 65536 443\r\n" + REQUEST,
        b"PROXY TCP4 198.51.100.256 203.0.113.5 1 443\r\n" + REQUEST,
        b"PROXY TCP4 2001:db8::7 203.0.113.5 1 443\r\n" + REQUEST,
        b"PROXY TCP4 198.51.100.7 203.0.113.5 1 443\n" + REQUEST,
        b"PROXY TCP4  198.51.100.7 203.0.113.5 1 443\r\n" + REQUEST,
        pp.binary(0x22, 0x11, bytes(12)) + REQUEST,
        pp.binary(0x31, 0x11, bytes(12)) + REQUEST,
        pp.binary(pp.PROXY, 0x41, bytes(12)) + REQUEST,
        pp.binary(pp.PROXY, 0x11, bytes(11)) + REQUEST,
        pp.v2(SOURCE, DEST, b"\x02\x00\x09short") + REQUEST,
    ],
    "proxy_header_too_long": [
        b"PROXY UNKNOWN " + b"x" * 200 + b"\r\n" + REQUEST,
        pp.v2(SOURCE, DEST, pp.tlv(pp.NOOP, bytes(4096 - 16 - 12 - 2))) + REQUEST,
        pp.SIGNATURE + b"\x20\x00\xff\xff",
    ],
    "proxy_header_checksum": [
        pp.v2(SOURCE, DEST, pp.tlv(pp.CRC32C, b"abcd")) + REQUEST,
        pp.v2(SOURCE, DEST, checksum=True)[:-1] + b"\0" + REQUEST,
    ],
}


@pytest.mark.parametrize("reason", BAD)
def test_what_is_no_header_is_refused(bench, reason):
    weir = start(bench)
    for number, text in enumerate(BAD[reason]):
        refused(bench, weir, text)
        refused(bench, weir, text[:10], text[10:])
        weir.until_status(refusals, {reason: 2 * number + 2})
    weir.wait_log("refused a connection of 127.0.0.1:")
    assert weir.access == []  # no transaction ever began
    client = bench.connect(weir)
    client.send(pp.v1(SOURCE, DEST) + REQUEST)
    told(client)


def test_whoever_is_not_listed_is_refused_whatever_it_says(bench):
    weir = start(bench, senders={"from": "127.0.0.2"})
    for text in (pp.v1(SOURCE, DEST) + REQUEST, pp.v2(SOURCE, DEST) + REQUEST, REQUEST):
        refused(bench, weir, text)
    weir.until_status(refusals, {"proxy_untrusted": 3})
    weir.wait_log("refused a connection of 127.0.0.1:.*: .* of a sender that is not in")
    client = bench.connect(weir, source="127.0.0.2")
    client.send(pp.v1(SOURCE, DEST) + REQUEST)
    assert told(client)[0] == ("198.51.100.7", "4321")


def test_without_the_key_a_header_is_a_bad_request(bench):
    weir = bench.weir([bench.node()], request=TELL)
    for header in (pp.v1(SOURCE, DEST), pp.v2(SOURCE, DEST)):
        client = bench.connect(weir)
        client.send(header + REQUEST)
        assert client.response().status == 400


def test_a_second_header_is_no_request(bench):
    weir = start(bench)
    client = bench.connect(weir)
    client.send(pp.v1(SOURCE, DEST) + pp.v1(SOURCE6, DEST6) + REQUEST)
    assert client.response().status == 400
    client = bench.connect(weir)
    client.send(pp.v1(SOURCE, DEST) + REQUEST)
    assert told(client)[0] == ("198.51.100.7", "4321")
    client.send(pp.v1(SOURCE6, DEST6) + REQUEST)
    assert client.response().status == 400


@pytest.mark.parametrize("part", [b"P", b"PROXY TCP4 198.51", pp.SIGNATURE[:5], pp.v2(SOURCE, DEST)[:-1]])
def test_a_slow_header_holds_nobody_and_has_its_time(bench, part):
    weir = start(bench, vserver={"timeouts": {"connect": "2s"}})
    slow = bench.connect(weir)
    begun = time.monotonic()
    slow.send(part)
    other = bench.connect(weir)
    other.send(pp.v1(SOURCE, DEST) + REQUEST)
    assert told(other)[0] == ("198.51.100.7", "4321")
    assert time.monotonic() - begun < 2 or refusals(weir.status()) != {}
    assert slow.ending() in ("end", "reset")
    assert time.monotonic() - begun > 1
    weir.until_status(refusals, {"proxy_header_late": 1})


def test_a_trickle_does_not_prolong_its_time(bench):
    weir = start(bench, vserver={"timeouts": {"connect": "1s"}})
    client = bench.connect(weir)
    header = pp.v2(SOURCE, DEST, pp.tlv(pp.NOOP, bytes(3000)))
    begun = time.monotonic()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for byte in header:
            client.send(bytes([byte]))
            time.sleep(0.02)  # a byte in time, always: this is what is tested
    assert time.monotonic() - begun < 20
    weir.until_status(refusals, {"proxy_header_late": 1})


def test_an_end_within_the_header(bench):
    weir = start(bench, vserver={"timeouts": {"connect": "30s"}})
    for text, how in ((b"PROXY TCP4", "close"), (pp.SIGNATURE, "half_close"), (pp.SIGNATURE, "reset")):
        client = bench.connect(weir)
        client.send(text)
        weir.until_status(sessions, 1)
        getattr(client, how)()
        weir.until_status(sessions, 0)
    weir.until_status(refusals, {"proxy_header_cut": 3})


def test_who_says_nothing_and_goes_is_no_news(bench):
    """Monitors of fronts connect and close."""
    weir = start(bench, vserver={"timeouts": {"connect": "30s"}})
    for _ in range(3):
        socket.create_connection(weir.address()).close()
    client = bench.connect(weir)
    client.send(pp.v1(SOURCE, DEST) + REQUEST)
    told(client)
    weir.until_status(sessions, 1)
    assert refusals(weir.status()) == {}


def test_limits_of_each_client_count_whom_the_header_names(bench):
    weir = start(bench, vserver={"max_connections_per_client": 1, "timeouts": {"keepalive": "60s"}})
    clients = []
    for number in range(5):  # all from 127.0.0.1
        clients.append(bench.connect(weir))
        clients[-1].send(pp.v1((f"198.51.100.{number}", 1), DEST) + REQUEST)
        told(clients[-1])
    refused(bench, weir, pp.v1(("198.51.100.3", 2), DEST) + REQUEST)
    refused(bench, weir, pp.v2(("::ffff:198.51.100.3", 2), DEST6) + REQUEST)
    weir.until_status(refusals, {"too_many_connections_of_client": 2})
    clients[3].close()

    def fits():
        client = bench.connect(weir)
        client.send(pp.v1(("198.51.100.3", 2), DEST) + REQUEST)
        try:
            return told(client)
        except (Closed, ConnectionResetError):
            return None
    until(fits, "there is room again")


def test_connections_without_a_header_yet_count(bench):
    weir = start(bench, vserver={"max_concurrent_connections": 2, "timeouts": {"connect": "60s"}})
    for _ in range(2):
        bench.connect(weir).send(b"PROXY")
    weir.until_status(sessions, 2)
    refused(bench, weir, pp.v1(SOURCE, DEST) + REQUEST)
    weir.until_status(refusals, {"too_many_connections": 1})


def test_a_stop_does_not_wait_for_headers(bench):
    weir = start(bench, vserver={"timeouts": {"connect": "60s"}})
    client = bench.connect(weir)
    client.send(b"PROXY TCP4")
    weir.until_status(sessions, 1)
    begun = time.monotonic()
    weir.stop()
    assert time.monotonic() - begun < 15
    assert client.ending() in ("end", "reset")


def test_to_the_original_destination(bench):
    """The node is the header's destination; weir itself and what only a local client may reach are not."""
    node = bench.node()
    weir = bench.weir("original_destination", vserver={"proxy_protocol": FROM})
    for dest, expected in (((node.host, node.port), (502, "bad_destination")), (weir.address(), (508, "loop")),
                           (("169.254.169.254", 80), (502, "bad_destination"))):
        client = bench.connect(weir)
        client.send(pp.v1(SOURCE, dest) + REQUEST)
        assert client.response().status == expected[0]
        assert weir.wait_access(1)[-1]["end"] == expected[1]
        weir.access.clear()
    client = bench.connect(weir)
    client.send(pp.v1(("127.0.0.1", 9), (node.host, node.port)) + REQUEST)
    assert client.response().status == 200


def test_a_header_from_elsewhere_makes_no_client_local(bench, river):
    """A destination on loopback is for clients of this machine; whom a header calls so is none."""
    port = free_port()
    node = bench.node(namespace=river.weir)
    weir = bench.weir("original_destination", listen=f"0.0.0.0:{port}", namespace=river.weir,
                      vserver={"proxy_protocol": {"from": r.CLIENTS_V4[0]}})
    client = bench.client((r.WEIR_V4, port), source=r.CLIENTS_V4[0], namespace=river.client)
    client.send(pp.v1(("127.0.0.1", 9), (node.host, node.port)) + REQUEST)
    assert client.response().status == 502
    assert weir.wait_access(1)[0]["end"] == "bad_destination" and node.connections == []


def test_a_transparent_pool_uses_the_headers_client(bench, river):
    """The node sees whom a trusted front names, and nobody else gets that far."""
    port = free_port()
    node = bench.node(address=r.NODE_V4, namespace=river.node)
    weir = bench.weir([node], listen=f"0.0.0.0:{port}", namespace=river.weir, pool={"transparent": True},
                      vserver={"proxy_protocol": {"from": r.CLIENTS_V4[0]}})
    for named in ("10.1.0.33", "10.1.0.44", "10.1.0.33"):
        client = bench.client((r.WEIR_V4, port), source=r.CLIENTS_V4[0], namespace=river.client)
        client.send(pp.v2((named, 9), DEST) + REQUEST)
        assert client.response().status == 200
        assert node.requests[-1].peer[0] == named
    client = bench.client((r.WEIR_V4, port), source=r.CLIENTS_V4[1], namespace=river.client)
    client.send(pp.v2(("10.1.0.33", 9), DEST) + REQUEST)
    with pytest.raises(Closed):
        client.response()
    assert len(node.requests) == 3
    for named in ("127.0.0.1", r.WEIR_V4, "224.0.0.1"):
        client = bench.client((r.WEIR_V4, port), source=r.CLIENTS_V4[0], namespace=river.client)
        client.send(pp.v1((named, 9), DEST) + REQUEST)
        assert client.response().status == 503
    assert {line["end"] for line in weir.wait_access(6)[3:]} == {"spoof_refused"}


def test_captured_connections_have_headers_too(bench, river):
    """What was captured is decided by where the front was headed, what rules see by its header."""
    port = free_port()
    weir = bench.weir([bench.node()], listen=f"0.0.0.0:{port}", namespace=river.weir, request=TELL,
                      vserver={"capture": {"mode": "redirect", "ports": [80]},
                               "proxy_protocol": {"from": "10.1.0.0/16"}})
    river.capture_redirect(80, port)
    client = bench.client((r.NODE_V4, 80), source=r.CLIENTS_V4[0], namespace=river.client)
    client.send(pp.v1(SOURCE, DEST) + REQUEST)
    assert told(client)[:2] == as_told(SOURCE, DEST)
    assert weir.wait_access(1)[0]["peer"].startswith(r.CLIENTS_V4[0])


def test_headers_that_nobody_can_tell_apart_from_a_flood(bench):
    """Hundreds of fronts that begin a header and stop: others are served, and all are gone in time."""
    weir = start(bench, vserver={"timeouts": {"connect": "4s"}})
    slow = [bench.connect(weir) for _ in range(300)]
    for client in slow:
        client.send(pp.SIGNATURE + b"\x21\x11\x0f\x00" + bytes(2000))
    for _ in range(20):
        client = bench.connect(weir)
        client.send(pp.v2(SOURCE, DEST) + REQUEST)
        assert told(client)[0] == ("198.51.100.7", "4321")
    weir.until_status(refusals, {"proxy_header_late": 300}, seconds=30)


# ---- fronts that others wrote -----------------------------------------------------------------------

def test_curl(bench):
    weir = start(bench)
    said = subprocess.run(["curl", "-sS", "--haproxy-protocol", "http://{}:{}/".format(*weir.address())],
                          capture_output=True, text=True, check=True, timeout=20).stdout.split("\n")
    assert said[0].startswith("127.0.0.1 ") and said[1].split() == [*map(str, weir.address())]


@needs("haproxy")
@pytest.mark.parametrize("words", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"])
def test_haproxy_in_front(bench, words):
    """With its health checks, and connections of its clients each with its own header."""
    weir = start(bench, request='http.setHeader("X-Seen", request.getRemoteIP() .. ":" .. request.getRemotePort() .. " " '
                                '.. request.getDestIP() .. ":" .. request.getDestPort()) '
                                'http.setHeader("X-Unique", request.getProxyTLV(5) or "-")')
    node = bench.nodes[0]
    front = bench.keep(Haproxy(("127.0.0.1", free_port()), "{}:{}".format(*weir.address()), words + " check inter 100ms"))
    for source in ("127.0.0.1", "127.0.0.9", "127.0.1.1"):
        client = bench.client((front.host, front.port), source=source)
        for _ in range(3):
            assert client.get("/").status == 200
            seen = node.requests[-1]
            assert seen.get("X-Seen") == "{}:{} {}:{}".format(*client.address, front.host, front.port)
            assert (len(seen.get("X-Unique")) > 4) == ("unique-id" in words)
    assert refusals(weir.status()) == {}
