-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given {
    request_rules = "choose-pool",
    pool = "web",
    pools = {
        web = "10.0.0.11:80",
        ["web-transparent"] = { nodes = "10.0.0.80:80", transparent = true },
    },
    request = { client = "198.51.100.7" },
}

for url, pool in pairs {
    ["/"] = "web",
    ["/legacy/"] = "web-transparent",
    ["/legacy/basket?id=1"] = "web-transparent",
    ["/not/legacy/"] = "web",
} do
    test.case("the pool of " .. url, { request = { url = url }, expect = { pool = pool } })
end

test.case("the old host gets everything with the client's address", {
    request = { destination = "10.0.0.80:80" },
    expect = { pool = "web-transparent", node = "10.0.0.80:80", source = "198.51.100.7" },
})

test.case("others see weir's address", {
    expect = { node = "10.0.0.11:80", source = false, sent = { url = "/" } },
})
