# SPDX-License-Identifier: Apache-2.0
"""One run of the test: cases through weir, then what it forwarded and what it got to each server."""
import os

import cases
import judge
import passage
import report
import servers
import strict
from lab.weir import free_port
from replay import Stream, replay, source

# Stream numbers are addresses: cases, what weir forwarded, and the original bytes, each its own range.
FORWARDED, ORIGINAL = 1 << 21, 1 << 22
MOST_SHOWN = 100
END = b"GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class Forwarded:
    """A connection from weir to a node, as sent to the servers: `requests` with our END behind them,
    unless weir broke off in the middle of one or asked to close."""

    def __init__(self, number, passed, stream, reading):
        self.case, self.has_tail = passed.case, bool(reading.tail)
        asks = reading.requests and "close" in (reading.requests[-1].get("Connection") or "")
        data = stream.data + (b"" if self.has_tail or asks else END)
        self.requests = strict.read(data).requests
        ends = [request.end for request in self.requests] + ([len(data)] if self.has_tail else [])
        self.stream = Stream(FORWARDED + number, data, ends, not self.has_tail)


class Trial:
    def __init__(self, seed, numbers, directory, stack):
        self.seed, self.directory, self.stack = seed, directory, stack
        self.cases = [cases.make(seed, number) for number in numbers]
        self.passed, self.forwarded = [], []
        self.disagreements = []  # (case number, who, words)
        self.counted = {}  # server: [Counted for each Forwarded]
        self.outlines = {}  # server: {case number: what it understood of the original bytes}

    def run(self):
        self.passed = passage.send(self.cases, self.directory)
        for passed in self.passed:
            for words in judge.passage(passed):
                self._disagree(passed.case.number, "weir", words)
            for stream, reading in zip(passed.streams, passed.readings):
                self.forwarded.append(Forwarded(len(self.forwarded), passed, stream, reading))
        servers.start_answer(self.directory, self.stack)
        for name, kind in servers.SERVERS.items():
            self._ask(name, kind(("127.0.0.1", free_port()), self.directory))

    def _disagree(self, number, who, words):
        self.disagreements.append((number, who, words))

    def _ask(self, name, server):
        to = (server.host, server.port)
        originals = [Stream(ORIGINAL + case.number, case.data, [len(case.data)], False) for case in self.cases]
        try:
            replay([one.stream for one in self.forwarded], to)
            replay(originals, to)
            server.end()
            seen = server.seen()
        finally:
            server.close()
        self.counted[name] = [self._count(name, one, seen) for one in self.forwarded]
        self.outlines[name] = {case.number: judge.outline(seen.get(source(ORIGINAL + case.number), []))
                               for case in self.cases}
        for passed in self.passed:
            understood = self.outlines[name][passed.case.number]
            if judge.beside_weir(passed, understood) == judge.OTHER:
                self._disagree(passed.case.number, name, f"given the same bytes, takes {understood}")

    def _count(self, name, one, seen):
        lines = seen.get(source(one.stream.number), [])
        result = judge.counted(name, one.requests, one.has_tail, lines)
        if result.problem:
            self._disagree(one.case.number, name, result.problem)
        return result

    def write(self, output):
        os.makedirs(output, exist_ok=True)
        with open(os.path.join(output, "report.md"), "w") as file:
            file.write(report.text(self))
        print(report.text(self))
        for number, who, words in self.disagreements[:MOST_SHOWN]:
            print(f"case {number} ({self._case(number).kind}), {who}: {words}")

    def _case(self, number):
        return next(case for case in self.cases if case.number == number)

    def show(self):
        """All that is known of the cases."""
        for passed in self.passed:
            print(f"case {passed.case.number}: {passed.case.kind}")
            for piece in passed.case.pieces:
                print(f"  client: {piece!r}")
            for stream in passed.streams:
                print(f"  weir: {stream.data!r}")
            print(f"  client hears: {passed.heard!r}")
            for line in passed.lines:
                print("  log:", {key: line.get(key) for key in ("method", "uri", "status", "end", "detail", "source")})
            for name, outlines in self.outlines.items():
                understood = outlines[passed.case.number]
                print(f"  {name} alone ({judge.beside_weir(passed, understood)}): {understood}")
