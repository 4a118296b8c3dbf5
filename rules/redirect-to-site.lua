-- SPDX-License-Identifier: Apache-2.0
-- rules/redirect-to-site.lua: the site has one name; who comes by another one is sent there, to the
-- same page.
-- Attach it as a request rule.
local host = http.getHostHeader()
if host == "example.com" or (host and host:find("%.example%.net$")) then
    http.changeSite("http://www.example.com")
end
