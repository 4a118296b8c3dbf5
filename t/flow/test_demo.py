# SPDX-License-Identifier: Apache-2.0
"""`make demo` as a new user runs it: as root, as an ordinary user, and stopped in the middle."""
import os
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from lab.wait import until
from lab.weir import HOUSE, PROGRAM, in_user_namespace

DEMO = os.path.join(HOUSE, "t", "demo", "run")


def rows(text):
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines() if line.startswith("http://")]


def is_right(text):
    table = {row[0]: row[1:] for row in rows(text)}
    assert len(table) == 5, text
    plain, transparent = "10.0.0.1", "10.0.1.7"
    for url, (dest, local, verdict, pool, saw) in table.items():
        assert url.startswith(f"http://{dest}/")
        assert local == "10.0.1.1"  # REDIRECT: the address of the interface it came in by
        is_legacy = "/legacy/" in url or dest == "10.0.0.80"
        assert (pool, saw) == (("web-transparent", transparent) if is_legacy else ("web", plain))
        assert verdict == ("choose-pool:3" if is_legacy else "none") or verdict.startswith("choose-pool") == is_legacy


def test_as_root():
    done = subprocess.run([DEMO], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    is_right(done.stdout)


@pytest.mark.skipif(in_user_namespace() or not shutil.which("setpriv"), reason="is one already")
def test_as_an_ordinary_user():
    with tempfile.TemporaryDirectory(prefix="weir-flow-") as house:
        # a house of his own: ours may stand where he cannot read
        os.chmod(house, 0o755)
        for part in "t/demo", "conf", "rules":
            shutil.copytree(os.path.join(HOUSE, part), os.path.join(house, part))
        program = shutil.copy(PROGRAM, house)
        command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                   os.path.join(house, "t", "demo", "run")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=house,
                              env={**os.environ, "WEIR": program})
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    is_right(done.stdout)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
def test_it_leaves_nothing(how):
    demo = subprocess.Popen([DEMO], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    for line in demo.stdout:
        if "iptables" in line:
            break
    os.killpg(demo.pid, how)
    demo.communicate(timeout=20)
    mark = b"WEIR_DEMO_IS_IN_ITS_CORNER"

    def left():
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    found += [pid] if mark in file.read() else []
            except OSError:
                pass
        return found
    until(lambda: not left(), "no process of the demo is left")
