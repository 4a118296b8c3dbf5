-- The response rule of the virtual server `rules` in t/fuzz/exchange.c.
-- SPDX-License-Identifier: Apache-2.0
if http.getPath() == "/later" then
	connection.sleep(100)
elseif http.getPath() == "/fail-later" then
	error("the response rule fails")
end
http.setResponseHeader("X-Answer", "1")
