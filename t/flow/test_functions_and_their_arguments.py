# SPDX-License-Identifier: Apache-2.0
"""Every function for rules, by what the table of functions says of it: a wrong argument is an error
that names rule, line, function, argument and what was expected; so is a phase where it makes no sense,
which `weir check` finds, too."""
import json
import re

import pytest

from lab.check import check_rule
from lab.reference import PHASES, functions

# What fits, as Lua writes it: by function and argument, by argument, by type.
GOOD = {
    "pool.checknode.host": '"10.0.0.1"', "pool.use.name": '"web"', "pool.select.name": '"web"',
    "pool.use.host": '"10.0.0.1"', "pool.select.host": '"10.0.0.1"', "http.setPath.path": '"/"',
    "http.setEscapedPath.path": '"/"', "http.setRawPath.path": '"/"', "string.intToBytes.number": "1",
    "jwt.verify.options": '{ algorithms = { "HS256" } }', "http.setResponseBody.coding": '"chunked"',
    "string.regexmatch.flags": '"i"', "string.regexsub.flags": '"i"', "string.ipmaskmatch.block": '"10.0.0.0/8"',
    "http.request.ssl.get.authorities": '"PEM"', "connection.setPersistence.name": '"none"',
    "pool": '"web"', "node": '"10.0.0.1:80"', "url": '"http://192.0.2.1/"', "code": "200", "ip": '"192.0.2.1"',
    "headers": '"X-A: b"', "options": "{ verify = true }",
    "string": '"x"', "integer": "1", "number": "1", "boolean": "true", "table": "{}", "any": "1",
}
# What does not, by type; nothing at all is tried besides.
BAD = {"string": ["{}", "true", "error"], "integer": ['"x"', "{}", "true", "1.5", "0/0", "1/0"],
       "number": ['"x"', "{}", "true"], "boolean": ["1", '"true"', "{}"], "table": ["1", '"x"', "true"]}


def good(function, argument):
    kind = argument.type.split("|")[0]
    for key in (f"{function.name}.{argument.name}", argument.name, kind):
        if key in GOOD:
            return GOOD[key]
    raise KeyError(f"{function.name}: {argument.name}: {argument.type}")


def bad(argument):
    """What is none of its types. A number is text, too, as everywhere in Lua."""
    kinds = set(argument.type.split("|"))
    if "any" in kinds:
        return []
    found = list(BAD[argument.type.split("|")[0]])
    if "string" in kinds:
        found = [text for text in found if text not in ('"x"', "1.5")]
    if "number" in kinds or "integer" in kinds:
        found = [text for text in found if text not in ("1", "0/0", "1/0", "1.5") or kinds == {"integer"}]
    if "boolean" in kinds:
        found = [text for text in found if text != "true"]
    if "table" in kinds:
        found = [text for text in found if text != "{}"]
    return found


def probes(function):
    """(number of the argument, its name, arguments as Lua writes them) for all that is wrong."""
    arguments = [argument for argument in function.arguments if not argument.is_rest]
    needed = [good(function, argument) for argument in arguments if not argument.is_optional]
    for number, argument in enumerate(arguments, 1):
        before = [good(function, one) for one in arguments[:number - 1]]
        for value in bad(argument):
            yield number, argument.name, ", ".join([*before, value, *needed[number:]])
        if not argument.is_optional:
            if argument.type != "any":
                yield number, argument.name, ", ".join([*before, "nil", *needed[number:]])
            if number == len(needed):
                yield number, argument.name, ", ".join(before)


SAY = """
local said = json.array {}
local function say(ok, message) said[#said + 1] = { ok, tostring(message) } end
"""


def access(name):
    """The function by way of locals and text: nobody can know beforehand what it is."""
    first, *rest = name.split(".")
    return f"at_{first}" + "".join(f'["{part}"]' for part in rest)


def write_rule(calls, end):
    """Each call on a line of its own. Gives the text and the number of the first call's line."""
    families = sorted({name.split(".")[0] for name, _ in calls})
    head = SAY + "".join(f"local at_{family} = {family}\n" for family in families)
    lines = [f"say(pcall({access(name)}{', ' if arguments else ''}{arguments}))" for name, arguments in calls]
    return head + "\n".join(lines) + "\n" + end, head.count("\n") + 1


