-- What `require "test"` gives to the test files of `weir test`; docs/testing.md says how to use it.
-- A case becomes a configuration and the bytes of a request; the engine (core/test/) runs them as a
-- worker would and tells what happened; here that is held against what the case expects.
-- SPDX-License-Identifier: Apache-2.0
local test = {}

local FIELDS = {
	given = {
		"answers", "check", "configuration", "completion_rules", "expect", "nodes", "pool", "pools",
		"request", "request_rules", "response", "response_rules", "seed", "steps", "time",
		"virtual_server",
	},
	step = { "answers", "check", "connection", "expect", "later", "nodes", "request", "response" },
	request = {
		"accepted", "body", "client", "destination", "headers", "host", "method", "raw", "url",
	},
	response = { "body", "close", "headers", "raw", "reason", "status" },
	expect = {
		"body", "calls", "error", "headers", "line", "log", "node", "outcome", "pool", "reason",
		"requests", "rule", "sent", "source", "status", "tries",
	},
	sent = { "body", "client", "destination", "headers", "method", "node", "url" },
}

-- An error of the test file, at the line that called us.
local function misuse(text)
	error(engine.place() .. ": " .. text, 0)
end

local function check_fields(value, kind, what)
	if type(value) ~= "table" then
		misuse(what .. ": expected a table, got " .. type(value))
	end
	local known = {}
	for _, name in ipairs(FIELDS[kind]) do
		known[name] = true
	end
	for name in pairs(value) do
		if not known[name] then
			misuse(what .. " has no field '" .. tostring(name) .. "'; there are "
				.. table.concat(FIELDS[kind], ", "))
		end
	end
end

local function merged(under, over)
	local both = {}
	for key, value in pairs(under or {}) do
		both[key] = value
	end
	for key, value in pairs(over or {}) do
		both[key] = value
	end
	return both
end

