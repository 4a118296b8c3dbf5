# SPDX-License-Identifier: Apache-2.0
"""A strict reader of HTTP/1 from a socket, for both ends of a test. It forgives nothing: what weir
writes must be exactly right."""
import hashlib
import re

_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*\Z")
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9]) ([^\x00-\x08\x0a-\x1f\x7f]*)\Z")
_REQUEST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e\x80-\xff]+) HTTP/1\.([01])\Z")
KEEP = 1 << 20  # bytes of a body that are kept; all of it goes into the digest


class Closed(Exception):
    """The other side closed (how: 'end' or 'reset') after `received` bytes of the thing awaited."""

    def __init__(self, how, received=b""):
        super().__init__(f"closed by {how} after {received[-200:]!r}")
        self.how, self.received = how, received


class Malformed(Exception):
    pass


class Message:
    """A request or a response. Header names compare without case; values are text."""

    def __init__(self, raw):
        self.raw = raw  # the head, with the empty line
        lines = raw[:-4].split(b"\r\n")
        self.line = lines[0].decode("latin-1")
        self.headers = [self._field(line) for line in lines[1:]]
        self.body, self.size, self.digest = b"", 0, hashlib.sha256()
        self.trailers, self.chunks = [], 0
        request, status = _REQUEST.match(lines[0]), _STATUS.match(lines[0])
        if request:
            self.method, self.target = request[1].decode(), request[2].decode("latin-1")
            self.version = int(request[3])
        elif status:
            self.version, self.status, self.reason = int(status[1]), int(status[2]), status[3].decode("latin-1")
        else:
            raise Malformed(f"first line {lines[0]!r}")

    @staticmethod
    def _field(line):
        match = _FIELD.match(line)
        if not match:
            raise Malformed(f"header line {line!r}")
        return match[1].decode(), match[2].decode("latin-1")

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name, default=None):
        """The only line of that name; more than one is an error of the sender here."""
        values = self.all(name)
        assert len(values) < 2, f"{name} is there {len(values)} times"
        return values[0] if values else default

    def take(self, data):
        self.size += len(data)
        self.digest.update(data)
        if len(self.body) < KEEP:
            self.body += data[:KEEP - len(self.body)]

    @property
    def text(self):
        return self.body.decode()


class Reader:
    def __init__(self, sock):
        self.sock, self.held = sock, b""

    def _more(self, wanted=65536):
        try:
            data = self.sock.recv(wanted)
        except ConnectionResetError:
            raise Closed("reset", self.held) from None
        if not data:
            raise Closed("end", self.held)
        self.held += data

    def until(self, mark, most=1 << 20):
        start = 0
        while (at := self.held.find(mark, start)) == -1:
            if len(self.held) > most:
                raise Malformed(f"no {mark!r} in {most} bytes")
            start = max(0, len(self.held) - len(mark) + 1)
            self._more()
        piece, self.held = self.held[:at + len(mark)], self.held[at + len(mark):]
        return piece

    def exactly(self, count):
        while len(self.held) < count:
            self._more()
        piece, self.held = self.held[:count], self.held[count:]
        return piece

    def head(self):
        return Message(self.until(b"\r\n\r\n"))

    def request_body(self, message):
        return self._body(message, until_close=False)

    def response_body(self, message, method="GET"):
        """Reads the body; `message.framing` tells how it ended."""
        if method == "HEAD" or message.status in (204, 304) or message.status < 200:
            message.framing = "none"
            return
        self._body(message, until_close=True)

    def _body(self, message, until_close):
        coding, length = message.get("Transfer-Encoding"), message.get("Content-Length")
        if coding is not None:
            if coding.lower() != "chunked" or length is not None or message.version == 0:
                raise Malformed(f"ambiguous framing {message.raw!r}")
            message.framing = "chunked"
            self._chunks(message)
        elif length is not None:
            if not re.fullmatch("[0-9]+", length):
                raise Malformed(f"Content-Length {length!r}")
            message.framing = "length"
            self._counted(message, int(length))
        elif until_close:
            message.framing = "close"
            self._rest(message)
        else:
            message.framing = "none"

    def _counted(self, message, left):
        while left:
            if not self.held:
                self._more()
            piece, self.held = self.held[:left], self.held[left:]
            message.take(piece)
            left -= len(piece)

    def _chunks(self, message):
        while True:
            line = self.until(b"\r\n")[:-2]
            if not re.fullmatch(b"[0-9A-Fa-f]{1,16}", line):
                raise Malformed(f"chunk size {line!r}")
            if int(line, 16) == 0:
                break
            message.chunks += 1
            self._counted(message, int(line, 16))
            if self.exactly(2) != b"\r\n":
                raise Malformed("chunk without CRLF")
        while (line := self.until(b"\r\n")) != b"\r\n":
            message.trailers.append(Message._field(line[:-2]))

    def _rest(self, message):
        while True:
            message.take(self.held)
            self.held = b""
            try:
                self._more()
            except Closed as closed:
                if closed.how != "end":
                    raise
                return

    def ending(self):
        """Waits for the other side to close: 'end' or 'reset'; further bytes are an error."""
        try:
            self._more()
        except Closed as closed:
            assert not closed.received, f"{closed.received!r} before the end"
            return closed.how
        raise AssertionError(f"{self.held!r} instead of the end")
