-- The request rule of the virtual server `rewrite` in t/fuzz/exchange.c: the number at the end of the path
-- says what it puts in the place of a body. It tells so, and rewrite.c does the same.
-- SPDX-License-Identifier: Apache-2.0
local number = tonumber(http.getPath():match("%d?%d$")) or 0
local op = number % 8
http.setHeader("X-Op", tostring(op))
if op == 1 then
	http.setBody("")
elseif op == 2 then
	http.setBody("another body")
elseif op == 3 then
	http.setBody(("a long one "):rep(200))
elseif op == 4 then
	http.setBody(http.getBody():upper())
elseif op == 5 then
	http.setBody(http.getBody(3) .. "!")
elseif op == 6 then
	http.stream.startResponse(200, "text/plain", nil, "X-Op: 6\r\n")
	for _ = 1, 3 do
		http.stream.writeResponse(("piece by piece "):rep(50))
	end
	http.stream.finishResponse("the end")
elseif op == 7 then
	http.sendResponse(200, "text/plain", http.getBody(), "X-Op: 7\r\n")
end
