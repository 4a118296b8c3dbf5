-- The response rule of the virtual server `rewrite` in t/fuzz/exchange.c; see rewrite.lua.
-- SPDX-License-Identifier: Apache-2.0
if http.getResponseCode() == 101 then
	return
end
local number = tonumber(http.getPath():match("%d?%d$")) or 0
local op = number % 7
local mark = http.getResponseHeader("X-Mark")
local lines = "X-Op: " .. op .. "\r\n" .. (mark and "X-Mark: " .. mark .. "\r\n" or "")

-- Everything in capitals, in pieces that `more` reads.
local function stream(more)
	http.stream.startResponse(200, nil, nil, lines)
	repeat
		local piece = more()
		http.stream.writeResponse(piece:upper())
	until piece == ""
	http.stream.finishResponse()
end

http.setResponseHeader("X-Op", tostring(op))
if op == 1 then
	http.setResponseBody("another answer")
elseif op == 2 then
	http.setResponseBody(http.getResponseBody():upper(), "chunked")
elseif op == 3 then
	stream(function() return http.stream.readResponse(7) end)
elseif op == 4 then
	http.stream.startResponse(200, nil, nil, lines)
	http.stream.writeResponse("<" .. http.stream.readResponse(5))
	http.stream.continueFromBackend(">")
elseif op == 5 then
	local body = http.getResponseBody():upper()
	http.stream.startResponse(200, nil, #body, lines)
	http.stream.finishResponse(body)
elseif op == 6 then
	stream(function() return http.stream.readBulkResponse(50, "e") end)
end
