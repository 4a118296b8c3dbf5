-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given {
    request_rules = "ab-by-hash",
    pool = "variant-a",
    pools = { ["variant-a"] = "10.0.0.11:80", ["variant-b"] = "10.0.0.12:80" },
}

for _, case in ipairs {
    -- cookie, client, variant
    { "session=one", "198.51.100.7", "a" },
    { "session=one", "203.0.113.9", "a" },
    { "session=four", "198.51.100.7", "b" },
    { nil, "198.51.100.7", "b" },
    { nil, "198.51.100.8", "a" },
} do
    local cookie, client, variant = unpack(case, 1, 3)
    test.case((cookie or "no cookie") .. " from " .. client, {
        request = { client = client, headers = { Cookie = cookie, ["X-Variant"] = "mine" } },
        expect = {
            pool = "variant-" .. variant,
            sent = { headers = { ["X-Variant"] = variant } },
        },
    })
end
