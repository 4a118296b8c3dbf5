# SPDX-License-Identifier: Apache-2.0
"""Idle things: does a request cost more when much else is configured, or open and idle?

Each case has its own proxy; all of them run from the beginning to the end, and are loaded in turn.
"""
import statistics
import sys
import time
from contextlib import ExitStack

import measure
from contenders import Failed
from scenarios import BROWSER, Scenario

MANY = 10000
NODES = 1000
IDLE = 15000          # where a process may have 20,000 descriptors
IDLE_HAPROXY = 9000   # which reserves two for each
REQUESTS = (500, 2000)  # of the two runs under callgrind


class Case:
    """`family`: cases of one family are compared with the first of them."""

    def __init__(self, family, contender, title, idle=0, **job):
        self.family, self.contender, self.title, self.idle = family, contender, title, idle
        self.load = Scenario("idle", title, 1, fields=[*BROWSER, "X-Route: web"], **job)


CASES = [
    Case("configured", "weir", "1 virtual server, 1 pool, 1 node", has_rule=True),
    Case("configured", "weir", f"{MANY:,} of each, the rule chooses the pool by its name",
         has_rule=True, others=MANY),
    Case("configured", "weir", f"{NODES:,} nodes in the pool", has_rule=True, nodes=NODES),
    Case("weir", "weir", "no idle connection"),
    Case("weir", "weir", f"{IDLE:,} idle client connections", idle=IDLE),
    Case("haproxy", "haproxy", "no idle connection"),
    Case("haproxy", "haproxy", f"{IDLE_HAPROXY:,} idle client connections", idle=IDLE_HAPROXY),
    Case("nginx", "nginx", "no idle connection"),
    Case("nginx", "nginx", f"{IDLE:,} idle client connections", idle=IDLE),
]


class Running:
    """A case, its proxy, and what was found."""

    def __init__(self, bench, case, stack):
        self.case = case
        contender = next((c for c in bench.contenders if c.name == case.contender), None)
        if contender is None:
            raise Failed(f"no {case.contender}")
        self.contender = contender.at_another_port(CASES.index(case))
        began = time.monotonic()
        self.proxy = self.contender.start(case.load.new_job(), bench.fresh_directory(),
                                          bench.descriptors)
        stack.callback(self.proxy.stop)
        self.found = {"family": case.family, "contender": case.contender, "title": case.title,
                      "start": time.monotonic() - began, "us": []}
        bench.load.verify(self.proxy, case.load)
        # every node of the pool has an idle connection then, and each client's has been used
        bench.load.run(self.proxy, case.load, ["-n", str(4 * NODES)])
        before = measure.pss(self.proxy.pids)
        self.found["mebibytes"] = before / 1024
        if case.idle:
            stack.enter_context(measure.IdleClients(bench.load, self.proxy, case.load, case.idle))
            after = measure.pss(self.proxy.pids)
            self.found["bytes_each"] = (after - before) * 1024 / case.idle
            self.found["mebibytes"] = after / 1024


def count_instructions(bench, case, contender):
    """In weir's loop: reading a large file is not the same each time, and hides what is looked for."""
    def start(_number):
        return contender.start(case.load.new_job(), bench.fresh_directory(), bench.descriptors,
                               [*measure.CALLGRIND, "--toggle-collect=ev_run"])
    exclusive, _ = measure.instructions(start, bench.load, case.load, REQUESTS, case.idle)
    return measure.total(exclusive)


def measure_all(bench):
    running, failures = [], []

    def tried(what, one, action):
        try:
            return action()
        except (Failed, OSError) as failure:
            failures.append(f"{one.contender}, {one.title}, {what}: {failure}")
        return None

    with ExitStack() as stack:
        for case in CASES:
            running.append(tried("start", case, lambda case=case: Running(bench, case, stack)))
        running = [one for one in running if one is not None]
        for number in range(bench.chosen.rounds):
            for one in running if number % 2 == 0 else reversed(running):
                said = tried("load", one.case, lambda one=one: measure.cpu(
                    bench.load, one.proxy, one.case.load, bench.milliseconds))
                one.found["us"].append(said["us"] if said else None)
        for one in running:
            one.found["calls"] = tried("system calls", one.case, lambda one=one: measure.system_calls(
                bench.load, one.proxy, one.case.load, 1000))
    for one in running:
        if one.case.contender == "weir" and not bench.chosen.quick:
            one.found["instructions"] = tried(
                "instructions", one.case,
                lambda one=one: count_instructions(bench, one.case, one.contender))
    for failure in failures:
        print(f"bench: idle: {failure}", file=sys.stderr)
    return {"cases": [one.found for one in running], "failures": failures}


# ---- what came of it ------------------------------------------------------------------------------


def ratios(result, case):
    """By round, to the first of its family."""
    first = next(one for one in result["cases"] if one["family"] == case["family"])
    return [mine / theirs for mine, theirs in zip(case["us"], first["us"]) if mine and theirs]


def cells_of(result, case):
    found = ratios(result, case)
    costs = [us for us in case["us"] if us]

    def cell(key, digits=0):
        return "" if case.get(key) is None else f"{case[key]:.{digits}f}"
    return [case["contender"], case["title"], f"{statistics.median(costs):.1f}" if costs else "failed",
            f"{statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})" if found else "",
            cell("calls", 2), cell("instructions"), cell("bytes_each"), cell("mebibytes", 1),
            cell("start", 2)]
