-- SPDX-License-Identifier: Apache-2.0
-- rules/block-by-network.lua: the administration is for the office and its VPN only; to everybody
-- else it does not exist.
-- Attach it as a request rule.

-- weir has made "/x/../%61dmin" plain already; here "//admin" is "/admin", as for many a node
local path = http.normalizePath(http.getRawURL())
if path == nil or path:find("^/admin") then
    local ip = request.getRemoteIP()
    if not string.ipmaskmatch(ip, "192.0.2.0/24") and not string.ipmaskmatch(ip, "fd00:5::/32") then
        http.sendResponse(404, "text/plain", "Not Found\n")
    end
end
