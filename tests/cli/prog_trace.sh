# SPDX-License-Identifier: BSD-2-Clause
#
# What programs print: read by cat of trace_pipe, by bpftool and by pinfs trace.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh
export PATH=$PATH:/usr/sbin:/sbin

object=$TOP/$B/tests/clients/bpf/print.o
new_store
head -c 64 /dev/zero >"$WORK/frame"
works "a program that prints" in_store bpftool prog load "$object" /sys/fs/bpf/tell
run='bpftool prog run pinned /sys/fs/bpf/tell data_in '$WORK/frame' repeat 1'
line='^ +bpftool-[0-9]+ +\[[0-9]{3}\] [a-z0-9.]{5} +[0-9]+\.[0-9]{6}: bpf_trace_printk: frame of 64 bytes$'

for pipe in /sys/kernel/tracing/trace_pipe /sys/kernel/debug/tracing/trace_pipe; do
	out=$(in_store sh -c "$run >/dev/null; timeout 2 head -n 1 $pipe" 2>&1)
	like "a line waits in $pipe" "$out" "$line"
done
out=$(in_store sh -c "timeout 3 cat /sys/kernel/tracing/trace_pipe & sleep 1; $run >/dev/null; $run >/dev/null; wait" 2>&1)
is "cat reads as they come" "$(grep -cE "$line" <<<"$out")" 2
out=$(in_store sh -c "timeout 3 bpftool prog tracelog & sleep 1; $run >/dev/null; wait" 2>&1)
like "bpftool prog tracelog" "$out" "$line"
(timeout 3 "$PINFS" trace --store "$STORE" >"$WORK/trace") &
sleep 1
in_store sh -c "$run" >/dev/null
wait
like "pinfs trace" "$(cat "$WORK/trace")" "$line"
is "a line is read once" "$(in_store timeout 1 cat /sys/kernel/tracing/trace_pipe | wc -l)" 0
done_testing
