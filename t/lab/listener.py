# SPDX-License-Identifier: Apache-2.0
"""A server that says what a test wants said, of no protocol at all."""
import socket
import threading


class Listener:
    """Listens; what a connection gets is `serve(sock)`, in a thread of its own. Behind that it is closed,
    or left open when `holds`. It counts those that have ended."""

    def __init__(self, serve, holds=False):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.serve, self.holds = serve, holds
        self.ended, self.accepted = 0, []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            self.accepted.append(sock)
            threading.Thread(target=self._one, args=(sock,), daemon=True).start()

    def _one(self, sock):
        try:
            self.serve(sock)
        except OSError:
            pass
        if not self.holds:
            sock.close()
        self.ended += 1

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        for sock in self.accepted:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
