# SPDX-License-Identifier: Apache-2.0
"""Sends cases through weir and keeps, byte for byte, what it forwards to its nodes.

A lane is a virtual server with a pool of one node, which is us; it has one case at a time, so all that
its node hears meanwhile belongs to that case. Lanes run side by side.
"""
import asyncio
import json
import os

import strict
from lab.weir import Weir, free_port
from replay import Conversation, source

LANES = 12
PATIENCE = 15.0

# What weir does with the requests of a lane besides passing them on: lanes have these in turn.
_EDIT = """
http.setHeader("X-Rule", "set")
http.addHeader("X-Rule", "added")
http.removeHeader("User-Agent")
if http.getHeader("Cookie") then http.setHeader("Cookie", "x=" .. #http.getHeader("Cookie")) end
"""
_KEPT = {"http": {"keepalive_non_idempotent": True}}  # so that a node connection has many requests
VARIANTS = [({}, _KEPT), ({"request_rules": ["edit"]}, _KEPT), ({}, {"keepalive": False}), ({}, _KEPT)]


class Stream:
    """One connection from weir: `port` is weir's end, `data` all that it sent."""

    def __init__(self, port):
        self.port, self.data = port, b""


class _NodeConnection(asyncio.Protocol):
    """Answers each request once it is whole, and remembers."""

    def __init__(self, lane):
        self.lane, self.stream, self.transport = lane, None, None
        self.at, self.was_continued, self.is_open = 0, False, True

    def connection_made(self, transport):
        self.transport = transport
        self.stream = Stream(transport.get_extra_info("peername")[1])
        self.lane.connections.append(self)

    def data_received(self, data):
        self.stream.data += data
        reading = strict.read(self.stream.data, self.at)
        for request in reading.requests:
            self.at, self.was_continued = request.end, False
            self.lane.requests.append(request)
            self._answer(request)
        if reading.has_head and not self.was_continued and b"100-continue" in reading.tail.lower():
            self.was_continued = True
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if reading.fault:
            self.transport.close()

    def _answer(self, request):
        """In different forms, so that weir keeps some node connections and not others."""
        body, form = b"" if request.method == "HEAD" else b"ok", len(self.stream.data) % 10
        if form == 0:
            self.transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n" + body)
            self.transport.close()
        elif form == 1 and request.method != "HEAD":
            self.transport.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
        else:
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body)

    def connection_lost(self, _error):
        self.is_open = False
        self.lane.closed.set()

    def end(self):
        """Asks weir to close, too."""
        if self.is_open and self.transport.can_write_eof():
            self.transport.write_eof()


class Passed:
    """What became of a case: the `requests` in the order in which they were whole, the `streams` of the
    node's side with the `readings` of them, `heard` at the client's, `is_late` when weir never closed,
    `lines` of weir's log."""

    def __init__(self, case, requests, streams, heard, is_late):
        self.case, self.requests, self.streams, self.heard, self.is_late = case, requests, streams, heard, is_late
        self.readings = [strict.read(stream.data) for stream in streams]
        self.lines = []

    @property
    def refusal(self):
        """The last line of the log if that is of a request that weir did not pass on or not whole."""
        return self.lines[-1] if self.lines and self.lines[-1]["end"] not in ("ok", "tunnelled") else None


class _Lane:
    def __init__(self, port, node_port):
        self.address, self.node_port = ("127.0.0.1", port), node_port
        self.connections, self.requests, self.closed = [], [], asyncio.Event()

    async def listen(self):
        loop = asyncio.get_running_loop()
        await loop.create_server(lambda: _NodeConnection(self), "127.0.0.1", self.node_port)

    async def run(self, case):
        self.connections, self.requests = [], []
        async with Conversation(source(case.number), self.address) as talk:
            await talk.say(case.pieces)
            # one that weir takes ends by itself; others may leave it waiting for more
            closed = case.verdict is None and await talk.until_closed() or await talk.until_quiet()
            if not closed:
                talk.half_close()
                closed = await talk.until_closed(PATIENCE)
            is_late = not closed or not await self._settle()
            return Passed(case, self.requests, [c.stream for c in self.connections], talk.heard, is_late)

    async def _settle(self):
        """Ends the node's connections, so that nothing of this case comes later. One that weir made
        and ended at once may still wait to be accepted: some turns of the loop take it in."""
        for _ in range(5):
            await asyncio.sleep(0)
        for connection in self.connections:
            connection.end()
        try:
            async with asyncio.timeout(PATIENCE):
                while any(connection.is_open for connection in self.connections):
                    self.closed.clear()
                    await self.closed.wait()
        except TimeoutError:
            return False
        return True


def _configuration(ports, log):
    virtual_servers, pools = {}, {}
    for number, (port, node_port) in enumerate(ports):
        more, pool = VARIANTS[number % len(VARIANTS)]
        virtual_servers[f"lane-{number}"] = {"listen": f"127.0.0.1:{port}", "protocol": "http",
                                             "pool": f"lane-{number}", **more}
        pools[f"lane-{number}"] = {"nodes": [f"127.0.0.1:{node_port}"], **pool}
    return {"virtual_servers": virtual_servers, "pools": pools,
            "log": {"level": "info", "format": "json", "access": log}}


async def _run_all(cases, ports, on_done):
    lanes = [_Lane(*pair) for pair in ports]
    for lane in lanes:
        await lane.listen()
    waiting = list(reversed(cases))

    async def work(lane):
        while waiting:
            on_done(await lane.run(waiting.pop()))

    await asyncio.gather(*(work(lane) for lane in lanes))


def _attach_lines(passed, log):
    """Gives each case the lines of weir's log that tell its client's address."""
    lines = {}
    with open(log, errors="replace") as file:
        for text in file:
            line = json.loads(text)
            lines.setdefault(line["client"].rsplit(":", 1)[0], []).append(line)
    for one in passed:
        one.lines = lines.get(source(one.case.number), [])


def send(cases, directory):
    """Gives a Passed for each case. Raises AssertionError when weir did not end well."""
    log = os.path.join(directory, "access.log")
    open(log, "w").close()
    os.chmod(log, 0o666)
    ports = [(free_port(), free_port()) for _ in range(LANES)]
    weir = Weir(_configuration(ports, log), {"edit": _EDIT})
    passed = []
    try:
        asyncio.run(_run_all(cases, ports, passed.append))
        weir.stop()
    finally:
        weir.kill()
    passed.sort(key=lambda one: one.case.number)
    _attach_lines(passed, log)
    return passed
