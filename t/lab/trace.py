# SPDX-License-Identifier: Apache-2.0
"""A running `weir trace`."""
import json
import signal
import subprocess
import threading

from lab.wait import until
from lab.weir import PROGRAM


class Trace:
    """A running `weir trace --json`, and the lines that it has printed."""

    def __init__(self, weir, *words):
        self.process = subprocess.Popen([PROGRAM, "trace", "-c", weir.path, "--json", *words],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines, self.errors = [], []
        self._readers = [threading.Thread(target=read, daemon=True)
                         for read in (self._read, self._read_errors)]
        for reader in self._readers:
            reader.start()
        weir.wait_log("follows transactions")

    def _read(self):
        for line in self.process.stdout:
            if line.endswith("\n"):  # else it was killed while it wrote
                self.lines.append(json.loads(line))

    def _read_errors(self):
        self.errors.extend(self.process.stderr)

    def ended(self, count=1):
        """Waits for the end of so many transactions; gives the lines of each, in their order."""
        def ends():
            return [line["transaction"] for line in list(self.lines) if line["what"] == "end"]
        until(lambda: len(ends()) >= count, f"{count} transactions ended")
        return [[line for line in self.lines if line["transaction"] == number] for number in ends()]

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.wait()

    def wait(self):
        """Its whole output is there."""
        status = self.process.wait(10)
        for reader in self._readers:
            reader.join(5)
        assert status == 0, self.errors

    def close(self):
        self.process.kill()
        self.process.wait()


def follow(bench, weir, *words):
    return bench.keep(Trace(weir, *words))
