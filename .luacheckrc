-- SPDX-License-Identifier: Apache-2.0
-- rules/*.lua are weir's own language: LuaJIT without what a rule may not do, with what weir adds.
std = "min"
max_line_length = 100
read_globals = {
	"bit", "unpack", "load", "table", "math", "coroutine",
	"auth", "connection", "counter", "data", "geo", "http", "java", "jwt", "log", "net", "pool",
	"rate", "recentconns", "request", "resource", "response", "rule", "slm", "ssl", "string",
	"sys", "tcp", "udp", "xml",
}
