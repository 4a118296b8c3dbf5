# SPDX-License-Identifier: Apache-2.0
"""What a weir does, counted: system calls by strace, user instructions by callgrind. Counts, not
times: a slow machine changes nothing."""
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections import Counter

from .wait import until


def processor_seconds(pid):
    """What a process has had of the processor so far."""
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def most_memory(pid):
    """MiB that a process has had so far, at most."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024


class Strace:
    """Counts the system calls of a process from the making of this until stop()."""

    def __init__(self, pids, path):
        self.path = path
        command = ["strace", "-qq", "-o", path, *(f"-p{pid}" for pid in pids)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        until(lambda: all(self._is_traced(pid) for pid in pids), "strace is attached")

    @staticmethod
    def _is_traced(pid):
        with open(f"/proc/{pid}/status") as file:
            return "TracerPid:\t0\n" not in file.read()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.process.stderr.close()
        with open(self.path) as file:
            return Counter(m[1] for line in file if (m := re.match(r"(?:[0-9]+ +)?([a-z_0-9]+)\(", line)))


class Callgrind:
    """`wrapper` is for a weir that starts; total() its processes' user instructions in their loops,
    once it has stopped. A context, with a directory that any user may write to: a worker is nobody."""

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="weir-callgrind-")
        os.chmod(self.directory, 0o777)
        # what happens outside of the loop is no request's, and not the same in each run
        self.wrapper = ("valgrind", "-q", "--tool=callgrind", "--toggle-collect=ev_run",
                        f"--callgrind-out-file={self.directory}/callgrind.%p")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory)

    def total(self):
        total = 0
        for path in glob.glob(os.path.join(self.directory, "callgrind.*")):
            with open(path) as file:
                total += int(re.search(r"^(?:totals|summary): ([0-9]+)$", file.read(), re.M)[1])
        return total
