#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Proves the floor plan: a room calls only rooms on floors below it, and a foreign library is
# called from one room only. Reads the objects, so that no include can fool it.
# Usage: layers.sh BUILD_DIR   (BUILD_DIR/core/<room>/<stem>.o, BUILD_DIR/core/main.o)
set -euo pipefail
cd "$1"
objects=$(find core -name '*.o' | sort)
[ -n "$objects" ] || { echo "layers: no objects in $1" >&2; exit 1; }
# One line per symbol: FILE KIND NAME (the value, where nm prints one, goes).
echo "$objects" | xargs nm -A -g -P | awk '
function room_of(file,   parts) {
	return split(file, parts, "/") == 3 ? parts[2] : "main.c"
}

BEGIN {
	count = split("base:0 net:1 share:1 tls:2 dns:2 http:2 text:2 lookup:2 conf:2 cache:3 pool:3 rule:3 fetch:3 txn:4 api:5 admin:5 proc:6 test:7 main.c:8", list, " ")
	for (i = 1; i <= count; i++) {
		split(list[i], pair, ":")
		floor[pair[1]] = pair[2]
	}
	library["^SSL_"] = "tls"
	library["^ares_"] = "dns"
	library["^(EVP|RAND)_"] = "api"
	library["^MMDB_"] = "lookup"
	library["^pcre2_"] = "text"
	library["^(lua|luaL|luaJIT)_"] = "rule"
	library["^ev_"] = "net"
	library["^(inflate|deflate|Brotli)"] = "http"
	library["^yaml_"] = "conf"
	library["^json(_|p_)"] = "admin"
	library["^(cap|sd)_"] = "proc"
}

{
	file = $1
	sub(/:$/, "", file)
	room = room_of(file)
	if (!(room in floor) && !(room in unknown)) {
		unknown[room] = 1
		printf "%s: room %s has no floor\n", file, room
		bad = 1
	}
	if ($3 == "U")
		use[file "\t" $2] = room
	else if ($3 ~ /^[TDRBVWC]$/)
		home[$2] = room
}

END {
	for (key in use) {
		split(key, pair, "\t")
		from = use[key]
		name = pair[2]
		if (name in home) {
			to = home[name]
			if (to != from && floor[to] >= floor[from]) {
				printf "%s: calls %s in %s (floor %d calls %d)\n", pair[1], name, to, floor[from], floor[to]
				bad = 1
			}
			continue
		}
		for (pattern in library)
			if (name ~ pattern && from != library[pattern]) {
				printf "%s: calls %s, which is for %s only\n", pair[1], name, library[pattern]
				bad = 1
			}
	}
	exit bad
}' | sort
