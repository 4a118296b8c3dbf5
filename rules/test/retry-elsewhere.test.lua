-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given {
    response_rules = "retry-elsewhere",
    pools = { web = { "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80" } },
}

test.case("the next node has time", {
    nodes = { ["10.0.0.1:80"] = { status = 503 } },
    response = { body = "here you are" },
    expect = {
        status = 200,
        body = "here you are",
        requests = { { node = "10.0.0.1:80" }, { node = "10.0.0.2:80" } },
    },
})
test.case("three nodes, not more", {
    response = { status = 503 },
    check = function(got)
        assert(got.status == 503 and #got.requests == 3)
        local nodes = {}
        for _, request in ipairs(got.requests) do
            assert(not nodes[request.node], "no node twice")
            nodes[request.node] = true
        end
    end,
})
test.case("an order is not placed twice", {
    request = { body = "order=7" },
    response = { status = 503 },
    expect = { status = 503, requests = { { method = "POST" } } },
})
test.case("other errors are the application's", {
    response = { status = 500 },
    expect = { status = 500, requests = { {} } },
})
