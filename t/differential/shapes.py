# SPDX-License-Identifier: Apache-2.0
"""Requests as RFC 9110 and 9112 allow them, in every shape that a proxy should take. Each has a mark
of its own in path and body, so that one that comes out of another's body is seen."""

METHODS = ["GET"] * 6 + ["POST"] * 6 + ["PUT", "PATCH", "DELETE", "OPTIONS"] * 2 + ["HEAD"] * 3
ODD_METHODS = ["TRACE", "PROPFIND", "M-SEARCH", "PURGE", "FOO", "get", "X!#$%&'*+-.^_`|~9"]
HOSTS = ["a", "example.com", "EXAMPLE.com:80", "127.0.0.1", "[::1]", "[::1]:8080", "a-b.c:65535", "a."]
TAILS = ["", "", "", "/", "/b/c", "/b;p=1", "?q", "?q=1&r=%20", "/%41%7e", "/b?c=/../d", "?a?b=//c",
         "/%C3%A9", "/b.c,d+e!$'()*:@&=", "?\"<>^`{|}"]
FIELDS = ["User-Agent: a/1 (b; c)", "accept: */*", "ACCEPT-LANGUAGE: de,en;q=0.5", "Cookie: a=b; c=\"d\"",
          "Cookie: e=f", "X-Empty:", "X-Blank: \t ", "X-Tabs:\ta\tb\t", "X-None:v", "X-High: \xe9\xff",
          "X-Quote: \"a\\\"b", "X-Long: " + "y" * 3000, "Accept-Encoding: gzip, chunked",
          "X-Transfer-Encoding: chunked", "X-Content-Length: 7", "Range: bytes=0-0", "If-None-Match: *",
          "Via: 1.0 a, 1.1 b", "X-Forwarded-For: 1.2.3.4", "Content-Encoding: chunked", "!#$%&'*+.^`|~9: x",
          "Max-Forwards: 9", "Authorization: Basic YTpi", "Referer: http://a/b?c", "Content-Type: text/plain"]
CONNECTIONS = ["keep-alive", "Keep-Alive, X-Long", "X-Tabs , ,keep-alive", "X-None", "te, X-Empty"]


def smuggled(mark):
    """What an attacker hopes somebody takes for a request."""
    return f"GET /smuggled-{mark} HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n".encode()


class Wanted:
    """A request as it has to reach the node: `mark` stands in its path (None: the target is "*")."""

    def __init__(self, method, mark, body=b""):
        self.method, self.mark, self.body = method, mark, body

    def is_met_by(self, request):
        """Is the request that a node got this one?"""
        return (request.method == self.method and request.body == self.body and
                (request.target == "*" if self.mark is None else
                 request.target.startswith("/" + self.mark)))


def body(rng, mark):
    """Bytes that may look like requests, chunks or the end of either."""
    kind = rng.randrange(6)
    if kind == 0:
        return b""
    if kind == 1:
        return smuggled(mark)
    if kind == 2:
        return b"0\r\n\r\n" + smuggled(mark)
    if kind == 3:
        return f"body {mark}".encode() + bytes(rng.randrange(256) for _ in range(rng.randrange(60)))
    if kind == 4:
        return f"{mark}\r\n\r\n\n\r".encode() * rng.randrange(1, 200)
    return (mark.encode() + b"x") * rng.randrange(1, 12)


def chunk_size(rng, size):
    text = f"{size:x}"
    text = rng.choice([text, text, text.upper(), "0" * rng.randrange(1, 5) + text])
    return text + rng.choice(["", "", "", "", ";a", ";a=b", ";a=b", ";a=\"b\";c", ";a=\"0\""])


def chunked(rng, data, trailers=()):
    """The body in chunks of any size, as bytes."""
    said, at = b"", 0
    while at < len(data):
        piece = data[at:at + rng.choice([1, 2, 15, 16, 17, 255, 4096])]
        said += chunk_size(rng, len(piece)).encode() + b"\r\n" + piece + b"\r\n"
        at += len(piece)
    said += chunk_size(rng, 0).encode() + b"\r\n"
    return said + b"".join(line.encode("latin-1") + b"\r\n" for line in trailers) + b"\r\n"


def case_of(rng, name):
    return rng.choice([name, name, name.lower(), name.upper()])


def target(rng, mark, host):
    path = f"/{mark}{rng.choice(TAILS)}"
    return path if rng.randrange(12) else f"{rng.choice(['http', 'HTTP'])}://{host}{path}"


def framing(rng, data):
    """Header lines and the body as it is sent."""
    if not data and rng.randrange(3):
        return [], b""
    if rng.randrange(2):
        return [f"{case_of(rng, 'Content-Length')}: {'0' * rng.choice([0, 0, 0, 3])}{len(data)}"], data
    trailers = rng.choice([(), (), ("X-Trailer: t",), ("X-A: b", "X-Checksum:\tc")])
    lines = [f"{case_of(rng, 'Transfer-Encoding')}:{rng.choice([' ', '', '  ', chr(9)])}"
             f"{rng.choice(['chunked', 'chunked', 'Chunked', 'CHUNKED'])}{rng.choice(['', '', ' '])}"]
    if trailers and rng.randrange(2):
        lines.append("Trailer: X-Trailer")
    return lines, chunked(rng, data, trailers)


def head(rng, line, lines):
    lines = list(lines)
    rng.shuffle(lines)
    return "\r\n".join([line, *lines, "", ""]).encode("latin-1")


def valid(rng, mark):
    """A request without faults: (bytes, Wanted)."""
    method = rng.choice(ODD_METHODS if rng.randrange(14) == 0 else METHODS)
    data = b"" if method == "TRACE" else body(rng, mark)
    host = rng.choice(HOSTS)
    lines, sent = ([], b"") if method == "TRACE" else framing(rng, data)  # not even an empty body
    lines += rng.sample(FIELDS, rng.choice([0, 1, 2, 3, 8]))
    lines.append(f"{case_of(rng, 'Host')}: {host}")
    if rng.randrange(4) == 0:
        lines.append(f"{case_of(rng, 'Connection')}: {rng.choice(CONNECTIONS)}")
    if sent and rng.randrange(12) == 0:
        lines.append("Expect: 100-continue")
    if rng.randrange(12) == 0:
        lines += ["TE: trailers, deflate;q=0.5", "Connection: TE"]
    if rng.randrange(30) == 0:
        lines += ["Connection: Upgrade", "Upgrade: " + rng.choice(["websocket", "foo/2", "h2c"])]
    before = b"\r\n" * rng.choice([0] * 12 + [1, 2, 3])
    if method == "OPTIONS" and rng.randrange(6) == 0:
        return before + head(rng, "OPTIONS * HTTP/1.1", lines) + sent, Wanted(method, None, data)
    line = f"{method} {target(rng, mark, host)} HTTP/1.1"
    return before + head(rng, line, lines) + sent, Wanted(method, mark, data)


def last(rng, mark):
    """A request behind which weir has to close and nothing may be read any more: (bytes, Wanted)."""
    data = body(rng, mark)
    method = "POST" if data else "GET"
    lines = [f"Content-Length: {len(data)}"] if data else []
    if rng.randrange(2):
        return (head(rng, f"{method} /{mark} HTTP/1.0", lines + rng.choice([[], ["Host: a"]])) + data,
                Wanted(method, mark, data))
    closing = rng.choice(["close", "Close", "keep-alive, close", "X-A,close"])
    return (head(rng, f"{method} /{mark} HTTP/1.1", lines + ["Host: a", f"Connection: {closing}"]) + data,
            Wanted(method, mark, data))
