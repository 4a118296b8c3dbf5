-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given {
    request_rules = "sticky-by-user",
    pools = { web = { "10.0.0.11:80", "10.0.0.12:80" } },
    configuration = { persistence_classes = { users = { type = "universal" } } },
    answers = { ["connection.setPersistenceKey"] = true },
}

test.case("the user is the key of the session", {
    request = { headers = { Cookie = "lang=en; user=ada" } },
    expect = { pool = "web", calls = { { "connection.setPersistenceKey", "ada" } } },
})

test.case("who has not logged in is balanced", {
    request = { headers = { Cookie = "lang=en" } },
    expect = { pool = "web", node = "10.0.0.11:80", calls = {} },
})

test.case("the session begins on a node of the pool", {
    request = { headers = { Cookie = "user=ada" } },
    answers = {},
    nodes = { ["10.0.0.11:80"] = "disabled" },
    expect = { node = "10.0.0.12:80", outcome = "ok" },
})
