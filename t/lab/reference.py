# SPDX-License-Identifier: Apache-2.0
"""The functions that rules can call, as the program under test describes them itself."""
import re
import subprocess
from functools import cache

from .weir import PROGRAM

PHASES = ("request", "response", "completion")
_FUNCTION = re.compile(r"### (?P<name>\S+)\n\n`(?P=name)\((?P<arguments>.*?)\)(?:: (?P<results>.*))?`\n\n"
                       r"(?P<words>.*)\n\nFor (?P<phases>.*?)(?P<waits>; it waits)?\. From: (?P<source>.*)\.\n")


class Argument:
    def __init__(self, text):
        name, self.type = text.split(": ", 1)
        self.name, self.is_optional = name.rstrip("?"), name.endswith("?") or "nil" in self.type.split("|")
        self.is_rest = name == "..."


class Function:
    def __init__(self, match):
        self.name, self.words = match["name"], match["words"]
        items = re.split(r", (?![^<]*>)", match["arguments"]) if match["arguments"] else []
        self.arguments = [Argument(item) for item in items]
        everywhere = match["phases"] == "any rule"
        self.phases = [phase for phase in PHASES if everywhere or phase in match["phases"]]
        self.family = self.name.rsplit(".", 1)[0]
        self.is_for_streams = re.match("for TCP( and UDP)?; on HTTP write ", self.words) is not None


@cache
def functions():
    """Name to Function, in the order of the table."""
    text = subprocess.run([PROGRAM, "reference", "rules"], capture_output=True, text=True, timeout=30,
                          check=True).stdout
    found = {match["name"]: Function(match) for match in _FUNCTION.finditer(text)}
    assert len(found) == text.count("\n### ")
    return found
