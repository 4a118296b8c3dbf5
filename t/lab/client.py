# SPDX-License-Identifier: Apache-2.0
"""A client that says exactly what a test wants said, byte for byte."""
import socket
import struct

from .http1 import Reader
from .wait import PATIENCE


class Client:
    def __init__(self, address, source=None, namespace=None, receive_buffer=None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        if namespace is None:
            self.sock = socket.socket(family)
        else:
            with namespace:
                self.sock = socket.socket(family)
        self.sock.settimeout(PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect(address)
        self.reader = Reader(self.sock)

    @property
    def address(self):
        return self.sock.getsockname()[:2]

    def send(self, *pieces):
        """Each piece leaves as a segment of its own (Nagle is off)."""
        for piece in pieces:
            self.sock.sendall(piece if isinstance(piece, bytes) else piece.encode())

    def response(self, method="GET"):
        """The next response with its body, also a 1xx."""
        message = self.head()
        self.reader.response_body(message, method)
        return message

    def head(self):
        return self.reader.head()

    def get(self, target="/", headers="", host="test", method="GET", body=None):
        """One whole exchange on this connection; `headers` are lines that end in CRLF."""
        if body is not None:
            headers += f"Content-Length: {len(body)}\r\n"
        self.send(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode() + (body or b""))
        return self.response(method)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def ending(self):
        return self.reader.ending()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
