# SPDX-License-Identifier: Apache-2.0
"""Requests that two readers could see differently, by kind. Each kind is a function that gives bytes
and what has to become of them: REFUSED (nothing of it reaches a node as a whole request, nothing
behind it is read), a Wanted (it arrives as that), or ANY where weir may choose.
"""
from shapes import Wanted, chunked, smuggled

REFUSED, ANY = "refused", "any"
KINDS = {}


def kind(name):
    def note(function):
        KINDS[name] = function
        return function
    return note


def post(lines, sent, line="POST /{mark} HTTP/1.1", mark="", host="Host: a\r\n"):
    if isinstance(lines, str):
        lines = lines.encode("latin-1")
    return line.format(mark=mark).encode("latin-1") + b"\r\n" + host.encode("latin-1") + lines + b"\r\n" + sent


def bodies(rng, mark):
    """A body, as long as CL says or chunked, behind which another request begins for some readers."""
    hidden = smuggled(mark)
    ended = b"0\r\n\r\n" + hidden
    return rng.choice([(len(ended), ended), (5, b"0\r\n\r\n" + hidden), (3, b"abc" + hidden),
                       (0, chunked(rng, hidden)), (len(hidden), hidden),
                       (4, b"%x\r\n%s\r\n0\r\n\r\n" % (len(hidden), hidden))])


@kind("length and chunked")
def length_and_chunked(rng, mark):
    length, sent = bodies(rng, mark)
    lines = [f"Content-Length: {length}", rng.choice(["Transfer-Encoding: chunked",
                                                       "transfer-encoding: Chunked"])]
    rng.shuffle(lines)
    between = rng.choice(["", "X: y\r\n"])
    return post(f"{lines[0]}\r\n{between}{lines[1]}\r\n", sent, mark=mark), REFUSED


@kind("two lengths")
def two_lengths(rng, mark):
    length, sent = bodies(rng, mark)
    lines = rng.choice([
        f"Content-Length: {length}\r\nContent-Length: 0\r\n", f"Content-Length: 0\r\nContent-Length: {length}\r\n",
        f"Content-Length: {length}, {length}\r\n", f"Content-Length: {length}, 0\r\n",
        f"Content-Length: {length},\r\n", f"Content-Length: ,{length}\r\n",
        f"Content-Length: {length} {length}\r\n", f"Content-Length: {length}\r\ncontent-length: {length}\r\n",
        f"Content-Length: {length}\r\nContent-Length:\r\n"])
    return post(lines, sent, mark=mark), REFUSED


@kind("length not a number")
def odd_length(rng, mark):
    length, sent = bodies(rng, mark)
    value = rng.choice([
        f"+{length}", f"-{length}", f"0x{length:x}", "", f"{length}.0", f"{length};", f"{length}e0", f"\"{length}\"",
        f"{length}a", f"{length}\x0b", f"\x0b{length}", f"\x0c{length}", f"{length}\0", f"{length}\xa0", f"\xb2{length}",
        f"{1 << 64}", f"{(1 << 64) + length}", f"{(1 << 32) + length}".rjust(20, "0"), "9" * 300, f"{length}_0",
        f"{length}\r", f"\r{length}", f"\n{length}", f"\r\n {length}"])
    return post(f"Content-Length: {value}\r\n", sent, mark=mark), REFUSED


@kind("coding not just chunked")
def odd_coding(rng, mark):
    length, sent = bodies(rng, mark)
    value = rng.choice([
        "xchunked", "chunkedx", "chunked, identity", "identity, chunked", "chunked, chunked", "gzip, chunked",
        "identity", "\x0bchunked", "chunked\x0b", "\x0cchunked", "chunked\0", "\0chunked", "chunked;q=1",
        "chunked,", ", chunked", "\"chunked\"", "chun ked", "chunked chunked", "", "cow", "\xa0chunked", "chunked\x85",
        "\r\n chunked", "\n chunked", "chunked\r", "\rchunked", "\x00", "chunke\xc4\x8f", "chunked\x1f", "chunked\x7f"])
    also = rng.choice(["", f"Content-Length: {length}\r\n"])
    return post(f"Transfer-Encoding: {value}\r\n{also}", sent, mark=mark), REFUSED


