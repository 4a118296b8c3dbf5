-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given { request_rules = "block-by-network" }

for _, case in ipairs {
    -- client, url, status
    { "192.0.2.7", "/admin/", 200 },
    { "fd00:5::7", "/admin/", 200 },
    { "198.51.100.7", "/admin/", 404 },
    { "198.51.100.7", "//admin/users", 404 },
    { "198.51.100.7", "/x/../%61dmin", 404 },
    { "198.51.100.7", "/", 200 },
    { "198.51.100.7", "/a?next=/admin", 200 },
} do
    local client, url, status = unpack(case)
    test.case(client .. " asks for " .. url, {
        request = { client = client, url = url },
        expect = { status = status, sent = status == 404 and false or nil },
    })
end
