#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The kernel's side of the tests alone: every program of tests/abi, and clients of all kinds, on the machine's own
# bpf(2), in a bpffs and a network namespace of their own. test-kernel.sh [PATTERN...]
#
# So a new kernel can be looked at before pinfs answers as it does. A line a program: how many lines it printed, how
# many of them are checks that failed, its exit status. All that they print is in $B/kernel, a file each, for diff(1)
# with another kernel's. The last line sums up; the exit status is 1 if a check failed, or a program did not end well.
[ -n "$TEST_KERNEL_NETNS" ] ||
	exec unshare -n sh -c 'ip link set lo up; TEST_KERNEL_NETNS=1 exec bash "$0" "$@"' "$0" "$@"
cd "$(dirname "$0")/.." || exit 1
. tests/lib/cli.sh
. tests/lib/clients.sh

kernel_has_bpf || { echo "test-kernel: this needs root, and a kernel with bpf(2)" >&2; exit 1; }
limit=${ABI_LIMIT:-120}
out=$B/kernel programs=0 lines=0 failed=0
mkdir -p "$out"
patterns=("$@")

selected() {
	local p

	[ ${#patterns[@]} -gt 0 ] || return 0
	for p in "${patterns[@]}"; do
		[[ $1 == *$p* ]] && return 0
	done
	return 1
}

# tell NAME STATUS: of what is in $out/NAME
tell() {
	local n bad

	n=$(wc -l <"$out/$1")
	bad=$(grep -c '^not ok' "$out/$1")
	[ "$2" = 0 ] || [ "$bad" != 0 ] || bad=1
	printf '%-6s %s  %d lines, %d failed, status %d\n' "$([ "$bad" = 0 ] && echo ok || echo FAILED)" "$1" "$n" "$bad" "$2"
	grep '^not ok' "$out/$1" | head -n 20 | sed 's/^/    /'
	[ "$2" = 0 ] || tail -n 3 "$out/$1.err" 2>/dev/null | sed 's/^/    /'
	[ -s "$out/$1.err" ] || rm -f "$out/$1.err"
	programs=$((programs + 1)) lines=$((lines + n)) failed=$((failed + bad))
}

for src in tests/abi/*.c; do
	name=$(basename "$src" .c)
	selected "tests/abi/$name" || continue
	read -r _ _ args < <(grep -E "^$name( |$)" tests/abi/ways)
	# shellcheck disable=SC2086
	world kernel timeout "$limit" "$TOP/$B/tests/abi/$name" $args >"$out/$name" 2>"$out/$name.err" </dev/null
	tell "$name" $?
done

# Each with its own directory, as tests/cli/mixed.sh begins.
cgroup=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
[ -n "$cgroup" ] && export CGROUP=$cgroup/pinfs-kernel.$$ && mkdir "$CGROUP"
trap 'rm -rf "$WORK"; [ -z "$CGROUP" ] || rmdir "$CGROUP"' EXIT
cat >"$WORK/one" <<'EOS'
export DIR=/sys/fs/bpf/own SHARED=/sys/fs/bpf/shared WHO=1
mkdir $DIR $SHARED
timeout "$1" sh -c "$2"
EOS
while read -r kind _ command <&3; do
	selected "clients/$kind" || continue
	world kernel bash "$WORK/one" "$limit" "$command" >"$out/$kind" 2>&1 </dev/null
	tell "$kind" $?
done 3< <({ clients_anywhere; clients_more; } | clients_built)
sort -u "$WORK/skipped" 2>/dev/null | sed 's/^/not built: /'
echo "$(uname -r): $programs programs, $lines lines, $failed failed"
[ "$failed" = 0 ]
