-- SPDX-License-Identifier: Apache-2.0
-- rules/log-node-errors.lua: for every 5xx that a client got there is a line that names the node,
-- if one had been chosen.
-- Attach it as a completion rule.
local code = http.getResponseCode()
if code and code >= 500 then
    log.warn(string.format("%d for %s %s from %s", code, http.getMethod(), http.getRawURL(),
        connection.getNode() or "no node"))
end
