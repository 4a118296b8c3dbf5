# SPDX-License-Identifier: Apache-2.0
"""Rules that do their worst: each is ended by its budget or its memory, and holds nobody up."""

RULES = {
    "loop": "while true do end",
    "pcall": "while true do pcall(function() while true do end end) end",
    "pcall empty": "while true do pcall(function() end) end",
    "repeat": "repeat until false",
    "goto": "::again:: goto again",
    "for": "for i = 1, 1e18 do end",
    "recursion": "local function f() return f() end f()",
    "coroutine": "local w = coroutine.wrap(function() while true do coroutine.yield() end end) while true do w() end",
    "xpcall": "while true do xpcall(error, function() while true do end end) end",
    "metatable": "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) local x = t[1]",
    "loaded": 'load("while true do end")()',
    "pattern": 'local s = string.rep("a", 10000) s:find(string.rep("a-", 1000) .. "b")',
    "rep": 'local s = "x" while true do s = string.rep(s, 1000) end',
    "table": "local t = {} while true do t[#t + 1] = {} end",
    "concat": 'local s = "x" while true do s = s .. s end',
    "sort": "local t = {} for i = 1, 1000 do t[i] = i end table.sort(t, function() while true do end end)",
    "gsub": '("x"):rep(100):gsub("x", function() while true do end end)',
    "error in error handler": "while true do xpcall(error, function() error('x') end) end",
    "error after error": "while true do pcall(function() error(setmetatable({}, {__tostring = error})) end) end",
    "many coroutines": "while true do coroutine.wrap(function() coroutine.yield() end)() end",
    "coroutine in coroutine": "local function f() coroutine.wrap(f)() end while true do pcall(f) end",
    "rep of 1e9": "string.rep('x', 1e9)",
    "rep with separator": "string.rep('x', 1e6, string.rep('y', 1e6))",
    "format": "local s = ('x'):rep(1e6) while true do string.format('%s%s', s, s) end",
    "gsub pattern": "(('a'):rep(3000)):gsub('.-.-.-b', '')",
    "gmatch": "while true do for w in (('a b '):rep(1000)):gmatch('%a+') do end end",
    "plain find": "local s = ('a'):rep(1e6) while true do s:find(('a'):rep(500) .. 'b', 1, true) end",
    "deep recursion": "local function f() return 1 + f() end while true do pcall(f) end",
    "a table of a million": "local t = {} for i = 1, 1e6 do t[i] = {i} end",
    "a million keys": "local t = {} for i = 1, 1e6 do t['k' .. i] = i end",
    "unpack": "local t = {} for i = 1, 7000 do t[i] = i end while true do select('#', unpack(t)) end",
    "load in a loop": "while true do load(('local a = 1 '):rep(1000)) end",
    "tostring": "tostring(setmetatable({}, {__tostring = function() while true do end end}))",
}


def as_one():
    """The text of one rule that is all of them: path /0 runs the first, and so on."""
    return "\n".join(f'if http.getPath() == "/{number}" then {text} end'
                     for number, text in enumerate(RULES.values()))
