# SPDX-License-Identifier: BSD-2-Clause
# Program files changed on disk, and object files that no compiler wrote: an errno, no crash, nothing unverified runs.
# $SEED repeats a run; 500 program files and 500 object files are damaged at full scale.
cd "$(dirname "$0")/../.." && . tests/lib/cli.sh && . tests/lib/damage.sh
new_store
cases=$((500 * ${PINFS_TEST_SCALE:-10} / 100))
[ "$cases" -gt 0 ] || cases=1
echo "# seed $seed, $cases cases"
obj=$TOP/$B/tests/clients/bpf/story.o

# A crash, a death by the guard's own signals, or no end; the answers themselves may be anything.
cat >"$WORK/try" <<'EOF'
try() {
	timeout -s KILL 10 "$@" >/dev/null 2>&1
	rc=$?
	case $rc in 13[2-9]) echo "bad: $*: status $rc" ;; esac
}
EOF
cat >"$WORK/use" <<'EOF'
. "$WORK/try"
p=/sys/fs/bpf/count
head -c 64 /dev/zero >"$WORK/data"
try bpftool prog show pinned $p
try bpftool prog dump xlated pinned $p
try bpftool prog dump xlated pinned $p opcodes linum
try bpftool prog dump jited pinned $p
try bpftool prog run pinned $p data_in "$WORK/data" repeat 3
try bpftool prog show
bpftool map lookup pinned /sys/fs/bpf/good key 1 0 0 0
EOF
works "a program and a map beside it" in_store sh -ec "
	bpftool prog load $obj /sys/fs/bpf/count
	bpftool map create /sys/fs/bpf/good type hash key 4 value 4 entries 4 name good
	bpftool map update pinned /sys/fs/bpf/good key 1 0 0 0 value 2 0 0 0"
cp -a "$STORE" "$WORK/whole"
good="key: 01 00 00 00  value: 02 00 00 00"
is "whole, it runs" "$(in_store sh "$WORK/use")" "$good"
for round in $(seq "$cases"); do
	rm -rf "$STORE"
	cp -a "$WORK/whole" "$STORE"
	damage "$STORE/fs/1/count"
	out=$(in_store sh "$WORK/use" 2>&1)
	[ "$out" = "$good" ] || is "round $round, $did: no crash, the map is whole" "$out" "$good"
	pinfs ls >/dev/null 2>&1 || not_ok "round $round, $did: ls: status $?"
	pinfs gc >/dev/null 2>&1 || not_ok "round $round, $did: gc: status $?"
done
ok "$cases damaged program files"

# The instructions begin behind the header of 512 bytes. The first is made a load through
# a number, so that running it unverified would be a death: once before any process has seen it,
# once under a process that has run it and goes on running it.
unsafe() { printf '\x79\x00\x00\x00\x00\x00\x00\x00' | dd of="$1" bs=1 seek=512 conv=notrunc status=none; }
rm -rf "$STORE" && cp -a "$WORK/whole" "$STORE"
head -c 64 /dev/zero >"$WORK/data"
unsafe "$STORE/fs/1/count"
out=$(in_store bpftool prog run pinned /sys/fs/bpf/count data_in "$WORK/data" 2>&1)
like "changed instructions do not run" "$out" 'Error: .*(Permission denied|Input/output error|Invalid argument)'
rm -rf "$STORE" && cp -a "$WORK/whole" "$STORE"
in_store "$TOP/$B/tests/clients/rerun" /sys/fs/bpf/count 40 >"$WORK/rerun" 2>&1 &
sleep 0.5
unsafe "$STORE/fs/1/count"
wait $!
is "a process that had verified it goes on with what it verified" "$? $(tail -n 1 "$WORK/rerun")" "0 40 runs, 0 failed"

# Objects are read by bpftool's own libbpf; what reaches PROG_LOAD, MAP_CREATE and BTF_LOAD is then as odd as
# a damaged file makes it.
for round in $(seq "$cases"); do
	cp "$obj" "$WORK/bad.o"
	damage "$WORK/bad.o"
	out=$("$PINFS" run --fresh -- sh -c '. "$WORK/try"; try bpftool prog load "$WORK/bad.o" /sys/fs/bpf/bad
		try bpftool prog run pinned /sys/fs/bpf/bad data_in "$WORK/data"; try bpftool prog show; try bpftool btf list' 2>&1)
	# What kills bpftool on the kernel, too, is libbpf's.
	if [ -n "$out" ] && [ -z "$(no_world kernel)" ] &&
		[ -z "$(world kernel sh -c '. "$WORK/try"; try bpftool prog load "$WORK/bad.o" /sys/fs/bpf/bad' 2>&1)" ]; then
		not_ok "round $round, object with $did"
		diag <<<"$out"
	fi
done
ok "$cases damaged object files"
done_testing
