# SPDX-License-Identifier: Apache-2.0
"""Sends streams of bytes straight to a server, many at a time, each from an address of its own, by
which the server's log tells it."""
import asyncio
import re
import socket

AT_ONCE = 48
PATIENCE = 8.0  # seconds for a server to close
QUIET = 0.4  # seconds of silence after which a server is taken to wait for more bytes

_FINAL = re.compile(rb"HTTP/1\.[01] [2-5][0-9][0-9]")


def source(number):
    """The loopback address of stream `number`; the first million leave 127.0 alone."""
    return f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


class Conversation:
    """One connection from `address`: says pieces of bytes, collects what comes."""

    def __init__(self, address, to):
        self.loop = asyncio.get_running_loop()
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
        self.sock.bind((address, 0))
        self.to, self.heard, self.listener, self.more = to, b"", None, asyncio.Event()

    async def __aenter__(self):
        await self.loop.sock_connect(self.sock, self.to)
        self.listener = asyncio.ensure_future(self._listen())
        return self

    async def __aexit__(self, *_):
        self.listener.cancel()
        await asyncio.wait([self.listener])  # before its descriptor gets another meaning
        self.sock.close()

    async def _listen(self):
        try:
            while data := await self.loop.sock_recv(self.sock, 65536):
                self.heard += data
                self.more.set()
        except ConnectionError:
            pass
        self.more.set()

    async def say(self, pieces):
        try:
            async with asyncio.timeout(PATIENCE):
                for piece in pieces:
                    await self.loop.sock_sendall(self.sock, piece)
                    await asyncio.sleep(0)
        except (ConnectionError, TimeoutError):
            pass  # it has heard enough, or reads no more

    def half_close(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    async def until_closed(self, seconds=PATIENCE):
        """Has the other side closed within that time?"""
        done, _ = await asyncio.wait([self.listener], timeout=seconds)
        return bool(done)

    async def until_answered(self, count):
        """Waits for so many final answers, or the end of the connection; False: none of it came."""
        try:
            async with asyncio.timeout(PATIENCE):
                while len(_FINAL.findall(self.heard)) < count and not self.listener.done():
                    self.more.clear()
                    await self.more.wait()
        except TimeoutError:
            return False
        return True

    async def until_quiet(self, seconds=QUIET):
        """Waits until nothing more comes, or the other side closes: True."""
        heard = -1
        while heard != len(self.heard):
            heard = len(self.heard)
            if await self.until_closed(seconds):
                return True
        return False


class Stream:
    """Bytes for a server. Each of `ends` is said only when the requests before it are answered, as weir
    does. `closes`: the last request asks to close, so the server is waited for; otherwise the stream
    ends when nothing more comes."""

    def __init__(self, number, data, ends, closes):
        self.number, self.data, self.closes = number, data, closes
        self.pieces = [data[a:b] for a, b in zip([0, *ends], ends)]


async def _send(stream, to, limit, late):
    async with limit, Conversation(source(stream.number), to) as talk:
        for number, piece in enumerate(stream.pieces):
            if not await talk.until_answered(number):
                break
            await talk.say([piece])
        closed = await (talk.until_closed() if stream.closes else talk.until_quiet())
        if not closed:
            talk.half_close()
            if stream.closes or not await talk.until_closed():
                late.append(stream.number)


async def _send_all(streams, to):
    limit, late = asyncio.Semaphore(AT_ONCE), []
    await asyncio.gather(*(_send(stream, to, limit, late) for stream in streams))
    return late


def replay(streams, to):
    """Gives the numbers of the streams that the server did not close in time."""
    return asyncio.run(_send_all(streams, to))
