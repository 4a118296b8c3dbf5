-- SPDX-License-Identifier: Apache-2.0
-- rules/geo-block.lua: what may not be sold in a country is not shown there (451, RFC 7725). Whose
-- country nobody knows may look.
-- Attach it as a request rule; needs `geo: {database: ..}`.
local not_sold_in = { KP = true, SY = true }
local country = geo.getCountryCode(request.getRemoteIP())
if country and not_sold_in[country] and http.getPath():lower():find("^/+shop") then
    http.sendResponse(451, "text/plain", "This is not for sale where you are.\n")
end
