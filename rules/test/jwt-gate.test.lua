-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given { request_rules = "jwt-gate" }

-- Signed with the other half of the rule's key.
local good = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUuY29"
    .. "tIiwic3ViIjoiYW5uYSJ9.RcTJrVzv3355l2Z85WRpwJ4DOSxbt5glTEKLRRxtNzbGPClU1tWgaqsJF-"
    .. "Wz6lEFrB7UMCD5gJbcFgcL4sOGmQ"
local expired = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUuY29"
    .. "tIiwic3ViIjoiYW5uYSIsImV4cCI6MTcwMDAwMDAwMH0.7l0qZ6P0ODszVuLfbP8uUMWFGc1Z-5BxtN3"
    .. "zGsEn2Bc0swXUc25J8HETV5pHFEgN0ChGKDQBnXjaesxM3HsDdQ"
local of_others = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2Vsc2V3aGVyZS5leGFtcGx"
    .. "lIiwic3ViIjoiYW5uYSJ9.BA4x8JDfQZQ-fZ-1eXCs4r963s2zNI_MVwRMWG8GQSeGdZ_JnSGk_2WeBd"
    .. "9ekE1lQQpqJkqmlojCvACQ-369xg"
local unsigned = "eyJhbGciOiJub25lIn0.eyJpc3MiOiAiaHR0cHM6Ly9sb2dpbi5leGFtcGxlLmNvbSIsICJzdWIiOiAi"
    .. "YWRtaW4ifQ."

test.case("a good token passes, and nodes learn whose it is", {
    request = { headers = { Authorization = "Bearer " .. good, ["X-User"] = "admin" } },
    expect = { status = 200, sent = { headers = { ["X-User"] = "anna", Authorization = false } } },
})

for name, token in pairs {
    ["an expired one"] = expired,
    ["that of another server"] = of_others,
    ["one that nobody has signed"] = unsigned,
    ["one that was changed"] = good:sub(1, -6) .. "AAAAA",
    ["what is none"] = "letmein",
} do
    test.case(name .. " is refused", {
        request = { headers = { Authorization = "Bearer " .. token } },
        expect = {
            status = 401,
            headers = { ["WWW-Authenticate"] = 'Bearer error="invalid_token"' },
            sent = false,
            log = { test.matches("^refused: %a") },
        },
    })
end

test.case("without one, too", {
    request = { headers = { Authorization = "Basic YTpi" } },
    expect = {
        status = 401,
        headers = { ["WWW-Authenticate"] = "Bearer" },
        log = { "refused: no token" },
    },
})
