# SPDX-License-Identifier: BSD-2-Clause
# Runs at the same time, and runs whose process is killed, stopped, or jumps out of them.
cd "$(dirname "$0")/../.." && . tests/lib/faults.sh

object=$clients/bpf/work.o
for way in together killed stopped jumped; do
	run_case preload "$clients/libbpf_runs" "$object" $way
done
run_case notify "$clients/libbpf_runs.static" "$object" together
run_case notify "$clients/libbpf_runs.static" "$object" killed
done_testing
