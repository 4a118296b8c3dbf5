-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

local url = "http://api-next.example.net/api/list?page=2"
test.given {
    completion_rules = "mirror-requests",
    request = { url = "/api/list?page=2" },
    response = { body = "the list" },
    answers = { ["http.request.get"] = { "the same list", 200 } },
}

test.case("the same answer is not worth a line", {
    expect = { body = "the list", log = false, calls = { { "http.request.get", url } } },
})
test.case("another one is", {
    answers = { ["http.request.get"] = { "oh", 500 } },
    expect = { status = 200, body = "the list", log = { url .. " says 500, not 200" } },
})
test.case("and so is none", {
    answers = { ["http.request.get"] = test.results(nil, "connection refused") },
    expect = { status = 200, log = { url .. " says connection refused, not 200" } },
})
test.case("what changes something is not done twice", {
    request = { method = "POST", body = "x" },
    expect = { status = 200, calls = false },
})
