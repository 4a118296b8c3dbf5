-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given { request_rules = "maintenance" }

test.case("visitors get the page", {
    request = { client = "198.51.100.7" },
    expect = {
        status = 503,
        headers = { ["Retry-After"] = "600", ["Content-Type"] = test.matches("^text/html") },
        body = test.contains("We are back soon"),
        sent = false,
    },
})
test.case("those who work on it see the site", {
    request = { client = "10.1.2.3" },
    response = { body = "the site" },
    expect = { status = 200, body = "the site" },
})
