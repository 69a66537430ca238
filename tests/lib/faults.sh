# SPDX-License-Identifier: BSD-2-Clause
#
# For the fault tests: run_case runs a client in a store of its own, takes over
# its checks, and looks whether the store holds anything that nobody can reach.
. tests/lib/cli.sh

export LD_BIND_NOW=1
limit=$((60 + 35 * ${PINFS_TEST_SCALE:-10}))
store=/dev/shm/pinfs-faults.$$
trap 'rm -rf "$WORK" "$store"' EXIT

# run_case WAY PROGRAM ARGS...: its checks are this test's checks.
run_case() {
	local way=$1 program=$2 line left rc
	shift 2
	rm -rf "$store"
	RUN_OPTS="--store $store" world root timeout "$limit" "$program" "$@" >"$WORK/out" 2>"$WORK/err" </dev/null
	rc=$?
	is "$way $(basename "$program") $*: exit status" $rc 0
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
	# btf/1 is the machine's own: it stays.
	left=$(find "$store/bpf-map" "$store/bpf-prog" "$store/btf" "$store/attach" "$store/refs" -mindepth 1 2>/dev/null |
		grep -cvE '/btf/1$|/btf\.1\.')
	is "$way $*: no file is left after gc" "$left" 0
}

clients=$TOP/$B/tests/clients
