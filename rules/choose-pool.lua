-- SPDX-License-Identifier: Apache-2.0
-- rules/choose-pool.lua: only the legacy application needs to see the client's address
if request.getDestIP() == "10.0.0.80" or http.getPath():find("^/legacy/") then
    pool.use("web-transparent")
end
-- no verdict: the virtual server's default pool
