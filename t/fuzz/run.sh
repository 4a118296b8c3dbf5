#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one fuzz target with its dictionary and the options that suit it, on the seeds in t/fuzz/corpus
# and on what was found in FOLDER before. Usage: run.sh [--same] FOLDER TARGET [LIBFUZZER OPTION ...]
# --same: the same inputs every time, on every machine: nothing from earlier runs, the seeds in the order
# of their names, and a fixed layout of memory where the kernel grants it.
set -eu

same=
if [ "$1" = --same ]; then
	same=yes
	shift
fi
folder=$1
name=$2
shift 2

# How long inputs may get. Those of `exchange` are acts of two or three bytes; nothing is gained by
# beginning with short ones.
case $name in
addr) set -- -max_len=80 "$@" ;;
jwt) set -- -dict=t/fuzz/jwt.dict -max_len=600 "$@" ;;
json) set -- -dict=t/fuzz/json.dict -max_len=400 "$@" ;;
regex) set -- -max_len=100 "$@" ;;
conf) set -- -dict=t/fuzz/yaml.dict -max_len=1500 "$@" ;;
exchange) set -- -dict=t/fuzz/http.dict -max_len=160 -len_control=0 "$@" ;;
proxy_header) set -- -dict=t/fuzz/proxy.dict -max_len=300 "$@" ;;
client_hello) set -- -dict=t/fuzz/tls.dict -max_len=600 "$@" ;;
rule_load) set -- -dict=t/fuzz/lua.dict -max_len=400 "$@" ;;
rule_pattern) set -- -dict=t/fuzz/lua.dict -max_len=80 "$@" ;;
http_*) set -- -dict=t/fuzz/http.dict -max_len=1500 "$@" ;;
*)
	echo "run.sh: no options are known for '$name'" >&2
	exit 1
	;;
esac

program=$(dirname "$folder")/bin/$name
[ -x "$folder/bin/$name" ] && program=$folder/bin/$name
corpus=$folder/corpus/$name found=$folder/found seeds=t/fuzz/corpus/$name
[ -z "$same" ] || rm -rf "$corpus"
mkdir -p "$corpus" "$found"
if [ -n "$same" ]; then
	set -- -seed=1 -reload=0 "-seed_inputs=$(printf '%s\n' "$seeds"/* | LC_ALL=C sort | paste -sd, -)" "$@"
	set -- "$program" "$@" "$corpus"
	! setarch -R true 2>/dev/null || set -- setarch -R "$@"
else
	set -- "$program" "$@" "$corpus" "$seeds"
fi
printf 'fuzz: %s\n' "$name"
# Leaks are looked for when all is over: after each input it would be most of the time.
if ! "$@" -detect_leaks=0 -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 \
	-artifact_prefix="$found/$name-" >"$folder/$name.log" 2>&1; then
	tail -n 100 "$folder/$name.log" >&2
	exit 1
fi
grep -E '^stat::(number_of_executed_units|average_exec_per_sec)|^#.* DONE' "$folder/$name.log"
