-- SPDX-License-Identifier: Apache-2.0
-- rules/login-rate-limit.lua: who guesses passwords is slow at it, however many addresses he has:
-- attempts are counted for each user, by all workers together.
-- Attach it as a request rule; needs `rate_classes: {login: {max_rate_per_minute: 5}}`.
if http.getMethod() == "POST" and http.getPath():find("^/+login/*$") then
    http.setQueryString(nil) -- or another user could stand there than in the form
    local user = http.getFormParam("user", "\n")
    if user and user:find("\n") then
        http.sendResponse(400, "text/plain", "One user at a time.\n")
    end
    if user and not rate.use.noQueue("login", user:lower()) then
        http.sendResponse(429, "text/plain", "Too many attempts; wait.\n", "Retry-After: 60")
    end
end
