# SPDX-License-Identifier: Apache-2.0
"""A worker that is started anew runs the rules of the one that died, whatever became of the files."""
import os
import signal

import pytest

from lab.http1 import Closed
from lab.wait import until


def answer(weir):
    try:
        with weir.client() as client:
            return client.get("/").text
    except (ConnectionError, Closed):
        return None


@pytest.mark.parametrize("damage", ["rewritten", "broken", "gone"])
def test_a_new_worker_runs_the_old_rules(bench, damage):
    weir = bench.weir(rules={"module": 'return {word = "old"}'}, pool={"nodes": ["127.0.0.1:9"]},
                      request='http.sendResponse(200, "text/plain", require("module").word)')
    assert answer(weir) == "old"
    for name in "request.lua", "module.lua":
        path = os.path.join(weir.directory, "rules", name)
        os.remove(path)
        if damage != "gone":
            with open(path, "w") as file:
                file.write('return {word = "new"}' if damage == "rewritten" else "if if if")
    weir.deaths_expected = True
    before = set(weir.children)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(set(weir.children) - before) == len(before), "all children are replaced")
    until(lambda: answer(weir) == "old", "the new worker answers as the old one did")
