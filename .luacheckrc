-- SPDX-License-Identifier: Apache-2.0
-- What a rule sees: Lua's own without files, processes, bytecode and debug, and weir's families.
-- Their functions are known to `weir check`, which also knows the phase; here any name will do.
local any = { other_fields = true }

stds.rule = {
    read_globals = {
        -- Lua's own
        string = any, table = any, math = any, bit = any, coroutine = any,
        os = { fields = { "time", "date", "clock", "difftime" } },
        "assert", "error", "getmetatable", "ipairs", "load", "next", "pairs", "pcall", "rawequal",
        "rawget", "rawset", "require", "select", "setmetatable", "tonumber", "tostring", "type",
        "unpack", "xpcall",
        -- weir's
        auth = any, connection = any, counter = any, data = any, geo = any, http = any, json = any, jwt = any,
        log = any, net = any, pool = any, rate = any, recentconns = any, request = any,
        resource = any, response = any, rule = any, slm = any, ssl = any, sys = any, tcp = any,
        udp = any, xml = any,
    },
}
std = "rule"
max_line_length = 100

-- What the module of test files is built on.
files["lua/test.lua"] = { read_globals = { engine = any } }

-- Editor stubs declare the families: functions without bodies.
files["lua/weir.lua"] = { std = "luajit", ignore = { "111", "112", "121", "122", "142", "212" } }
