# SPDX-License-Identifier: Apache-2.0
"""Whoever comes with rules in TrafficScript finds each of its functions (trafficscript.txt): by the
same name, as Lua has it, or with a word of `weir check` about what to write instead."""
import re
from pathlib import Path

from lab.check import check_rule
from lab.reference import functions

NAMES = Path(__file__).with_name("trafficscript.txt")

# What is not there yet: whole families, or functions of them.
LATER = {"auth", "geo.getLocation", "geo.getLocationLonLat", "glb", "http.aptimizer", "java", "rtsp", "sip",
         "ssl", "xml"}
SOON = {"connection.getPersistence", "connection.setPersistence", "connection.setPersistenceKey",
        "connection.setPersistenceNode", "http.cache", "http.compress", "recentconns"}

# Lua's own functions of the same name.
LUAS = {"string.find", "string.len", "string.reverse",
        *(f"math.{name}" for name in "acos asin atan ceil cos exp floor log pow random sin sqrt tan".split())}

# What `weir check` says of names that are no more, or that Lua has in another form.
INSTEAD = {
    "array": r"table|#t|t\[n\]|loop|\{", "hash": r"t\[key\]|loop|\{\}", "lang": r"\w",
    "connection.getBandwidthClass": r"request\.getBandwidthClass", "connection.getData": r"request\.get\(",
    "connection.getDataLen": r"request\.getLength", "connection.getLine": r"request\.getLine",
    "connection.getLocalIP": r"request\.getLocalIP", "connection.getLocalPort": r"request\.getLocalPort",
    "connection.getRemoteIP": r"request\.getRemoteIP", "connection.getRemotePort": r"request\.getRemotePort",
    "connection.setBandwidthClass": r"request\.setBandwidthClass", "connection.setData": r"request\.set\(",
    "connection.setIdempotent": r"request\.setIdempotent", "http.cookie": r"http\.getCookie",
    "http.getFormParamNames": r"http\.listFormParamNames", "http.getHeaderNames": r"http\.listHeaderNames",
    "http.getResponseHeaderNames": r"http\.listResponseHeaderNames",
    "request.getLogEnabled": r"requestlog\.markedForInclusion", "request.getToS": r"request\.getDSCP",
    "request.setLogEnabled": r"requestlog\.include\(\) or requestlog\.exclude\(\)",
    "request.setToS": r"request\.setDSCP", "response.getToS": r"response\.getDSCP",
    "response.setToS": r"response\.setDSCP", "string.Ireplace": r"string\.replaceI",
    "string.IreplaceAll": r"string\.replaceAllI", "lang.tochar": r"string\.char", "lang.toInt": "tonumber",
    "lang.toString": r"tostring\(", "lang.toArray": r"\{", "lang.toHash": r"\{", "lang.toDouble": "tonumber",
    "math.fabs": r"math\.abs", "math.ln": r"math\.log", "math.rint": r"math\.floor\(x \+ 0\.5\)",
    "string.append": r"\.\.", "string.cmp": "<", "string.drop": ":sub", "string.hash": "string.hashSHA256",
    "string.left": ":sub", "string.length": "#", "string.lowercase": ":lower", "string.right": ":sub",
    "string.skip": ":sub", "string.sprintf": r"string\.format", "string.substring": ":sub",
    "string.uppercase": ":upper", "sys.getRestApiPort": "nothing", "sys.getenv": "nothing",
    "sys.getnetworkinterfaces": "nothing", "sys.isFIPS": "nothing",
}


def names():
    """Full names in the order of the list."""
    text = re.sub(r"\n    ", " ", NAMES.read_text())
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        family, functions_ = line.split(": ")
        for name in functions_.split():
            yield f"{family}.{name.strip('()')}"


def beginnings(name):
    """a.b.c, a.b, a"""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


def test_all_names_are_on_the_list():
    every = list(names())
    assert len(every) == len(set(every)) == 508


def test_each_is_there_or_checks_say_what_to_write(tmp_path):
    every = [name.replace("data.local.", "data.local_.") for name in names()]
    said = {}
    for first in range(0, len(every), 50):  # so many complaints at a time
        (tmp_path / str(first)).mkdir()
        names_ = every[first:first + 50]
        found = check_rule(tmp_path / str(first), "completion", "\n".join(f"tostring({name})" for name in names_))
        said.update({names_[line - 1]: word for line, word in found.items()})
    wrong = []
    for name in every:
        word = said.get(name)
        instead = next((INSTEAD[one] for one in beginnings(name) if one in INSTEAD), None)
        if name in functions() or name in LUAS:
            is_right = word is None or word.endswith(" makes no sense in a completion rule") or "on HTTP" in word
        elif instead:
            is_right = word and re.match(f"'{re.escape(name)}' does not exist here; write .*({instead})", word)
        elif any(one in LATER | SOON for one in beginnings(name)):
            is_right = word == f"weir does not have '{name}' yet"
        else:
            is_right = False
        if not is_right:
            wrong.append(f"{name}: {word}")
    assert not wrong, "\n".join(wrong)


def test_what_is_there_is_not_said_to_come_later():
    """So that the lists above are not longer than they must be."""
    assert not LATER & set(functions()) and not set(INSTEAD) & set(functions())
    assert {"rate.use", "sys.time"} <= set(functions())  # function and family at once


def test_names_in_another_case_are_told_the_right_one(tmp_path):
    """TrafficScript does not mind the case; Lua does."""
    said = check_rule(tmp_path, "request", "\n".join([
        "http.getheader('a')", "POOL.use('web')", "string.LowerCase('a')", "lang.tostring(1)", "Array.push(1)",
        "sys.Time()", "http.Cookie('a')"]))
    wanted = ["http.getHeader", "pool.use", "s:lower()", "tostring(v)", "table.insert", "sys.time", "http.getCookie"]
    for line, name in enumerate(wanted, 1):
        assert name in said[line], said[line]