-- The keys of a table in order: what is made of it is the same every time.
local function keys_of(t)
	local keys = {}
	for key in pairs(t) do
		keys[#keys + 1] = key
	end
	table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
	return keys
end

---- matchers --------------------------------------------------------------------------------------

local matchers = setmetatable({}, { __mode = "k" })

-- Texts in which the Lua pattern is found.
function test.matches(pattern)
	local matcher = {
		fits = function(value) return type(value) == "string" and value:find(pattern) ~= nil end,
		words = string.format("a text that matches %q", pattern),
	}
	matchers[matcher] = true
	return matcher
end

-- Texts that hold this one.
function test.contains(part)
	local matcher = {
		fits = function(value) return type(value) == "string" and value:find(part, 1, true) ~= nil end,
		words = string.format("a text with %q in it", part),
	}
	matchers[matcher] = true
	return matcher
end

-- Several results, nil among them, as the answer to a call.
function test.results(...)
	return { n = select("#", ...), ... }
end

---- showing and comparing -------------------------------------------------------------------------

local function show(value, depth)
	if type(value) == "string" then
		return (string.format("%q", value):gsub("\\\n", "\\n"))
	elseif matchers[value] then
		return value.words
	elseif type(value) ~= "table" then
		return value == nil and "nothing" or tostring(value)
	elseif (depth or 0) > 5 then
		return "{...}"
	end
	local parts = {}
	for _, key in ipairs(keys_of(value)) do
		local name = type(key) == "number" and "" or tostring(key) .. " = "
		parts[#parts + 1] = name .. show(value[key], (depth or 0) + 1)
	end
	return "{" .. table.concat(parts, ", ") .. "}"
end

-- Adds to `failures` what is wrong with `got`. false expects nothing; a table, what stands in it.
local function compare(failures, path, expected, got)
	local fits
	if matchers[expected] then
		fits = expected.fits(got)
	elseif type(expected) == "function" then
		if not expected(got) then
			failures[#failures + 1] = path .. ": the test's function does not accept " .. show(got)
		end
		return
	elseif type(expected) == "table" and type(got) == "table" then
		for _, key in ipairs(keys_of(expected)) do
			local name = type(key) == "number" and "[" .. key .. "]" or "." .. tostring(key)
			compare(failures, path .. name, expected[key], got[key])
		end
		return
	elseif expected == false then
		fits = got == nil or got == false
	else
		fits = expected == got
	end
	if not fits then
		local wanted = expected == false and "nothing" or show(expected)
		failures[#failures + 1] = path .. ": expected " .. wanted .. ", got " .. show(got)
	end
end

-- A list must have as many items as are expected.
local function compare_list(failures, path, expected, got)
	if expected == false then
		expected = {}
	end
	if type(expected) ~= "table" or matchers[expected] then
		expected = { expected }
	end
	if #expected ~= #got then
		failures[#failures + 1] = path .. ": expected " .. #expected .. ", got " .. #got .. ": "
			.. show(got)
		return
	end
	compare(failures, path, expected, got)
end

---- messages --------------------------------------------------------------------------------------

local function has_header(headers, wanted)
	for name in pairs(headers) do
		if type(name) == "string" and name:lower() == wanted then
			return true
		end
	end
	return false
end

-- Lines in the order of names; a list of "Name: value" keeps its order.
local function add_headers(lines, headers)
	for _, name in ipairs(keys_of(headers)) do
		local values = headers[name]
		if type(name) == "number" then
			lines[#lines + 1] = values
		else
			for _, value in ipairs(type(values) == "table" and values or { values }) do
				lines[#lines + 1] = name .. ": " .. tostring(value)
			end
		end
	end
end

local function add_body(lines, headers, body)
	if body and not has_header(headers, "content-length")
		and not has_header(headers, "transfer-encoding") then
		lines[#lines + 1] = "Content-Length: " .. #body
	end
	return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end

local function request_bytes(r)
	if r.raw then
		return r.raw
	end
	local headers = r.headers or {}
	local method = r.method or (r.body and "POST" or "GET")
	local lines = { method .. " " .. (r.url or "/") .. " HTTP/1.1" }
	if r.host ~= false and not has_header(headers, "host") then
		lines[#lines + 1] = "Host: " .. (r.host or "www.example.com")
	end
	add_headers(lines, headers)
	return add_body(lines, headers, r.body)
end

local function response_bytes(r)
	if r.raw then
		return r.raw
	end
	local headers, status = r.headers or {}, r.status or 200
	local lines = { "HTTP/1.1 " .. status .. " " .. (r.reason or engine.statusWords(status)) }
	add_headers(lines, headers)
	local has_body = status >= 200 and status ~= 204 and status ~= 304 and not r.close
	return add_body(lines, headers, has_body and (r.body or "") or nil)
		.. (r.close and r.body or "")
end

---- the configuration -----------------------------------------------------------------------------

-- YAML's flow style, which is JSON's.
local function yaml(value)
	if type(value) == "string" then
		return '"' .. value:gsub('[%c"\\]', function(c)
			return string.format("\\u%04x", c:byte())
		end) .. '"'
	elseif type(value) ~= "table" then
		return tostring(value)
	end
	local parts = {}
	if #value > 0 then
		for i, item in ipairs(value) do
			parts[i] = yaml(item)
		end
		return "[" .. table.concat(parts, ", ") .. "]"
	end
	for _, key in ipairs(keys_of(value)) do
		parts[#parts + 1] = yaml(tostring(key)) .. ": " .. yaml(value[key])
	end
	return "{" .. table.concat(parts, ", ") .. "}"
end

local function pools_of(case)
	local pools = {}
	for name, pool in pairs(case.pools or { default = "192.0.2.80:80" }) do
		if type(pool) == "string" or (type(pool) == "table" and #pool > 0) then
			pool = { nodes = pool }
		end
		pools[name] = pool
	end
	return pools
end

local function default_pool(case, pools)
	local names = keys_of(pools)
	if case.pool == nil and #names > 1 then
		misuse("there are several pools: `pool` must say which is the default one")
	end
	return case.pool or names[1]
end

-- Absent when the case runs on the file that was given with -c.
local function configuration(case)
	local has_rules = case.request_rules or case.response_rules or case.completion_rules
	if not has_rules then
		if not engine.hasConfiguration() then
			misuse("the case names no rules, and there is no -c FILE whose rules it could run")
		end
		return nil, case.virtual_server
	end
	local pools = pools_of(case)
	local server = merged({ listen = "192.0.2.1:80" }, case.virtual_server)
	server.request_rules, server.response_rules = case.request_rules, case.response_rules
	server.completion_rules = case.completion_rules
	server.pool = default_pool(case, pools)
	return yaml(merged({
		rules_dir = engine.rulesDirectory(),
		pools = pools,
		virtual_servers = { test = server },
	}, case.configuration))
end

---- running ---------------------------------------------------------------------------------------

local function set_nodes(case)
	local usual = case.response or {}
	check_fields(usual, "response", "`response`")
	engine.reply("", response_bytes(usual), usual.close or false)
	for address, what in pairs(case.nodes or {}) do
		if type(what) == "string" then
			if not engine.node(address, what) then
				misuse("a node can be failed, draining, disabled or refuses, not '" .. what .. "'")
			end
		else
			for _, reply in ipairs(#what > 0 and what or { what }) do
				check_fields(reply, "response", "the answer of a node")
				engine.reply(address, response_bytes(reply), reply.close or false)
			end
		end
	end
end

local function answer_to(got, given, ...)
	if type(given) == "function" then
		local results = test.results(pcall(given, ...))
		if results[1] then
			return unpack(results, 2, results.n)
		end
		got.trouble[#got.trouble + 1] = "the test's answer failed: " .. tostring(results[2])
		return nil
	elseif type(given) == "table" then
		return unpack(given, 1, given.n or table.maxn(given))
	end
	return given
end

-- Answers calls until something else happens.
local function go_on(case, got, event, name, place, ...)
	if event ~= "call" then
		return event, name
	end
	got.calls[#got.calls + 1] = { name, place = place, ... }
	return go_on(case, got, engine.answer(answer_to(got, case.answers[name], ...)))
end

-- Header lines by lower-case name; several of one name are joined, but for Set-Cookie's: a list.
local function by_name(list)
	local headers = {}
	for _, header in ipairs(list or {}) do
		local name = header.name:lower()
		local before = headers[name]
		if name == "set-cookie" then
			headers[name] = before or {}
			table.insert(headers[name], header.value)
		else
			headers[name] = before and before .. ", " .. header.value or header.value
		end
	end
	return headers
end

local function sort_lines(got, lines)
	got.log, got.errors, got.messages = {}, {}, {}
	for _, line in ipairs(lines) do
		local rule, number, text = line.text:match("^rule '([^']*)' line (%d+): (.*)$")
		local failed, why = line.text:match("^rule '([^']*)' failed: (.*)$")
		if rule then
			got.log[#got.log + 1] = { rule = rule, line = tonumber(number), text = text,
				level = line.level }
		elseif failed then
			got.errors[#got.errors + 1] = why
		else
			got.messages[#got.messages + 1] = line.text
		end
	end
end

-- Runs the case or a step of one. `again`: by the connection that is there.
local function run(case, again)
	local got = { calls = {}, trouble = {} }
	set_nodes(case)
	for name in pairs(case.answers or {}) do
		if not engine.answers(name) then
			misuse("there is no function '" .. tostring(name) .. "' that could be answered")
		end
	end
	local r = case.request or {}
	local destination = r.destination or "192.0.2.1:80"
	local client = r.client or "198.51.100.7:40000"
	local event, seen = go_on(case, got,
		engine.send(request_bytes(r), client, destination, r.accepted or destination, again))
	for key, value in pairs(seen) do
		got[key] = value
	end
	got.headers = by_name(got.headers)
	for _, request in ipairs(got.requests) do
		request.headers = by_name(request.headers)
	end
	got.sent = got.requests[#got.requests]
	sort_lines(got, got.lines)
	if event == "stuck" then
		got.trouble[#got.trouble + 1] = "it did not end: something waits for what never comes"
	end
	return got
end

---- judging ---------------------------------------------------------------------------------------

local function lower_names(headers)
	local lower = {}
	for name, value in pairs(headers) do
		lower[name:lower()] = value
	end
	return lower
end

-- A list is compared with the lines of Set-Cookie, a single value with all of them that there are.
local function compare_headers(failures, path, expected, got)
	for name, value in pairs(lower_names(expected)) do
		local found = got[name]
		if type(found) == "table" and (type(value) ~= "table" or matchers[value]) then
			found = table.concat(found, ", ")
		end
		compare(failures, path .. "." .. name, value, found)
	end
end

local function compare_sent(failures, path, expected, got)
	if expected == false or got == nil then
		return compare(failures, path, expected, got)
	end
	check_fields(expected, "sent", "`" .. path .. "`")
	local rest = merged(expected)
	rest.headers = nil
	compare(failures, path, rest, got)
	compare_headers(failures, path .. ".headers", expected.headers or {}, got.headers)
end

local function texts_of(log)
	local texts = {}
	for i, line in ipairs(log) do
		texts[i] = line.text
	end
	return texts
end

-- Errors of rules are failures, unless they were expected.
local function compare_errors(failures, expected, got)
	local all = table.concat(got.errors, "\n")
	if not expected then
		for _, text in ipairs(got.errors) do
			failures[#failures + 1] = "error: " .. text
		end
	elseif #got.errors == 0 then
		failures[#failures + 1] = "error: expected " .. show(expected) .. ", got none"
	else
		local wanted = type(expected) == "string" and test.contains(expected) or expected
		compare(failures, "error", wanted, all)
	end
end

local compare_field = {
	calls = function(failures, expected, got) compare_list(failures, "calls", expected, got.calls) end,
	headers = function(failures, expected, got)
		compare_headers(failures, "headers", expected, got.headers)
	end,
	log = function(failures, expected, got)
		compare_list(failures, "log", expected, texts_of(got.log))
	end,
	sent = function(failures, expected, got) compare_sent(failures, "sent", expected, got.sent) end,
	requests = function(failures, expected, got)
		if #expected ~= #got.requests then
			return compare_list(failures, "requests", expected, got.requests)
		end
		for i, request in ipairs(expected) do
			compare_sent(failures, "requests[" .. i .. "]", request, got.requests[i])
		end
	end,
	error = function() end,
}

local function judge(case, got)
	local failures = {}
	local expect = case.expect or {}
	for _, line in ipairs(got.unanswered) do
		failures[#failures + 1] = "a wait that the test does not answer: " .. line.text
	end
	for _, text in ipairs(got.trouble) do
		failures[#failures + 1] = text
	end
	if #got.unanswered == 0 then
		compare_errors(failures, expect.error, got)
	end
	for _, field in ipairs(keys_of(expect)) do
		if compare_field[field] then
			compare_field[field](failures, expect[field], got)
		else
			compare(failures, field, expect[field], got[field])
		end
	end
	if case.check then
		local ok, why = pcall(case.check, got)
		if not ok then
			failures[#failures + 1] = "check: " .. tostring(why)
		end
	end
	return failures
end

---- what test files call --------------------------------------------------------------------------

local given = {}

-- What holds for all cases that follow in this file, where they do not say otherwise.
function test.given(defaults)
	check_fields(defaults, "given", "test.given")
	given = defaults
end

-- The steps, one after the other, in one world. Gives what was seen of the last, and failures.
local function run_steps(name, case)
	local failures, got = {}, nil
	for number, step in ipairs(case.steps) do
		local what = "'" .. name .. "': step " .. number
		check_fields(step, "step", what)
		local whole = merged(case, step)
		whole.request = merged(case.request, step.request)
		check_fields(whole.request, "request", what .. ": `request`")
		check_fields(whole.expect or {}, "expect", what .. ": `expect`")
		local connection = step.connection or "new"
		if connection ~= "same" and connection ~= "new" then
			misuse(what .. ": `connection` is \"same\" or \"new\"")
		end
		if number > 1 then
			engine.forget()
		end
		if step.later then
			engine.pass(step.later)
		end
		got = run(whole, number > 1 and connection == "same")
		for _, text in ipairs(judge(whole, got)) do
			failures[#failures + 1] = "step " .. number .. ": " .. text
		end
	end
	return got, failures
end

-- Runs one case. Gives what was seen of it, nil when it could not be opened.
function test.case(name, case)
	if type(name) ~= "string" then
		misuse("test.case: the first argument is the case's name")
	end
	check_fields(case, "given", "'" .. name .. "'")
	local whole = merged(given, case)
	whole.request = merged(given.request, case.request)
	check_fields(whole.request, "request", "'" .. name .. "': `request`")
	check_fields(whole.expect or {}, "expect", "'" .. name .. "': `expect`")
	local place = engine.place()
	local ok, reason = engine.open(configuration(whole))
	if not ok then
		engine.report(name, place, "the case cannot be opened: " .. reason)
		return nil
	end
	if whole.time then
		engine.time(whole.time)
	end
	if whole.seed then
		engine.seed(whole.seed)
	end
	local got, failures
	if whole.steps then
		if type(whole.steps) ~= "table" or #whole.steps == 0 then
			misuse("'" .. name .. "': `steps` is a list of requests")
		end
		got, failures = run_steps(name, whole)
	else
		got = run(whole, false)
		failures = judge(whole, got)
	end
	engine.close()
	engine.report(name, place, #failures > 0 and table.concat(failures, "\n") or nil)
	return got
end

return test
