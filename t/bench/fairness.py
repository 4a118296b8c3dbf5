# SPDX-License-Identifier: Apache-2.0
"""Fairness: how long ordinary clients wait while one neighbour is greedy, or slow.

The neighbour has a listener, a pool and a back end of its own, at the same worker: what the
ordinary clients feel is that worker's doing.
"""
import json
import os
import statistics
import subprocess
import sys
from contextlib import ExitStack

import measure
from contenders import ADDRESS, LOAD_CPU, NEIGHBOUR_NODE_PORT, NEIGHBOUR_PORTS, Failed, pinned
from scenarios import Scenario

CONTENDERS = ("weir", "haproxy", "nginx")
NEIGHBOURS = {"down": "reads a 10 GB answer", "up": "sends a 10 GB body",
              "pipelined": "1,000 pipelined requests, again and again",
              "dribbling": "sends byte by byte"}
LEAST = {"down": 1 << 20, "up": 1 << 20, "pipelined": 1 << 16, "dribbling": 1 << 7}  # bytes moved
TARGET = 1.5
RATE = 2000  # requests a second of the ordinary clients: a tenth of what a processor does
ORDINARY = Scenario("fairness", "ordinary clients", TARGET, connections=32, has_neighbour=True)


class Neighbour:
    """A context; what it did is checked at its end."""

    def __init__(self, bench, proxy, kind, milliseconds):
        program = os.path.join(bench.chosen.programs, "neighbour")
        self.name, self.kind = proxy.contender.name, kind
        self.command = pinned(LOAD_CPU, [program, ADDRESS, str(proxy.port + NEIGHBOUR_PORTS), kind,
                                         str(milliseconds)])

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        try:
            said, complaint = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise Failed(f"{self.name}: the neighbour did not end") from None
        if self.process.returncode != 0:
            raise Failed(f"{self.name}, {self.kind}: {complaint.strip()[:300]}")
        self.did = json.loads(said)
        if self.did["bytes"] < LEAST[self.kind]:
            raise Failed(f"{self.name}, {self.kind}: the neighbour did next to nothing: {said}")


def one_round(bench, load, proxy, milliseconds, failures):
    """p99 alone, then beside each neighbour; and what the neighbours did."""
    found = {}

    def p99():
        return measure.latency(load, proxy, ORDINARY, milliseconds, RATE)["p99"]
    try:
        found["alone"] = p99()
    except Failed as failure:
        failures.append(str(failure))
        return found
    for kind in NEIGHBOURS:
        try:
            # it begins before and ends after the others
            with Neighbour(bench, proxy, kind, milliseconds + 300) as neighbour:
                waited = p99()
            seconds = (milliseconds + 300) / 1000
            found[f"{kind} did"] = {key: value / seconds for key, value in neighbour.did.items()}
            found[kind] = waited
        except Failed as failure:
            failures.append(str(failure))
    return found


def start_all(bench, stack, failures):
    proxies, directory = [], bench.fresh_directory()
    for contender in bench.contenders:
        if contender.name not in CONTENDERS and contender.name in bench.standard:
            continue
        try:
            proxy = contender.start(ORDINARY.new_job(), directory, bench.descriptors)
            stack.callback(proxy.stop)
            bench.load.verify(proxy, ORDINARY)
            bench.load.run(proxy, ORDINARY, ["-d", "300"])  # warm
            proxies.append(proxy)
        except (Failed, OSError) as failure:
            failures.append(f"{contender.name}: {failure}")
    return proxies


def measure_all(bench):
    failures, rounds = [], []
    milliseconds = bench.milliseconds * 3 // 4
    with ExitStack() as stack:
        backend = measure.Backend(os.path.join(bench.chosen.programs, "backend"),
                                  NEIGHBOUR_NODE_PORT)
        stack.callback(backend.stop)
        proxies = start_all(bench, stack, failures)
        # not the neighbour and its back end: the scheduler must not be what is measured
        first = [bench.load.backend.process.pid, *(pid for proxy in proxies for pid in proxy.pids)]
        stack.enter_context(measure.come_first(first))
        load = measure.Load(bench.load.program, bench.load.backend, measure.FIRST)
        for number in range(bench.chosen.rounds):
            one = {}
            for proxy in proxies if number % 2 == 0 else reversed(proxies):
                one[proxy.contender.name] = one_round(bench, load, proxy, milliseconds, failures)
            rounds.append(one)
    for failure in failures:
        print(f"bench: fairness: {failure}", file=sys.stderr)
    return {"rounds": rounds, "rate": RATE, "failures": failures}


# ---- what came of it ------------------------------------------------------------------------------


def p99s(result, name, kind):
    return [one[name][kind] for one in result["rounds"] if kind in one.get(name, {})]


def cells_of(result, name):
    """Medians of p99, each with its range. A hiccup of the machine is in one run, not in a whole
    round, so here the ratio is that of the medians."""
    alone = p99s(result, name, "alone")
    cells = [name, f"{statistics.median(alone):.0f} ({min(alone):.0f} to {max(alone):.0f})"]
    for kind in NEIGHBOURS:
        found = p99s(result, name, kind)
        cells.append(f"**{statistics.median(found) / statistics.median(alone):.2f}**,"
                     f" {statistics.median(found):.0f} ({min(found):.0f} to {max(found):.0f})"
                     if found else "failed")
    return cells


def work_of(result, name):
    """What the neighbours reached meanwhile: a proxy that starves them is fair in its own way."""
    def typical(kind, key):
        return statistics.median(one[name][f"{kind} did"][key] for one in result["rounds"]
                                 if f"{kind} did" in one.get(name, {}))
    try:
        return [name, f"{typical('down', 'bytes') / 1e6:.0f}", f"{typical('up', 'bytes') / 1e6:.0f}",
                f"{typical('pipelined', 'answers'):.0f}", f"{typical('dribbling', 'answers'):.1f}"]
    except statistics.StatisticsError:
        return [name, "failed", "", "", ""]


def names_of(result):
    return [name for name in result["rounds"][0] if any("alone" in one.get(name, {})
                                                       for one in result["rounds"])]
