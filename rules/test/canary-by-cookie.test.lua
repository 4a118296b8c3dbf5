-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given {
    request_rules = "canary-by-cookie",
    pool = "web",
    pools = { web = "10.0.0.11:80", canary = "10.0.0.12:80" },
}

for value, pool in pairs { yes = "canary", no = "web" } do
    test.case("canary=" .. value .. " stays where it is", {
        request = { headers = { Cookie = "id=7; canary=" .. value } },
        expect = { pool = pool, headers = { ["Set-Cookie"] = false } },
    })
end

-- The choice is left to chance; whatever it was, the cookie says the same as the pool.
for _, cookie in ipairs { "id=7", "canary=maybe" } do
    test.case("who comes with " .. cookie .. " is given a place and told so", {
        request = { headers = { Cookie = cookie } },
        check = function(got)
            local choice = got.pool == "canary" and "yes" or "no"
            assert(got.headers["set-cookie"][1]:find("^canary=" .. choice .. "; Path=/;"))
        end,
    })
end
