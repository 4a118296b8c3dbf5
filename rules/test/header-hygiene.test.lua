-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given { request_rules = "header-hygiene" }

test.case("what nodes believe is not for clients to say", {
    request = { headers = {
        ["X-Forwarded-For"] = { "127.0.0.1", "10.0.0.1" },
        ["x-forwarded-proto"] = "https",
        ["X-Original-URL"] = "/admin",
        Forwarded = "for=127.0.0.1",
        Proxy = "http://evil.example/",
        Accept = "text/html",
    } },
    expect = { sent = { headers = {
        ["X-Forwarded-For"] = false,
        ["X-Forwarded-Proto"] = false,
        ["X-Original-URL"] = false,
        Forwarded = false,
        Proxy = false,
        Accept = "text/html",
    } } },
})
