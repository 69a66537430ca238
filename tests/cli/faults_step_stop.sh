# SPDX-License-Identifier: BSD-2-Clause
#
# Clients that stand still at every instruction of their calls while others work.
# Below full scale that is one instruction of a hundred.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/faults.sh

[ "${PINFS_TEST_SCALE:-10}" -ge 100 ] || export PINFS_TEST_SCALE=1
run_case preload "$clients/fault_step" stop
run_case preload "$clients/fault_update" stop
done_testing
