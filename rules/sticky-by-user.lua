-- SPDX-License-Identifier: Apache-2.0
-- rules/sticky-by-user.lua: all requests of a user who has logged in go to the same node, from
-- whatever device, address or connection they come; everybody else is balanced as the pool says.
-- Attach it as a request rule; needs a persistence class "users" of type universal.
local user = http.getCookie("user")
if user then
    connection.setPersistence("users")
    connection.setPersistenceKey(user)
end
