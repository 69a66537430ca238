# SPDX-License-Identifier: BSD-2-Clause
# Random calls: a fiftieth of `make fuzz` at the usual tenth of the counts.
export PINFS_FUZZ_CALLS=$((200000 * ${PINFS_TEST_SCALE:-10} / 100))
exec "$(dirname "$0")/../../scripts/fuzz.sh"
