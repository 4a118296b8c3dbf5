-- SPDX-License-Identifier: Apache-2.0
-- rules/mirror-requests.lua: a new release of the API is asked what the old one is asked, and where
-- it says something else there is a line. Clients have their answer by then and do not see what it
-- says; the next request of the same connection waits for it, a second at most.
-- Attach it as a completion rule.
local code = http.getResponseCode()
if code and http.getMethod() == "GET" and http.getPath():find("^/api/") then
    local url = "http://api-next.example.net" .. http.getRawURL()
    local _, said = http.request.get(url, { ["User-Agent"] = "weir mirror" }, 1)
    if said ~= code then
        log.info(url .. " says " .. said .. ", not " .. code)
    end
end
