# SPDX-License-Identifier: Apache-2.0
"""How a running proxy is loaded, and what it costs while it is."""
import glob
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from contextlib import contextmanager, nullcontext

from contenders import ADDRESS, FIRST_SOURCE, LOAD_CPU, NODE_PORT, Failed, pinned

CLIENT_PATIENCE = 20  # seconds beyond what the client itself waits for


def schedstat(pids):
    """Nanoseconds that these processes have run, all threads."""
    total = 0
    for pid in pids:
        for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            try:
                with open(path) as file:
                    total += int(file.read().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                pass
    return total


def pss(pids):
    """KiB of memory in user space, shared pages by their share."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            total += int(re.search(r"^Pss: +([0-9]+) kB", file.read(), re.M)[1])
    return total


# What comes before the command of a client that comes first, too.
FIRST = ("chrt", "-f", "1")


def _schedule(pids, policy, priority):
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            os.sched_setscheduler(int(task), policy, os.sched_param(priority))


@contextmanager
def come_first(pids):
    """Meanwhile these come before every ordinary process of the machine, as soon as they may run."""
    _schedule(pids, os.SCHED_FIFO, 1)
    try:
        yield
    finally:
        _schedule(pids, os.SCHED_OTHER, 0)


# ---- the back end and the client ------------------------------------------------------------------


class Backend:
    """Listens on all addresses of the namespace. `before`: words before the command."""

    def __init__(self, program, port=NODE_PORT, before=()):
        self.process = subprocess.Popen(
            pinned(LOAD_CPU, [*before, program, "0.0.0.0", str(port)]), stdin=subprocess.DEVNULL)
        last = time.monotonic() + 5
        while True:
            with socket.socket() as sock:
                if sock.connect_ex((ADDRESS, port)) == 0:
                    return
            if self.process.poll() is not None or time.monotonic() > last:
                self.stop()
                raise Failed("the back end does not start")
            time.sleep(0.02)

    def counts(self):
        """(requests, body bytes) since the last asking."""
        connection = http.client.HTTPConnection(ADDRESS, NODE_PORT, timeout=60)
        connection.request("GET", "/count")
        words = connection.getresponse().read().split()
        connection.close()
        return int(words[0]), int(words[1])

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Load:
    """Runs the client on a proxy, and believes no answer that does not add up."""

    def __init__(self, program, backend, before=()):
        self.program, self.backend, self.before = program, backend, before

    def command(self, proxy, scenario, bound):
        return pinned(LOAD_CPU, [*self.before, self.program, "-a", ADDRESS, "-p", str(proxy.port),
                                 *scenario.load, *bound])

    def run(self, proxy, scenario, bound, patience=60):
        """`bound` ends the run: -d or -n, perhaps with -r. What the client said, as a dictionary."""
        self.backend.counts()
        try:
            done = subprocess.run(self.command(proxy, scenario, bound), capture_output=True,
                                  text=True, timeout=patience + CLIENT_PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failed(f"{proxy.contender.name}: the client did not end") from None
        if done.returncode != 0:
            raise Failed(f"{proxy.contender.name}: {(done.stderr + done.stdout).strip()[:600]}")
        said = json.loads(done.stdout)
        count, swallowed = self.backend.counts()
        if count != said["requests"] or swallowed != said["requests"] * scenario.upload:
            raise Failed(f"{proxy.contender.name}: the client had {said['requests']} answers, the"
                         f" node {count} requests and {swallowed} bytes")
        return said

    def verify(self, proxy, scenario):
        """One exchange byte by byte; the client of the runs looks at status and length only."""
        source = (FIRST_SOURCE, 0) if scenario.job.get("is_transparent") else (ADDRESS, 0)
        connection = http.client.HTTPConnection(ADDRESS, proxy.port, timeout=10,
                                                source_address=source)
        headers = dict(field.split(": ", 1) for field in scenario.fields)
        if scenario.job.get("is_transparent"):
            headers["X-From"] = FIRST_SOURCE
        method = "PUT" if scenario.upload else "GET"
        connection.request(method, scenario.path, body=b"u" * scenario.upload or None,
                           headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        expected = bytes(ord("a") + i % 23 for i in range(scenario.length))
        if answer.status != 200 or body != expected:
            raise Failed(f"{proxy.contender.name}: {answer.status} and {len(body)} bytes that are"
                         " not what the node sent")


# ---- what it costs --------------------------------------------------------------------------------


def cpu(load, proxy, scenario, milliseconds):
    """Microseconds of CPU per request, and requests per second."""
    pids = proxy.pids
    before = schedstat(pids)
    said = load.run(proxy, scenario, ["-d", str(milliseconds)], milliseconds / 1000)
    spent = schedstat(pids) - before
    return {"us": spent / 1000 / said["requests"],
            "rate": said["requests"] * 1e9 / said["nanoseconds"], "requests": said["requests"]}


def latency(load, proxy, scenario, milliseconds, rate):
    bound = ["-d", str(milliseconds), "-r", f"{rate:.0f}"]
    return load.run(proxy, scenario, bound, milliseconds / 1000)


def counter_command(pids, path):
    """perf counts without slowing the proxy down; strace, the fallback, changes what it counts."""
    listed = ",".join(map(str, pids))
    if shutil.which("perf"):
        # without --all-user or inheritance: the tree is there already
        return ["perf", "stat", "-x", ";", "-o", path, "-e", "raw_syscalls:sys_enter", "-p", listed]
    return ["strace", "-c", "-f", "-q", "-o", path, *(f"-p{pid}" for pid in pids)]


def read_count(text):
    counted = re.search(r"^([0-9]+);[^;]*;raw_syscalls", text, re.M)
    if counted is None:
        counted = re.search(r"^100.00 +\S+ +\S* +([0-9]+) .*total$", text, re.M)
    if counted is None:
        raise Failed(f"cannot count system calls: {text.strip()[:300]}")
    return int(counted[1])


def system_calls(load, proxy, scenario, milliseconds):
    """System calls per request."""
    path = os.path.join(proxy.directory, "calls")
    counter = subprocess.Popen(counter_command(proxy.pids, path), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.3)  # no event tells that it has begun
        said = load.run(proxy, scenario, ["-d", str(milliseconds)], milliseconds / 1000)
    finally:
        if counter.poll() is None:
            counter.send_signal(signal.SIGINT)
        counter.wait()
    with open(path) as file:
        return read_count(file.read()) / said["requests"]


class IdleClients:
    """So many connections that had one request each, and stay. A context."""

    def __init__(self, load, proxy, scenario, count):
        self.count, self.name = count, proxy.contender.name
        self.command = load.command(proxy, scenario, ["-i", "-c", str(count)])

    def __enter__(self):
        self.client = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
        if self.client.stdout.readline() != "idle\n":
            complaint = self.client.stderr.read()[:300]
            self._end()
            raise Failed(f"{self.name}: {self.count} idle connections: {complaint}")
        return self

    def __exit__(self, kind, *_):
        """Each of them must have been answered, and none closed meanwhile."""
        try:
            if kind is None:
                said, complaint = self.client.communicate(timeout=CLIENT_PATIENCE)
                if self.client.returncode != 0 or json.loads(said)["requests"] != self.count:
                    raise Failed(f"{self.name}: idle connections: {said} {complaint[:300]}")
        finally:
            self._end()

    def _end(self):
        if self.client.poll() is None:
            self.client.kill()
        self.client.communicate()


def idle_memory(load, proxy, scenario, connections):
    """KiB in user space before, and with so many idle connections that had one request each."""
    pids = proxy.pids
    before = pss(pids)
    with IdleClients(load, proxy, scenario, connections):
        return before, pss(pids)


# ---- user instructions ----------------------------------------------------------------------------

TOTAL = "TOTALS"  # callgrind_annotate's row for all of a process
CALLGRIND = ["valgrind", "-q", "--tool=callgrind", "--callgrind-out-file={directory}/callgrind.%p"]


def read_annotation(path, inclusive):
    """FILE:FUNCTION -> instructions, by callgrind_annotate."""
    command = ["callgrind_annotate", "--threshold=100", "--show-percs=no", "--auto=no",
               f"--inclusive={'yes' if inclusive else 'no'}", path]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = Counter()
    for line in said.splitlines():
        if row := re.match(r" *([0-9,]+) +(?:\([^)]*\) +)?(\S+?:)?(\S.*?)(?: \[.*\])?$", line):
            function = re.sub(r"'[0-9]+$", "", row[3].strip())
            if inclusive and function.startswith("0x"):
                continue  # the dynamic linker's, of no name and with sums that make no sense
            # static functions of two files may have one name
            name = TOTAL if TOTAL in function else os.path.basename(row[2] or "") + function
            count = int(row[1].replace(",", ""))
            # a recursive function has several rows: inclusive, the outermost holds the others
            found[name] = max(found[name], count) if inclusive else found[name] + count
    return found


def profile(directory):
    """(exclusive, inclusive) counters over all processes of one run."""
    exclusive, inclusive = Counter(), Counter()
    for path in glob.glob(os.path.join(directory, "callgrind.*")):
        exclusive.update(read_annotation(path, False))
        inclusive.update(read_annotation(path, True))
    return exclusive, inclusive


def total(counter):
    return next((count for name, count in counter.items() if TOTAL in name), None)


def instructions(start, load, scenario, counts, idle=0):
    """User instructions per request: the difference of two runs of so many requests, which leaves
    out start, warming up and end. `start` gives a fresh proxy under callgrind, given a number; so
    many idle clients are there meanwhile."""
    profiles = []
    for number, count in enumerate(counts):
        proxy = start(number)
        try:
            load.verify(proxy, scenario)
            with IdleClients(load, proxy, scenario, idle) if idle else nullcontext():
                load.run(proxy, scenario, ["-n", str(count)], 300)
        finally:
            proxy.stop(60)
        profiles.append(profile(proxy.directory))
    requests = counts[1] - counts[0]
    per_request = []
    for short, long in zip(*profiles):
        per_request.append({name: (long[name] - short[name]) / requests for name in long
                            if long[name] - short[name] > requests / 2})
    return per_request
