#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Random bpf(2) attrs: the same calls on the kernel, through the library and
# through the supervisor, compared block by block of 1000 calls.
#
# $PINFS_FUZZ_CALLS is the count (1,000,000), $SEED repeats a run; else it is the
# time, and printed. Of what differs, three blocks are shown call by call.
cd "$(dirname "$0")/.." || exit 1
. tests/lib/cli.sh

export PINFS_FUZZ_CALLS=${PINFS_FUZZ_CALLS:-1000000}
seed=${SEED:-$(date +%s)}
limit=$((60 + PINFS_FUZZ_CALLS / 1000))
fuzz=$TOP/$B/fuzz/bpf_attr

why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"

# The calls of one block that are answered otherwise.
calls_of() {
	world kernel "$fuzz" -v -s "$seed" -b "$2" >"$WORK/v.kernel" 2>/dev/null </dev/null
	world root "$1" -v -s "$seed" -b "$2" >"$WORK/v.pinfs" 2>&1 </dev/null
	diff "$WORK/v.kernel" "$WORK/v.pinfs" | grep '^[<>]' | grep -v block | sort -s -n -k2,2 | head -n 6 |
		sed 's/^</kernel:/; s/^>/pinfs: /' | diag
}

# compare WAY PROGRAM: one check a block; of what differs the first three are shown.
compare() {
	local way=$1 program=$2 shown=0 line block
	world root timeout "$limit" "$program" -s "$seed" >"$WORK/$way" 2>"$WORK/err" </dev/null
	is "$way: exit status after $PINFS_FUZZ_CALLS calls" $? 0
	while IFS= read -r line; do
		case $line in
		block*) block=${line#block } block=${block%% *} ;;
		*) continue ;;
		esac
		if grep -qFx -- "$line" "$WORK/$way"; then
			ok "$way: $line"
			continue
		fi
		not_ok "$way: $line"
		[ $((shown++)) -ge 3 ] || calls_of "$program" "$block"
	done <"$WORK/kernel"
}

echo "# seed $seed, $PINFS_FUZZ_CALLS calls"
world kernel timeout "$limit" "$fuzz" -s "$seed" >"$WORK/kernel" 2>"$WORK/err" </dev/null ||
	{ not_ok "the calls on the kernel"; diag <"$WORK/err"; done_testing; }
compare preload "$fuzz"
compare notify "$fuzz.static"
done_testing
