-- SPDX-License-Identifier: Apache-2.0
-- rules/rewrite-html.lua: the old application writes the name it had inside into its pages, and
-- visitors see the one it has now. In pieces, so a page of a gigabyte takes no more memory.
-- Attach it as a response rule.
local kind = http.getResponseHeader("Content-Type") or ""
if kind:find("^text/html") and http.getMethod() ~= "HEAD" then
    local headers = http.getResponseHeaders()
    for _, name in ipairs { "content-type", "content-length", "content-encoding", "connection",
        "transfer-encoding", "keep-alive", "etag" } do
        headers[name] = nil -- of the page as it was
    end
    http.stream.startResponse(http.getResponseCode(), kind, nil, headers)
    repeat -- each piece ends with a tag, so no link is cut in two
        local piece = http.stream.readBulkResponse(65536, ">")
        piece = piece:gsub("http://intranet%.example", "https://www.example.com")
        http.stream.writeResponse(piece)
    until piece == ""
    http.stream.finishResponse()
end
