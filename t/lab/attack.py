# SPDX-License-Identifier: Apache-2.0
"""Attacks on a weir, and the proof that they did nothing.

Whatever weir takes for a request leaves an access line, and whatever it forwards is at the node. So
after each attack an honest request is made: its line must be the next, and its bytes the only ones.
"""
from .http1 import Closed

GET = "GET / HTTP/1.1\r\nHost: a\r\n"
POST = "POST /up HTTP/1.1\r\nHost: a\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
HONEST = b"GET /honest HTTP/1.1\r\nHost: a\r\n\r\n"


def head(line, *headers, framing=(), via="1.1"):
    """The bytes of a head as a node gets it from weir."""
    added = ["X-Cluster-Client-Ip: 127.0.0.1", f"Via: {via} weir"]
    return "\r\n".join([line, *headers, *added, *framing, "", ""]).encode("latin-1")


class Target:
    """A weir in front of one node. `refused` and `forwarded` say what must become of bytes."""

    def __init__(self, bench, answer=None, **options):
        self.bench, self.node = bench, bench.node(answer)
        self.weir = bench.weir([self.node], **options)
        self.lines = self.requests = 0

    def _say(self, text):
        client = self.bench.connect(self.weir)
        try:
            client.send(text)
        except (BrokenPipeError, ConnectionResetError):
            pass  # weir has heard enough
        return client

    def line(self):
        """The access line of the next request that weir has heard."""
        self.lines += 1
        return self.weir.wait_access(self.lines)[self.lines - 1]

    def is_quiet(self, text):
        """Nothing but an honest request is heard of from here on."""
        self._say(HONEST).response()
        assert self.line()["uri"] == "/honest", text
        self.requests += 1
        seen = self.node.wait_for(self.requests)
        assert [request.target for request in seen[self.requests - 1:]] == ["/honest"], text

    def refused(self, text, status, reason):
        """The answer is `status`, the connection ends, and what stood behind was never a request."""
        text = text if isinstance(text, bytes) else text.encode("latin-1")
        client = self._say(text + SMUGGLED)
        try:
            response = client.response()
            assert (response.status, response.get("Connection")) == (status, "close"), text[:500]
            assert client.ending() in ("end", "reset"), text[:500]
        except Closed as closed:
            raise AssertionError(f"no {status} but {closed} for {text[:500]!r}") from None
        line = self.line()
        assert (line["status"], line["reason"]) == (status, reason), (text[:500], line)
        assert line["end"] in ("bad_request", "bad_body"), text[:500]
        self.is_quiet(text[:500])
        return response

    def forwarded(self, text, wanted, body=b""):
        """The node gets just these bytes, and weir reads what follows as the next request."""
        text = text if isinstance(text, bytes) else text.encode("latin-1")
        client = self._say(text + HONEST)
        response = client.response(text.split()[0].decode())
        assert response.status == 200, (text[:500], response.status)
        assert client.response().status == 200
        assert [self.line()["end"], self.line()["uri"]] == ["ok", "/honest"], text[:500]
        self.requests += 2
        seen = self.node.wait_for(self.requests)[self.requests - 2:]
        assert seen[0].raw == wanted and seen[0].body == body, (text[:500], seen[0].raw)
        assert seen[1].target == "/honest", text[:500]
        return seen[0]
