# SPDX-License-Identifier: Apache-2.0
"""Hostile rules: how long ordinary clients wait while the rules of a neighbour do their worst.

The neighbour has a listener of its own at the same worker; one request after another has each rule
of lab/hostile.py run until its budget or its memory ends it, and each round goes on where the last
one ended. The ordinary clients ask as fast as they are answered, as wrk does.

What others have to wait for is a turn of the worker's loop. So beside that p99, which a busy machine
disturbs, stands how long the longest turn of each rule computes, which it does not.
"""
import mmap
import os
import statistics
import struct
import subprocess
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


LONGEST_SHOWN = 20


class Hostile:
    """A context; how many rules it had run is in `count`. It begins with rule `first`."""

    def __init__(self, proxy, first=0):
        self.address = (ADDRESS, proxy.port + NEIGHBOUR_PORTS)
        self.first, self.count, self.failure = first, 0, None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            while not self._stop.is_set():
                run_rule(self.address, (self.first + self.count) % len(RULES))
                self.count += 1
        except (Failed, OSError) as failure:
            self.failure = failure

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def run_rule(address, number):
    with Client(address) as client:
        status = client.get(f"/{number}").status
    if status != 500:
        raise Failed(f"rule {number} ended with {status}")


def one_round(load, proxy, milliseconds, first):
    def p99():
        return load.run(proxy, ORDINARY, ["-d", str(milliseconds)], milliseconds / 1000)["p99"]
    found = {"alone": p99()}
    with Hostile(proxy, first) as hostile:
        found["beside"] = p99()
    if hostile.failure is not None:
        raise Failed(str(hostile.failure))
    found["count"], found["rules"] = hostile.count, hostile.count * 1000 / milliseconds
    return found


def longest_turns(bench, contender):
    """Of each rule, alone: how long its longest turn computed in us, and how many took a millisecond."""
    directory = bench.fresh_directory()
    library, numbers = os.path.join(directory, "turn.so"), os.path.join(directory, "numbers")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab", "longest_turn.c")
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", library, source],
                   check=True)
    with open(numbers, "w+b") as file:
        file.write(bytes(4096))
        file.flush()
        os.chmod(numbers, 0o666)
        shared = mmap.mmap(file.fileno(), 4096)
    proxy = contender.start(ORDINARY.new_job(), directory, bench.descriptors,
                            ("env", f"LD_PRELOAD={library}", f"LONGEST_TURN={numbers}"))
    found = {}
    try:
        bench.load.verify(proxy, ORDINARY)
        for number, name in enumerate(RULES):
            shared[:32] = bytes(32)
            run_rule((ADDRESS, proxy.port + NEIGHBOUR_PORTS), number)
            bench.load.verify(proxy, ORDINARY)  # behind it: all of its turns are counted
            longest, many, _, _ = struct.unpack("4Q", shared[:32])
            found[name] = longest / 1000, many
    finally:
        proxy.stop()
    return found


def measure_all(bench):
    failures, rounds, turns, first = [], [], {}, 0
    contender = next(one for one in bench.contenders if one.name == "weir")
    try:
        with ExitStack() as stack:
            proxy = contender.start(ORDINARY.new_job(), bench.fresh_directory(), bench.descriptors)
            stack.callback(proxy.stop)
            bench.load.verify(proxy, ORDINARY)
            bench.load.run(proxy, ORDINARY, ["-d", "300"])  # warm
            for _ in range(bench.chosen.rounds):
                rounds.append(one_round(bench.load, proxy, bench.milliseconds, first))
                first += rounds[-1]["count"]
        turns = longest_turns(bench, contender)  # at the same port
    except (Failed, OSError, subprocess.CalledProcessError) as failure:
        failures.append(str(failure))
        print(f"bench: hostile: {failure}", file=sys.stderr)
    return {"rounds": rounds, "turns": turns, "failures": failures}


def row_of(result):
    """Medians: p99 alone and beside them, the ratio within one round, and rules a second."""
    def typical(key):
        return statistics.median(one[key] for one in result["rounds"])
    ratios = [one["beside"] / one["alone"] for one in result["rounds"]]
    return [f"{typical('alone'):.0f}", f"{typical('beside'):.0f}",
            f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})",
            f"{typical('rules'):.0f}", f"{sum(one['count'] for one in result['rounds'])} of {len(RULES)}"]


def turn_rows(result):
    """The rules with the longest turns."""
    worst = sorted(result["turns"].items(), key=lambda one: -one[1][0])[:LONGEST_SHOWN]
    return [[name, f"{longest:.0f}", str(many)] for name, (longest, many) in worst]
