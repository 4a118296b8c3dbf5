# SPDX-License-Identifier: Apache-2.0
"""Both ends of plain TCP: a node that says what a test wants said, and words for a socket."""
import socket
import struct
import threading
import traceback

PATIENCE = 10.0


def tcp_socket(address, namespace=None, timeout=PATIENCE):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if namespace is None:
        sock = socket.socket(family)
    else:
        with namespace:
            sock = socket.socket(family)
    sock.settimeout(timeout)
    return sock


def read_until(sock, end=b"\n"):
    """What comes, up to and with `end`, byte for byte so that nothing behind it is taken."""
    data = b""
    while not data.endswith(end):
        byte = sock.recv(1)
        if not byte:
            return data
        data += byte
    return data


def read_exactly(sock, count):
    data = bytearray()
    while len(data) < count:
        piece = sock.recv(min(count - len(data), 1 << 20))
        if not piece:
            break
        data += piece
    return bytes(data)


def read_all(sock):
    """All that comes, and how it ended: 'end' or 'reset'."""
    data = bytearray()
    try:
        while piece := sock.recv(1 << 16):
            data += piece
    except ConnectionResetError:
        return bytes(data), "reset"
    return bytes(data), "end"


def fate(address):
    """What a client that says nothing gets. A reset may be there before it has seen that it is connected."""
    try:
        with socket.create_connection(address, PATIENCE) as sock:
            return read_all(sock)
    except ConnectionResetError:
        return b"", "reset"


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Talker:
    """A node. Each connection gets `talk(sock)` in a thread of its own and is closed behind that; what
    `talk` gives is kept in `said`, by the number of the connection."""

    def __init__(self, talk, address="127.0.0.1", port=0, namespace=None):
        self.talk, self.said, self.peers, self.socks, self.troubles = talk, {}, [], [], []
        self.sock = tcp_socket(address, namespace, None)
        if ":" in address:
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((address, port))
        self.sock.listen(128)
        self.host, self.port = self.sock.getsockname()[:2]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def name(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def _accept(self):
        while True:
            try:
                sock, peer = self.sock.accept()
            except OSError:
                return
            number = len(self.socks)
            self.socks.append(sock)
            self.peers.append(peer[:2])
            sock.settimeout(PATIENCE)
            threading.Thread(target=self._one, args=(number, sock), daemon=True).start()

    def _one(self, number, sock):
        said = None
        try:
            said = self.talk(sock)
        except (ConnectionError, socket.timeout, ValueError) as trouble:
            said = type(trouble).__name__
        except OSError:
            pass  # the test closed it
        except Exception:
            self.troubles.append(traceback.format_exc())
        sock.close()
        self.said[number] = said

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        for sock in self.socks:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
