-- The response rule of the virtual server `rules` in t/fuzz/exchange.c.
-- SPDX-License-Identifier: Apache-2.0
if http.getPath() == "/later" then
	connection.sleep(100)
elseif http.getPath() == "/fail-later" then
	error("the response rule fails")
end
if http.getPath():find("[12569]$") then
	pcall(http.getResponseBody)
elseif http.getPath():find("[37]$") then
	http.getResponseBody(3)
end
http.setResponseHeader("X-Answer", "1")
