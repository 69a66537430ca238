# SPDX-License-Identifier: BSD-2-Clause
#
# XDP and tc filters by netlink, with bpftool, ip, tc and libbpf as they are: the same on the kernel and
# under pinfs, in a network namespace of its own. Then what only pinfs has: feed drives what stands there, ls shows it.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/faults.sh
export PATH=$PATH:/usr/sbin:/sbin
export OBJECT=$TOP/$B/tests/clients/bpf/links.o
why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"
command -v ip >/dev/null || skip_all "no ip"

cat >"$WORK/story" <<'EOS'
said() { sed -E 's/\bid [0-9]+/id N/g; s/"(id|ifindex)":[0-9]+/"\1":N/g; s/\([0-9]+\)/(N)/; s/load_time.*//'; }
run() { echo "\$ $*"; "$@" 2>&1 | said; echo "= ${PIPESTATUS[0]}"; }
shown() { ip -d link show dev "$1" | grep -oE 'xdp[a-z]*|prog/xdp.* id [0-9]+ name [a-z]+' | said; }
ip link add v0 type veth peer name v1
ip link add b0 type bridge
pins=/sys/fs/bpf/net
mkdir $pins
bpftool prog load $OBJECT $pins/one 2>/dev/null
bpftool prog load $OBJECT $pins/two 2>/dev/null
for how in xdp xdpgeneric xdpdrv xdpoffload; do
	for dev in v0 b0 lo; do
		run bpftool net attach $how pinned $pins/one dev $dev
		shown $dev
		run bpftool net show dev $dev
		run bpftool net attach $how pinned $pins/two dev $dev
		run bpftool net attach xdpgeneric pinned $pins/two dev $dev overwrite
		run bpftool net attach xdpdrv pinned $pins/two dev $dev overwrite
		shown $dev
		run bpftool net detach xdpgeneric dev $dev
		run bpftool net detach xdpdrv dev $dev
		run bpftool net detach $how dev $dev
		shown $dev
	done
done
run bpftool net attach xdp pinned $pins/one dev nothing
run bpftool net attach xdpgeneric pinned $pins/one dev lo
run bpftool net attach xdpdrv pinned $pins/two dev v0
run bpftool net show
run bpftool -j net show
run ip link set dev v1 xdp pinned $pins/one
run ip link set dev v1 xdpgeneric pinned $pins/two
run ip -force link set dev v1 xdp pinned $pins/two
shown v1
run ip link set dev v1 mtu 1300 xdp off
ip link show dev v1 | grep -o 'mtu [0-9]*'
shown v1
rm -r $pins
run bpftool net show
run bpftool net detach xdpgeneric dev lo
run bpftool net detach xdp dev v0
run bpftool net show
EOS

# The same words in both worlds: tell_both NAME STORY
tell_both() {
	local way

	world kernel unshare -n bash "$2" >"$WORK/kernel" 2>&1 </dev/null
	for way in --fresh '--fresh --redirect'; do
		RUN_OPTS=$way world root timeout 100 unshare -n bash "$2" >"$WORK/pinfs" 2>&1 </dev/null
		is "$1, run $way: exit status" $? 0
		compare_lines "$1, run $way"
	done
}
tell_both XDP "$WORK/story"

# --- tc filters

