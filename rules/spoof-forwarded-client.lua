-- SPDX-License-Identifier: Apache-2.0
-- rules/spoof-forwarded-client.lua: behind a front proxy of our own the client is who that proxy
-- says; the log and transparent pools then use that address.
-- Attach it as a request rule, before rules that look at the client's address.
if string.ipmaskmatch(request.getRemoteIP(), "10.0.0.0/8") then
    -- the front proxy wrote the last entry; those before it are what the client claims
    local forwarded = http.getHeader("X-Forwarded-For")
    local ip = forwarded and forwarded:match("([^,%s]+)%s*$")
    if ip then
        request.setRemoteIP(ip)
    end
end
