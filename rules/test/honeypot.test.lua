-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given {
    request_rules = "honeypot",
    request = { client = "198.51.100.7" },
    answers = { ["connection.sleep"] = true },
}

for _, url in ipairs {
    "/wp-login.php", "/WP-Login.php?x=1", "/.env", "/.git/config", "/phpMyAdmin/",
    "/cgi/etc/passwd",
} do
    test.case(url .. " waits in vain", {
        request = { url = url },
        expect = {
            calls = { { "connection.sleep", 20000 } },
            outcome = "discarded",
            status = false,
            sent = false,
            log = { "honeypot: 198.51.100.7 asked for " .. url },
        },
    })
end

for _, url in ipairs { "/", "/environment", "/login.php" } do
    test.case(url .. " is no bait", {
        request = { url = url },
        expect = { calls = false, status = 200, log = false },
    })
end
