-- What a rule sees: Lua's own libraries where they are harmless, wrapped where they are not, and
-- the families of functions for rules. Runs once per worker; what it makes is read-only for rules.
--
-- This file is instrumented like a rule, so its own loops and calls are paid for by who runs them.
-- Frames of it are left out of positions and tracebacks. Where a wrapper only charges and goes on,
-- it ends in a tail call: an error of Lua's then still names the rule's own line. One file, long as
-- it is: everything in it closes over the same few functions that rules must not reach.
-- SPDX-License-Identifier: Apache-2.0
local env, lua, host, functions = ...

local error, next, pcall, rawset, select = lua.error, lua.next, lua.pcall, lua.rawset, lua.select
local setmetatable, tonumber, tostring = lua.setmetatable, lua.tonumber, lua.tostring
local type, unpack = lua.type, lua.unpack
local spend, make_room, check, settle, find, scan, concat =
	host.spend, host.make_room, host.check, host.settle, host.find, host.scan, host.concat
local WAIT, RAISE, GO_ON, go_on = host.WAIT, host.RAISE, host.GO_ON, host.go_on

-- A string operation up to this size costs no more than the call itself.
local SMALL = 1024

-- Pays for going through `bytes` of text.
local function charge(bytes)
	if bytes > SMALL then
		spend(bytes / 256)
	end
end

