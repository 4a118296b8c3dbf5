-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given {
    completion_rules = "log-node-errors",
    request = { url = "/basket?id=1", client = "198.51.100.7" },
}

test.case("a node's error is logged with its name", {
    response = { status = 502 },
    expect = { log = { "502 for GET /basket?id=1 from 192.0.2.80:80" } },
})
test.case("what went well is not", { expect = { status = 200, log = false } })
test.case("nor is what the client did wrong", {
    response = { status = 404 },
    expect = { status = 404, log = false },
})
test.case("without a node there is none to name", {
    nodes = { ["192.0.2.80:80"] = "disabled" },
    expect = { status = 503, log = { "503 for GET /basket?id=1 from no node" } },
})
