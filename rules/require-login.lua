-- SPDX-License-Identifier: Apache-2.0
-- rules/require-login.lua: a name and a password before anybody sees the site: enough for a staging
-- server. What is kept is the SHA-256 of "name:password" (printf 'name:password' | sha256sum).
-- Attach it as a request rule. Passwords travel as they are: only behind TLS.
local users = {
    editor = "b3c2886cba5a9c2bc339409e306b185ce9558325e59650654a52f9246ce6057f",
}
local encoded = (http.getHeader("Authorization") or ""):match("^[Bb]asic +(%S+)$")
local login = encoded and string.base64decode(encoded) or ""
local known = users[login:match("^([^:]*):")]
if known == nil or known ~= string.hexencode(string.hashSHA256(login)) then
    http.sendResponse(401, "text/plain", "Please log in.\n",
        { ["WWW-Authenticate"] = 'Basic realm="staging"' })
end
http.removeHeader("Authorization") -- it was for us
