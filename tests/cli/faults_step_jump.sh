# SPDX-License-Identifier: BSD-2-Clause
#
# A client that a signal handler jumps out of its call at every instruction.
# Below full scale that is one instruction of a hundred.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/faults.sh

[ "${PINFS_TEST_SCALE:-10}" -ge 100 ] || export PINFS_TEST_SCALE=1
run_case preload "$clients/fault_step" jump
run_case preload "$clients/fault_update" jump
done_testing
