# SPDX-License-Identifier: BSD-2-Clause
#
# Clients killed, stopped, interrupted and jumped out of at random moments, through
# the library and through the supervisor.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/faults.sh

for what in kill stop namespaces; do
	run_case preload "$clients/fault_kill" $what
	run_case notify "$clients/fault_kill.static" $what
done
for what in signal longjmp cancel; do
	run_case preload "$clients/fault_jump" $what
done
run_case notify "$clients/fault_jump.static" signal
for what in random threads; do
	run_case preload "$clients/fault_update" $what
	run_case notify "$clients/fault_update.static" $what
done
done_testing
