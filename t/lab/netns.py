# SPDX-License-Identifier: Apache-2.0
"""Network namespaces that exist only as descriptors of this process.

They have no name and leave nothing behind: when the process ends, however it ends, they are gone
with their links, addresses and firewall rules. A thread enters one with `with namespace:`; sockets
and children that it makes there stay there.
"""
import ctypes
import os
import subprocess
import threading

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000

_HERE = threading.local()


def _call(name, *arguments):
    if getattr(_libc, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def leave_the_machine():
    """Moves the calling thread (call it early: the whole process) to a namespace of its own."""
    _call("unshare", _CLONE_NEWNET)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def run(command):
    """Runs a command line, words split at blanks; its complaints become the exception's text."""
    done = subprocess.run(command.split(), capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"'{command}' failed: {done.stderr.strip()}")
    return done.stdout


class Namespace:
    def __init__(self, label):
        self.label = label
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _call("unshare", _CLONE_NEWNET)
            self.descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            run("ip link set lo up")
        finally:
            _call("setns", before, _CLONE_NEWNET)
            os.close(before)

    @property
    def path(self):
        """What `ip link ... netns` takes."""
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    def __enter__(self):
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _HERE.stack = getattr(_HERE, "stack", []) + [before]
        _call("setns", self.descriptor, _CLONE_NEWNET)
        return self

    def __exit__(self, *_):
        before = _HERE.stack.pop()
        _call("setns", before, _CLONE_NEWNET)
        os.close(before)

    def run(self, *commands):
        with self:
            return [run(command) for command in commands]

    def sysctl(self, name, value):
        with self, open("/proc/sys/net/" + name, "w") as file:
            file.write(str(value))

    def close(self):
        os.close(self.descriptor)
