-- SPDX-License-Identifier: Apache-2.0
-- rules/route-by-json.lua: one address for all callers of an API; what the body says decides who
-- gets it. Bodies larger than `rules: {buffer}` end with an error, what is no JSON with 400.
-- Attach it as a request rule; needs pools "orders" and "search".
if http.getMethod() == "POST" and http.getPath() == "/rpc" then
    local call = json.deserialize(http.getBody())
    if type(call) ~= "table" or type(call.method) ~= "string" then
        http.sendResponse(400, "application/json", '{"error": "expected a method"}\n')
    end
    local family = call.method:match("^(%a+)%.")
    if family == "orders" or family == "search" then
        pool.use(family)
    end
end