@kind("coding twice")
def two_codings(rng, mark):
    length, sent = bodies(rng, mark)
    values = rng.choice([("chunked", "chunked"), ("chunked", "identity"), ("identity", "chunked"),
                         ("chunked", "cow"), ("cow", "chunked"), ("gzip", "chunked"), ("", "chunked"), ("chunked", "")])
    also = rng.choice(["", f"Content-Length: {length}\r\n"])
    second = rng.choice(["Transfer-Encoding", "transfer-encoding"])
    return post(f"Transfer-Encoding: {values[0]}\r\n{second}: {values[1]}\r\n{also}", sent, mark=mark), REFUSED


@kind("framing name disguised")
def disguised(rng, mark):
    """A framing header whose name only some take for it."""
    length, sent = bodies(rng, mark)
    name, value = rng.choice([("Transfer-Encoding", "chunked"), ("Content-Length", str(length))])
    bad = rng.choice([
        f"{name} :", f"{name}\t:", f" {name}:", f"\t{name}:", f"X: y\r\n {name}:", f"{name}\0:", f"\0{name}:",
        f"{name}\r:", f"{name}\x0b:", name.replace("-", "_") + ":", name.replace("-", " ") + ":", f"{name}\xa0:",
        f"X: y\n{name}:", f"X: y\r{name}:", f"X: y\r\r\n{name}:", f"\n{name}:", f"\r{name}:", f"{name}=", name,
        f"{name}\r\n:", f"\xef\xbb\xbf{name}:", f"({name}):", f"\"{name}\":", f"X\r\n\r{name}:", f"{name}::"])
    also = rng.choice(["", f"Content-Length: {length}\r\n"]) if value == "chunked" else rng.choice(
        ["", "Transfer-Encoding: chunked\r\n"])
    return post(f"{bad} {value}\r\n{also}", sent, mark=mark), REFUSED


@kind("coding in 1.0")
def coding_in_1_0(rng, mark):
    length, sent = bodies(rng, mark)
    lines = "Transfer-Encoding: chunked\r\n" + rng.choice(["", "Connection: keep-alive\r\n",
                                                           f"Content-Length: {length}\r\n"])
    return post(lines, sent, line="POST /{mark} HTTP/1.0", mark=mark), REFUSED


@kind("bare line ends in the head")
def bare_line_ends(rng, mark):
    end = rng.choice(["\n", "\r", "\r\r\n", "\n\r", "\r\n\0", "\0\r\n", "\x0b", "\x85"])
    hidden = smuggled(mark)
    where = rng.randrange(6)
    if where == 0:
        return post(f"X: y{end}Content-Length: {len(hidden)}\r\n", hidden, mark=mark), \
            ANY if end == "\x85" else REFUSED
    if where == 1:
        return f"POST /{mark} HTTP/1.1{end}Host: a\r\n\r\n".encode("latin-1"), REFUSED
    if where == 2:
        return f"GET /{mark} HTTP/1.1\r\nHost: a\r\nX: y{end}{end}".encode("latin-1") + hidden, \
            ANY if end == "\x85" else REFUSED
    if where == 3:
        return f"GET /{mark} HTTP/1.1\r\nHost: a{end}X: y\r\n\r\n".encode("latin-1"), REFUSED
    if where == 4:
        return (f"GET /{mark} HTTP/1.1\r\nHost: a\r\nX: y\r\n{end}".encode("latin-1") + hidden,
                ANY if end == "\r\n\0" else REFUSED)  # with \r\n it is whole, what follows is not
    text = f"GET /{mark} HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"
    return text.replace("\r\n", "\n").encode(), REFUSED


