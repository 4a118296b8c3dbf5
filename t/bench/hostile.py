# SPDX-License-Identifier: Apache-2.0
"""Hostile rules: how long ordinary clients wait while the rules of a neighbour do their worst.

The neighbour has a listener of its own at the same worker; one request after another has each rule
of lab/hostile.py run until its budget or its memory ends it. The ordinary clients ask as fast as
they are answered, as wrk does.
"""
import statistics
import sys
import threading
from contextlib import ExitStack

import measure
from contenders import ADDRESS, NEIGHBOUR_PORTS, Failed
from lab.client import Client
from lab.hostile import RULES
from scenarios import Scenario

TARGET = 1.5
ORDINARY = Scenario("hostile", "ordinary clients beside hostile rules", TARGET, connections=64,
                    has_hostile=True)


class Hostile:
    """A context; how many rules it had run is in `count`."""

    def __init__(self, proxy):
        self.address = (ADDRESS, proxy.port + NEIGHBOUR_PORTS)
        self.count, self.failure = 0, None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            while not self._stop.is_set():
                with Client(self.address) as client:
                    status = client.get(f"/{self.count % len(RULES)}").status
                if status != 500:
                    raise Failed(f"rule {self.count % len(RULES)} ended with {status}")
                self.count += 1
        except (Failed, OSError) as failure:
            self.failure = failure

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def one_round(load, proxy, milliseconds):
    def p99():
        return load.run(proxy, ORDINARY, ["-d", str(milliseconds)], milliseconds / 1000)["p99"]
    found = {"alone": p99()}
    with Hostile(proxy) as hostile:
        found["beside"] = p99()
    if hostile.failure is not None:
        raise Failed(str(hostile.failure))
    found["rules"] = hostile.count * 1000 / milliseconds
    return found


def measure_all(bench):
    failures, rounds = [], []
    contender = next(one for one in bench.contenders if one.name == "weir")
    with ExitStack() as stack:
        try:
            proxy = contender.start(ORDINARY.new_job(), bench.fresh_directory(), bench.descriptors)
            stack.callback(proxy.stop)
            bench.load.verify(proxy, ORDINARY)
            bench.load.run(proxy, ORDINARY, ["-d", "300"])  # warm
            for _ in range(bench.chosen.rounds):
                rounds.append(one_round(bench.load, proxy, bench.milliseconds))
        except (Failed, OSError) as failure:
            failures.append(str(failure))
            print(f"bench: hostile: {failure}", file=sys.stderr)
    return {"rounds": rounds, "failures": failures}


def row_of(result):
    """Medians: p99 alone and beside them, the ratio within one round, and rules a second."""
    def typical(key):
        return statistics.median(one[key] for one in result["rounds"])
    ratios = [one["beside"] / one["alone"] for one in result["rounds"]]
    return [f"{typical('alone'):.0f}", f"{typical('beside'):.0f}",
            f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})",
            f"{typical('rules'):.0f}"]
