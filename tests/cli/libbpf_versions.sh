#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The same C clients with the machine's own libbpf linked statically, and with a newer one, as an archive, as
# a shared library, and without any shared library (then notify serves them); and a client of libbpf-rs. Each
# prints the same on the kernel and under pinfs.

cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

export C=$TOP/$B/tests/clients
new=$C/libbpf-new

cat >"$WORK/story" <<'EOS'
dir=/sys/fs/bpf/versions
mkdir $dir
ip link set lo up
run() {
	local prog=$1
	shift
	{
		echo "== $prog $*"
		"${CLIENT/PROG/$prog}" "$@" 2>&1
		echo "status $?"
	} | sed "s,$C,OBJECTS,; s,$CGROUP,CGROUP,; s,$D,DIR,"
}
run libbpf_maps load "$C/bpf/maps.o" $dir
ls $dir
run libbpf_maps load "$C/bpf/maps.o" $dir
run libbpf_maps load "$C/bpf/bigger.o" $dir
rm $dir/*
# What a static program maps is not seen by MAP_FREEZE (docs/ABI.md).
case $CLIENT in *static) ;; *) run libbpf_maps data "$C/bpf/maps.o" $dir ;; esac
rm $dir/*
run libbpf_maps pin "$C/bpf/maps.o" $dir
rm -f $dir/*
run libbpf_maps pin-all "$C/bpf/maps.o" $dir
rm -f $dir/*
run libbpf_progs run
run libbpf_progs errors
run libbpf_progs info
run libbpf_links attach "$C/bpf/links.o" $dir "$CGROUP"
run libbpf_links look $dir
run libbpf_links conflict "$C/bpf/links.o"
run libbpf_links update "$C/bpf/links.o" $dir
run libbpf_links detach $dir
rm -f $dir/*
EOS

cat >"$WORK/rs-story" <<'EOS'
dir=/sys/fs/bpf/rs
mkdir $dir
ip link set lo up
for part in first second plain; do
	echo "== $part"
	"$CLIENT" $part $dir "$C/bpf/maps.o" 2>&1
	echo "status $?"
	ls $dir
done
EOS

# in_world WORLD STORY: an own network namespace and cgroup each.
in_world() {
	local dir=${CGROUPS:-$WORK} CGROUP

	CGROUP=$(mktemp -d "$dir/pinfs-test.XXXXXX") || return
	CGROUP=$CGROUP D=$WORK unshare -n bash -c '. tests/lib/cli.sh; WORK=$1; shift; trap - EXIT; world "$@"' sh "$WORK" \
		"$1" timeout 120 bash "$2" 2>&1 </dev/null
	rmdir "$CGROUP"
}

# compare TEXT STORY: $CLIENT on the kernel and in both kinds of runs, a check a line.
compare() {
	local how

	in_world kernel "$2" >"$WORK/kernel"
	grep -q '^status 12[67]$' "$WORK/kernel" && not_ok "$1: the client is there"
	for how in '--fresh' '--fresh --redirect'; do
		RUN_OPTS=$how in_world root "$2" >"$WORK/pinfs"
		compare_lines "$1, $how"
	done
}

why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"
CGROUPS=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
[ -n "$CGROUPS" ] || skip_all "no cgroup2"

export CLIENT=$C/PROG
compare "Debian's, shared" "$WORK/story"
CLIENT=$C/PROG.static
compare "Debian's, static" "$WORK/story"
if [ -e "$new.skip" ]; then
	skip "a newer libbpf: $(cat "$new.skip")"
else
	for kind in archive shared static; do
		CLIENT=$new/PROG.$kind
		compare "$(cat "$new/version"), $kind" "$WORK/story"
	done
fi
if [ -e "$C/libbpf-rs.gnu.skip" ]; then
	skip "libbpf-rs: $(cat "$C/libbpf-rs.gnu.skip")"
else
	CLIENT=$C/libbpf-rs.gnu
	compare "libbpf-rs" "$WORK/rs-story"
fi
done_testing
