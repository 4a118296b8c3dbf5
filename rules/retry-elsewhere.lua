-- SPDX-License-Identifier: Apache-2.0
-- rules/retry-elsewhere.lua: when a node has no time, another one may: the client does not hear of
-- it, at most twice for a request. What must not be sent twice (POST) is never retried.
-- Attach it as a response rule.
local may_repeat = http.getMethod() == "GET" or http.getMethod() == "HEAD"
if http.getResponseCode() == 503 and may_repeat and request.getRetries() < 2 then
    request.avoidNode(connection.getNode())
    request.retry()
end
