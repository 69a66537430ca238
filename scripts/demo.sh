#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The walk-through, for people to watch: the real bpftool in a run of its own.
#
# Each command is shown, run for real, and its result checked: the demo fails
# when something does not do what its heading says.

set -u
cd "$(dirname "$0")/.." || exit 1
export PATH=$PATH:/usr/sbin:/sbin
pinfs=$PWD/${B:-build}/pinfs

if [ "${1:-}" != inside ]; then
	dir=$(mktemp -d) || exit 1
	trap 'rm -rf "$dir"' EXIT
	echo "== What works on this machine, and what pinfs run would choose"
	"$pinfs" doctor | tail -n 5
	# The file descriptors and the store are the run's own, and gone after it.
	export OBJECT=$PWD/${B:-build}/tests/clients/bpf/story.o
	"${B:-build}/tests/clients/packets" "$dir/packets.pcap" 5000 || exit 1
	DIR=$dir "$pinfs" run --fresh -- bash "$0" inside
	exit $?
fi

failed=0
say() { printf '\n== %s\n' "$*"; }
cmd() {
	echo "\$ $*"
	"$@"
}
works() { cmd "$@" || { echo "!! exit status $?"; failed=1; }; }
refused() { cmd "$@" && { echo "!! it worked"; failed=1; }; true; }

pin=/sys/fs/bpf/my_test_map

say "bpf(2) is answered by pinfs now; /sys/fs/bpf is a bpffs"
works mountpoint /sys/fs/bpf
works stat -f -c 'type %t' /sys/fs/bpf

say "Create a map and pin it"
works bpftool map create $pin type hash key 4 value 4 entries 10 name my_test_map
works ls -l $pin

say "Find it by name, by pin, by id, as JSON, with its pins"
works bpftool map show name my_test_map
works bpftool -j map show pinned $pin
id=$(bpftool -j map show pinned $pin | sed 's/.*"id":\([0-9]*\).*/\1/')
works bpftool -f map show id "$id"

say "Write, read, walk, delete, dump"
works bpftool map update pinned $pin key 1 0 0 0 value 2 0 0 0
works bpftool map update pinned $pin key 3 0 0 0 value 4 0 0 0
works bpftool map lookup pinned $pin key 1 0 0 0
works bpftool map getnext pinned $pin
works bpftool map delete pinned $pin key 1 0 0 0
works bpftool map dump pinned $pin

say "A second one at the same path is refused, as the kernel does, and leaves nothing behind"
refused bpftool map create $pin type hash key 4 value 4 entries 10 name my_test_map
works "$pinfs" ls

say "A frozen map takes no more updates"
works bpftool map freeze pinned $pin
refused bpftool map update pinned $pin key 5 0 0 0 value 6 0 0 0

say "Another instance; and one that bpftool mounts by itself"
works mkdir "$DIR/inst" "$DIR/auto"
works mount -t bpf bpffs "$DIR/inst"
works bpftool map create "$DIR/auto/stack" type stack value 8 entries 4 name st
works findmnt -t bpf
works umount "$DIR/auto"
works umount "$DIR/inst"

say "Remove the pin: the object is gone with it"
works rm $pin
refused bpftool map show id "$id"
works "$pinfs" ls

say "One process loads and pins a program that counts packets by protocol, and exits"
works bpftool prog load "$OBJECT" /sys/fs/bpf/count pinmaps /sys/fs/bpf/count_maps
works bpftool prog show pinned /sys/fs/bpf/count
works bpftool prog dump xlated pinned /sys/fs/bpf/count

say "A second runs it over a capture; a third reads the counts meanwhile (6: TCP, 17: UDP)"
echo "\$ pinfs prog run /sys/fs/bpf/count --pcap packets.pcap --times 20 &"
"$pinfs" prog run /sys/fs/bpf/count --pcap "$DIR/packets.pcap" --times 20 &
sleep 0.3
works bpftool map lookup pinned /sys/fs/bpf/count_maps/packets key 6 0 0 0
wait $! || failed=1
works bpftool map lookup pinned /sys/fs/bpf/count_maps/packets key 6 0 0 0
works bpftool map lookup pinned /sys/fs/bpf/count_maps/packets key 17 0 0 0

say "Attached to an interface by a link that is pinned, it sees what feed drives through it"
works "$pinfs" attach xdp /sys/fs/bpf/count dev lo pin /sys/fs/bpf/link
works bpftool link show
works "$pinfs" feed lo --pcap "$DIR/packets.pcap" --out "$DIR/out/"
works ls -l "$DIR/out"
echo "\$ pinfs feed lo --pcap packets.pcap --rate 10000 --loop 2 &"
"$pinfs" feed lo --pcap "$DIR/packets.pcap" --rate 10000 --loop 2 &
sleep 0.3
works bpftool map lookup pinned /sys/fs/bpf/count_maps/packets key 17 0 0 0
wait $! || failed=1
works bpftool map lookup pinned /sys/fs/bpf/count_maps/packets key 17 0 0 0
works "$pinfs" detach /sys/fs/bpf/link

say "Remove the pins: the program, its map and its BTF are gone"
works rm -r /sys/fs/bpf/count /sys/fs/bpf/count_maps
works "$pinfs" ls

[ $failed = 0 ] && printf '\nAll as it should be.\n'
exit $failed
