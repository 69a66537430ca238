# SPDX-License-Identifier: BSD-2-Clause
#
# Links in the hands of programs that know nothing of pinfs: libbpf's attach functions and bpftool, with the
# same output on the kernel and under pinfs; clients killed and stopped among links; what pinfs ls says of them.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/faults.sh

export LINKS=$TOP/$B/tests/clients
cgroup=
for dir in /sys/fs/cgroup /sys/fs/cgroup/unified; do
	[ "$(stat -f -c %T $dir 2>/dev/null)" = cgroup2fs ] && cgroup=$dir/pinfs-link-$$
done
why=$(no_world kernel)
[ -n "$cgroup" ] || why="no cgroup v2 is mounted here"
[ -z "$why" ] || skip_all "$why"
mkdir "$cgroup" || exit 1
trap 'rm -rf "$WORK" "$store"; rmdir "$cgroup"' EXIT
export CGROUP=$cgroup

# Ids and times, and what a kernel adds to a program that it has seen running, are not compared. Of all links those on
# the kernel are listed that the story has pinned: others may have some, too, and theirs may go while they are listed.
cat >"$WORK/story" <<'EOS'
dir=/sys/fs/bpf/link-test
mkdir $dir
plain() {
	sed -E 's/(prog|id|cgroup_id|netns_ino|map_ids?|btf_id) [0-9,]+/\1 N/g; s/^[0-9]+:/N:/; s/^[0-9]+ +/N /
		s/loaded_at.*//; s/xlated.*//; s/tag [0-9a-f]+//; s/  +/ /g' | tr '\t' ' '
}
run() {
	echo "== $*"
	"$LINKS/libbpf_links$HOW" "$@" 2>&1
	echo "status $?"
}
tool() {
	echo "== bpftool $*"
	bpftool "$@" 2>&1 | plain
	echo "status ${PIPESTATUS[0]}"
}
own=' '
note() {
	local pin
	for pin in $dir/*; do
		own+="$(bpftool -j link show pinned $pin | grep -oE '"id":[0-9]+' | head -n 1 | cut -d: -f2): "
	done
}
list() {
	local status n
	echo "== bpftool link show"
	for n in 1 2 3 4 5 6 7 8 9; do
		bpftool link show >"$1" 2>&1
		status=$?
		[ $status != 0 ] && [ -n "$OWN_ONLY" ] || break
	done
	awk -v own="$own" -v all="$OWN_ONLY" '/^[0-9]+:/ { keep = all == "" || index(own, " " $1 " ") } keep' "$1" | plain
	echo "status $status"
}
run attach "$LINKS/bpf/links.o" $dir $CGROUP
note
ls $dir
run look $dir
run conflict "$LINKS/bpf/links.o"
list "$1"
tool cgroup show $CGROUP
tool cgroup tree $CGROUP
tool link show pinned $dir/pass
run update "$LINKS/bpf/links.o" $dir
run look $dir
tool link detach pinned $dir/choose
tool link detach pinned $dir/enter
run look $dir
rm $dir/watch_in
sleep 0.1
tool cgroup show $CGROUP
run attach "$LINKS/bpf/links.o" $dir $CGROUP
ls $dir
run detach $dir
run look $dir
note
rm $dir/*
sleep 0.1
list "$1"
run conflict "$LINKS/bpf/links.o"
rmdir $dir && echo clean
EOS

# By netlink, which the library alone can answer. What is attached so stays when its maker has gone.
cat >"$WORK/net" <<'EOS'
. "$1"
run netlink "$LINKS/bpf/links.o"
tool net show
mount --bind /sys/fs/bpf /sys/fs/bpf 2>/dev/null
bpftool prog load "$LINKS/bpf/links.o" /sys/fs/bpf/link-prog 2>/dev/null >&2
tool net detach xdpgeneric dev lo
tool net show
tool net attach xdpgeneric pinned /sys/fs/bpf/link-prog dev lo
tool net attach xdpgeneric pinned /sys/fs/bpf/link-prog dev lo
tool net attach xdpgeneric pinned /sys/fs/bpf/link-prog dev lo overwrite
rm -f /sys/fs/bpf/link-prog
tool net show
tool net detach xdpgeneric dev lo
tool net show
EOS
sed -n '/^plain()/,/^run attach/p' "$WORK/story" | sed '$d' >"$WORK/functions"

# compare STORY HOW STATIC ARGS...
compare_story() {
	local story=$1 how=$2 static=$3
	shift 3
	PATH=$PATH:/usr/sbin OWN_ONLY=1 HOW='' world kernel unshare -n bash "$WORK/$story" "$@" >"$WORK/kernel" 2>&1 </dev/null
	PATH=$PATH:/usr/sbin HOW=$static RUN_OPTS=$how world root timeout 60 unshare -n bash "$WORK/$story" "$@" \
		>"$WORK/pinfs" 2>&1 </dev/null
	is "$story, run $how$static: exit status" $? 0
	compare_lines "$story, run $how$static"
}

compare_story story --fresh '' "$WORK/list"
compare_story story '--fresh --redirect' '' "$WORK/list"
compare_story story --fresh .static "$WORK/list"
compare_story net --fresh '' "$WORK/functions"

cat >"$WORK/shown" <<'EOS'
dir=/sys/fs/bpf/link-test
mkdir $dir
"$LINKS/libbpf_links" attach "$LINKS/bpf/links.o" $dir $CGROUP >/dev/null
"$PINFS" ls
"$PINFS" ls --json >"$1"
rm -r $dir
sleep 0.1
"$PINFS" ls | sed 's/^/after: /'
EOS
shown=$(RUN_OPTS=--fresh world root bash "$WORK/shown" "$WORK/json" 2>&1)
like "ls: the XDP link, its program and its interface" "$shown" '^/sys/fs/bpf/link-test/pass .*link .*xdp .*prog [0-9]+ at interface 1 +nothing'
like "ls: the cgroup's" "$shown" '^/sys/fs/bpf/link-test/watch_in .*prog [0-9]+ at cgroup [0-9]+ +nothing'
like "ls: the tracepoint's, which nothing could drive" "$shown" '^/sys/fs/bpf/link-test/enter .*at tracepoint sys_enter +-'
like "ls: a program names the link that holds it" "$shown" '^- .*prog .*xdp .*pass .*bpf_link\.[0-9]+'
like "ls --json has it, too" "$(cat "$WORK/json")" '"driven_by": ?"nothing"'
is "ls: nothing is left after the pins" "$(grep -cE '^after:.*(link|prog) ' <<<"$shown")" 0

# A namespace that is gone leaves its inode number to the next, and pinned links: they are not the next one's.
cat >"$WORK/again" <<'EOS'
for n in 1 2 3; do
	mkdir /sys/fs/bpf/again-$n
	unshare -n "$LINKS/libbpf_links$1" attach "$LINKS/bpf/links.o" /sys/fs/bpf/again-$n $CGROUP | grep '^attach pass'
done
rm -r /sys/fs/bpf/again-*
EOS
for static in '' .static; do
	is "a new namespace is empty$static" "$(RUN_OPTS=--fresh world root bash "$WORK/again" "$static" 2>&1)" \
		"$(world kernel bash "$WORK/again" "$static" 2>&1)"
done

for what in kill stop; do
	run_case preload "$clients/fault_link" $what
	run_case notify "$clients/fault_link.static" $what
done
done_testing
