-- The rule of the virtual server `rules` in t/fuzz/exchange.c: paths say what it does.
-- SPDX-License-Identifier: Apache-2.0
local path = http.getPath()
if path == "/wait" then
	connection.sleep(100)
elseif path == "/answer" then
	http.sendResponse(200, "text/plain", "an answer of the rule", "X-Rule: 1\r\n")
elseif path == "/discard" then
	connection.discard()
elseif path == "/fail" then
	error("the rule fails")
elseif path == "/once" then
	pool.use("once")
elseif path == "/clear" then
	pool.use("clear")
end
-- To read a body changes nothing for whoever gets it.
if path:find("[13579]$") then
	pcall(http.getBody)
elseif path:find("[26]$") then
	http.getBody(3)
end
http.setHeader("X-Rule", "1")
