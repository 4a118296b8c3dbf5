-- SPDX-License-Identifier: Apache-2.0
-- rules/dns-block-list.lua: asks a DNS block list about clients that send something. What it
-- says is kept as long as it says, so a client waits once; without an answer nobody is blocked.
-- Attach it as a request rule; `dns: {servers}` says who is asked.
local list = ".bl.example.net"
if http.getMethod() == "POST" then
    local ip = request.getRemoteIP()
    local a, b, c, d = ip:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
    local answer = a and net.dns.resolveHost(d .. "." .. c .. "." .. b .. "." .. a .. list)
    -- anything else than 127.0.0.x is a resolver that makes up answers
    if answer and answer:find("^127%.0%.0%.") then
        log.info(ip .. " is on the list: " .. answer)
        http.sendResponse(403, "text/plain", "Your address is on a block list.\n")
    end
end
