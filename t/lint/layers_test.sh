#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Proves layers.sh: it lets a good tree pass and finds each kind of breach in a bad one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

# object ROOM/STEM 'C TEXT': compiles one file of the tree.
object() {
	mkdir -p "$(dirname "$tree/core/$1")"
	# shellcheck disable=SC2086 # CC may be words, as "ccache gcc" is
	echo "$2" | ${CC:-gcc} -x c -c -o "$tree/core/$1.o" -
}

# good NAME | bad NAME 'TEXT': what layers.sh must say about the tree as it stands.
good() {
	if ! said=$("$here/layers.sh" "$tree" 2>&1); then
		echo "layers_test: $1: refused: $said" >&2
		failed=1
	fi
}

bad() {
	if said=$("$here/layers.sh" "$tree" 2>&1); then
		echo "layers_test: $1: passed" >&2
		failed=1
	elif [[ $said != *"$2"* ]]; then
		echo "layers_test: $1: expected '$2', got: $said" >&2
		failed=1
	fi
	rm "$tree/core/$3.o"
}

object base/buf 'void buf_take(void) { }'
object net/loop 'void ev_run(void); void buf_take(void); void loop_run(void) { ev_run(); buf_take(); }'
object txn/txn 'void loop_run(void); void txn_run(void) { loop_run(); } void txn_end(void) { txn_run(); }'
object main 'void txn_run(void); int main(void) { txn_run(); }'
good 'calls that go down, and inside a room'

object base/log 'void loop_run(void); void log_write(void) { loop_run(); }'
bad 'a call that goes up' 'core/base/log.o: calls loop_run in net (floor 0 calls 1)' base/log

object share/state 'void loop_run(void); void state_set(void) { loop_run(); }'
bad 'a call that goes sideways' 'core/share/state.o: calls loop_run in net (floor 1 calls 1)' share/state

object base/table 'extern int txn_count; int table_count(void) { return txn_count; }'
object txn/count 'int txn_count;'
bad 'a variable from above' 'core/base/table.o: calls txn_count in txn' base/table

object txn/watch 'void ev_run(void); void watch(void) { ev_run(); }'
bad 'a foreign library in the wrong room' 'core/txn/watch.o: calls ev_run, which is for net only' txn/watch

object pool/hash 'void EVP_Digest(void); void hash(void) { EVP_Digest(); }'
bad 'cryptography in the wrong room' 'core/pool/hash.o: calls EVP_Digest, which is for api only' pool/hash

object util/misc 'void misc(void) { }'
bad 'a room that the plan does not have' 'room util has no floor' util/misc

good 'the same tree without the bad files'
exit $failed
