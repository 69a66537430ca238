#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the fuzzers of fuzz/ at full count. $SEED repeats a run; else it is the time, and printed.

set -u
cd "$(dirname "$0")/.." || exit 1
export TOP=$PWD B=${B:-build}
export PINFS=$TOP/$B/pinfs PINFS_TEST_SCALE=${PINFS_TEST_SCALE:-100}
export SEED=${SEED:-$(date +%s)}

echo "seed: $SEED"
rc=0
for src in fuzz/*.c fuzz/*.sh; do
	[ -e "$src" ] || continue
	echo "== ${src##*/}"
	case $src in
	*.sh) bash "$src" || rc=1 ;;
	*) "./$B/${src%.c}" || rc=1 ;;
	esac
done
exit $rc
