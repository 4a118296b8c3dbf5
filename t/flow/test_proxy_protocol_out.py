# SPDX-License-Identifier: Apache-2.0
"""Pool `proxy_protocol: v1` or `v2`: each new connection to a node begins with who the client is and where it
was headed, as rules see it, and serves nobody else."""
import random
import threading

import pytest

from lab import proxy_protocol as pp
from lab.client import Client
from lab.needs import needs
from lab.peers import Haproxy, Nginx
from lab.weir import free_port

SOURCE, DEST = ("198.51.100.7", 4321), ("203.0.113.5", 443)
SOURCE6, DEST6 = ("2001:db8::7", 65535), ("2001:db8::5", 80)
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
VERSIONS = pytest.mark.parametrize("version", [1, 2])
BELIEVED = {"proxy_protocol": {"from": "127.0.0.0/8"}}


def listening(bench, answer=None, **options):
    """A node that reads the header of each connection; node.headers has them in order."""
    headers = []
    node = bench.node(answer, on_connect=lambda sock: headers.append(pp.read(sock)), **options)
    node.headers = headers
    return node


def pool(version, **more):
    return {"proxy_protocol": f"v{version}", **more}


@VERSIONS
def test_the_node_hears_whose_connection_it_is(bench, version):
    """Once for each connection; the next request of the same client needs no header."""
    node = listening(bench)
    weir = bench.weir([node], pool=pool(version))
    client = bench.connect(weir)
    for _ in range(3):
        assert client.get().status == 200
    assert node.headers == [(version, client.address, weir.address())]
    other = bench.connect(weir)
    assert other.get().status == 200
    assert node.headers[1:] == [(version, other.address, weir.address())]
    assert client.get().status == 200
    assert len(node.headers) == 2  # each has a connection of its own
    assert [line["reused"] for line in weir.wait_access(5)] == [0, 1, 1, 0, 1]


@VERSIONS
def test_pipelined_requests(bench, version):
    """Each goes with the client's name, on however many connections."""
    node = listening(bench)
    weir = bench.weir([node], pool=pool(version))
    client = bench.connect(weir)
    client.send(REQUEST * 9)
    assert [client.response().status for _ in range(9)] == [200] * 9
    assert set(node.headers) == {(version, client.address, weir.address())}


@VERSIONS
def test_over_ipv6(bench, version):
    node = listening(bench, address="::1")
    weir = bench.weir([node], pool=pool(version), listen=f"[::1]:{free_port()}")
    client = bench.connect(weir)
    assert client.get().status == 200
    assert node.headers == [(version, client.address, weir.address())]


@VERSIONS
@pytest.mark.parametrize("method, size", [("POST", 10), ("PUT", 300_000)])
def test_before_a_request_with_a_body(bench, version, method, size):
    node = listening(bench)
    weir = bench.weir([node], pool=pool(version))
    client = bench.connect(weir)
    for _ in range(3):
        assert client.get(method=method, body=bytes(size)).status == 200
    assert [(q.method, q.size) for q in node.requests] == [(method, size)] * 3
    assert set(node.headers) == {(version, client.address, weir.address())}


@VERSIONS
@pytest.mark.parametrize("source, dest", [(SOURCE, DEST), (SOURCE6, DEST6)], ids=["v4", "v6"])
def test_what_a_header_said_is_passed_on(bench, version, source, dest):
    node = listening(bench)
    weir = bench.weir([node], pool=pool(version), vserver=BELIEVED)
    other = (source[0], source[1] - 1)
    for header in (pp.v1(source, dest), pp.v2(other, dest, pp.tlv(pp.AUTHORITY, b"a"))):
        client = bench.connect(weir)
        client.send(header + REQUEST)
        assert client.response().status == 200
    assert node.headers == [(version, source, dest), (version, other, dest)]


@VERSIONS
def test_a_client_and_a_destination_of_two_families(bench, version):
    node = listening(bench)
    weir = bench.weir([node], pool=pool(version), request='request.setRemoteIP("2001:db8::9")')
    client = bench.connect(weir)
    assert client.get().status == 200
    host, port = weir.address()
    assert node.headers == [(version, ("2001:db8::9", client.address[1]),
                             ("::ffff:7f00:1" if version == 1 else f"::ffff:{host}", port))]


@VERSIONS
def test_whom_a_rule_calls_the_client(bench, version):
    """A connection serves one client only, also where a rule says who that is."""
    node = listening(bench)
    weir = bench.weir([node], pool=pool(version),
                      request='local ip = http.getHeader("X-Real") if ip then request.setRemoteIP(ip) end')
    client = bench.connect(weir)
    for real in ("198.51.100.1", "198.51.100.2", "198.51.100.1", "198.51.100.2"):
        assert client.get("/" + real, f"X-Real: {real}\r\n").status == 200
    assert client.get("/plain").status == 200
    port = client.address[1]
    assert node.headers == [(version, ("198.51.100.1", port), weir.address()),
                            (version, ("198.51.100.2", port), weir.address()),
                            (version, client.address, weir.address())]
    seen = {(q.connection.number, q.target) for q in node.requests}
    assert seen == {(0, "/198.51.100.1"), (1, "/198.51.100.2"), (2, "/plain")}


