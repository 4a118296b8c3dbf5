-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given {
    request_rules = "spoof-forwarded-client",
    pools = { web = { nodes = "10.0.0.11:80", transparent = true } },
}

for _, case in ipairs {
    -- what it is, client, X-Forwarded-For, address that the node sees
    { "our proxy is believed", "10.0.0.1", "203.0.113.9", "203.0.113.9" },
    { "it wrote the last entry", "10.0.0.1", "127.0.0.1, 203.0.113.9 ", "203.0.113.9" },
    { "it wrote the last line", "10.0.0.1", { "192.0.2.1", "203.0.113.9" }, "203.0.113.9" },
    { "others are not", "198.51.100.7", "203.0.113.9", "198.51.100.7" },
    { "without the header it is itself", "10.0.0.1", nil, "10.0.0.1" },
} do
    local name, client, forwarded, source = unpack(case, 1, 4)
    test.case(name, {
        request = { client = client, headers = { ["X-Forwarded-For"] = forwarded } },
        expect = { source = source },
    })
end
test.case("an entry that is no address changes nothing, and says so", {
    request = { client = "10.0.0.1", headers = { ["X-Forwarded-For"] = "unknown" } },
    expect = { source = "10.0.0.1", log = { test.contains("unknown") } },
})
