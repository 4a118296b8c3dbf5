-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given {
    request_rules = "sticky-by-user",
    pools = { web = { "10.0.0.11:80", "10.0.0.12:80" } },
    configuration = { persistence_classes = { users = { type = "universal" } } },
}

local ada, bob = { headers = { Cookie = "user=ada" } }, { headers = { Cookie = "user=bob" } }

test.case("each user stays on a node", {
    steps = {
        { request = ada, expect = { node = "10.0.0.11:80" } },
        { request = bob, expect = { node = "10.0.0.12:80" } },
        { request = bob, expect = { node = "10.0.0.12:80" } },
        { request = bob, expect = { node = "10.0.0.12:80" } },
        { request = ada, expect = { node = "10.0.0.11:80" } },
    },
})

test.case("who has not logged in is balanced", {
    steps = {
        { expect = { node = "10.0.0.11:80" } },
        { expect = { node = "10.0.0.12:80" } },
        { expect = { node = "10.0.0.11:80" } },
    },
})

test.case("a draining node keeps its users, a disabled one loses them", {
    steps = {
        { request = ada, expect = { node = "10.0.0.11:80" } },
        {
            request = ada,
            nodes = { ["10.0.0.11:80"] = "draining" },
            expect = { node = "10.0.0.11:80" },
        },
        {
            request = ada,
            nodes = { ["10.0.0.11:80"] = "disabled" },
            expect = { node = "10.0.0.12:80" },
        },
        { request = ada, expect = { node = "10.0.0.12:80" } },
    },
})
