# SPDX-License-Identifier: BSD-2-Clause
# Random calls and random programs, compared with the kernel's answers: 200,000 of the million calls of `make fuzz`, 20,000
# of the million programs; a tenth of that in `make test`. Always the same.
scale=${PINFS_TEST_SCALE:-10}
export PINFS_FUZZ_CALLS=$((200000 * scale / 100)) PINFS_FUZZ_PROGS=$((20000 * scale / 100)) SEED=${SEED:-1}
exec bash "$(dirname "$0")/../../scripts/fuzz.sh"
