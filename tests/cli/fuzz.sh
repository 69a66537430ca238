# SPDX-License-Identifier: BSD-2-Clause
# Random calls, compared with the kernel's answers: 20,000 of the million of `make fuzz`, always the same.
export PINFS_FUZZ_CALLS=$((200000 * ${PINFS_TEST_SCALE:-10} / 100)) SEED=${SEED:-1}
exec bash "$(dirname "$0")/../../scripts/fuzz.sh"