@kind("control in a value")
def control(rng, mark):
    byte = rng.choice([n for n in [*range(32), 127] if n not in (9, 10)])
    return post(f"X: a{chr(byte)}b\r\n", b"", line="GET /{mark} HTTP/1.1", mark=mark), REFUSED


@kind("folded header")
def folded(rng, mark):
    blank = rng.choice([" ", "\t", "  ", " \t"])
    hidden = smuggled(mark)
    lines = rng.choice([
        f"X: y\r\n{blank}z\r\n", f"{blank}X: y\r\n", f"Content-Length:\r\n{blank}{len(hidden)}\r\n",
        f"Transfer-Encoding:\r\n{blank}chunked\r\n", f"X: y\r\n{blank}\r\n",
        f"X: y\r\n{blank}Content-Length: {len(hidden)}\r\n"])
    return post(lines, hidden, mark=mark), REFUSED


@kind("chunk size odd")
def odd_chunk_size(rng, mark):
    hidden = smuggled(mark)
    size = f"{len(hidden):x}"
    line = rng.choice([
        f"0x{size}", f"+{size}", f"-{size}", f"{size} ", f" {size}", f"{size}\t", f"{size}g", "", ";a", f"{size},",
        f"{size}\0", f"{size}\x0b", f"{size}\r", f"\r\n{size}", size.rjust(17, "0"), f"f{'0' * 15}{size}",
        f"1{'0' * 16}"[:17 - len(size)] + size, "f" * 16, "8" + "0" * 15, "7" + "f" * 15, f"{size}.0",
        f"{size}_0", f"{size}h", f"\xb2{size}", f"{size} ;a", f"{size}\xa0", f"ffffffff{size.rjust(8, '0')}0"])
    verdict = ANY if line in ("f" * 16, "8" + "0" * 15, "7" + "f" * 15) else REFUSED
    return post("Transfer-Encoding: chunked\r\n",
                line.encode("latin-1") + b"\r\n" + hidden + b"\r\n0\r\n\r\n", mark=mark), verdict


@kind("chunk line ends odd")
def odd_chunk_ends(rng, mark):
    hidden = smuggled(mark)
    size = b"%x" % len(hidden)
    sent = rng.choice([
        size + b"\n" + hidden + b"\r\n0\r\n\r\n", size + b"\r" + hidden + b"\r\n0\r\n\r\n",
        size + b"\r\n" + hidden + b"\n0\r\n\r\n", size + b"\r\n" + hidden + b"0\r\n\r\n",
        size + b"\r\n" + hidden + b"\r0\r\n\r\n", size + b"\r\n" + hidden + b"xx0\r\n\r\n",
        size + b"\r\n" + hidden + b"\r\n0\n\r\n", size + b"\r\n" + hidden + b"\r\n0\r\n\n",
        size + b"\r\n" + hidden + b"\r\n0\r\n\r" + hidden, size + b"\r\n" + hidden + b"\r\n0\r\nX: y\n\r\n",
        size + b"\n" + hidden + b"\n0\n\n", size + b"\r\n" + hidden + b"\r\n\r\n0\r\n\r\n",
        size + b"\r\n" + hidden + b"zz\r\n0\r\n\r\n", b"2\r\nabc\r\n0\r\n\r\n" + hidden,
        b"4\r\nabc\r\n0\r\n\r\n" + hidden, b"3\r\nabc\r\n0\r\n" + hidden])
    return post("Transfer-Encoding: chunked\r\n", sent, mark=mark), \
        ANY if sent.endswith(b"0\r\n" + hidden) else REFUSED  # a request line is no trailer: ANY to be sure


@kind("chunk extension odd")
def odd_extension(rng, mark):
    hidden = smuggled(mark)
    extension = rng.choice([
        b";a\n", b";\n", b";a=\"\r\n\"", b";a\0", b";a\r", b";" + b"a" * 9000, b";a" * 9000, b";\x7f", b";=a",
        b";a=\n0\r\n\r\n" + hidden])
    size = b"%x" % len(hidden)
    return post("Transfer-Encoding: chunked\r\n", size + extension + b"\r\n" + hidden + b"\r\n0\r\n\r\n", mark=mark), REFUSED


