-- A module for the rules of this target.
-- SPDX-License-Identifier: Apache-2.0
local m = {}
function m.twice(x)
	return x .. x
end
return m
