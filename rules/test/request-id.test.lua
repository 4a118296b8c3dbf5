-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given { request_rules = "request-id" }

local function given(id, sent)
    test.case("given " .. (id and id:sub(1, 20) or "none"), {
        request = { headers = { ["X-Request-ID"] = id } },
        expect = { sent = { headers = { ["X-Request-ID"] = sent } } },
    })
end

local made = test.matches("^%x+$")
given("frontend_7-A", "frontend_7-A")
given(nil, made)
given("", made)
given("a b\"; DROP TABLE", made)
given(("x"):rep(65), made)

local one = test.case("one", {})
test.case("no two are the same", {
    check = function(got)
        assert(got.sent.headers["x-request-id"] ~= one.sent.headers["x-request-id"])
    end,
})
