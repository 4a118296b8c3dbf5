# SPDX-License-Identifier: Apache-2.0
"""A running weir with a configuration and rules of its own, and all that it logs.

WEIR in the environment names another program than build/weir, such as the sanitizer build.
"""
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading

import yaml

from .client import Client
from .wait import PATIENCE, until

HOUSE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.abspath(os.environ.get("WEIR", os.path.join(HOUSE, "build", "weir")))
_SANITIZER = re.compile(r"(AddressSanitizer|LeakSanitizer|UndefinedBehavior|runtime error:)")
_NEXT_PORT = iter(range(10000, 19000))  # below what the kernel gives away: nobody else takes one


def free_port():
    """A port that nothing in this process's namespace has: each process has a namespace of its own."""
    return next(_NEXT_PORT)


def is_sanitized():
    """Was the program under test built with the address sanitizer, which has a heap of its own?"""
    try:
        with open(PROGRAM, "rb") as file:
            return b"__asan_init" in file.read()
    except FileNotFoundError:
        return False


def in_user_namespace():
    """Only our own user is mapped here: there is no nobody to become."""
    with open("/proc/self/uid_map") as file:
        return file.read().split() != ["0", "0", "4294967295"]


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


class Weir:
    """`conf` is the whole configuration as a dictionary; what it leaves out is filled in: workers,
    the control socket, JSON logs. `rules` maps a rule's name to its text."""

    def __init__(self, conf, rules=None, namespace=None, wrapper=(), text_log=False):
        self.directory = tempfile.mkdtemp(prefix="weir-flow-")
        os.chmod(self.directory, 0o755)  # for a worker that is nobody
        self.conf = dict(conf)
        self.conf.setdefault("workers", 1)
        # where tests keep the machine busy, a worker may wait long for a processor
        self.conf.setdefault("watchdog_timeout", "30s")
        self.conf.setdefault("control", os.path.join(self.directory, "control.sock"))
        if self.conf["control"] is None:  # where weir puts it by itself
            del self.conf["control"]
        self.conf.setdefault("log", {"level": "info", "format": "text" if text_log else "json"})
        self.conf.setdefault("rules_dir", os.path.join(self.directory, "rules"))
        self.lines, self.access, self.errors = [], [], []
        self.deaths_expected = False
        self._write(rules or {})
        self._start(namespace, wrapper)

    def _write(self, rules):
        os.mkdir(os.path.join(self.directory, "rules"))
        for name, text in rules.items():
            with open(os.path.join(self.directory, "rules", name + ".lua"), "w") as file:
                file.write(text)
        self.path = os.path.join(self.directory, "weir.yaml")
        with open(self.path, "w") as file:
            yaml.safe_dump(self.conf, file, sort_keys=False)

    def _start(self, namespace, wrapper):
        # setpriv: should this process be killed, the kernel ends weir too
        command = ["setpriv", "--pdeathsig", "KILL", *wrapper, PROGRAM, "run", "-c", self.path]
        options = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                       text=True, errors="replace", cwd=self.directory)
        if namespace is None:
            self.process = subprocess.Popen(command, **options)
        else:
            with namespace:
                self.process = subprocess.Popen(command, **options)
        # weir drops access lines rather than wait for a slow reader, which Python can be
        fcntl.fcntl(self.process.stderr, fcntl.F_SETPIPE_SZ, 1 << 20)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            # a tool such as valgrind takes its time
            until(self._is_ready, "weir is ready", PATIENCE * (3 if wrapper else 1))
        except AssertionError as late:
            self.kill()
            raise AssertionError(f"{late}\n{self.tail}") from None
        self.first_children = set(self.children)

    def _is_ready(self):
        if self.process.poll() is not None:
            self._reader.join()
            self._clean()
            raise RuntimeError(f"weir ended with {self.process.returncode}:\n{self.tail}")
        return any(re.search(r"\bready\b", line) for line in list(self.lines))

    def _read(self):
        for line in self.process.stderr:
            line = line.rstrip("\n")
            self.lines.append(line)
            try:
                said = json.loads(line)
            except ValueError:
                self.errors.append(line)
                continue
            if isinstance(said, dict) and "virtual_server" in said and "end" in said:
                self.access.append(said)
            else:
                self.errors.append(line)

    @property
    def log(self):
        return "\n".join(self.lines)

    @property
    def tail(self):
        """As much of the log as a message can hold."""
        return "\n".join(self.lines[-50:])

    @property
    def pid(self):
        return self.process.pid

    @property
    def children(self):
        return children(self.pid)

    def status_text(self, *words):
        """What `weir status` prints, with these words behind it."""
        done = subprocess.run([PROGRAM, "status", "-c", self.path, *words], capture_output=True,
                              text=True, timeout=30, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def status(self):
        """What `weir status --json` says now. weir counts what happened a moment after a client can
        see it: until_status is for what a test has just done."""
        return json.loads(self.status_text("--json"))

    def until_status(self, look, expected=True, seconds=PATIENCE):
        """Waits until look(status) is what is expected, and gives that status. `look` may ask for
        what is not there yet."""
        seen = []

        def settled():
            now = self.status()
            try:
                seen[:] = [look(now)]
            except (KeyError, IndexError) as missing:
                seen[:] = [missing]
            return now if seen[0] == expected else None
        try:
            return until(settled, "status", seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}: {seen[0]!r}, not {expected!r}") from None

    def wait_access(self, count=1):
        """Waits for so many access lines and gives them all."""
        try:
            until(lambda: len(self.access) >= count, f"{count} access lines")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.tail}") from None
        return self.access

    def wait_log(self, pattern, after=0):
        """Waits for a log line that matches, behind the first `after` ones, and gives it."""
        def find():
            return next((line for line in self.lines[after:] if re.search(pattern, line)), None)
        try:
            return until(find, f"log line '{pattern}'")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.tail}") from None

    def address(self, name="main", number=0):
        """Where virtual server `name` listens, for a client on the same host."""
        listen = self.conf["virtual_servers"][name]["listen"]
        host, port = (listen if isinstance(listen, str) else listen[number]).rsplit(":", 1)
        host = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
        return host, int(port)

    def client(self, name="main", number=0, **options):
        return Client(self.address(name, number), **options)

    def stop(self):
        """A graceful stop: exit status 0, no child lost before, nothing found by a sanitizer."""
        try:
            if self.process.poll() is None:
                if not self.deaths_expected:
                    assert set(self.children) == self.first_children, f"a child died:\n{self.tail}"
                self.process.send_signal(signal.SIGTERM)
            status = self.process.wait(PATIENCE)
            self._reader.join(5)
            assert not _SANITIZER.search(self.log), self.log
            assert status == 0, f"weir ended with {status}:\n{self.tail}"
        finally:
            self.kill()

    def kill(self):
        """For a test that has failed, and for what is left after a stop that failed."""
        for pid in [*self.children, self.pid] if self.process.poll() is None else []:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self._clean()

    def _clean(self):
        shutil.rmtree(self.directory, ignore_errors=True)
