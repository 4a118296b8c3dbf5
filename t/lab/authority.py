# SPDX-License-Identifier: Apache-2.0
"""A certificate authority of one test, and a server that speaks TLS as badly as it is told."""
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading


class Authority:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="weir-authority-")
        os.chmod(self.directory, 0o755)
        self.certificate = self._path("ca.pem")
        self._openssl("req", "-x509", *self._KEY, "-keyout", self._path("ca.key"), "-out", self.certificate,
                      "-subj", "/CN=authority of a test", "-days", "30")

    _KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")

    def _path(self, name):
        return os.path.join(self.directory, name)

    @staticmethod
    def _openssl(*words):
        done = subprocess.run(["openssl", *words], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)

    @property
    def pem(self):
        with open(self.certificate) as file:
            return file.read()

    def issue(self, *names, days=30):
        """Paths of a certificate for these names (DNS:a.test, IP:127.0.0.1) and of its key."""
        stem = self._path(names[0].replace(":", "_").replace("*", "any") + str(days))
        with open(stem + ".ext", "w") as file:
            file.write("subjectAltName=" + ",".join(names) + "\n")
        self._openssl("req", *self._KEY, "-keyout", stem + ".key", "-out", stem + ".csr", "-subj", "/CN=server")
        self._openssl("x509", "-req", "-in", stem + ".csr", "-CA", self.certificate, "-CAkey",
                      self._path("ca.key"), "-CAcreateserial", "-out", stem + ".pem", "-extfile",
                      stem + ".ext", "-days", str(days))
        return stem + ".pem", stem + ".key"

    def close(self):
        shutil.rmtree(self.directory, ignore_errors=True)


class SecureServer:
    """Each connection gets `serve(sock)` once the handshake is done; `names` are those that were asked
    for, `failures` what handshakes ended with, `connections` how many were made."""

    def __init__(self, certificate, key, serve, **options):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        for name, value in options.items():
            setattr(self.context, name, value)
        self.names, self.failures, self.connections = [], [], 0
        self.context.sni_callback = lambda sock, name, context: self.names.append(name)
        self.serve = serve
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(sock,), daemon=True).start()

    def _one(self, raw):
        raw.settimeout(20)
        try:
            sock = self.context.wrap_socket(raw, server_side=True, suppress_ragged_eofs=False)
        except OSError as trouble:
            self.failures.append(str(trouble))
            raw.close()
            return
        try:
            self.serve(sock)
        except OSError:
            pass
        finally:
            sock.close()

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
