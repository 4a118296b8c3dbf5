-- SPDX-License-Identifier: Apache-2.0
-- rules/ab-by-hash.lua: a third of the visitors see variant B: always the same ones, because who is
-- one of them is computed, from the session cookie or else the address, and not remembered.
-- Attach it as a request rule; needs pools "variant-a" and "variant-b".
local experiment = "new-checkout" -- another name draws other visitors
local visitor = http.getCookie("session") or request.getRemoteIP()
local drawn = string.bytesToInt(string.hashSHA256(experiment .. ":" .. visitor):sub(1, 4))
if drawn % 100 < 33 then
    http.setHeader("X-Variant", "b")
    pool.use("variant-b")
end
http.setHeader("X-Variant", "a")
pool.use("variant-a")
