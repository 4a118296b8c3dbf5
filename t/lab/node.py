# SPDX-License-Identifier: Apache-2.0
"""A back end that remembers what it got and does what a test tells it to.

    node = Node(lambda x: x.reply(200, b"hello"))      # x is an Exchange
    node.requests[0].target, node.requests[0].peer, node.requests[0].connection.number
"""
import socket
import struct
import threading
import traceback

from .http1 import Closed, Malformed, Reader
from .wait import until


class Connection:
    def __init__(self, number, sock, peer):
        self.number, self.sock, self.peer = number, sock, peer[:2]
        self.reader = Reader(sock)
        self.ended = None  # how weir ended it: 'end', 'reset'; 'us' when we did
        self.requests = 0


class Exchange:
    """One request and the means to answer it."""

    def __init__(self, node, connection, request):
        self.node, self.connection, self.request = node, connection, request

    def send(self, *pieces):
        for piece in pieces:
            self.connection.sock.sendall(piece if isinstance(piece, bytes) else piece.encode())

    def reply(self, status=200, body=b"ok", headers=""):
        """A plain answer with a length; `headers` are lines that end in CRLF."""
        head = f"HTTP/1.1 {status} Said So\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        self.send(head.encode() + (b"" if self.request.method == "HEAD" else body))

    def chunked(self, *pieces, headers="", trailers=""):
        self.send(f"HTTP/1.1 200 OK\r\n{headers}Transfer-Encoding: chunked\r\n\r\n")
        for piece in pieces:
            self.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.send(f"0\r\n{trailers}\r\n")

    def read_body(self):
        self.connection.reader.request_body(self.request)

    def close(self):
        """An orderly end of our side, at once for both directions."""
        self._gone()
        self.connection.sock.close()

    def half_close(self):
        self.connection.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self._gone()
        self.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.sock.close()

    def _gone(self):
        self.connection.ended = self.connection.ended or "us"


def _ok(exchange):
    exchange.reply()


class Node:
    """`answer` is called with each Exchange when the request is whole; with `early` as soon as its
    head is there (it may then call read_body). `on_connect` gets the raw socket first."""

    def __init__(self, answer=_ok, address="127.0.0.1", port=0, namespace=None, early=False,
                 on_connect=None, backlog=128):
        self.answer, self.early, self.on_connect = answer, early, on_connect
        self.requests, self.connections, self.troubles = [], [], []
        self._lock = threading.Lock()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        if namespace is None:
            self.sock = socket.socket(family)
        else:
            with namespace:
                self.sock = socket.socket(family)
        if family == socket.AF_INET6:
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((address, port))
        self.sock.listen(backlog)
        self.host, self.port = self.sock.getsockname()[:2]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def name(self):
        """As configuration, rules and logs call it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def _accept(self):
        while True:
            try:
                sock, peer = self.sock.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                connection = Connection(len(self.connections), sock, peer)
                self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if self.on_connect:
                self.on_connect(connection.sock)
            while connection.ended is None:
                self._serve_one(connection)
        except Closed as closed:
            connection.ended = connection.ended or closed.how
        except ConnectionResetError:
            connection.ended = connection.ended or "reset"
        except BrokenPipeError:
            connection.ended = connection.ended or "end"
        except Malformed as trouble:  # weir wrote what no proxy may write
            self.troubles.append(str(trouble))
        except OSError as trouble:
            if connection.ended is None:
                self.troubles.append(str(trouble))
        except Exception:
            self.troubles.append(traceback.format_exc())
        connection.ended = connection.ended or "us"
        connection.sock.close()

    def _serve_one(self, connection):
        request = connection.reader.head()
        request.peer, request.connection = connection.peer, connection
        exchange = Exchange(self, connection, request)
        if self.early:
            self._remember(request)
        else:
            exchange.read_body()
            self._remember(request)
        self.answer(exchange)

    def _remember(self, request):
        with self._lock:
            request.connection.requests += 1
            self.requests.append(request)

    def wait_for(self, count):
        """Waits until so many requests have come and gives them."""
        until(lambda: len(self.requests) >= count, f"{count} requests at the node")
        return self.requests

    def wait_ended(self, number):
        """Waits until connection `number` has ended and tells how."""
        return until(lambda: len(self.connections) > number and self.connections[number].ended,
                     f"end of node connection {number}")

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        for connection in self.connections:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
