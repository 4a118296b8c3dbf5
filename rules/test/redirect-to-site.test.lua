-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given { request_rules = "redirect-to-site" }

for host, goes in pairs {
    ["example.com"] = true,
    ["shop.example.net"] = true,
    ["www.example.com"] = false,
    ["example.net.evil.example"] = false,
} do
    test.case("who asks " .. host, {
        request = { host = host, url = "/page?id=1" },
        expect = goes
            and { status = 301, headers = { Location = "http://www.example.com/page?id=1" } }
            or { status = 200, headers = { Location = false } },
    })
end
