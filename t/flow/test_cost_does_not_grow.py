# SPDX-License-Identifier: Apache-2.0
"""What a request costs has nothing to do with what else is configured, or open and idle."""
import json
import re
import resource
import subprocess

import pytest

from lab.counting import Callgrind, Strace
from lab.needs import IN_CI, needs
from lab.peers import Nginx
from lab.weir import PROGRAM, free_port, is_sanitized

MANY = 1000
AT_ONCE = 32
NODES = 100   # of one pool
SHORT, LONG = 300, 1800  # requests; the difference leaves out the first ones

# Looks a pool up by its name, for each request.
RULE = 'pool.use("wanted")'


@pytest.fixture(autouse=True)
def _files():
    """As many descriptors as we may have: clients and listeners want some."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    if before[1] < 4 * MANY and not IN_CI:
        pytest.skip(f"wants {4 * MANY} descriptors, may have {before[1]}")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def configuration(nodes, others):
    """Virtual server `main`, whose rule chooses the pool, and so many others with a pool each."""
    vservers = {f"other-{i}": {"listen": f"127.0.0.2:{20000 + i}", "protocol": "http",
                               "pool": f"other-{i}"} for i in range(others)}
    pools = {f"other-{i}": {"nodes": [f"127.0.0.3:{20000 + i}"]} for i in range(others)}
    vservers["main"] = {"listen": f"127.0.0.1:{free_port()}", "protocol": "http", "pool": "discard",
                        "request_rules": ["choose"], "timeouts": {"keepalive": "60s"}}
    pools["wanted"] = {"nodes": nodes, "max_idle_connections_pernode": 0}
    return {"virtual_servers": vservers, "pools": pools, "log": {"access": "off", "level": "info"}}


class Case:
    """A weir, and what is idle there. `pool_nodes` of them are one server, at several addresses."""

    def __init__(self, bench, others=0, idle=0, pool_nodes=1):
        self.bench, self.others, self.idle, self.pool_nodes = bench, others, idle, pool_nodes

    def start(self, **options):
        server = self.bench.keep(Nginx(("0.0.0.0", free_port())))
        nodes = [f"127.0.1.{i + 1}:{server.port}" for i in range(self.pool_nodes)]
        weir = self.bench.start(configuration(nodes, self.others), {"choose": RULE},
                                text_log=True, **options)
        for _ in range(self.idle):
            assert self.bench.connect(weir).get("/small").status == 200
        return weir

    @staticmethod
    def ask(weir, count):
        """From many at once, so that there is always something to do, however slow weir is made."""
        url = "http://{}:{}/small".format(*weir.address())
        said = subprocess.run(["ab", "-q", "-k", "-n", str(count), "-c", str(AT_ONCE), url],
                              check=True, capture_output=True, text=True).stdout
        assert re.search(r"Failed requests: +0\n", said), said

    def instructions(self):
        totals = []
        for count in (SHORT, LONG):
            with Callgrind() as callgrind:
                weir = self.start(wrapper=callgrind.wrapper)
                self.ask(weir, count)
                weir.stop()
                totals.append(callgrind.total())
        return (totals[1] - totals[0]) / (LONG - SHORT)

    def calls(self, tmp_path):
        weir = self.start()
        self.ask(weir, SHORT)
        strace = Strace(weir.children, str(tmp_path / "calls"))
        self.ask(weir, LONG)
        return sum(strace.stop().values()) / LONG


CASES = {"configured": {"others": MANY}, "idle": {"idle": MANY}, "nodes": {"pool_nodes": NODES}}
FEW = {}  # what a request costs where there is little else: counted once


@pytest.mark.skipif(is_sanitized(), reason="valgrind and a sanitizer do not go together")
@pytest.mark.parametrize("name", CASES)
def test_instructions(bench, name):
    few = FEW.get("instructions") or Case(bench).instructions()
    FEW["instructions"] = few
    many = Case(bench, **CASES[name]).instructions()
    assert many <= few * 1.03


@needs("strace")
@pytest.mark.parametrize("name", CASES)
def test_system_calls(bench, tmp_path, name):
    few = FEW.get("calls") or Case(bench).calls(tmp_path)
    FEW["calls"] = few
    many = Case(bench, **CASES[name]).calls(tmp_path)
    assert many <= few * 1.08  # a wait may bring fewer events


def test_a_large_configuration_is_checked_at_once(tmp_path):
    """Names are looked up, not searched for."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "choose.lua").write_text(RULE)
    conf = {**configuration(["127.0.0.1:80"], 10000), "rules_dir": str(tmp_path / "rules")}
    (tmp_path / "weir.yaml").write_text(json.dumps(conf, indent=1))  # which YAML is
    done = subprocess.run([PROGRAM, "check", "-c", tmp_path / "weir.yaml"], capture_output=True,
                          text=True, timeout=15)
    assert done.returncode == 0, done.stderr
    assert "10001 virtual servers" in done.stdout
