# SPDX-License-Identifier: BSD-2-Clause
#
# The kernel as the oracle of pinfs feed: the same objects, attached by the same
# command, on a real pair of devices that real frames go through, and fed. What
# each program saw of each frame, and what came out where, must be the same.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh
export PATH=$PATH:/usr/sbin:/sbin

kernel_is_the_oracle || skip_all "the kernel is not 6.18 with BPF for root"
command -v ip >/dev/null || skip_all "no ip(8)"
# All devices are in a namespace of the test's own.
if [ "${FEED_NETNS:-}" != 1 ]; then
	unshare -n true 2>/dev/null || skip_all "no network namespaces here"
	rm -rf "$WORK"
	FEED_NETNS=1 exec unshare -n -m bash "$0"
fi

object=$TOP/$B/tests/clients/bpf/feed.o
at=/sys/fs/bpf/feed # in both worlds
new_store

# a1 - a2 is where frames come in, at a2; b1 - b2 is where redirects lead, to b1.
mount --make-rprivate /
mount -t sysfs none /sys 2>/dev/null
ip link add a1 type veth peer name a2 2>/dev/null || skip_all "no pairs of devices here"
ip link add b1 type veth peer name b2
for dev in lo a1 a2 b1 b2; do
	echo 1 >/proc/sys/net/ipv6/conf/$dev/disable_ipv6 2>/dev/null
	ip link set $dev arp off up
done
mac=$(cat /sys/class/net/a2/address)
index=$(cat /sys/class/net/b1/ifindex)
own=$(cat /sys/class/net/a2/ifindex)
works "frames" "$TOP/$B/tests/clients/feed_frames" "$WORK/frames.pcap" "$mac"

le32() { echo $(($1 & 255)) $(($1 >> 8 & 255)) 0 0; }

# The same words in both worlds; the arguments are what they begin with.
setup() {
	"$@" bpftool prog loadall "$object" $at pinmaps $at/maps &&
		"$@" bpftool map update pinned $at/maps/config key 0 0 0 0 value $(le32 "$index") &&
		"$@" bpftool map update pinned $at/maps/devices key 0 0 0 0 value $(le32 "$index") &&
		"$@" bpftool map update pinned $at/maps/devices key 1 0 0 0 value $(le32 "$own") &&
		"$@" bpftool map update pinned $at/maps/cpus key 0 0 0 0 value 128 0 0 0 &&
		"$@" bpftool map update pinned $at/maps/tails key 0 0 0 0 value pinned $at/feed_tail
}

attach_all() {
	"$@" xdp $at/feed_xdp dev a2 pin $at/l_xdp &&
		"$@" tcx-ingress $at/feed_second dev a2 pin $at/l_second &&
		"$@" tcx-ingress $at/feed_first dev a2 pin $at/l_first before link $at/l_second &&
		"$@" tcx-egress $at/feed_egress dev b1 pin $at/l_egress &&
		"$@" tcx-ingress $at/feed_other dev b1 pin $at/l_other
}

dump() { "$@" bpftool -j map dump pinned $at/maps/seen | sed 's/},{"key"/},\n{"key"/g' | grep -v '"times":0,'; }

while umount /sys/fs/bpf 2>/dev/null; do :; done
mount -t bpf bpf /sys/fs/bpf || skip_all "no bpffs can be mounted"
works "kernel: loaded" setup env
works "kernel: attached" attach_all "$PINFS" attach --kernel
for dev in a1 b2; do # the other ends take frames of XDP then
	works "kernel: $dev is ready" "$PINFS" attach --kernel xdp $at/feed_pass dev $dev pin $at/l_$dev
done
works "here: loaded" setup in_store
works "here: attached" attach_all "$PINFS" attach --store "$STORE"

bytes() { "$TOP/$B/tests/clients/pcap_text" "$1" 2>/dev/null; } # times differ

