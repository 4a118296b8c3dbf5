# SPDX-License-Identifier: Apache-2.0
"""Programs that others wrote, on both sides."""
import asyncio
import hashlib
import os
import re
import subprocess
import threading

import pytest
import websockets

from lab.peers import Apache, Nginx
from lab.weir import free_port

GIGABYTE = 1 << 30


def run(*command, **options):
    return subprocess.run(command, capture_output=True, timeout=120, check=True, **options).stdout


def url(weir, path="/"):
    return "http://{}:{}{}".format(*weir.address(), path)


@pytest.fixture(params=[Nginx, Apache])
def server(request, bench):
    return bench.keep(request.param(("127.0.0.1", free_port())))


def test_curl_and_wget(bench, server):
    with open(os.path.join(server.root, "page.html"), "wb") as file:
        file.write(content := os.urandom(300_000))
    weir = bench.weir([server])
    page = url(weir, "/page.html")
    assert run("curl", "-sSf", page) == content
    assert run("curl", "-sSf", "--http1.0", page) == content
    assert run("curl", "-sSf", page, page, page) == content * 3
    assert run("wget", "-qO-", page) == content
    assert run("curl", "-sSf", "-r", "100-199", page) == content[100:200]
    assert b"200 OK" in run("curl", "-sSfI", page)
    missing = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", url(weir, "/none")],
                             capture_output=True).stdout
    assert missing == b"404"
    etag = re.search(rb"ETag: (.*)\r", run("curl", "-sSfI", page))[1]
    assert run("curl", "-sS", "-w", "%{http_code}", "-H", b"If-None-Match: " + etag, page) == b"304"


def test_curl_posts(bench):
    node = bench.node()
    weir = bench.weir([node])
    data = os.urandom(200_000)
    run("curl", "-sSf", "--data-binary", "@-", url(weir), input=data)  # asks for 100-continue when large
    run("curl", "-sSf", "-H", "Transfer-Encoding: chunked", "--data-binary", "@-", url(weir), input=data)
    run("curl", "-sSf", "-H", "Expect: 100-continue", "--data-binary", "@-", url(weir), input=data)
    run("curl", "-sSf", "-T", "-", url(weir, "/upload"), input=data)
    digest = hashlib.sha256(data).digest()
    assert [r.digest.digest() for r in node.requests] == [digest] * 4


@pytest.fixture(scope="module")
def gigabyte(tmp_path_factory):
    """A file of a gigabyte that does not repeat, and its digest."""
    path, digest = tmp_path_factory.mktemp("gigabyte") / "file", hashlib.sha256()
    piece = os.urandom(1 << 20)
    with open(path, "wb") as file:
        for i in range(GIGABYTE >> 20):
            block = i.to_bytes(4, "big") + piece[4:]
            digest.update(block)
            file.write(block)
    yield path, digest.hexdigest()
    path.unlink()


def test_a_gigabyte_down(bench, gigabyte):
    path, digest = gigabyte
    server = bench.keep(Nginx(("127.0.0.1", free_port())))
    os.symlink(path, os.path.join(server.root, "file"))
    weir = bench.weir([server])
    got = run("sh", "-c", f"curl -sSf {url(weir, '/file')} | sha256sum")
    assert got.split()[0].decode() == digest


def test_a_gigabyte_up(bench, gigabyte):
    path, digest = gigabyte
    node = bench.node()
    weir = bench.weir([node])
    run("curl", "-sSf", "-T", str(path), url(weir, "/file"))
    assert (node.requests[0].size, node.requests[0].digest.hexdigest()) == (GIGABYTE, digest)


def test_websockets(bench):
    """Text, binary, large, ping and an orderly close through the tunnel."""
    port = free_port()
    loop = asyncio.new_event_loop()

    async def echo(socket):
        async for message in socket:
            await socket.send(message)

    async def serve(started, stop):
        async with websockets.serve(echo, "127.0.0.1", port, max_size=None):
            started.set()
            await stop.wait()

    async def talk(address):
        async with websockets.connect(address, max_size=None) as socket:
            for message in ("hello", "", "\u00e9\u4e16", b"\0\1\2", os.urandom(3_000_000)):
                await socket.send(message)
                assert await socket.recv() == message
            await (await socket.ping())
        assert socket.close_code == 1000

    started, stop = threading.Event(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(started, stop),))
    thread.start()
    assert started.wait(10)
    try:
        weir = bench.weir([f"127.0.0.1:{port}"])
        asyncio.run(asyncio.wait_for(talk(url(weir, "/chat").replace("http", "ws")), 20))
        assert weir.wait_access(1)[0]["status"] == 101
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


RULE = 'if http.getPath() == "/never" then http.sendResponse(403, "a/b", "") end ' \
       'http.setHeader("X-Rule", request.getRemoteIP())'


def test_ab_has_no_errors(bench, server):
    with open(os.path.join(server.root, "small"), "w") as file:
        file.write("small\n")
    weir = bench.weir([server], request=RULE, workers=2)
    for options in (["-k", "-n", "10000", "-c", "32"], ["-n", "2000", "-c", "16"]):
        said = run("ab", "-q", *options, url(weir, "/small")).decode()
        assert re.search(r"Failed requests: +0\n", said), said
        assert "Non-2xx" not in said, said
        assert f"Complete requests:      {options[-3]}\n" in said, said


def test_wrk_has_no_errors(bench):
    server = bench.keep(Nginx(("127.0.0.1", free_port())))
    weir = bench.weir([server], request=RULE, workers=2, log={"format": "json", "access": "off"})
    said = run("wrk", "-t", "1", "-c", "64", "-d", "3s", url(weir, "/small")).decode()
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    assert float(re.search(r"Requests/sec: +([0-9.]+)", said)[1]) > 1000, said
