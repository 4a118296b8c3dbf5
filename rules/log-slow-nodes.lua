-- SPDX-License-Identifier: Apache-2.0
-- rules/log-slow-nodes.lua: names the node in the log when its response took three seconds or more.
-- Attach it twice: as the last request rule and as the first response rule (a client's requests on
-- one connection come one after the other, so the connection can hold the time).
if rule.getState() == "REQUEST" then
    connection.data.set("log-slow-nodes", os.time())
else
    local seconds = os.time() - (connection.data.get("log-slow-nodes") or os.time())
    if seconds >= 3 then
        log.warn(string.format("%s took %d s for %s %s", connection.getNode(), seconds,
            http.getMethod(), http.getRawURL()))
    end
end
