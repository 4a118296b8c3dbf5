-- SPDX-License-Identifier: Apache-2.0
local test = require "test"

test.given {
    request_rules = "log-slow-nodes",
    response_rules = "log-slow-nodes",
    request = { url = "/report" },
}

test.case("a quick answer is not worth a line", { expect = { status = 200, log = false } })

-- The time that the request rule noted is what the test says it was.
for seconds, lines in pairs { [2] = 0, [3] = 1, [90] = 1 } do
    test.case("an answer after " .. seconds .. " seconds", {
        answers = { ["connection.data.get"] = function() return os.time() - seconds end },
        check = function(got)
            assert(#got.log == lines)
            local line = "^192%.0%.2%.80:80 took %d+ s for GET /report$"
            assert(lines == 0 or got.log[1].text:find(line))
        end,
    })
end
