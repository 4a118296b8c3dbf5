# SPDX-License-Identifier: Apache-2.0
"""`weir check` on one rule."""
import re
import subprocess

import yaml

from .weir import PROGRAM


def check_rule(folder, phase, text, protocol="http"):
    """What is said of the rule when it is attached in that phase: line to the first complaint."""
    (folder / "rules").mkdir()
    (folder / "rules" / "probe.lua").write_text(text)
    conf = {"virtual_servers": {"main": {"listen": "127.0.0.1:1", "protocol": protocol, "pool": "web",
                                         f"{phase}_rules": ["probe"]}},
            "pools": {"web": {"nodes": ["127.0.0.1:2"]}}, "rules_dir": "rules"}
    (folder / "weir.yaml").write_text(yaml.safe_dump(conf))
    done = subprocess.run([PROGRAM, "check", "-c", folder / "weir.yaml"], capture_output=True, text=True,
                          timeout=30, check=False)
    found = {}
    for line in (done.stdout + done.stderr).splitlines():
        if match := re.match(r".*probe\.lua:([0-9]+):[0-9]+: (?:error: )?(.*)", line):
            found.setdefault(int(match[1]), match[2])
    return found
