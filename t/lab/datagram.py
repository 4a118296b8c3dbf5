# SPDX-License-Identifier: Apache-2.0
"""Both ends of UDP: a client and a node that say what a test wants said."""
import socket
import threading
import traceback

from .wait import PATIENCE, until

LONGEST = 65536
IP_PKTINFO = 8


def _socket(address, namespace):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if namespace is None:
        sock = socket.socket(family, socket.SOCK_DGRAM)
    else:
        with namespace:
            sock = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return sock


class Datagram:
    def __init__(self, node, data, peer):
        self.node, self.data, self.peer = node, data, peer[:2]
        self._peer = peer

    def reply(self, *answers):
        """Each answer is a datagram of its own."""
        for answer in answers:
            self.node.sock.sendto(answer, self._peer)


def _echo(datagram):
    datagram.reply(datagram.data)


def silence(_):
    """For a node that never answers."""


class DatagramNode:
    """`answer` is called with each Datagram; by default it sends back what it got."""

    def __init__(self, answer=_echo, address="127.0.0.1", port=0, namespace=None):
        self.answer, self.got, self.troubles = answer, [], []
        self.sock = _socket(address, namespace)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sock.bind((address, port))
        self.host, self.port = self.sock.getsockname()[:2]
        self._is_open = True
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def name(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def _serve(self):
        while self._is_open:
            try:
                data, peer = self.sock.recvfrom(LONGEST)
            except ConnectionRefusedError:
                continue  # somebody did not want our answer any more
            except OSError:
                return
            if not self._is_open:
                return
            datagram = Datagram(self, data, peer)
            self.got.append(datagram)
            try:
                self.answer(datagram)
            except Exception:
                self.troubles.append(traceback.format_exc())

    def wait_for(self, count):
        until(lambda: len(self.got) >= count, f"{count} datagrams at the node")
        return self.got

    def close(self):
        """Its port is closed when this returns: the kernel answers for it by ICMP."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            self.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread although nothing is connected
        except OSError:
            pass
        self._thread.join(PATIENCE)
        self.sock.close()


class DatagramClient:
    """Connected to `address`, so that it gets only what comes from there, and its ICMP errors."""

    def __init__(self, address, source=None, port=0, namespace=None):
        self.sock = _socket(address[0], namespace)
        self.sock.settimeout(PATIENCE)
        if source or port:
            self.sock.bind((source or ("::" if ":" in address[0] else "0.0.0.0"), port))
        self.sock.connect(address)

    @property
    def address(self):
        return self.sock.getsockname()[:2]

    def send(self, *datagrams):
        for data in datagrams:
            self.sock.send(data)

    def receive(self):
        return self.sock.recv(LONGEST)

    def ask(self, data):
        self.send(data)
        return self.receive()

    def hears_nothing(self, seconds=0.3):
        """True when no datagram is here, and none comes for a moment."""
        self.sock.settimeout(seconds)
        try:
            return self.sock.recv(LONGEST) is None
        except socket.timeout:
            return True
        finally:
            self.sock.settimeout(PATIENCE)

    def close(self):
        self.sock.close()