# The frames go through both worlds as they are now; counts go on from round to round.
round() { # NAME, least number of frames sent on
	works "$1: frames go through the kernel" "$TOP/$B/tests/clients/inject" "$WORK/frames.pcap" a1 \
		a1 "$WORK/k.tx.pcap" b2 "$WORK/k.redirect.pcap"
	rm -rf "$WORK/out"
	works "$1: and are fed" pinfs feed a2 --pcap "$WORK/frames.pcap" --out "$WORK/out/"
	dump env >"$WORK/k.seen"
	dump in_store >"$WORK/p.seen"
	like "$1: programs have seen them" "$(wc -l <"$WORK/k.seen")" '^[1-9][0-9]+$'
	is "$1: each the same of each frame" "$(cat "$WORK/p.seen")" "$(cat "$WORK/k.seen")"
	# By XDP_TX, and by a redirect to where they came from.
	is "$1: sent back" "$(cat <(bytes "$WORK/out/a2.tx.pcap") <(bytes "$WORK/out/a2.redirect.pcap") | sort)" \
		"$(bytes "$WORK/k.tx.pcap" | sort)"
	ok_if "$1: some were sent on" [ "$(bytes "$WORK/k.redirect.pcap" | wc -l)" -ge "$2" ]
	# The kernel's other CPUs send theirs when they come to it.
	is "$1: the same ones" "$(bytes "$WORK/out/b1.redirect.pcap" | sort)" "$(bytes "$WORK/k.redirect.pcap" | sort)"
}
ok_if() { if "${@:2}"; then ok "$1"; else not_ok "$1"; fi; }

both() { # VERB WORDS...
	"$PINFS" "$1" --kernel "${@:2}" && "$PINFS" "$1" --store "$STORE" "${@:2}"
}

round "XDP and tcx" 20
works "no XDP any more" both detach $at/l_xdp
works "a program in generic mode where redirects lead" both attach xdpgeneric $at/feed_tail dev b1 pin $at/l_tail
round "tcx alone" 15
works "XDP in generic mode" both attach xdpgeneric $at/feed_xdp dev a2 pin $at/l_xdp
round "generic" 20

# --- filters at a clsact, by tc(8)

with_tc() { # WORDS...
	tc "$@" && in_store tc "$@"
}

if command -v tc >/dev/null; then
	for link in second first egress other; do
		works "no $link by tcx" both detach $at/l_$link
	done
	for dev in a2 b1; do
		works "a clsact at $dev" with_tc qdisc add dev $dev clsact
	done
	works "the second filter" with_tc filter add dev a2 ingress prio 2 bpf da pinned $at/feed_second
	works "the first" with_tc filter add dev a2 ingress prio 1 bpf da pinned $at/feed_first
	works "one for what leaves" with_tc filter add dev b1 egress bpf da pinned $at/feed_egress
	works "one for what comes in there" with_tc filter add dev b1 ingress bpf da pinned $at/feed_other
	round "filters, and XDP in generic mode" 20
	works "no XDP any more" both detach $at/l_xdp
	round "filters alone" 15
	works "the first filter by tcx" with_tc filter del dev a2 ingress prio 1
	works "attached" both attach tcx-ingress $at/feed_first dev a2 pin $at/l_first
	round "tcx, then filters" 15
	works "no tcx any more" both detach $at/l_first
	works "the second for one protocol" with_tc filter replace dev a2 ingress prio 2 handle 1 \
		bpf da pinned $at/feed_second classid 3:7
	works "the first for another" with_tc filter add dev a2 ingress prio 1 protocol 802.1Q \
		bpf da pinned $at/feed_first
	round "of one protocol" 5
	works "the first names classes" with_tc filter add dev a2 ingress prio 1 protocol 802.1Q handle 5 \
		bpf pinned $at/feed_first classid 1:2
	works "and for all" with_tc filter add dev a2 ingress prio 3 bpf pinned $at/feed_first
	round "classes" 5
else
	skip "no tc(8): filters at a clsact"
fi
done_testing
