-- SPDX-License-Identifier: Apache-2.0
-- rules/canary-by-cookie.lua: one visitor in twenty is sent to the pool with the new release, and a
-- cookie keeps every visitor where he was. Set it to "yes" in a browser to see the new release.
-- Attach it as a request rule; needs a pool "canary".
local choice = http.getCookie("canary")
if choice ~= "yes" and choice ~= "no" then
    choice = math.random(20) == 1 and "yes" or "no"
    http.setResponseCookie("canary", choice, "Path=/; Max-Age=86400; HttpOnly; SameSite=Lax")
end
if choice == "yes" then
    pool.use("canary")
end