@kind("chunk extension allowed")
def fair_extension(rng, mark):
    hidden = smuggled(mark)
    extension = rng.choice([b";", b"; a", b";a = b", b";a;b;c=d", b";a=\"b c\"", b";a=\"\\\"\"", b";a=\"b\";", b";\ta",
                            b";a\xe9", b";" + b"a" * 200])
    return post("Transfer-Encoding: chunked\r\n",
                b"%x%s\r\n%s\r\n0%s\r\n\r\n" % (len(hidden), extension, hidden, extension), mark=mark), ANY


@kind("trailers that frame or route")
def bad_trailers(rng, mark):
    hidden = smuggled(mark)
    trailers = rng.sample(["Content-Length: 50", "Transfer-Encoding: chunked", "Host: b", "Authorization: Basic YTpi",
                           "Connection: close", "Content-Length: 0", "TE: trailers", "X-Good: t", "Upgrade: x",
                           "Cookie: a=b", "Trailer: X", "Expect: 100-continue", "X-Forwarded-For: 1.2.3.4"], 3)
    return (post("Transfer-Encoding: chunked\r\n", chunked(rng, hidden, trailers), mark=mark),
            Wanted("POST", mark, hidden))


@kind("trailer malformed")
def odd_trailers(rng, mark):
    trailer = rng.choice([b"X", b": y", b"X : y", b" X: y", b"X: a\0b", b"X: y\r\n z", b"X: a\rb", b"X: a\nb", b"X\xe9: y"])
    return post("Transfer-Encoding: chunked\r\n", b"1\r\na\r\n0\r\n" + trailer + b"\r\n\r\n", mark=mark), REFUSED


@kind("header name odd")
def odd_name(rng, mark):
    name = rng.choice(["", "X Y", "X(", "X/", "X\xe9", "X\"", "X,", "X;", "X=", "X\0", "X\x7f", "X@", "[X]", "{X}", "X\\"])
    hidden = smuggled(mark)
    return post(f"{name}: y\r\nContent-Length: {len(hidden)}\r\n", hidden, mark=mark), REFUSED


@kind("header name long or underscored")
def long_name(rng, mark):
    """What has an underscore is one header more at most; it never frames."""
    hidden = smuggled(mark)
    name = rng.choice(["a" * 300, "X_Y", "_", "a" * 255, "a" * 65000, "Content-Length0" + "a" * 255 + ":",
                       "Content-Length" + "a" * 256, "X_Transfer_Encoding"])
    return post(f"{name}: 0\r\nContent-Length: {len(hidden)}\r\n", hidden, mark=mark), ANY


@kind("many or large headers")
def many_headers(rng, mark):
    lines = rng.choice(["X: y\r\n" * 99, "X: y\r\n" * 150, "X: y\r\n" * 3000, "X: " + "y" * 9000 + "\r\n",
                        "X: " + "y" * 70000 + "\r\n", "".join(f"X-{i}: y\r\n" for i in range(500))])
    return post(lines, b"", line="GET /{mark} HTTP/1.1", mark=mark), ANY