def run(bench, phase, calls):
    """(line, whether it passed, message) of each call, made in a rule of that phase."""
    ends = {"request": 'http.sendResponse(200, "application/json", json.serialize(said))',
            "response": "http.setResponseBody(json.serialize(said))",
            "completion": "for i, one in ipairs(said) do log.info(i .. ' ' .. tostring(one[1]) .. ' ' .. one[2]) end"}
    text, line = write_rule(calls, ends[phase])
    limits = {"rules": {"budget": 100_000_000, "total_budget": 100_000_000, "memory": "64m"}}
    weir = bench.weir([bench.node()], vserver=limits, log={"level": "info", "format": "json", "rule_rate": 10000},
                      **{phase: text})
    answer = bench.connect(weir).get("/")
    assert answer.status == 200, weir.tail
    if phase != "completion":
        return [(line + i, ok, message) for i, (ok, message) in enumerate(json.loads(answer.text))]
    weir.wait_log(f"line [0-9]+: {len(calls)} ")
    found = [re.search(r": ([0-9]+) (true|false) (.*)", json.loads(said)["message"])
             for said in weir.errors if "rule 'completion' line" in said]
    return [(line + int(one[1]) - 1, one[2] == "true", one[3]) for one in found if one]


@pytest.mark.parametrize("phase", PHASES)
def test_a_wrong_argument_is_an_error_that_says_what_was_expected(bench, phase):
    """Each function in the first phase in which it makes sense."""
    tried = [(function, *probe) for function in functions().values() for probe in probes(function)
             if function.phases[0] == phase and not function.is_for_streams]
    if not tried:
        return
    wrong = []
    answers = run(bench, phase, [(function.name, arguments) for function, _, _, arguments in tried])
    for (function, number, name, arguments), (line, ok, message) in zip(tried, answers, strict=True):
        form = rf"\S*/rules/{phase}\.lua:{line}: {re.escape(function.name)}: argument {number} \({name}\): expected .+"
        if ok or not re.fullmatch(form, message):
            wrong.append(f"{function.name}({arguments}): {message}")
    assert not wrong, f"{len(wrong)} of {len(tried)}:\n" + "\n".join(wrong)


def out_of_place(phase):
    return [function for function in functions().values()
            if phase not in function.phases and not function.is_for_streams]


@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_that_makes_no_sense_is_an_error_at_run_time(bench, phase):
    calls = [(function.name, ", ".join(good(function, one) for one in function.arguments if not one.is_rest))
             for function in out_of_place(phase)]
    for (name, _), (line, ok, message) in zip(calls, run(bench, phase, calls), strict=True):
        assert not ok
        assert re.fullmatch(rf"\S*/rules/{phase}\.lua:{line}: {re.escape(name)}: makes no sense in a {phase} rule",
                            message), message


@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_that_makes_no_sense_is_found_beforehand(tmp_path, phase):
    every = list(functions().values())
    said = check_rule(tmp_path, phase, "\n".join(f"{function.name}()" for function in every))
    for line, function in enumerate(every, 1):
        if function.is_for_streams:
            assert said[line] == f"'{function.name}': {function.words.split('. ')[0]}"
        elif phase not in function.phases:
            assert said[line] == f"'{function.name}' makes no sense in a {phase} rule"
        else:
            assert line not in said, said[line]


def test_streams_have_other_functions_on_http(bench):
    calls = [(function.name, "") for function in functions().values() if function.is_for_streams]
    for (name, _), (line, ok, message) in zip(calls, run(bench, "request", calls), strict=True):
        wanted = functions()[name].words.split(". ")[0]
        assert not ok and message.endswith(f"/request.lua:{line}: {name}: {wanted}")


@pytest.mark.parametrize("protocol", ["tcp", "client_first", "server_first", "udp"])
def test_what_belongs_to_no_protocol_is_for_all_of_them(tmp_path, protocol):
    every = [function for function in functions().values()
             if function.family.split(".")[0] in ("string", "json", "jwt", "sys", "data", "counter", "counter64", "rate",
                                                  "geo", "log", "event", "net", "resource", "os", "math")
             and "request" in function.phases]
    assert len(every) > 100
    assert not check_rule(tmp_path, "request", "\n".join(f"{function.name}()" for function in every), protocol)