# In dumps the qdiscs and filters made here come before the kernel's own.
cat >"$WORK/tc" <<'EOS'
said() { sed -E 's/\bid [0-9]+/id N/g; s/"(id|ifindex)":[0-9]+/"\1":N/g; s/\([0-9]+\)/(N)/; s/:\[[0-9]+\]/:[N]/; s/load_time.*//; s/ jited//'; }
run() { echo "\$ $*"; "$@" 2>&1 | said; echo "= ${PIPESTATUS[0]}"; }
ip link add v0 type veth peer name v1
ip link set v0 up
pins=/sys/fs/bpf/net
mkdir $pins
bpftool prog loadall $FEED $pins
run bpftool net show
if command -v tc >/dev/null; then
	run tc filter add dev v0 ingress bpf da pinned $pins/feed_first
	run tc qdisc add dev v0 clsact
	run tc qdisc add dev v0 clsact
	run tc qdisc show dev v0 clsact
	run tc qdisc show | sort
	run tc filter add dev v0 ingress bpf da pinned $pins/feed_first
	run tc filter add dev v0 ingress prio 10 handle 3 bpf da pinned $pins/feed_second
	run tc filter add dev v0 ingress prio 10 handle 3 bpf da pinned $pins/feed_second
	run tc filter add dev v0 ingress prio 10 handle 3 protocol ip bpf da pinned $pins/feed_second
	run tc filter add dev v0 ingress prio 10 bpf da pinned $pins/feed_first
	run tc filter replace dev v0 ingress prio 10 handle 3 bpf da pinned $pins/feed_egress
	run tc filter change dev v0 ingress prio 11 handle 3 bpf da pinned $pins/feed_egress
	run tc filter add dev v0 egress bpf pinned $pins/feed_egress classid 1:5
	run tc filter add dev v0 egress prio 2 chain 3 protocol ipv6 bpf da obj $FEED sec tc
	run tc filter add dev v0 egress bpf da pinned $pins/feed_xdp
	run tc filter add dev v0 egress bpf da pinned $pins/nothing
	run tc filter show dev v0 ingress
	run tc filter show dev v0 egress
	run tc -j filter show dev v0 egress
	run tc filter show dev v0 egress chain 3
	run tc filter show dev v0 ingress prio 10
	run tc filter get dev v0 ingress prio 10 handle 3 bpf
	run tc filter get dev v0 ingress prio 10 handle 9 bpf
	run bpftool net show
	run bpftool -j net show
	run bpftool net show dev v1
	run tc filter del dev v0 ingress prio 10 handle 9 bpf
	run tc filter del dev v0 ingress prio 10 handle 3 bpf
	run tc filter del dev v0 ingress prio 10
	run tc filter del dev v0 ingress prio 10
	run tc filter del dev v0 egress
	run tc filter show dev v0 egress
	run bpftool net show dev v0
	run tc qdisc del dev v0 clsact
	run tc filter show dev v0 ingress
	run tc qdisc replace dev v0 clsact
	run tc qdisc del dev v0 clsact
	run tc qdisc show dev v0 clsact
fi
run $CLIENTS/libbpf_tc $FEED feed_first feed_second v0
run $CLIENTS/libbpf_tc $FEED feed_first feed_second lo
for new in $CLIENTS/libbpf-new/libbpf_tc.archive $CLIENTS/libbpf-new/libbpf_tc.shared; do
	[ ! -x $new ] || run $new $FEED feed_first feed_second v0
done
run $CLIENTS/libbpf_tc $FEED feed_first feed_second v0 stay
run bpftool net show
EOS
export FEED=$TOP/$B/tests/clients/bpf/feed.o CLIENTS=$TOP/$B/tests/clients
tell_both tc "$WORK/tc"

# --- what stands there is driven, by who reads it as by a link

new_store
clients=$TOP/$B/tests/clients
story=$clients/bpf/story.o
"$clients/packets" "$WORK/packets.pcap" 1000
works "a counter is loaded" in_store bpftool prog load "$story" /sys/fs/bpf/count pinmaps /sys/fs/bpf/maps
works "and attached by bpftool" in_store bpftool net attach xdpgeneric pinned /sys/fs/bpf/count dev lo
in_store rm /sys/fs/bpf/count
like "ls shows the program at the interface" "$(pinfs ls)" 'xdp .*interface 1'
out=$(pinfs feed lo --pcap "$WORK/packets.pcap" 2>&1)
is "feed drives it" $? 0
like "all packets go through it" "$out" '^xdp +lo +[0-9]+ +count +1000 '
fails "a link finds the place taken" in_store "$clients/libbpf_feed" attach "$story" count lo /sys/fs/bpf/link
works "detached" in_store bpftool net detach xdpgeneric dev lo
out=$(pinfs feed lo --pcap "$WORK/packets.pcap" 2>&1)
fails "nothing is left to be driven" grep -q '^xdp' <<<"$out"
works "a link takes the place" in_store "$clients/libbpf_feed" attach "$story" count lo /sys/fs/bpf/link
like "which netlink cannot take" "$(in_store bpftool net detach xdpgeneric dev lo 2>&1)" 'active BPF XDP link|busy'
like "but shows" "$(in_store bpftool net show dev lo)" '^lo\(1\) generic id'

