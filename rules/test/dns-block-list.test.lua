-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given {
    request_rules = "dns-block-list",
    request = { method = "POST", body = "comment=hello", client = "198.51.100.7" },
    answers = { ["net.dns.resolveHost"] = test.results(nil, "no such name") },
}

test.case("who is listed is sent away", {
    answers = { ["net.dns.resolveHost"] = "127.0.0.4" },
    expect = {
        status = 403,
        sent = false,
        calls = { { "net.dns.resolveHost", "7.100.51.198.bl.example.net" } },
        log = { "198.51.100.7 is on the list: 127.0.0.4" },
    },
})
test.case("who is not listed passes", { expect = { status = 200, sent = { method = "POST" } } })
test.case("an answer that no list gives blocks nobody", {
    answers = { ["net.dns.resolveHost"] = "192.0.2.99" },
    expect = { status = 200 },
})
test.case("who only reads is not asked about", {
    request = { method = "GET", body = "" },
    expect = { status = 200, calls = false },
})
test.case("the list knows IPv4 only", {
    request = { client = "2001:db8::7" },
    expect = { status = 200, calls = false },
})
