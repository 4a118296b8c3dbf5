-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given {
    request_rules = "route-by-json",
    pool = "web",
    pools = { web = "10.0.0.11:80", orders = "10.0.0.12:80", search = "10.0.0.13:80" },
    request = { method = "POST", url = "/rpc" },
}

for body, pool in pairs {
    ['{"method": "orders.list", "id": 7}'] = "orders",
    ['{"id": 7, "method": "search.find"}'] = "search",
    ['{"method": "users.list"}'] = "web",
    ['{"method": "orders"}'] = "web",
} do
    test.case(body, {
        request = { body = body },
        expect = { pool = pool, status = 200, sent = { body = body } },
    })
end

for _, body in ipairs { "", "method=orders", "[1, 2]", '"orders.list"', '{"method": 7}' } do
    test.case("no call: " .. body, {
        request = { body = body },
        expect = { status = 400, sent = false },
    })
end

test.case("other places take what they like", {
    request = { url = "/upload", body = "anything" },
    expect = { pool = "web", sent = { body = "anything" } },
})