-- What stands around every `..` of a rule. Small strings are looked at with the next slice.
env["\194\183fit"] = function(s)
	if type(s) == "string" and #s > 16384 then
		check(#s)
	end
	return s
end

-- Pays for handling `count` values.
local function charge_items(count)
	if count > 16 then
		spend(count / 16)
	end
end

-- Raises the error of Lua's own functions, at the line of the one that called our caller.
local function bad_argument(n, name, wanted, value)
	local got = value == nil and "no value" or type(value)
	local found = wanted .. " expected, got " .. got
	error("bad argument #" .. n .. " to '" .. name .. "' (" .. found .. ")", 3)
end

---- read-only tables ------------------------------------------------------------------------------

-- What stands behind each read-only table that rules hold.
local behind = setmetatable({}, { __mode = "k" })

local function named(name, key)
	return "'" .. name .. (name == "" and "" or ".") .. tostring(key) .. "'"
end

local READ_ONLY = ": what rules are given is read-only"

local function read_only(real, name, call)
	local view = {}
	behind[view] = real
	return setmetatable(view, {
		__index = function(_, key)
			local value = real[key]
			if value == nil then
				error("unknown name " .. named(name, key), 2)
			end
			return value
		end,
		__newindex = function(_, key)
			error("cannot change " .. named(name, key) .. READ_ONLY, 2)
		end,
		__call = call and function(_, ...) return call(...) end or nil,
		__metatable = false,
	})
end

---- errors and waits that a rule cannot keep ------------------------------------------------------

local function settled(ok, ...)
	if not ok then
		return false, settle(...)
	end
	return true, ...
end

function env.pcall(f, ...)
	return settled(pcall(f, ...))
end

local function handled(handler, ok, ...)
	if ok then
		return true, ...
	end
	-- After the stack is unwound: what a handler can see is the same, and it may wait.
	return false, select(2, settled(pcall(handler, settle(...))))
end

function env.xpcall(f, handler, ...)
	return handled(handler, pcall(f, ...))
end

local co_create, co_resume = lua.coroutine.create, lua.coroutine.resume
local co_yield = lua.coroutine.yield
local co_running = host.running
-- How deep in coroutines each coroutine was resumed (each costs C stack), and which were left in a
-- wait that never ended, because their run was over.
local depths = setmetatable({}, { __mode = "k" })
local parked = setmetatable({}, { __mode = "k" })
local DEEPEST = 100

local function passed(co, ok, ...)
	if not ok then
		return false, settle(...)
	end
	if ... ~= WAIT then
		return true, ...
	end
	parked[co] = true
	return co, co_yield(WAIT)
end

-- A wait inside goes out to the run, and what comes back goes in again, any number of times.
local function resumed(co, ...)
	if ... ~= co then
		return ...
	end
	parked[co] = nil
	return resumed(co, passed(co, co_resume(co, select(2, ...))))
end

local function resume(co, ...)
	if type(co) ~= "thread" then
		error("bad argument #1 to 'resume' (coroutine expected)", 2)
	end
	if parked[co] then
		return false, "cannot resume a coroutine that waits in a run that is over"
	end
	local running = co_running()
	local depth = 1 + (running and depths[running] or 0)
	if depth > DEEPEST then
		return false, "too many nested coroutines"
	end
	depths[co] = depth
	return resumed(co, passed(co, co_resume(co, ...)))
end

local function wrapped(ok, ...)
	if not ok then
		local reason = ...
		local has_place = type(reason) ~= "string" or find(reason, "^[^\n]*:%d+: ")
		error(reason, has_place and 0 or 2)
	end
	return ...
end

local coroutine = {
	create = co_create,
	resume = function(co, ...) return resume(co, ...) end,
	running = co_running,
	status = lua.coroutine.status,
	yield = host.yield,
	isyieldable = function() return co_running() ~= nil end,
	wrap = function(f)
		if type(f) ~= "function" then
			bad_argument(1, "wrap", "function", f)
		end
		local co = co_create(f)
		return function(...)
			return wrapped(resume(co, ...))
		end
	end,
}

---- strings ---------------------------------------------------------------------------------------

local raw = lua.string
local byte, format, lower, rep = raw.byte, raw.format, raw.lower, raw.rep
local reverse, sub, upper = raw.reverse, raw.sub, raw.upper

local function length(s)
	return type(s) == "string" and #s or 0
end

-- How long the texts among the values are, and whether there is a table.
local function measure(n, bytes, has_table, first, ...)
	if n == 0 then
		return bytes, has_table
	end
	return measure(n - 1, bytes + length(first), has_table or type(first) == "table", ...)
end

-- Tables as text: a __tostring called from inside of format could not wait.
local function texts(n, first, ...)
	if n == 0 then
		return
	end
	if type(first) == "table" then
		first = tostring(first)
	end
	return first, texts(n - 1, ...)
end

local string = {
	char = raw.char,
	find = find,
	len = raw.len,
	match = host.match,
}

function string.sub(s, i, j)
	charge(length(s))
	return sub(s, i, j)
end

function string.byte(s, i, j)
	if j then
		charge_items((tonumber(j) or 0) - (tonumber(i) or 0))
	end
	return byte(s, i, j)
end

-- A text longer than this is gone through piece by piece, so that others have turns in between.
local PIECE = 65536

-- `f` of a long text, which is that of its pieces; from the last to the first if `is_reverse`.
local function in_parts(f, s, is_reverse)
	local parts, count = {}, (#s - 1) / PIECE
	count = count - count % 1
	for i = 0, count do
		local at = (is_reverse and count - i or i) * PIECE
		spend(PIECE / 256)
		parts[i + 1] = f(sub(s, at + 1, at + PIECE))
	end
	return concat(parts)
end

function string.upper(s)
	if length(s) > PIECE then
		return in_parts(upper, s)
	end
	charge(length(s))
	return upper(s)
end

function string.lower(s)
	if length(s) > PIECE then
		return in_parts(lower, s)
	end
	charge(length(s))
	return lower(s)
end

function string.reverse(s)
	if length(s) > PIECE then
		return in_parts(reverse, s, true)
	end
	charge(length(s))
	return reverse(s)
end

function string.rep(s, n, separator)
	local bytes = (length(s) + length(separator)) * (tonumber(n) or 0)
	if bytes > SMALL then
		make_room(bytes)
		charge(bytes)
	end
	return rep(s, n, separator)
end

-- Both are gone through byte by byte, in one go: a format, and a text for %q.
local function check_format(text, bytes)
	if length(text) > PIECE then
		error("bad argument #1 to 'format' (at most " .. PIECE .. " bytes expected)", 3)
	end
	local plain = bytes > PIECE and type(text) == "string" and host.gsub_text(text, "%%%%", "")
	if plain and find(plain, "%%[-+ #0-9.]*q") then
		error("bad argument to 'format' (at most " .. PIECE .. " bytes expected for %q)", 3)
	end
end

function string.format(text, ...)
	local n = select("#", ...)
	local bytes, has_table = measure(n, length(text), false, ...)
	if bytes > SMALL then
		check_format(text, bytes)
		make_room(bytes)
		charge(bytes)
	end
	if has_table then
		return format(text, texts(n, ...))
	end
	return format(text, ...)
end

-- `value` as text, or the error that Lua's own function would raise.
local function text_argument(value, n, name)
	local kind = type(value)
	if kind ~= "string" and kind ~= "number" then
		local got = value == nil and "no value" or kind
		error("bad argument #" .. n .. " to '" .. name .. "' (string expected, got " .. got .. ")", 3)
	end
	return tostring(value)
end

function string.gmatch(s, pattern)
	local at = 1
	s, pattern = text_argument(s, 1, "gmatch"), text_argument(pattern, 2, "gmatch")
	local function step(first, last, ...)
		if first == nil then
			at = nil
			return nil
		end
		-- An empty match does not move on by itself.
		at = last >= first and last + 1 or first + 1
		return ...
	end
	return function()
		if at == nil then
			return nil
		end
		return step(scan(s, pattern, at))
	end
end

local function replaced(kind, with, whole, first, ...)
	local value
	if kind == "table" then
		value = with[first]
	else
		value = with(first, ...)
	end
	if not value then
		return whole
	end
	if type(value) ~= "string" and type(value) ~= "number" then
		error("invalid replacement value (a " .. type(value) .. ")", 0)
	end
	return value
end

-- By hand, so that a replacement function may wait.
local function gsub_with(kind, s, pattern, with, most)
	local parts, count, done, at = {}, 0, 1, 1
	local anchored = sub(pattern, 1, 1) == "^"
	local function step(first, last, ...)
		if first == nil then
			return false
		end
		count = count + 1
		parts[#parts + 1] = sub(s, done, first - 1)
		parts[#parts + 1] = replaced(kind, with, sub(s, first, last), ...)
		done = last + 1
		at = last >= first and done or first + 1
		return not anchored
	end
	while count < most and at <= #s + 1 and step(scan(s, pattern, at, true)) do
		if #parts > 4000 then
			parts = { concat(parts) }
		end
	end
	parts[#parts + 1] = sub(s, done)
	return concat(parts), count
end

function string.gsub(s, pattern, with, most)
	local kind = type(with)
	if kind ~= "table" and kind ~= "function" then
		return host.gsub_text(s, pattern, with, most)
	end
	s, pattern = text_argument(s, 1, "gsub"), text_argument(pattern, 2, "gsub")
	return gsub_with(kind, s, pattern, with, tonumber(most) or lua.math.huge)
end

---- tables ----------------------------------------------------------------------------------------

local table = {}

-- Items that are put together at a time.
local ITEMS = 1024

-- As table.concat: a long table is put together piece by piece, and then those.
function table.concat(t, separator, first, last)
	local from, to = first or 1, last or type(t) == "table" and #t
	local is_long = type(from) == "number" and type(to) == "number" and to - from >= ITEMS
	if not is_long or type(separator or "") ~= "string" then
		return concat(t, separator, first, last)
	end
	local parts = {}
	for i = from, to, ITEMS do
		parts[#parts + 1] = concat(t, separator, i, i + ITEMS <= to and i + ITEMS - 1 or to)
	end
	return table.concat(parts, separator)
end

function table.insert(t, ...)
	if select("#", ...) > 1 and type(t) == "table" then
		charge_items(#t - (tonumber((...)) or 0))
	end
	return lua.table.insert(t, ...)
end

function table.remove(t, ...)
	if select("#", ...) > 0 and type(t) == "table" then
		charge_items(#t - (tonumber((...)) or 0))
	end
	return lua.table.remove(t, ...)
end

function table.maxn(t)
	local most = 0
	for key in next, t do
		if type(key) == "number" and key > most then
			most = key
		end
	end
	return most
end

local function is_less(a, b)
	return a < b
end

-- Without a function, mixed values cannot be compared; said at the caller's line.
local function check_comparable(t, n)
	local kind = type(t[1])
	for i = 1, n do
		local other = type(t[i])
		if other ~= kind or (kind ~= "number" and kind ~= "string" and kind ~= "table") then
			local what = other == kind and "two " .. kind .. " values" or kind .. " with " .. other
			error("attempt to compare " .. what, 3)
		end
	end
end

local function sift(t, less, at, last)
	local value = t[at]
	while at * 2 <= last do
		local child = at * 2
		if child < last and less(t[child], t[child + 1]) then
			child = child + 1
		end
		if not less(value, t[child]) then
			break
		end
		t[at] = t[child]
		at = child
	end
	t[at] = value
end

local function insertion_sort(t, less, n)
	for i = 2, n do
		local value, at = t[i], i
		while at > 1 and less(value, t[at - 1]) do
			t[at] = t[at - 1]
			at = at - 1
		end
		t[at] = value
	end
end

-- In Lua, so that every comparison is a step and may wait; heap sort has no bad case.
function table.sort(t, less)
	if type(t) ~= "table" then
		bad_argument(1, "sort", "table", t)
	end
	local n = #t
	if less == nil then
		check_comparable(t, n)
		less = is_less
	elseif type(less) ~= "function" then
		bad_argument(2, "sort", "function", less)
	end
	if n <= 16 then
		return insertion_sort(t, less, n)
	end
	for at = n / 2 - n / 2 % 1, 1, -1 do
		sift(t, less, at, n)
	end
	for last = n, 2, -1 do
		t[1], t[last] = t[last], t[1]
		sift(t, less, 1, last - 1)
	end
end

function env.unpack(t, i, j)
	if type(t) == "table" then
		charge_items((tonumber(j) or #t) - (tonumber(i) or 1))
	end
	return unpack(t, i, j)
end

---- the rest of Lua's own -------------------------------------------------------------------------

for _, name in lua.ipairs({
	"assert", "error", "getmetatable", "ipairs", "next", "rawequal", "rawget", "select",
	"setmetatable", "tostring", "type",
}) do
	env[name] = lua[name]
end

-- No number is as long as that, and LuaJIT would go through all of it.
local DIGITS = 1000

function env.tonumber(...)
	local value = ...
	if type(value) == "string" and #value > DIGITS then
		return nil
	end
	return tonumber(...)
end

function env.rawset(t, key, value)
	if behind[t] then
		error("cannot change " .. named("", key) .. READ_ONLY, 2)
	end
	return rawset(t, key, value)
end

-- The read-only tables can be walked through, without handing out what stands behind them.
function env.pairs(t)
	local real = behind[t]
	if real == nil then
		return lua.pairs(t)
	end
	return function(_, key)
		return next(real, key)
	end, t, nil
end

-- LuaJIT's own, under the rules of this state: text only, no other environment.
function env.load(text, name, mode, other)
	if type(text) == "function" then
		local parts, part = {}, text()
		while part ~= nil and part ~= "" do
			parts[#parts + 1] = part
			part = text()
		end
		text = concat(parts)
	end
	if type(text) ~= "string" then
		bad_argument(1, "load", "string", text)
	end
	if other ~= nil then
		error("bad argument #4 to 'load' (rules have one environment)", 2)
	end
	if mode ~= nil and not lua.string.find(tostring(mode), "t", 1, true) then
		return nil, "attempt to load chunk (only text is loaded)"
	end
	name = type(name) == "string" and lua.string.gsub(name, "^[=@]", "") or "load"
	return host.load(text, name)
end

-- What modules gave, and which run loads them, of the set of rules that the running one is of.
local modules = host.modules

-- A module that is being loaded by a run that waits is no circle: this run loads it for itself.
local function module_value(name, chunk)
	local loaded, loading = modules.loaded, modules.loading
	loading[name] = host.run_number()
	local ok, value = settled(pcall(chunk, name))
	loading[name] = nil
	if not ok then
		error(value, 0)
	end
	if loaded[name] == nil then
		loaded[name] = value == nil and true or value
	end
	return loaded[name]
end

function env.require(name)
	if type(name) ~= "string" then
		bad_argument(1, "require", "string", name)
	end
	local value = modules.loaded[name]
	if value ~= nil then
		return value
	end
	if modules.loading[name] == host.run_number() then
		error("module '" .. name .. "' requires itself in a circle", 2)
	end
	local chunk, reason = host.module(name)
	if not chunk then
		error(reason, 2)
	end
	return module_value(name, chunk)
end

---- the environment -------------------------------------------------------------------------------

local libraries = {
	string = string,
	table = table,
	coroutine = coroutine,
	math = {},
	bit = {},
	os = {},
}
for name, value in next, lua.math do
	libraries.math[name] = value
end
for name, value in next, lua.bit do
	libraries.bit[name] = value
end

-- LuaJIT's own, called without an argument, take for one what an earlier call left on the stack.
local floor, ceil = lua.math.floor, lua.math.ceil

function libraries.math.floor(x)
	return floor(x)
end

function libraries.math.ceil(x)
	return ceil(x)
end

for _, name in lua.ipairs({ "clock", "difftime" }) do
	libraries.os[name] = lua.os[name]
end

-- The clock is weir's: a test can set it.
function libraries.os.time(parts)
	if parts == nil then
		return host.now()
	end
	return lua.os.time(parts)
end

-- What a format makes can be many times as long as it is.
function libraries.os.date(text, when)
	if length(text) > 256 then
		error("bad argument #1 to 'date' (at most 256 bytes expected, got " .. #text .. ")", 2)
	end
	return lua.os.date(text, when == nil and host.now() or when)
end

local function arrived(...)
	if (...) == RAISE then
		error(select(2, ...), 0)
	end
	return ...
end

-- A function that may wait: an error found only after the wait is raised where the call stands.
local function waiting(call)
	return function(...)
		return arrived(call(...))
	end
end

-- What a piece of work gave: its results, or, for the next piece, all that it had on its stack. The
-- step that this function begins with is where others have a turn.
local function worked(...)
	if (...) ~= GO_ON then
		return ...
	end
	return worked(go_on(select(2, ...)))
end

-- A function whose work may be long.
local function in_pieces(call)
	return function(...)
		return worked(call(...))
	end
end

-- The middle dot of hidden names, see core/rule/rule_private.h.
local DOT = "\194\183"
local families = {} -- "connection.data" to its table
local callable = {} -- "rate.use" to what it does when called

local function family(path)
	local found = families[path]
	if found == nil then
		found = libraries[path] or {}
		families[path] = found
	end
	return found
end

-- Puts `value` at `path`, making the families on the way.
local function place(path, value)
	local above = lua.string.match(path, "^(.*)%.[^.]*$")
	local name = lua.string.match(path, "[^.]*$")
	if above then
		if family(above)[name] ~= nil then
			error("'" .. path .. "' is there already")
		end
		family(above)[name] = value
		env[lua.string.gsub(path, "%.", DOT)] = value
		local upper_family = lua.string.match(above, "^(.*)%.[^.]*$")
		while upper_family do
			family(upper_family)
			upper_family = lua.string.match(upper_family, "^(.*)%.[^.]*$")
		end
	else
		env[name] = value
	end
end

for name, library in next, libraries do
	families[name] = library
	for key, value in next, library do
		env[name .. DOT .. key] = value
		host.know(name .. "." .. key, type(value) == "function")
	end
end
for _, row in lua.ipairs(functions) do
	local path, call, statement, waits, is_long = unpack(row)
	if is_long then
		call, statement = in_pieces(call), in_pieces(statement)
	end
	if waits then
		call, statement = waiting(call), waiting(statement)
	end
	place(path, call)
	callable[path] = call
	env[lua.string.gsub(path, "%.", DOT) .. DOT] = statement
end

-- From the innermost family outwards, each becomes read-only in the one above it.
local paths = {}
for path in next, families do
	paths[#paths + 1] = path
end
lua.table.sort(paths, function(a, b) return #a > #b end)
for _, path in lua.ipairs(paths) do
	local view = read_only(families[path], path, callable[path])
	local above, name = lua.string.match(path, "^(.*)%.([^.]*)$")
	if above then
		families[above][name] = view
	else
		env[path] = view
	end
end

local globals = {}
for name, value in next, env do
	if not lua.string.find(name, DOT, 1, true) then
		globals[name] = value
		host.know(name, type(value) == "function" or callable[name] ~= nil)
	end
end
env._VERSION = lua._VERSION
globals._VERSION = lua._VERSION
host.know("_VERSION", false)
env._G = read_only(globals, "")
globals._G = env._G
host.know("_G", false)

-- Methods of strings; the metatable itself stays ours.
local of_strings = lua.getmetatable("")
of_strings.__index = string
of_strings.__metatable = false
