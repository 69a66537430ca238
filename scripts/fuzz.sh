#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The fuzzers of fuzz/: the same random calls on the kernel, under preload and
# under notify. fuzz.sh prints TAP, one check a block of calls.
#
# $PINFS_FUZZ_CALLS is the count (1,000,000), $SEED repeats a run.

set -u
cd "$(dirname "$0")/.." || exit 1
. tests/lib/cli.sh
export PINFS_FUZZ_CALLS=${PINFS_FUZZ_CALLS:-1000000}
seed=${SEED:-$(date +%s)}
diag <<<"seed: $seed, calls: $PINFS_FUZZ_CALLS"

why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"

for src in fuzz/*.c; do
	name=$(basename "$src" .c)
	world kernel "$B/fuzz/$name" -s "$seed" >"$WORK/kernel" 2>"$WORK/err" || {
		not_ok "$name on the kernel"
		diag <"$WORK/err"
		continue
	}
	for way in preload notify; do
		program=$B/fuzz/$name
		[ $way = preload ] || program=$program.static
		world root "$program" -s "$seed" >"$WORK/way" 2>"$WORK/err"
		rc=$?
		while IFS= read -r line; do
			case $line in
			=*) ok "$way $name: ${line:1}" ;;
			-*) not_ok "$way $name: kernel: ${line:1}" ;;
			+*) echo "#   pinfs: ${line:1}" ;;
			esac
		done < <(diff --unchanged-line-format='=%L' --old-line-format='-%L' --new-line-format='+%L' \
			"$WORK/kernel" "$WORK/way")
		[ $rc = 0 ] || { not_ok "$way $name: exit status $rc"; tail -n 5 "$WORK/err" | diag; }
	done
done
done_testing
