#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What CONTRIBUTING.md asks of every file and a compiler does not check: the licence line, the
size of files and functions, a head comment over each header, names that lead to their file, a
comment over public functions. Usage: house.py [ROOT]; prints FILE:LINE: what, exits 1 if any.
"""
import collections
import json
import pathlib
import re
import subprocess
import sys

FUNCTION_LINES = 60
FILE_LINES = 500
LICENCE = "SPDX-License-Identifier: Apache-2.0"
SOURCE_SUFFIXES = {".c", ".h", ".def", ".lua", ".py", ".sh"}
SOURCE_NAMES = {"Makefile", "run"}
# A function with fewer arguments may let its name speak; one with more has a comment over it.
ARGUMENTS_NEED_COMMENT = 3


def tracked(root):
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=root, capture_output=True, check=True).stdout
    return sorted(root / name for name in listed.decode().split("\0")
                  if name and (root / name).is_file())


def is_source(path):
    return path.suffix in SOURCE_SUFFIXES or path.name in SOURCE_NAMES


def head_comment(lines):
    """The comment a file opens with, as one text; "" if it opens with something else."""
    text = "\n".join(line for line in lines[:40] if LICENCE not in line and not line.startswith("#!"))
    found = re.match(r'\s*(/\*.*?\*/|(?:(?:--|#).*\n)+|""".*?""")', text, re.S)
    return found.group(1) if found else ""


def check_licence(path, lines):
    if not any(LICENCE in line for line in lines[:12]):
        yield 1, f"no '{LICENCE}' line"


def check_file_size(path, lines):
    if path.suffix in {".c", ".h"} and len(lines) > FILE_LINES:
        if "long because" not in " ".join(head_comment(lines).split()).replace(" * ", " "):
            yield 1, (f"{len(lines)} lines; split it, or say 'long because ...' in its head comment"
                      f" (limit {FILE_LINES})")


def check_header_head(path, lines):
    if path.suffix == ".h" and not head_comment(lines).strip("/* \n"):
        yield 1, "a header opens with a comment that says what it is for"


def tags_of(paths):
    """File -> its functions and prototypes, in the order of the file."""
    command = ["ctags", "--languages=C", "--langmap=C:.c.h", "--kinds-C=fp", "--fields=+neKS",
               "--output-format=json", "-I", "_Noreturn", "-f", "-", "-L", "-"]
    output = subprocess.run(command, input="\n".join(map(str, paths)), text=True,
                            capture_output=True, check=True).stdout
    tags = collections.defaultdict(list)
    for line in output.splitlines():
        tag = json.loads(line)
        if "scope" not in tag:
            tags[pathlib.Path(tag["path"])].append(tag)
    for of_file in tags.values():
        of_file.sort(key=lambda tag: tag["line"])
    return tags


def check_function_sizes(tags):
    for tag in tags:
        length = tag.get("end", tag["line"]) - tag["line"] + 1
        if tag["kind"] == "function" and length > FUNCTION_LINES:
            yield tag["line"], f"{tag['name']} has {length} lines (limit {FUNCTION_LINES})"


def has_comment_above(lines, number):
    """Is the run of lines that holds line `number` (from 1) opened or preceded by a comment?"""
    for line in reversed(lines[:number - 1]):
        if not line.strip() or line.startswith("#"):
            return False
        if line.rstrip().endswith("*/"):
            return True
    return False


def check_public_functions(path, lines, tags):
    room, stem = path.parent.name, path.stem.split("_")[0]
    for tag in tags if path.suffix == ".h" else []:
        name = tag["name"]
        if name.isupper():
            continue  # a macro's use, such as TAILQ_HEAD
        if not re.match(rf"({room}|{stem}s?)(_|$)", name):
            yield tag["line"], f"public function {name} begins with neither {stem}_ nor {room}_"
        arguments = tag["signature"].count(",") + 1
        if arguments >= ARGUMENTS_NEED_COMMENT and not has_comment_above(lines, tag["line"]):
            yield tag["line"], f"no comment over public function {name}"


def check_stems(paths):
    """A stack trace or log line names one file only if no two files share a stem."""
    homes = collections.defaultdict(list)
    for path in paths:
        homes[path.stem].append(path)
    for stem, where in homes.items():
        for path in where[1:]:
            yield path, 1, f"stem {stem} is taken by {where[0]}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    sources = [path for path in tracked(root) if is_source(path)]
    core = [path for path in sources if path.suffix in {".c", ".h"} and "core" in path.parts]
    tags = tags_of([path for path in sources if path.suffix in {".c", ".h"}])
    said = [complaint for complaint in check_stems([path for path in core if path.suffix == ".c"])]
    for path in sources:
        lines = path.read_text().splitlines()
        found = [*check_licence(path, lines), *check_file_size(path, lines),
                 *check_function_sizes(tags[path])]
        if path in core:
            found += [*check_header_head(path, lines),
                      *check_public_functions(path, lines, tags[path])]
        said += [(path, line, text) for line, text in found]
    for path, line, text in sorted(said):
        print(f"{path}:{line}: {text}")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
