# SPDX-License-Identifier: BSD-2-Clause
#
# Clients killed, stopped, interrupted, jumped out of and single-stepped, through
# the library and through the supervisor; afterwards the store holds nothing
# that nobody can reach.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

export LD_BIND_NOW=1
limit=$((60 + 6 * ${PINFS_TEST_SCALE:-10}))
store=$WORK/store

# run_case WAY PROGRAM ARGS...: its checks are this test's checks.
run_case() {
	local way=$1 program=$2 line left
	shift 2
	rm -rf "$store"
	RUN_OPTS="--store $store" world root timeout "$limit" "$program" "$@" >"$WORK/out" 2>"$WORK/err" </dev/null
	is "$way $(basename "$program") $*: exit status" $? 0
	while IFS= read -r line; do
		case $line in
		'ok '*'# SKIP'*) skip "$way: ${line#*# SKIP }" ;;
		'ok '*) ok "$way: ${line#* - }" ;;
		'not ok '*) not_ok "$way: ${line#* - }" ;;
		'# '*) echo "$line" ;;
		esac
	done <"$WORK/out"
	diag <"$WORK/err"
	"$PINFS" gc --store "$store" >/dev/null 2>&1
	left=$("$PINFS" ls --store "$store" 2>&1 | grep -cE 'map|prog')
	is "$way $*: nothing is left after gc" "$left" 0
	left=$(find "$store/bpf-map" "$store/bpf-prog" "$store/btf" "$store/refs" -mindepth 1 2>/dev/null | wc -l)
	is "$way $*: no file is left after gc" "$left" 0
}

clients=$TOP/$B/tests/clients
for what in kill stop namespaces; do
	run_case preload "$clients/fault_kill" $what
	run_case notify "$clients/fault_kill.static" $what
done
for what in signal longjmp cancel; do
	run_case preload "$clients/fault_jump" $what
done
run_case notify "$clients/fault_jump.static" signal
for what in stop kill jump; do
	run_case preload "$clients/fault_step" $what
done
done_testing
