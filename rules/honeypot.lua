-- SPDX-License-Identifier: Apache-2.0
-- rules/honeypot.lua: nobody has business at these places but those who look for a way in. They
-- wait, which costs us nothing and them a connection, and then get no answer at all.
-- Attach it as a request rule, before the others.
local path = http.getPath():lower()
local is_bait = path:find("^/wp%-login%.php") or path:find("^/%.env") or path:find("^/%.git/")
    or path:find("^/phpmyadmin") or path:find("/etc/passwd")
if is_bait then
    log.warn("honeypot: " .. request.getRemoteIP() .. " asked for " .. http.getRawURL())
    connection.sleep(20000)
    connection.discard()
end
