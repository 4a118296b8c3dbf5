-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given { response_rules = "security-headers" }

test.case("browsers are told what the application left out", {
    response = { headers = { Server = "Apache/2.4.1", ["X-Powered-By"] = "PHP/5.3" } },
    expect = { headers = {
        ["X-Content-Type-Options"] = "nosniff",
        ["Referrer-Policy"] = "strict-origin-when-cross-origin",
        ["Content-Security-Policy"] = "frame-ancestors 'self'",
        Server = false,
        ["X-Powered-By"] = false,
    } },
})
test.case("what the application set stays", {
    response = { headers = {
        ["X-Content-Type-Options"] = "nosniff",
        ["Referrer-Policy"] = "no-referrer",
        ["Content-Security-Policy"] = "default-src 'none'",
    } },
    expect = { headers = {
        ["X-Content-Type-Options"] = "nosniff",
        ["Referrer-Policy"] = "no-referrer",
        ["Content-Security-Policy"] = "default-src 'none'",
    } },
})
