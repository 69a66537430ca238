#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The Go client, which is a static program: each of its stories prints the same on the kernel and under pinfs, line by
# line. tests/clients/go/differences has the pairs of lines that differ for a reason that docs/ABI.md gives. What the
# features package finds of helpers may differ for those alone that docs/ABI.md lists as refused, and only so that
# there is less here than on the kernel.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

client=$TOP/$B/tests/clients/go.static
[ -x "$client" ] || skip_all "$(cat "$client.skip" 2>/dev/null || echo "the Go client was not built")"
why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"
export client

cgroup=
for dir in /sys/fs/cgroup /sys/fs/cgroup/unified; do
	[ "$(stat -f -c %T $dir 2>/dev/null)" = cgroup2fs ] && cgroup=$dir/pinfs-go-$$
done
stories="maps batch percpu nested queues tries flags variables memory pins pins-again names reuse walk programs runs
	info ids verifier stats links tcx iterators netns refused ring perf types btf parallel signals finalizers children"
if [ -n "$cgroup" ] && mkdir "$cgroup" 2>/dev/null; then
	trap 'rm -rf "$WORK"; rmdir "$cgroup"' EXIT
	stories+=" cgroups"
else
	skip "cgroups: no cgroup v2 is mounted here"
fi
export CGROUP=$cgroup stories

cat >"$WORK/stories" <<'EOS'
dir=/sys/fs/bpf/go
mkdir $dir
for story in $stories; do
	echo "== $story"
	timeout 120 "$client" "$story" $dir "$CGROUP" 2>&1
	echo "status $?"
	[ "$story" = pins ] || rm -rf $dir/*
done
rmdir $dir && echo clean
EOS

is_documented() { grep -qxF -- "$1 => $2" tests/clients/go/differences; }

# What stood between two equal lines: each line's pair is the one in the same place.
end_hunk() {
	local i

	for i in "${!old[@]}"; do
		if is_documented "${old[i]}" "${new[i]-}"; then
			ok "$1: as documented: ${new[i]-nothing}"
		else
			not_ok "$1: kernel: ${old[i]}"
			diag <<<"pinfs: ${new[i]-}"
		fi
	done
	for ((i = ${#old[@]}; i < ${#new[@]}; i++)); do
		not_ok "$1: not on the kernel: ${new[i]}"
	done
	old=() new=()
}

compare() {
	local line old=() new=()

	while IFS= read -r line; do
		case $line in
		=*)
			end_hunk "$1"
			ok "$1: ${line:1}"
			;;
		-*) old+=("${line:1}") ;;
		+*) new+=("${line:1}") ;;
		esac
	done < <(diff --unchanged-line-format='=%L' --old-line-format='-%L' --new-line-format='+%L' "$WORK/kernel" "$WORK/pinfs")
	end_hunk "$1"
}

world kernel unshare -n bash "$WORK/stories" >"$WORK/kernel" 2>&1 </dev/null
for how in '--fresh' '--fresh --redirect'; do
	RUN_OPTS=$how world root unshare -n bash "$WORK/stories" >"$WORK/pinfs" 2>&1 </dev/null
	is "run $how: status" $? 0
	compare "run $how"
done

# helper NAME types [1 2 3] [odd answers]
is_refused() { sed -n '/Refused helpers:/,/\.$/p' docs/ABI.md | grep -qF "\`$1\`"; }

less() {
	local type

	for type in $2; do
		[[ " $1 " == *" $type "* ]] || return 1
	done
}

types_of() { sed 's/[^[]*\[\([^]]*\)\].*/\1/' <<<"$1"; }

world kernel "$client" helpers / >"$WORK/kernel" 2>&1
world root timeout 120 "$client" helpers / >"$WORK/pinfs" 2>&1
is "helpers: as many lines" "$(wc -l <"$WORK/pinfs")" "$(wc -l <"$WORK/kernel")"
while IFS= read -r old <&3 && IFS= read -r new <&4; do
	name=$(cut -d' ' -f2 <<<"$old")
	if [ "$old" = "$new" ]; then
		ok "helper $name: as on the kernel"
	elif is_refused "$name" && less "$(types_of "$old")" "$(types_of "$new")"; then
		ok "helper $name: refused here, as documented"
	else
		not_ok "kernel: $old"
		diag <<<"pinfs: $new"
	fi
done 3<"$WORK/kernel" 4<"$WORK/pinfs"
done_testing