# --- so are filters

works "filters are attached by libbpf" in_store "$clients/libbpf_tc" "$clients/bpf/feed.o" feed_first feed_second lo stay
like "ls shows them" "$(pinfs ls)" 'tc .*prog [0-9]+ at interface 1 ingress prio 1 handle 0x1'
like "and the clsact" "$(pinfs ls)" 'clsact .*interface 1'
like "with their program, that nobody else holds" "$(pinfs ls)" 'sched_cls .*feed_first'
out=$(pinfs feed lo --pcap "$WORK/packets.pcap" 2>&1)
like "feed drives what comes in" "$out" '^tc/ingress +lo +[0-9]+ +feed_first +800 .*TC_ACT_UNSPEC'
works "an attach point outlives gc" pinfs gc
like "with what stands there" "$(in_store bpftool net show dev lo)" '^lo\(1\) clsact/egress feed_first'
works "the clsact goes" in_store python3 -c '
import socket, struct
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
kind = struct.pack("=HH8s", 11, 1, b"clsact")
m = struct.pack("=IHHIIBBHiIII", 36 + len(kind), 37, 5, 1, 0, 0, 0, 0, 1, 0xffff0000, 0xfffffff1, 0) + kind
s.send(m)
r = s.recv(4096)
exit(struct.unpack("=i", r[16:20])[0] != 0)'
is "and all filters with it" "$(pinfs ls | grep -cE ' tc |clsact|feed_first')" 0

new_store
out=$(unshare -n bash -c '
	ip link add v0 type veth peer name v1
	"$PINFS" run --store "$0" -- "$1/libbpf_tc" "$1/bpf/feed.o" feed_first feed_second v0 stay
	"$PINFS" gc --store "$0" >/dev/null
	"$PINFS" ls --store "$0" | grep -cE " tc "
	ip link del v0
	"$PINFS" gc --store "$0" >/dev/null
	"$PINFS" ls --store "$0" | grep -cE " tc |clsact|feed_first"' "$STORE" "$clients" 2>&1)
is "filters go with their interface, when gc looks" "$(tail -n 2 <<<"$out" | tr '\n' ' ')" "2 0 "

# --- a socket holds its program

# The process itself; of a program that cannot carry the library, the supervisor.
for client in sock_hold sock_hold.static; do
	mkfifo "$WORK/in" "$WORK/out"
	"$PINFS" run --store "$STORE" -- "$clients/$client" <"$WORK/in" >"$WORK/out" &
	holder=$!
	exec 8>"$WORK/in" 9<"$WORK/out"
	read -r -t 20 said <&9
	is "$client has attached a program and closed its fd" "$said" attached
	case $client in *.static) who=pinfs-super ;; *) who=sock_hold ;; esac
	like "ls says that $who holds it" "$(pinfs ls)" "socket_filter .*held +.*[0-9]+\\($who\\)"
	exec 8>&- 9<&-
	wait "$holder"
	is "the program goes with the process" "$(pinfs ls | grep -c socket_filter)" 0
	rm "$WORK/in" "$WORK/out"
done

# Its end alone lets go, while the run goes on.
like "the supervisor lets go when the process ends" "$("$PINFS" run --store "$STORE" -- sh -c '
	"$1" </dev/null >&2
	for i in 1 2 3 4 5 6 7 8 9 10; do
		"$2" ls --store "$3" | grep -q socket_filter || { echo gone; break; }
		sleep 0.2
	done' sh "$clients/sock_hold.static" "$PINFS" "$STORE" 2>&1)" '^gone$'

# --- clients that are killed and stopped among filters

for what in kill stop; do
	run_case preload "$clients/fault_tc" $what
done
done_testing
