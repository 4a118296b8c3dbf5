# SPDX-License-Identifier: Apache-2.0
"""What every system test finds ready: a `bench`, and for those that need hosts, a `river`.

The whole run moves into a network namespace of its own first, so runs side by side do not meet and
ports need no luck. As an ordinary user it moves into a user namespace as well.
"""
import os
import signal
import sys

import pytest

from lab import netns
from lab.attack import Target
from lab.bench import Bench
from lab.river import River


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # an ordinary user's path may lack them
    if os.geteuid() != 0:
        config.pluginmanager.getplugin("capturemanager").suspend_global_capture(in_=True)
        os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--net", "--mount",
                              sys.executable, "-m", "pytest", *sys.argv[1:]])
    netns.leave_the_machine()


LONGEST = 120  # seconds for one test; a peer that trickles must not keep a run for ever


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    def too_long(*_):
        raise AssertionError(f"not done after {LONGEST} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LONGEST)
    yield
    signal.alarm(0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call":
        item.has_failed = report.failed
    bench = item.funcargs.get("bench") if hasattr(item, "funcargs") else None
    if report.failed and bench is not None:
        report.sections.append(("log of weir", bench.log))


@pytest.fixture
def bench(request):
    bench = Bench()
    yield bench
    bench.clear(failed=getattr(request.node, "has_failed", True))


@pytest.fixture
def target(bench):
    """What is attacked: a weir with its defaults in front of one node."""
    return Target(bench)


@pytest.fixture(scope="session")
def _river():
    river = River()
    yield river
    river.close()


@pytest.fixture
def river(_river):
    """Three hosts in a row (lab/river.py), without captures left by an earlier test."""
    _river.forget_captures()
    return _river
