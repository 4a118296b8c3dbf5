-- SPDX-License-Identifier: Apache-2.0
-- rules/jwt-gate.lua: the API is for those who bring a token of our login server. Nodes learn who
-- it is, and need no key. The key here is an example's: put your login server's in its place.
-- Attach it as a request rule.
local key = [[
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEK6papjmSdxUwDT/JKjfle4236jBr
aXrQCW7XVxOgqSmygeKxHjaigZZ3zu5gp/UhfYy60k7Sxe9v9c8oyvbuHg==
-----END PUBLIC KEY-----
]]
local token = (http.getHeader("Authorization") or ""):match("^[Bb]earer +(%S+)$")
local claims, reason = jwt.verify(token or "", key,
    { algorithms = { "ES256" }, issuer = "https://login.example.com", leeway = 30 })
if not claims then
    log.info("refused: " .. (token and reason or "no token"))
    http.sendResponse(401, "text/plain", "A valid token is needed.\n",
        { ["WWW-Authenticate"] = token and 'Bearer error="invalid_token"' or "Bearer" })
end
http.setHeader("X-User", tostring(claims.sub))
http.removeHeader("Authorization")
