# SPDX-License-Identifier: Apache-2.0
"""Calls any function for rules, in a rule of a running weir:

    call = Caller(bench)
    call("string.trim", " a ") == ["a"]
    call("http.getResponseCode", phase="response", target="/x") == [200]

Results come as a list: text as bytes decoded by latin-1, numbers, booleans, None, dictionaries for
tables (lists where the keys are 1 to n). An error of the function is raised as Failed.
"""
import json
import re

from .reference import functions

RULE = """
local families = { %s }
local phase = rule.getState()
local todo = http.getHeader("X-Call-" .. phase)
if not todo then return end

local function find(name)
    local at = families
    for part in name:gmatch("[^.]+") do at = at[part] end
    return at
end

local function decode(value)
    if value == json.null then return nil end
    if type(value) ~= "table" then return value end
    if value.s then return string.hexdecode(value.s) end
    if value.f then return find(value.f) end
    local items = {}
    for _, pair in ipairs(value.t) do items[decode(pair[1])] = decode(pair[2]) end
    return items
end

local function encode(value)
    if value == nil then return json.null end
    if type(value) == "string" then return { s = string.hexencode(value) } end
    if type(value) == "function" then return { f = value == json.null and "json.null" or "function" } end
    if type(value) ~= "table" then return value end
    local pairs_ = json.array {}
    for key, item in pairs(value) do pairs_[#pairs_ + 1] = { encode(key), encode(item) } end
    return { t = pairs_ }
end

local function pack(...) return select("#", ...), { ... } end

local answers = json.array {}
for _, call in ipairs(json.deserialize(todo)) do
    local arguments = {}
    for k = 1, #call.a do arguments[k] = decode(call.a[k]) end
    local count, results = pack(pcall(find(call.f), unpack(arguments, 1, #call.a)))
    for k = 1, count do results[k] = encode(results[k]) end
    answers[#answers + 1] = results
end
local said = json.serialize(answers) -- nothing but ASCII: it can be a header
if phase == "REQUEST" then find("http.setHeader")("X-Answer", said)
elseif phase == "RESPONSE" then find("http.setResponseHeader")("X-Answer", said)
else log.info("answer " .. said) end
"""


BATCH_BYTES = 6000  # of calls in one header line


class Failed(Exception):
    pass


class Name(str):
    """Text that stands for the function of that name."""


def _encode(value):
    if isinstance(value, Name):
        return {"f": value}
    if isinstance(value, str):
        value = value.encode("latin-1")
    if isinstance(value, bytes):
        return {"s": value.hex()}
    if isinstance(value, (list, tuple)):
        value = {number + 1: item for number, item in enumerate(value)}
    if isinstance(value, dict):
        return {"t": [[_encode(key), _encode(item)] for key, item in value.items()]}
    return value


def _decode(value):
    if not isinstance(value, dict):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    if "s" in value:
        return bytes.fromhex(value["s"]).decode("latin-1")
    if "f" in value:
        return Name(value["f"])
    items = {_decode(key): _decode(item) for key, item in value["t"]}
    if items and set(items) == set(range(1, len(items) + 1)):
        return [items[number + 1] for number in range(len(items))]
    return items


class Caller:
    def __init__(self, bench, answer=None, **options):
        """`answer` is the node's; `options` are those of bench.weir."""
        families = sorted({name.split(".")[0] for name in functions()} | {"table", "math"})
        rule = RULE % ", ".join(f"{name} = {name}" for name in families)
        rules = {"call": rule, **options.pop("rules", {})}
        server = {phase + "_rules": ["call"] for phase in ("request", "response", "completion")}
        server.update(options.pop("vserver", {}))
        self.node = bench.node(answer) if answer else bench.node()
        self.weir = bench.weir(options.pop("nodes", [self.node]), rules=rules, vserver=server, **options)
        self.client = bench.connect(self.weir)
        self.response = self.request = None

    def all(self, calls, **request):
        """Makes all calls, many in one rule; gives a list of results, or Failed, for each."""
        results, batch = [], []
        for name, *arguments in calls:
            one = json.dumps({"f": name, "a": [_encode(item) for item in arguments]})
            if batch and sum(map(len, batch)) + len(one) > BATCH_BYTES:
                results += self._make(batch, **request)
                batch = []
            batch.append(one)
        return results + self._make(batch, **request)

    def _make(self, batch, phase="request", target="/", headers="", client=None, **request):
        before, asked = len(self.weir.lines), len(self.node.requests)
        headers += f"X-Call-{phase.upper()}: [{', '.join(batch)}]\r\n"
        self.response = (client or self.client).get(target, headers, **request)
        assert len(self.node.requests) > asked or phase != "request", self.weir.tail
        self.request = self.node.requests[-1] if self.node.requests else None
        if phase == "request":
            said = self.request.get("X-Answer")
        elif phase == "response":
            said = self.response.get("X-Answer")
        else:
            line = json.loads(self.weir.wait_log(r"rule 'call' line [0-9]+: answer ", after=before))
            said = re.search(r"answer (.*)", line["message"])[1]
        assert said is not None, self.weir.tail
        results = []
        for ok, *values in json.loads(said):
            values = [_decode(value) for value in values]
            results.append(values if ok else Failed(values[0]))
        return results

    def __call__(self, name, *arguments, **request):
        result = self.all([(name, *arguments)], **request)[0]
        if isinstance(result, Failed):
            raise result
        return result
