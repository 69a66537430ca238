# SPDX-License-Identifier: BSD-2-Clause
# Runs at the same time, and runs whose process is killed, stopped, or jumps out of them.
cd "$(dirname "$0")/../.." && . tests/lib/faults.sh

object=$clients/bpf/work.o
for way in together killed stopped jumped; do
	run_case preload "$clients/libbpf_runs" "$object" $way
done
run_case notify "$clients/libbpf_runs.static" "$object" together
run_case notify "$clients/libbpf_runs.static" "$object" killed

# A static program's run is made by the supervisor: it ends with the client.
out=$(RUN_OPTS=--fresh world root sh -c '
	ticks() { set -- $(cat /proc/$PPID/stat); echo $((${14} + ${15})); }
	"$1" "$2" endless >"$3" & runner=$!
	until grep -q running "$3"; do sleep 0.1; done
	a=$(ticks)
	for _ in $(seq 60); do sleep 1; b=$(ticks); [ $((b - a)) -le 20 ] || break; done
	kill -9 $runner; wait $runner; sleep 0.5
	c=$(ticks); sleep 1; d=$(ticks)
	echo "busy $((b - a > 20)) idle $((d - c < 10))"' sh "$clients/libbpf_runs.static" "$object" "$WORK/endless" 2>/dev/null)
is "a killed client's run is given up" "$out" "busy 1 idle 1"

# The files of its maps are cut short while it runs: the run is over, the process is not, and others are not touched.
for program in libbpf_runs libbpf_runs.static; do
	rm -rf "$store" "$WORK/cut"
	RUN_OPTS="--store $store" world root sh -c '
		"$1" "$2" endless >"$3" & runner=$!
		until grep -qs running "$3"; do sleep 0.1; done
		for f in "$4"/bpf-map/*; do : >"$f"; done
		wait $runner
		bpftool map create /sys/fs/bpf/other type hash key 4 value 4 entries 4 name other && echo served >>"$3"
		' sh "$clients/$program" "$object" "$WORK/cut" "$store" 2>"$WORK/err"
	is "$program: maps cut short under a run" "$(grep -E '^(ended|served)' "$WORK/cut" | tr '\n' ' ')" "ended: EIO served "
done
done_testing
