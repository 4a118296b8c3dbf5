# SPDX-License-Identifier: Apache-2.0
"""Every function of the table is called by a test that runs the program: a system test, or an example
of rules/ with its test. (That its arguments and phases are checked is tested for all at once:
test_functions_and_their_arguments.py.)"""
import re
from pathlib import Path

from lab.reference import functions
from lab.weir import HOUSE


def texts():
    house = Path(HOUSE)
    for path in sorted([*house.glob("t/flow/*.py"), *house.glob("rules/*.lua"), *house.glob("rules/test/*.lua")]):
        if path.name not in (Path(__file__).name, "test_functions_of_trafficscript.py"):
            yield path.read_text()


def test_every_function_is_called_by_a_test():
    words = set()
    for text in texts():
        words |= set(re.findall(r"(?<![\w.])[a-z]\w*(?:\.\w+)+", text))
    missing = [name for name in functions() if name not in words]
    assert not missing, f"{len(missing)} of {len(functions())} are called by no test: {' '.join(missing)}"
