#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What nginx, Apache httpd and lighttpd hand their requests to: reads the body to its end and says in
X-Body how long it was and what its hash is, so that their own logs can tell it. nginx and lighttpd
come by SCGI; Apache's SCGI takes no chunks, so it comes by HTTP, each time with a length.

Usage: answer.py DIRECTORY    makes the sockets scgi and http there
"""
import asyncio
import os
import re
import sys

sys.dont_write_bytecode = True
from digest import digest  # noqa: E402


async def read_scgi(reader):
    length = int((await reader.readuntil(b":"))[:-1])
    words = (await reader.readexactly(length + 1))[:-2].split(b"\0")
    headers = dict(zip(words[::2], words[1::2]))
    return await reader.readexactly(int(headers.get(b"CONTENT_LENGTH") or 0))


async def read_http(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *([0-9]+)", head, re.I)
    return await reader.readexactly(int(length[1]) if length else 0)


def answer_by(read, beginning):
    async def answer(reader, writer):
        try:
            body = await read(reader)
            writer.write(f"{beginning}X-Body: {digest(body)}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the server gave the request up
        writer.close()
    return answer


async def main(directory):
    for name, read, beginning in (("scgi", read_scgi, "Status: 200 OK\r\n"),
                                  ("http", read_http, "HTTP/1.1 200 OK\r\nConnection: close\r\n")):
        path = os.path.join(directory, name)
        await asyncio.start_unix_server(answer_by(read, beginning), path, backlog=1024, limit=1 << 20)
        os.chmod(path, 0o666)  # for a server that is not root
    await asyncio.Event().wait()


asyncio.run(main(sys.argv[1]))
