-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

for _, case in ipairs {
    -- country, url, status
    { "KP", "/shop/item", 451 },
    { "KP", "//Shop/item", 451 },
    { "KP", "/news/", 200 },
    { "SE", "/shop/item", 200 },
    { nil, "/shop/item", 200 },
} do
    local country, url, status = unpack(case, 1, 3)
    test.case((country or "nobody knows where") .. " asks for " .. url, {
        request_rules = "geo-block",
        request = { url = url, client = "198.51.100.7" },
        answers = { ["geo.getCountryCode"] = function(ip)
            return ip == "198.51.100.7" and country or nil
        end },
        expect = { status = status, calls = { { "geo.getCountryCode", "198.51.100.7" } } },
    })
end
