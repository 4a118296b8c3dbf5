# SPDX-License-Identifier: Apache-2.0
"""Under valgrind: no byte is read before it was written, and none is lost, whatever the peers do."""
import glob
import os

import pytest

from lab.needs import needs
from lab.weir import is_sanitized

RULES = {
    "request": """
        local path = http.getPath()
        connection.data.set("seen", (connection.data.get("seen") or 0) + 1)
        if path == "/refused" then http.sendResponse("403 Forbidden", "text/plain", "no", "") end
        if path == "/slow" then connection.sleep(20) end
        if path == "/broken" then error("on purpose") end
        http.setHeader("X-Seen", tostring(connection.data.get("seen")))
    """,
    "response": 'http.setResponseHeader("X-Rule", "been here")',
}
REFUSED = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    b"GET /" + b"x" * 20000,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
]
BODY = bytes(range(256)) * 1500
HUGE = BODY * 30  # more than the kernel holds for a client that does not read


def answer(exchange):
    """A node that does what the path says."""
    path = exchange.request.target
    if path == "/hint":
        exchange.send("HTTP/1.1 103 Early Hints\r\n\r\n")
    exchange.read_body()
    if path == "/until-close":
        exchange.send("HTTP/1.1 200 OK\r\n\r\n", BODY)
        exchange.close()
    elif path == "/chunked":
        exchange.chunked(BODY[:100], BODY, trailers="Checksum: 1\r\n")
    elif path == "/cut":
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
        exchange.close()
    elif path == "/huge":
        exchange.reply(200, HUGE)
    elif path == "/garbage":
        exchange.send("no HTTP at all\r\n\r\n")
        exchange.close()
    elif path == "/switch":
        exchange.send("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
        exchange.send(exchange.connection.reader.exactly(5))
        exchange.close()
    else:
        exchange.reply(200, exchange.request.body or b"ok")


def whole_exchanges(client):
    for _ in range(50):
        assert client.get("/").status == 200
    assert client.get("/", method="PUT", body=BODY).digest is not None
    client.send("PUT /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                "5\r\nhel", "lo\r\n0\r\n\r\n")
    assert client.response().status == 200
    # the node's hint says that the first half of the trailer has been taken
    client.send("PUT /hint HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                "5\r\nhello\r\n0\r\nX:")
    assert client.response().status == 103
    client.send(" y\r\n\r\n")
    assert client.response().status == 200
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 5)
    assert [client.response().status for _ in range(5)] == [200] * 5
    for byte in "GET /in/pieces HTTP/1.1\r\nHost: a\r\n\r\n":
        client.send(byte)
    assert client.response().status == 200
    assert client.get("/slow").status == 200
    assert client.get("/refused").status == 403


def what_goes_wrong(connect):
    for request in REFUSED:
        client = connect()
        client.send(request)
        assert client.response().status >= 400
    assert connect().get("/broken").status == 500
    assert connect().get("/garbage").status == 502
    assert connect().get("/until-close").status == 200
    client = connect()
    client.send("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.head().status == 200
    connect().send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhal")
    connect().send("GET / HTTP/1.1\r\nHo")
    connect().reset()
    slow = connect(receive_buffer=4096)
    slow.send("GET /huge HTTP/1.1\r\nHost: a\r\n\r\n")
    assert slow.head().status == 200  # and it reads no body


def a_tunnel(client):
    client.send("GET /switch HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
    assert client.head().status == 101
    client.send("hello")
    assert client.reader.exactly(5) == b"hello"
    assert client.ending() == "end"


@needs("valgrind")
@pytest.mark.skipif(is_sanitized(), reason="a sanitizer has the heap already")
def test_memory_is_clean(bench, tmp_path):
    tmp_path.chmod(0o777)
    # what was read before the fork stays reachable in each process
    valgrind = ("valgrind", "-q", "--leak-check=full", f"--log-file={tmp_path}/found.%p",
                "--show-leak-kinds=definite,indirect,possible")
    weir = bench.weir([bench.node(answer, early=True)], request=RULES["request"], response=RULES["response"],
                      wrapper=valgrind, shutdown_timeout="4s")
    clients = []

    def connect(**options):
        clients.append(bench.connect(weir, **options))
        return clients[-1]

    whole_exchanges(connect())
    what_goes_wrong(connect)
    a_tunnel(connect())
    for client in clients:
        client.close()
    assert connect().get("/").status == 200  # and weir closes this one
    processes = [*weir.children, weir.pid]
    weir.stop()
    found = {path: open(path).read() for path in glob.glob(os.path.join(tmp_path, "found.*"))}
    assert len(found) >= len(processes)
    assert not any(found.values()), "\n".join(found.values())