@kind("host ambiguous")
def odd_host(rng, mark):
    host, line = rng.choice([
        ("Host: a\r\nHost: a\r\n", "/{mark}"), ("Host: a\r\nHost: b\r\n", "/{mark}"), ("", "/{mark}"),
        ("Host: a@b\r\n", "/{mark}"), ("Host: a b\r\n", "/{mark}"), ("Host: a:99999\r\n", "/{mark}"),
        ("Host: a:80:80\r\n", "/{mark}"), ("Host: a/b\r\n", "/{mark}"), ("Host: a, b\r\n", "/{mark}"),
        ("Host: [::1\r\n", "/{mark}"), ("Host: a:x\r\n", "/{mark}"), ("Host: a\\b\r\n", "/{mark}"),
        ("Host: a?b\r\n", "/{mark}"), ("Host: a#b\r\n", "/{mark}"), ("Host: a%00\r\n", "/{mark}"),
        ("Host: \r\n", "/{mark}"), ("Host: a\r\n", "http://b/{mark}"), ("Host: a\r\n", "http://a@b/{mark}"),
        ("Host: a\r\n", "http://a:81/{mark}"), ("", "http://a/{mark}"), ("Host: a\r\n", "http:///{mark}"),
        ("Host: a\r\n", "ftp://a/{mark}"), ("Host: a\r\n", "//b/{mark}"), ("Host : a\r\n", "/{mark}"),
        ("Host: a\r\n", "a/{mark}"), ("Host: a\r\n", "http:/a/{mark}"), ("Host: a\r\n", "http://a\\b/{mark}")])
    return post("", b"", line="GET " + line + " HTTP/1.1", mark=mark, host=host), \
        ANY if line.startswith("//") else REFUSED


@kind("request line odd")
def odd_line(rng, mark):
    line = rng.choice([
        "GET  /{mark} HTTP/1.1", "GET /{mark}  HTTP/1.1", "GET\t/{mark} HTTP/1.1", "GET /{mark}\tHTTP/1.1",
        "GET /{mark} HTTP/1.1 ", " GET /{mark} HTTP/1.1", "\tGET /{mark} HTTP/1.1", "GET /{mark} x HTTP/1.1",
        "GET /{mark}", "GET /{mark} ", "GET", "", "GET /{mark} HTTP/2.0", "GET /{mark} HTTP/1.2", "GET /{mark} HTTP/0.9",
        "GET /{mark} HTTP/1.10", "GET /{mark} HTTP/01.1", "GET /{mark} HTTP/1.1x", "GET /{mark} http/1.1",
        "GET /{mark} HTTP/1,1", "GET /{mark} HTTP/1.", "GET /{mark} HTTP 1.1", "GET /{mark} HTP/1.1", "G@T /{mark} HTTP/1.1",
        "GET\0 /{mark} HTTP/1.1", "GET /{mark}\0 HTTP/1.1", "GET /{mark}\x0bHTTP/1.1", "GET\x0b/{mark} HTTP/1.1",
        "GET /{mark}\x0c HTTP/1.1", "GET /{mark}\r HTTP/1.1", "GET\r/{mark} HTTP/1.1", "PRI * HTTP/2.0", "CONNECT a:80 HTTP/1.1",
        "CONNECT /{mark} HTTP/1.1", "GET * HTTP/1.1", "GET {mark} HTTP/1.1", "/{mark} HTTP/1.1", "GET /{mark} HTTP/1.1\r\r",
        "GET /{mark}\xa0HTTP/1.1", "G\xe9T /{mark} HTTP/1.1", "GET /{mark} HTTP/1.1\0", "GET /{mark} HTTP/+1.1",
        "GET /{mark} HTTP/1.1,HTTP/1.1", "GET /{mark} HTTP/3.1", "GET /{mark} ICY/1.1", "\0GET /{mark} HTTP/1.1"])
    text = line.format(mark=mark)
    return f"{text}\r\nHost: a\r\n\r\n".encode("latin-1"), ANY if text == "" else REFUSED


@kind("request of 0.9")
def version_0_9(rng, mark):
    return rng.choice([f"GET /{mark}\r\n", f"GET /{mark}\r\n\r\n", f"GET /{mark}\n", f"GET /{mark} \r\n"]).encode(), REFUSED


@kind("target odd")
def odd_target(rng, mark):
    tail = rng.choice(["#a", "\\a", "/..\\a", "\x80", "\xe9", "%\0", "?a#b", "\x7f", "?\x80", "/\x01", "?a\x00", "\xc0\xaf"])
    return post("", b"", line="GET /{mark}" + tail + " HTTP/1.1", mark=mark), REFUSED


