# SPDX-License-Identifier: BSD-2-Clause
#
# A client killed at every instruction of its calls.
# Below full scale that is one instruction of a hundred.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/faults.sh

[ "${PINFS_TEST_SCALE:-10}" -ge 100 ] || export PINFS_TEST_SCALE=1
run_case preload "$clients/fault_step" kill
run_case preload "$clients/fault_update" kill
done_testing
