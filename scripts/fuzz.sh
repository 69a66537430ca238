#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The fuzzer at full count: $PINFS_FUZZ_CALLS random calls (1,000,000) on the
# kernel, under preload and under notify. $SEED repeats a run; else it is the
# time, and printed.

cd "$(dirname "$0")/.." || exit 1
export SEED=${SEED:-$(date +%s)} PINFS_FUZZ_CALLS=${PINFS_FUZZ_CALLS:-1000000}
exec bash tests/cli/fuzz_short.sh
