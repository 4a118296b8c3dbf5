-- SPDX-License-Identifier: Apache-2.0
-- rules/request-id.lua: gives each request a name that nodes can log, so that what stands in many
-- logs can be told to belong together. A name that came along is kept if it is a sane one.
-- Attach it as a request rule.
local id = http.getHeader("X-Request-ID")
if id == nil or #id > 64 or not id:find("^[%w_-]+$") then
    http.setHeader("X-Request-ID", string.hexencode(string.randomBytes(16)))
end
