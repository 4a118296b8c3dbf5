-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given {
    request_rules = "login-rate-limit",
    configuration = { rate_classes = { login = { max_rate_per_minute = 5 } } },
}

local function attempt(user, status, url)
    return {
        request = {
            url = url or "/login",
            body = "user=" .. user .. "&password=1234",
            headers = { ["Content-Type"] = "application/x-www-form-urlencoded" },
        },
        expect = {
            status = status,
            headers = { ["Retry-After"] = status == 429 and "60" or false },
        },
    }
end

local steps = {
    attempt("anna", 200),
    attempt("Anna", 200),
    attempt("anna", 200, "//login/"),
    attempt("anna", 200, "/login?user=somebody"),
    attempt("ANNA", 200),
    attempt("anna", 429),
    attempt("anna", 429, "/login?user=nobody"),
    attempt("berta", 200),
    attempt("anna", 200, "/basket"),
    { request = { url = "/login" }, expect = { status = 200 } },
    attempt("anna", 200),
}
steps[#steps].later = 65
test.case("five attempts a minute for each user, however it is written", { steps = steps })

local hidden = attempt("somebody&user=anna", 400)
hidden.expect.sent = false
test.case("nobody hides behind another name", hidden)
