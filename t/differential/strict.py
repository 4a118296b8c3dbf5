# SPDX-License-Identifier: Apache-2.0
"""The test's own reading of a stream of requests: RFC 9112 without any of its allowances, since weir
is to write one canonical form."""
from digest import digest
from lab.http1 import Closed, Malformed, Reader

NEVER_IN_TRAILERS = {"content-length", "transfer-encoding", "host", "authorization", "connection",
                     "te", "trailer", "upgrade", "expect", "cookie"}


class Request:
    def __init__(self, message, start, end):
        self.method, self.target, self.headers = message.method, message.target, message.headers
        self.trailers, self.body = message.trailers, message.body
        self.start, self.end = start, end  # in the stream
        self.digest = digest(message.body)

    def get(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Reading:
    """`requests` that are whole, the `tail` behind them, `has_head` of a tail with a whole head, and
    the `fault` that ended the reading, if one did."""

    def __init__(self):
        self.requests, self.tail, self.fault, self.has_head = [], b"", None, False


class _Bytes:
    """Looks to a Reader like a socket that ends behind these bytes."""

    def __init__(self, data):
        self.data = data

    def recv(self, _most):
        piece, self.data = self.data, b""
        return piece


def read(stream, start=0):
    reading = Reading()
    reader = Reader(_Bytes(stream[start:]))
    at, message = start, None
    try:
        while at < len(stream):
            message = None
            message = reader.head()
            _judge(message)
            reader.request_body(message)
            _judge_trailers(message)
            end = len(stream) - len(reader.held) - len(reader.sock.data)
            reading.requests.append(Request(message, at, end))
            at = end
    except Closed:
        reading.has_head = message is not None
    except (Malformed, AssertionError, AttributeError) as fault:
        reading.fault = f"{type(fault).__name__}: {fault}"
    reading.tail = stream[at:]
    return reading


def _judge(message):
    if message.version != 1:
        raise Malformed(f"version of {message.line!r}")
    if len(message.all("Host")) != 1:
        raise Malformed(f"not one Host in {message.raw!r}")


def _judge_trailers(message):
    for name, _ in message.trailers:
        if name.lower() in NEVER_IN_TRAILERS:
            raise Malformed(f"trailer {name}")