@kind("path in many forms")
def odd_path(rng, mark):
    """Which form a path gets is settled elsewhere; here it only must not change what is counted."""
    tail = rng.choice(["%00", "/b/%2e%2e/a", "//a", "/../../a", "/./a", "%2f..%2fa", "/..;/a", "%c0%af", "%", "%z1", "%5c..",
                       "%25%30%30", "/a/..", "%0d%0aX:%20y", "%20HTTP/1.1", "/" * 50, "/b/%2E%2e", "%u0041", "?%00", "?%"])
    return post("", b"", line="GET /{mark}" + tail + " HTTP/1.1", mark=mark), ANY


@kind("line ends before the request")
def empty_lines(rng, mark):
    before = rng.choice([b"\n", b"\r", b"\r\n" * 5, b"\r\n" * 500, b"\r\n\n", b"\n\r\n", b"\r\r\n", b"\0\r\n", b" \r\n"])
    return before + f"GET /{mark} HTTP/1.1\r\nHost: a\r\n\r\n".encode(), REFUSED


@kind("connection names framing")
def hop_by_hop(rng, mark):
    """Options that would take framing or routing headers away on the next hop."""
    hidden = smuggled(mark)
    option = rng.choice(["Content-Length", "Transfer-Encoding", "Host", "content-length, host", "close, Content-Length",
                         "TE, Trailer", "Connection", "Cookie, X", "X-Cluster-Client-Ip", "keep-alive, Content-Length",
                         "Via", "Upgrade", "Expect", "a b", "\"x\"", "x;y", ", ".join(f"x{i}" for i in range(50))])
    if rng.randrange(2):
        return post(f"Connection: {option}\r\nContent-Length: {len(hidden)}\r\n", hidden, mark=mark), ANY
    return post(f"Connection: {option}\r\nTransfer-Encoding: chunked\r\n", chunked(rng, hidden), mark=mark), ANY


@kind("upgrade that nobody grants")
def upgrade(rng, mark):
    """What follows is HTTP as long as no node says 101."""
    protocol = rng.choice(["websocket", "h2c", "foo/1", "WebSocket", "TLS/1.0", "HTTP/2.0", "a, b", "", "h2c, websocket",
                           "HTTP/1.1"])
    extra = rng.choice(["", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
                        "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n", "Sec-WebSocket-Key: x\r\n"])
    options = "Upgrade" + (", HTTP2-Settings" if "HTTP2" in extra else "")
    data = rng.choice([b"", smuggled(mark)])
    length = f"Content-Length: {len(data)}\r\n" if data else ""
    return post(f"Connection: {options}\r\nUpgrade: {protocol}\r\n{extra}{length}", data, mark=mark), ANY


@kind("expectation")
def expectation(rng, mark):
    hidden = smuggled(mark)
    value = rng.choice(["100-continue", "100-Continue", "100-continue, 100-continue", "x", "", "100-continue;q=1",
                        "\"100-continue\"", "200-ok"])
    return post(f"Expect: {value}\r\nContent-Length: {len(hidden)}\r\n", hidden, mark=mark), ANY


@kind("body of a method without one")
def unexpected_body(rng, mark):
    hidden = smuggled(mark)
    method = rng.choice(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "BREW"])
    if rng.randrange(2):
        lines, sent = f"Content-Length: {len(hidden)}\r\n", hidden
    else:
        lines, sent = "Transfer-Encoding: chunked\r\n", chunked(rng, hidden)
    return post(lines, sent, line=method + " /{mark} HTTP/1.1", mark=mark), \
        ANY if method == "TRACE" else Wanted(method, mark, hidden)


@kind("not HTTP")
def not_http(rng, mark):
    return rng.choice([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40), b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
                       b"SSH-2.0-a\r\n", b"\r\n\r\n\x00\r\nQUIT\nA", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(30),
                       b"EHLO a\r\n", b"<policy-file-request/>\0", b"{}\r\n"]), REFUSED
