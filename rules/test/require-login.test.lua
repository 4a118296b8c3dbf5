-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given { request_rules = "require-login" }

local right = "Basic ZWRpdG9yOm9wZW4gc2VzYW1l" -- editor:open sesame

test.case("the right password opens, and goes no further", {
    request = { headers = { Authorization = right } },
    expect = { status = 200, sent = { headers = { Authorization = false } } },
})

for _, header in ipairs {
    "Basic ZWRpdG9yOm9wZW4=", -- editor:open
    "Basic ZWRpdG9y", -- editor
    "Basic c29tZWJvZHk6b3BlbiBzZXNhbWU=", -- somebody:open sesame
    "Basic Og==", -- :
    "Basic ???", "Bearer x", "Basic",
} do
    test.case("not with " .. header, {
        request = { headers = { Authorization = header } },
        expect = {
            status = 401,
            headers = { ["WWW-Authenticate"] = 'Basic realm="staging"' },
            sent = false,
        },
    })
end
test.case("nor without", { expect = { status = 401, sent = false } })
