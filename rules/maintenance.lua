-- SPDX-License-Identifier: Apache-2.0
-- rules/maintenance.lua: while it is attached, visitors get a page that says so, and those who do
-- the work still see the site.
-- Attach it as a request rule, before the others.
if not string.ipmaskmatch(request.getRemoteIP(), "10.0.0.0/8") then
    http.sendResponse(503, "text/html; charset=utf-8",
        "<!doctype html><title>Back soon</title><h1>We are back soon.</h1>\n",
        "Retry-After: 600\r\nCache-Control: no-store")
end
