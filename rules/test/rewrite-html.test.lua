-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given { response_rules = "rewrite-html" }

local page = '<a href="http://intranet.example/a">here</a> '
local public = '<a href="https://www.example.com/a">here</a> '
for _, times in ipairs { 0, 1, 20000 } do
    test.case("a page with " .. times .. " links", {
        response = {
            headers = { ["Content-Type"] = "text/html", ETag = '"old"', ["X-App"] = "shop" },
            body = page:rep(times),
        },
        expect = {
            status = 200,
            headers = { ["Content-Type"] = "text/html", ETag = false, ["X-App"] = "shop" },
            body = public:rep(times),
        },
    })
end
test.case("other things stay as they are", {
    response = { headers = { ["Content-Type"] = "text/plain" }, body = page },
    expect = { body = page, headers = { ["Content-Length"] = tostring(#page) } },
})
test.case("a page that is not there", {
    response = { status = 404, headers = { ["Content-Type"] = "text/html" }, body = page },
    expect = { status = 404, body = public },
})