@VERSIONS
def test_nobody_is_served_under_anothers_name(bench, version):
    """Clients at random over two workers, and connections that nodes close when they like."""
    dice = random.Random(5)

    def connect(sock):
        named[sock] = pp.read(sock)

    def answer(exchange):
        with lock:
            served.append((exchange.request.target, named[exchange.connection.sock][1]))
            ends = dice.random() < 0.1
        exchange.reply()
        if ends:
            exchange.close()

    named, served, lock = {}, [], threading.Lock()
    node = bench.node(answer, on_connect=connect)
    weir = bench.weir([node], pool=pool(version), workers=2)

    def talk(seed):
        mine = random.Random(seed)
        clients = [Client(weir.address()) for _ in range(5)]
        for _ in range(60):
            number = mine.randrange(5)
            if mine.random() < 0.1:
                clients[number].close()
                clients[number] = Client(weir.address())
            ip, port = clients[number].address
            assert clients[number].get(f"/{ip}:{port}").status == 200
        for client in clients:
            client.close()

    threads = [threading.Thread(target=talk, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(served) >= 240
    wrong = [(target, of) for target, of in served if target != "/{}:{}".format(*of)]
    assert not wrong, f"{len(wrong)} under another's name, such as {wrong[0]}"


@VERSIONS
def test_once_more_on_a_new_connection(bench, version):
    """The node has closed what was idle, or dies after the request: each connection has its header."""
    node = listening(bench)
    weir = bench.weir([node], pool=pool(version))
    client = bench.connect(weir)
    assert client.get().status == 200
    node.requests[0].connection.sock.shutdown(2)
    assert client.get().status == 200
    assert node.headers == [(version, client.address, weir.address())] * 2


def test_another_node_hears_it_too(bench):
    """One that refuses, then one with another pool's way to say it."""
    good = listening(bench)
    weir = bench.weir([f"127.0.0.1:{free_port()}", good], pool=pool(2))
    client = bench.connect(weir)
    for _ in range(3):
        assert client.get().status == 200
    assert set(good.headers) == {(2, client.address, weir.address())}


def test_each_pool_in_its_own_way(bench):
    nodes = {"web": bench.node(), "one": listening(bench), "two": listening(bench)}
    weir = bench.weir([nodes["web"]], pools={"one": {"nodes": [nodes["one"].name], **pool(1)},
                                             "two": {"nodes": [nodes["two"].name], **pool(2)}},
                      request='local name = http.getPath():sub(2) if name ~= "web" then pool.use(name) end')
    client = bench.connect(weir)
    for name in ("web", "one", "two", "one", "web", "two"):
        assert client.get("/" + name).status == 200
    assert nodes["one"].headers == [(1, client.address, weir.address())]
    assert nodes["two"].headers == [(2, client.address, weir.address())]
    assert [len(node.requests) for node in nodes.values()] == [2, 2, 2]


def test_to_an_address_that_no_pool_lists(bench):
    listed, other = listening(bench), listening(bench)
    weir = bench.weir([listed], pool=pool(1), request=f'pool.use("web", "127.0.0.1", {other.port})')
    one, two = bench.connect(weir), bench.connect(weir)
    for client in (one, two, one, two):
        assert client.get().status == 200
    assert other.headers == [(1, one.address, weir.address()), (1, two.address, weir.address())]
    assert listed.headers == []


def test_a_retry_of_a_response_rule(bench):
    node = listening(bench, lambda x: x.reply(503 if len(node.requests) < 3 else 200))
    weir = bench.weir([node], pool=pool(2), response='if http.getResponseCode() == 503 then request.retry() end')
    client = bench.connect(weir)
    assert client.get().status == 200
    assert set(node.headers) == {(2, client.address, weir.address())} and len(node.requests) == 3


def test_a_connection_goes_with_the_client_that_said_good_bye(bench):
    node = listening(bench)
    weir = bench.weir([node], pool=pool(1))
    for number in range(3):
        client = bench.connect(weir)
        assert client.get(headers="Connection: close\r\n").status == 200
        assert node.wait_ended(number) in ("end", "reset")


def test_upgraded_connections(bench):
    def answer(exchange):
        exchange.send("HTTP/1.1 101 Over\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        exchange.send(exchange.connection.reader.exactly(5))
        exchange.close()

    node = listening(bench, answer)
    weir = bench.weir([node], pool=pool(1))
    client = bench.connect(weir)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
    assert client.head().status == 101
    client.send(b"hello")
    assert client.reader.exactly(5) == b"hello"
    assert node.headers == [(1, client.address, weir.address())]


# ---- what others wrote ------------------------------------------------------------------------------

def nginx(bench):
    """That believes the header, and says who it says."""
    return bench.keep(Nginx(("127.0.0.1", free_port()), listen="proxy_protocol", more="""
        location = /told { return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port"; }"""))


@VERSIONS
def test_nginx_behind(bench, version):
    weir = bench.weir([nginx(bench)], pool=pool(version))
    for _ in range(3):
        client = bench.connect(weir)
        for _ in range(3):
            assert client.get("/told").text == "{} {} {} {}".format(*client.address, *weir.address())


@needs("haproxy")
@VERSIONS
def test_from_haproxy_to_nginx(bench, version):
    """A chain: the last one hears of the first one's client, and where it was headed."""
    weir = bench.weir([nginx(bench)], pool=pool(version), vserver=BELIEVED)
    front = bench.keep(Haproxy(("127.0.0.1", free_port()), "{}:{}".format(*weir.address()), "send-proxy-v2"))
    for source in ("127.0.0.1", "127.0.0.9", "127.0.0.1"):
        client = bench.client((front.host, front.port), source=source)
        for _ in range(2):
            assert client.get("/told").text == "{} {} {} {}".format(*client.address, front.host, front.port)


def test_weir_behind_weir(bench):
    last = listening(bench)
    behind = bench.weir([last], pool=pool(1), vserver=BELIEVED)
    front = bench.weir(["{}:{}".format(*behind.address())], pool=pool(2))
    for _ in range(2):
        client = bench.connect(front)
        for _ in range(3):
            assert client.get().status == 200
        assert last.headers[-1] == (1, client.address, front.address())
    assert len(last.headers) == 2
