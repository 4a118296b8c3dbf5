-- The completion rule of the virtual server `rules` in t/fuzz/exchange.c.
-- SPDX-License-Identifier: Apache-2.0
if http.getPath() == "/later" then
	connection.sleep(100)
end
