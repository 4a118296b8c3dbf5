-- SPDX-License-Identifier: Apache-2.0
-- rules/security-headers.lua: sensible defaults for browsers where the application set none, and no
-- word about what it runs on.
-- Attach it as a response rule.
if not http.responseHeaderExists("X-Content-Type-Options") then
    http.setResponseHeader("X-Content-Type-Options", "nosniff")
end
if not http.responseHeaderExists("Referrer-Policy") then
    http.setResponseHeader("Referrer-Policy", "strict-origin-when-cross-origin")
end
if not http.responseHeaderExists("Content-Security-Policy") then
    http.setResponseHeader("Content-Security-Policy", "frame-ancestors 'self'")
end
http.removeResponseHeader("Server")
http.removeResponseHeader("X-Powered-By")
