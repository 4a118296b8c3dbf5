# SPDX-License-Identifier: Apache-2.0
"""What a small request on kept-alive connections costs: system calls, and no heap."""
import os
import re
import struct
import subprocess

import pytest

from lab.counting import Strace
from lab.needs import needs
from lab.peers import Nginx
from lab.weir import is_sanitized, free_port

RULE = 'if http.getPath():find("^/legacy/") then pool.use("other") end'


def small(bench, **options):
    server = bench.keep(Nginx(("127.0.0.1", free_port())))
    return bench.weir([server], request=RULE, pools={"other": {"nodes": [server.name]}},
                      log={"format": "json", "access": "off"}, **options)


def group(calls, *names):
    return sum(calls[name] for name in names)


RECEIVE = ("recvfrom", "recvmsg", "read", "readv")
SEND = ("sendto", "sendmsg", "write", "writev")


@needs("strace")
def test_system_calls_one_after_another(bench, tmp_path):
    """One receive and one send per side; two waits; nothing else."""
    weir, count = small(bench), 300
    client = bench.connect(weir)
    for _ in range(20):
        assert client.get("/small").status == 200
    strace = Strace(weir.children, str(tmp_path / "calls"))
    for _ in range(count):
        client.get("/small")
    calls = strace.stop()
    assert group(calls, *RECEIVE) <= 2.1 * count, calls
    assert group(calls, *SEND) <= 2.1 * count, calls
    assert calls["epoll_ctl"] <= 0.1 * count, calls
    assert sum(calls.values()) <= 6.3 * count, calls


@needs("strace")
def test_system_calls_under_load(bench, tmp_path):
    """Four calls a request, and a wait serves several of many connections."""
    weir = small(bench)
    subprocess.run(["ab", "-q", "-k", "-n", "500", "-c", "50", url(weir)], check=True, capture_output=True)
    strace = Strace(weir.children, str(tmp_path / "calls"))
    count = 5000
    said = subprocess.run(["ab", "-q", "-k", "-n", str(count), "-c", "50", url(weir)], check=True,
                          capture_output=True, text=True).stdout
    calls = strace.stop()
    assert re.search(r"Failed requests: +0\n", said), said
    # the 50 connections of this run: accept and close and what goes with it
    assert calls.total() - calls["epoll_wait"] <= 4.05 * count + 50 * 10, calls
    assert calls["epoll_wait"] <= count, calls  # twice as many if each had one of its own


def url(weir):
    return "http://{}:{}/small".format(*weir.address())


@needs("strace")
@pytest.mark.parametrize("kept, most, never", [
    # accept; receive, send to the node; receive, send to the client; close
    ("node", 6.3, ("epoll_ctl", "getsockname", "setsockopt", "shutdown")),
    # socket, connect; send, receive; the reset and the close
    ("client", 9.1, ("getsockname", "shutdown")),
])
def test_system_calls_of_a_new_connection(bench, tmp_path, kept, most, never):
    weir, count = small(bench, pool={"keepalive": kept == "node"}), 3000
    command = ["ab", "-q", *(["-k"] if kept == "client" else []), "-c", "20", "-n"]
    subprocess.run([*command, "200", url(weir)], check=True, capture_output=True)
    strace = Strace(weir.children, str(tmp_path / "calls"))
    subprocess.run([*command, str(count), url(weir)], check=True, capture_output=True)
    calls = strace.stop()
    assert group(calls, *never) <= 0.2 * count, calls  # a client may be slow to ask
    assert calls.total() - calls["epoll_wait"] <= most * count, calls
    assert calls["epoll_wait"] <= 2 * count, calls  # as many as there are when nothing else goes on


@needs("strace")
def test_a_large_body_does_not_come_up_into_our_memory(bench, tmp_path):
    """Two calls for 64 KiB, and a look whether there is more; what comes with the head is read."""
    size = 4 << 20
    node = bench.node(lambda x: x.reply(200, bytes(size)))
    weir = bench.weir([node])
    client = bench.connect(weir)
    strace = Strace(weir.children, str(tmp_path / "calls"))
    assert client.get("/", method="PUT", body=bytes(size)).size == size
    calls = strace.stop()
    assert calls["splice"] >= 2 * 2 * (size / 65536 - 3), calls
    assert group(calls, *RECEIVE) <= calls["splice"] / 2, calls


@pytest.mark.skipif(is_sanitized(), reason="a sanitizer has the heap already")
def test_no_heap_once_warm(bench, tmp_path):
    library, counter = tmp_path / "count.so", tmp_path / "counter"
    source = os.path.join(os.path.dirname(__file__), "..", "lab", "count_allocations.c")
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    counter.write_bytes(bytes(4096))
    counter.chmod(0o666)
    weir = small(bench, wrapper=("env", f"LD_PRELOAD={library}", f"COUNT_ALLOCATIONS={counter}"))
    client = bench.connect(weir)

    def allocations():
        return struct.unpack("Q", counter.read_bytes()[:8])[0]

    assert allocations() > 0
    for _ in range(2000):
        assert client.get("/small").status == 200
    before = allocations()
    for _ in range(1000):
        client.get("/small")
    assert allocations() - before <= 10
