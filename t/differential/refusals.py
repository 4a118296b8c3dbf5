# SPDX-License-Identifier: Apache-2.0
"""What a server is known to refuse although RFC 9110 and 9112 allow it. Such a request counts as one
when the server says so with an error or closes; what it told before has to agree all the same, and if
it goes on, what follows, too. Nothing else is forgiven.
"""
import re
from urllib.parse import unquote_to_bytes

# As of Node.js 18 and 20; Debian's and later ones know these.
_NODE_METHODS = set(
    "ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE"
    " NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE"
    " UNBIND UNLINK UNLOCK UNSUBSCRIBE".split())
_LIGHTTPD_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND"}


def _wants_upgrade(request):
    return "upgrade" in (request.get("Connection") or "").lower()


def _has_no_framing(request):
    return request.get("Content-Length") is None and request.get("Transfer-Encoding") is None


def _has_body(request):
    return request.body != b"" or request.get("Transfer-Encoding") is not None


def _has_control(text):
    return re.search(rb"[\x00-\x1f\x7f]", unquote_to_bytes(text)) is not None


def _has_overlong(text):
    """A slash or a like byte in two bytes of UTF-8."""
    return re.search(rb"[\xc0\xc1]", unquote_to_bytes(text)) is not None


_LABEL = "[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_BYTE = "(?:0|[1-9][0-9]*)"
_PLAIN_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*\.?|{_BYTE}(?:\.{_BYTE}){{3}}|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]*)?")


def _has_odd_host(request):
    """A host of which some part begins with a digit or "-", or a number with a zero in front."""
    return not _PLAIN_HOST.fullmatch(request.get("Host"))


def _has_odd_max_forwards(request):
    values = [value for key, value in request.headers if key.lower() == "max-forwards"]
    return len(values) > 1 or any(not value.isdigit() for value in values)


def _has_twice(request, name):
    return sum(key.lower() == name for key, _ in request.headers) > 1


_KNOWN = {
    "nginx": {
        "a method of other than capitals, - and _": lambda r: not re.fullmatch("[A-Z_-]+", r.method),
        "TRACE": lambda r: r.method == "TRACE",
        "the target *": lambda r: r.target == "*",
        "Authorization twice": lambda r: _has_twice(r, "authorization"),
        "a host of a dot, or with two in a row": lambda r: r.get("Host") == "." or ".." in r.get("Host"),
    },
    "apache": {
        "a host with parts that begin with a digit, or an odd port": _has_odd_host,
        "Max-Forwards twice or not a number": _has_odd_max_forwards,
    },
    "node": {
        "a method that is not in its list": lambda r: r.method not in _NODE_METHODS,
    },
    "python": {
        "an upgrade": _wants_upgrade,
    },
    "lighttpd": {
        "a method that is not in its list": lambda r: r.method not in _LIGHTTPD_METHODS,
        "POST without a length": lambda r: r.method == "POST" and _has_no_framing(r),
        "a host with parts that begin with a digit, or an odd port": _has_odd_host,
        "Content-Type twice": lambda r: _has_twice(r, "content-type"),
        "a target with controls in escapes": lambda r: _has_control(r.target),
        "a target with overlong UTF-8": lambda r: _has_overlong(r.target),
    },
}


# Served, but the server closes behind it.
_CLOSES = {
    "lighttpd": lambda r: r.target == "*" and _has_body(r),
}


def known(server, request):
    """The words for a refusal, or None."""
    return next((words for words, is_so in _KNOWN[server].items() if is_so(request)), None)


def tells_none(server, before):
    """uvicorn closes without a line in our log, and so does Node once an upgrade was asked for."""
    return server == "python" or (server == "node" and any(_wants_upgrade(request) for request in before))


def may_close_behind(server, request):
    return server in _CLOSES and _CLOSES[server](request)


def may_answer_early(server, line):
    """Does a server answer this before its body is whole, so that it counts what weir broke off?"""
    return server == "lighttpd" and line.request == "OPTIONS * HTTP/1.1"
