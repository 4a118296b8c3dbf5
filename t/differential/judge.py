# SPDX-License-Identifier: Apache-2.0
"""Compares what weir forwarded with what the case wanted, with what weir's log says, and with what
each server counted."""
import re
from urllib.parse import unquote

import refusals
from attacks import ANY, REFUSED

_REFUSED_ENDS = {"bad_request", "bad_body", "request_timeout", "client_cut", "client_gone"}


# ---- weir -------------------------------------------------------------------------------------------


def passage(passed):
    """Complaints about one case on its way through weir."""
    case = passed.case
    if passed.is_late:
        yield "weir did not end the connection"
    for reading in passed.readings:
        if reading.fault:
            yield f"weir wrote what no proxy may write: {reading.fault}"
    yield from _against_log(passed)
    yield from _against_wanted(passed)
    if case.verdict != ANY:
        for request in passed.requests:
            if "smuggled" in request.target:
                yield f"a request came out of another's body: {request.target}"


def _against_log(passed):
    """weir has to think of the same requests, connection by connection, as were read there."""
    logged = {}
    for line in passed.lines:
        if line["end"] in ("ok", "tunnelled"):
            port = int(line["source"].rsplit(":", 1)[1])
            logged.setdefault(port, []).append((line["method"], _mark(line["uri"])))
    for stream, reading in zip(passed.streams, passed.readings):
        read = [(request.method, _mark(request.target)) for request in reading.requests]
        if logged.pop(stream.port, []) != read:
            yield f"weir's log does not tell these requests: {read}"
    if logged:
        yield f"weir's log tells requests that never came: {logged}"


def _mark(target):
    """What the path's first segment begins with, which no rule and no normal form changes; "*" stays."""
    found = re.match(r"(?:[a-zA-Z]+://[^/]*)?/+([^/?]*)", target or "")
    return re.match("[A-Za-z0-9-]*", unquote(found[1]))[0] if found else target


def _against_wanted(passed):
    case, requests = passed.case, passed.requests
    for number, wanted in enumerate(case.wanted):
        if number >= len(requests):
            yield f"request {number} ({wanted.mark}) did not arrive: {_end_words(passed)}"
            return
        if not wanted.is_met_by(requests[number]):
            yield f"request {number} arrived as {requests[number].method} {requests[number].target}" \
                  f" {requests[number].digest}, not as {wanted.method} {wanted.mark}"
            return
    more = requests[len(case.wanted):]
    if case.verdict != ANY and more:
        yield f"more than was wanted arrived: {[request.target for request in more]}"
    if case.verdict == REFUSED and (passed.refusal is None or passed.refusal["end"] not in _REFUSED_ENDS):
        yield f"not refused: {_end_words(passed)}"


def _end_words(passed):
    line = passed.lines[-1] if passed.lines else {}
    return " ".join(str(line.get(key)) for key in ("end", "status", "detail", "refused"))


# ---- what was forwarded, at the servers --------------------------------------------------------------


class Counted:
    """How one server took one stream: `problem` (None: it agrees), `compared` requests of which it
    told method, target and body as weir has them, `refusals` that are known of it."""

    def __init__(self):
        self.problem, self.compared, self.refusals = None, 0, []


def counted(server, requests, has_tail, lines):
    """`requests` were sent whole, behind them the beginning of one more if `has_tail`; `lines` the
    server wrote."""
    result, may_have_closed = Counted(), False
    for number, request in enumerate(requests):
        refusal = refusals.known(server, request)
        if number >= len(lines):
            if refusal and refusals.tells_none(server, requests[:number]):
                result.refusals.append(refusal)
            elif not may_have_closed:
                result.problem = f"counts {len(lines)} of {len(requests)} requests"
            return result
        line = lines[number]
        may_have_closed = line.status >= 400 or refusals.may_close_behind(server, request)
        is_same = line.method == request.method and _is_same_target(server, line.target, request.target)
        if line.status < 400 and is_same and line.body in (request.digest, "-"):
            result.compared += line.body != "-"
        elif line.status >= 400 and refusal:
            result.refusals.append(refusal)
        else:
            result.problem = f"counts {line.request!r} {line.status} {line.body} for request {number}:" \
                             f" {request.method} {request.target} {request.digest}"
            return result
    extra = [line for line in lines[len(requests):]
             if not has_tail or (line.status < 400 and not refusals.may_answer_early(server, line))]
    if extra:
        result.problem = f"counts more than was sent: {[line.request for line in extra]}"
    return result


def _is_same_target(server, seen, sent):
    return seen == sent or (server == "python" and seen == sent.rstrip("?"))


# ---- the original bytes at the servers -----------------------------------------------------------------

SAME, LESS, MORE, OTHER = "same", "less", "more", "other"


def outline(lines):
    """What a server understood of a stream: method, mark and body ("-": it refused this one, or told
    none) of each request up to the last that it served. A refusal of what it could not read is left
    out: it is the last thing, though Node tells it before what it still has to serve."""
    lines = [line for line in lines if line.status < 400 or line.method]
    served = [number for number, line in enumerate(lines) if line.status < 400]
    return [(line.method, _mark(line.target), line.body) for line in lines[:max(served, default=-1) + 1]]


def beside_weir(passed, understood):
    """How far a server, given the same bytes as weir, agrees: it took the SAME, stopped earlier (LESS),
    took MORE, or where both took something it was something OTHER."""
    ours = [(request.method, _mark(request.target), request.digest) for request in passed.requests]
    for one, other in zip(ours, understood):
        if one[:2] != other[:2] or (other[2] not in ("-", one[2])):
            return OTHER
    return SAME if len(ours) == len(understood) else LESS if len(understood) < len(ours) else MORE
