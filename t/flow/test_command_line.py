# SPDX-License-Identifier: Apache-2.0
"""The command line as contracted: words, exit statuses, and errors with place and caret."""
import os
import re
import shutil
import subprocess

import pytest

from lab.weir import PROGRAM

GOOD = """
rules_dir: .
virtual_servers:
  main: {listen: "127.0.0.1:9999", pool: web, request_rules: [fine]}
pools:
  web: {nodes: ["127.0.0.1:80"]}
"""


def weir(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=20)


def check(tmp_path, text, rule="-- nothing"):
    (tmp_path / "weir.yaml").write_text(text)
    (tmp_path / "fine.lua").write_text(rule)
    return weir("check", "-c", str(tmp_path / "weir.yaml"))


def test_version():
    done = weir("version")
    assert done.returncode == 0 and "weir" in done.stdout


def test_usage():
    for arguments in ([], ["flow"], ["run", "--upstream"], ["check", "-c"]):
        done = weir(*arguments)
        assert done.returncode == 2, arguments
        assert done.stderr


def test_check_is_content(tmp_path):
    done = check(tmp_path, GOOD)
    assert (done.returncode, done.stderr) == (0, "")


def test_check_says_all_at_once_with_place_and_caret(tmp_path):
    done = check(tmp_path, GOOD.replace("pool: web", "pol: web").replace('"127.0.0.1:80"', '"nowhere"')
                 + "workers: many\n")
    assert done.returncode == 1
    path = str(tmp_path / "weir.yaml")
    assert f"{path}:4:" in done.stderr and f"{path}:6:" in done.stderr and f"{path}:7:10" in done.stderr
    assert "did you mean 'pool'" in done.stderr or 'did you mean "pool"' in done.stderr
    assert "^" in done.stderr


@pytest.mark.skipif(shutil.which("luacheck") is None, reason="luacheck is not installed")
def test_check_warns_of_what_is_of_no_use(tmp_path):
    done = check(tmp_path, GOOD, rule="local x = 1\nlocal y\ny = 2\ndo return end\nhttp.getPath()\n")
    path = f"{tmp_path}/./fine.lua"
    assert done.returncode == 0 and "no errors" in done.stdout
    found = re.findall(rf"^{re.escape(path)}:(\d+:\d+): warning: (.*)", done.stderr, re.MULTILINE)
    assert found == [("1:7", "unused variable 'x'"), ("2:7", "variable 'y' is never accessed"),
                     ("5:1", "unreachable code")]
    # where there is an error it is what counts, and names are weir's to judge
    done = check(tmp_path, GOOD, rule="local x = 1\nhttp.getPath(nowhere)\n")
    assert done.returncode == 1 and "luacheck" not in done.stderr and "unused" not in done.stderr


def test_check_goes_without_luacheck(tmp_path):
    (tmp_path / "weir.yaml").write_text(GOOD)
    (tmp_path / "fine.lua").write_text("local x = 1")
    done = subprocess.run([PROGRAM, "check", "-c", str(tmp_path / "weir.yaml")], text=True, timeout=20,
                          capture_output=True, env={**os.environ, "PATH": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")


def test_check_reads_rules(tmp_path):
    done = check(tmp_path, GOOD, rule="local x = 1\nif x then\n")
    assert done.returncode == 1 and "fine.lua" in done.stderr
    done = check(tmp_path, GOOD, rule="http.getHaeder('a')")
    assert done.returncode == 1 and "getHeader" in done.stderr
    done = check(tmp_path, GOOD, rule="x = 1")
    assert done.returncode == 1 and "local" in done.stderr
    done = check(tmp_path, GOOD, rule="local x = request.get(5)")
    assert done.returncode == 1
    assert "'request.get': for TCP and UDP; on HTTP write http.getBody()" in done.stderr
    done = check(tmp_path, GOOD, rule='connection.checkLimits("nowhere")')
    assert done.returncode == 1 and "nowhere" in done.stderr
    done = check(tmp_path, GOOD, rule='pool.use("nowhere")')
    assert done.returncode == 1 and "nowhere" in done.stderr
    for call in ('pool.use("nowhere" .. x)', 'pool.select("web-" .. x, "a", 1)', 'pool.use(x .. "nowhere")'):
        done = check(tmp_path, GOOD, rule=f"local x = http.getPath() {call}")
        assert (done.returncode, done.stderr) == (0, "")


def test_run_refuses_what_check_refuses(tmp_path):
    (tmp_path / "weir.yaml").write_text("virtual_servers: 7\n")
    done = weir("run", "-c", str(tmp_path / "weir.yaml"))
    assert done.returncode == 1 and "weir.yaml:1:18" in done.stderr


def test_run_says_which_address_is_taken(bench):
    other = bench.weir([bench.node()])
    try:
        bench.weir([bench.node()], listen="{}:{}".format(*other.address()))
    except RuntimeError as refused:
        assert str(other.address()[1]) in str(refused)
    else:
        raise AssertionError("two on one address")


def test_run_points_at_the_user_that_is_missing(tmp_path):
    (tmp_path / "fine.lua").write_text("")
    text = GOOD.replace('"127.0.0.1:80"]', '"127.0.0.1:80"], transparent: true')
    (tmp_path / "weir.yaml").write_text(text + "user: nosuch\n" + f"control: {tmp_path}/c.sock\n")
    done = weir("run", "-c", str(tmp_path / "weir.yaml"))
    assert done.returncode == 1
    assert "weir.yaml:7:7: cannot become user 'nosuch'" in done.stderr, done.stderr


def test_check_reads_rules_of_a_configuration_with_errors_too(tmp_path):
    done = check(tmp_path, GOOD.replace("pool: web", "pool: wob, lissten: 1"),
                 'http.setHeadr("a", "b") pool.use("wob")')
    assert done.returncode == 1
    assert "did you mean 'listen'?" in done.stderr and "did you mean 'web'?" in done.stderr
    assert "fine.lua:1:1: unknown name 'http.setHeadr'; did you mean 'http.setHeader'?" in done.stderr
    assert "there is no pool" not in done.stderr  # that may be the configuration's mistake


def test_check_lets_a_rule_ask_whether_there_is_a_pool(tmp_path):
    done = check(tmp_path, GOOD, 'log.info(pool.checknode("none", "127.0.0.1", 80))')
    assert (done.returncode, done.stderr) == (0, "")
    done = check(tmp_path, GOOD, 'log.info(pool.activenodes("none"))')
    assert done.returncode == 1 and "there is no pool 'none'" in done.stderr
