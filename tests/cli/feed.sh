# SPDX-License-Identifier: BSD-2-Clause
#
# A loader attaches a program, pins its link and exits. A second process feeds
# a capture through it, a third reads counters, a fourth changes the program
# meanwhile. Then: what comes out where, how fast, how often, and captures that are damaged.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh
export PATH=$PATH:/usr/sbin:/sbin

clients=$TOP/$B/tests/clients
object=$clients/bpf/story.o
pcap=$WORK/packets.pcap
pins=/sys/fs/bpf/feed
new_store
"$clients/packets" "$pcap" 1000

# All counts of the pinned map together.
counted() { in_store bpftool -j map dump pinned $pins/packets | grep -oE '"value":[0-9]+' | awk -F: '{ n += $2 } END { print n + 0 }'; }
# A number of what feed has printed.
figure() { sed -n "s/^$2 //p" <<<"$1"; }
# "stack 800 drop 200" has which number behind that word?
part() { grep -oE "(^| )$2 [0-9]+" <<<"$(figure "$1" "$3")" | tr -dc 0-9; }

# --- three processes

works "a loader attaches, pins and exits" in_store "$clients/libbpf_feed" attach "$object" count lo $pins
like "the link is there for others" "$(in_store bpftool link show)" '^[0-9]+: xdp  prog [0-9]+'
out=$(pinfs feed lo --pcap "$pcap" 2>&1)
is "a second process feeds it: exit status" $? 0
is "packets" "$(figure "$out" packets)" 1000
is "dropped" "$(part "$out" drop ends)" 200
is "to the stack" "$(part "$out" stack ends)" 800
like "what the program said" "$out" '^xdp +lo +[0-9]+ +count +1000 +- +XDP_DROP 200 XDP_PASS 800$'
is "a third reads the counts" "$(counted)" 1000

json=$(pinfs feed -j lo --pcap "$pcap")
is "as JSON: exit status" $? 0
like "packets" "$json" '"packets":1000,'
like "verdicts" "$json" '"XDP_PASS":800'
like "one object" "$(head -c 1 <<<"$json")$(tail -n 1 <<<"$json")" '^\{\}$'
is "it is counted like any other" "$(counted)" 2000

# --- and a fourth that changes the program

works "another version of the program" in_store bpftool prog load "$object" $pins/second map name packets pinned $pins/packets
"$PINFS" feed --store "$STORE" lo --pcap "$pcap" --loop 0 >"$WORK/long" 2>&1 &
feeder=$!
last=2000 backwards=0 between=0
in_store "$clients/libbpf_feed" update $pins/link $pins/second 201 >"$WORK/update" 2>&1 &
updater=$!
for _ in 1 2 3 4 5; do
	n=$(counted)
	[ "$n" -ge "$last" ] || backwards=1
	[ "$n" -gt "$last" ] && between=1
	last=$n
done
wait $updater
is "LINK_UPDATE, 201 times: exit status" $? 0
# One more reading, so that the last version has had its turn.
counted >/dev/null
kill -INT $feeder
wait $feeder
is "interrupted: exit status" $? 0
out=$(cat "$WORK/long")
like "it says so" "$out" '^interrupted yes$'
is "counts have grown meanwhile" $between 1
is "and never went back" $backwards 0
fed=$(figure "$out" packets)
is "each packet was seen by exactly one version" "$(($(counted) - 2000))" "$fed"
runs() { awk -v n="$1" '$1 == "xdp" { print $5 }' "$WORK/long" | sed -n "$1p"; }
is "by the first or the second" "$(($(runs 1) + $(runs 2)))" "$fed"
like "and some by each" "$(runs 1) $(runs 2)" '^[1-9][0-9]* [1-9][0-9]*$'

# --- told by a ring buffer

works "a program that writes to a ring buffer" in_store bpftool prog load "$clients/bpf/feed_ring.o" $pins/tell pinmaps $pins/ring
works "takes the other one's place" in_store "$clients/libbpf_feed" update $pins/link $pins/tell 1
in_store "$clients/libbpf_events" $pins/ring/events 2000 >"$WORK/events" 2>&1 &
reader=$!
for _ in $(seq 100); do grep -q ready "$WORK/events" && break; sleep 0.1; done
out=$(pinfs feed lo --pcap "$pcap" --loop 2 --rate 20000 2>&1)
wait $reader
is "another process, waiting, gets a record of each packet" "$(tail -n 1 "$WORK/events")" \
	"2000 records, $(figure "$out" bytes) bytes, 0 wrong"
works "the first one again" in_store "$clients/libbpf_feed" update $pins/link $pins/prog 1
works "without the ring" in_store rm -r $pins/tell $pins/ring

# --- where frames come out

works "a directory of captures" pinfs feed lo --pcap "$pcap" --out "$WORK/out/"
is "of the stack" "$(ls "$WORK/out")" lo.stack.pcap
# Those that are not dropped, as they were: "packets" makes every tenth ARP and another one IPv6.
text() { "$clients/pcap_text" "$1"; }
is "byte by byte" "$(text "$WORK/out/lo.stack.pcap" | md5sum)" \
	"$(text "$pcap" | awk 'NR % 10 != 7 && NR % 10 != 0' | md5sum)"
works "one file" pinfs feed lo --pcap "$pcap" --out "$WORK/all.pcap"
is "has the same" "$(text "$WORK/all.pcap" | md5sum)" "$(text "$WORK/out/lo.stack.pcap" | md5sum)"
is "and the times of what was fed" "$(tail -c +25 "$WORK/all.pcap" | head -c 8 | od -An -tu4 | tr -s ' ')" " 0 0"
fails "a directory that cannot be made" pinfs feed lo --pcap "$pcap" --out "$WORK/none/none/"
fails "a file that cannot be made" pinfs feed lo --pcap "$pcap" --out "$WORK/none/x.pcap"
out=$(pinfs feed lo --pcap "$pcap" --out /dev/full 2>&1)
is "one that cannot be written: exit status" $? 1
like "is said" "$out" 'could not be written'

# --- how often, how fast, from where

is "three times over" "$(figure "$(pinfs feed lo --pcap "$pcap" --loop 3 2>&1)" packets)" 3000
began=$(date +%s%N)
is "200 packets at 400 a second" "$(figure "$("$clients/packets" "$WORK/200.pcap" 200; pinfs feed lo --pcap "$WORK/200.pcap" --rate 400 2>&1)" packets)" 200
took=$((($(date +%s%N) - began) / 1000000))
like "take no less than half a second" "$((took >= 490))" 1
is "from a pipe" "$(figure "$(pinfs feed lo --pcap - <"$pcap" 2>&1)" packets)" 1000
is "from one that waits" "$(figure "$( (head -c 5000 "$pcap"; sleep 0.3; tail -c +5001 "$pcap") | pinfs feed lo --pcap - 2>&1)" packets)" 1000
fails "a pipe, twice" pinfs feed lo --pcap - --loop 2
fails "a rate that is none" pinfs feed lo --pcap "$pcap" --rate x
fails "a rate of 0" pinfs feed lo --pcap "$pcap" --rate 0
fails "half a round" pinfs feed lo --pcap "$pcap" --loop 1.5
fails "no interface" pinfs feed nosuchdevice --pcap "$pcap"
fails "no capture" pinfs feed lo
like "help" "$(pinfs feed --help)" '--rate PPS'
is "an interface by its number" "$(figure "$(pinfs feed 1 --pcap "$pcap" 2>&1)" packets)" 1000

# --- in order

works "detached" pinfs detach $pins/link
is "nothing sees packets any more" "$(part "$(pinfs feed lo --pcap "$pcap" 2>&1)" stack ends)" 1000
works "attached by the command" pinfs attach xdp $pins/prog dev lo pin $pins/link
fails "a second one is refused" pinfs attach xdp $pins/second dev lo pin $pins/link2
fails "a pin that is taken" pinfs attach xdp $pins/prog dev lo pin $pins/prog
fails "an order where there is none" pinfs attach xdp $pins/prog dev lo pin $pins/x first
fails "no such hook" pinfs attach xdq $pins/prog dev lo
fails "no program" pinfs attach tcx-ingress $pins/packets dev lo
tcx=$clients/bpf/feed.o
works "programs of tcx" in_store bpftool prog loadall "$tcx" $pins/tc
for at in "feed_first last" "feed_second first" "feed_egress before prog $pins/tc/feed_first" \
	"feed_other after link $pins/l_feed_second"; do
	# shellcheck disable=SC2086 # words
	works "tcx: $at" pinfs attach tcx-ingress $pins/tc/${at%% *} dev lo pin $pins/l_${at%% *} ${at#* }
done
out=$(pinfs feed lo --pcap "$pcap" 2>&1)
is "they run in that order" "$(awk '/^tcx/ { print $4 }' <<<"$out" | tr '\n' ' ')" \
	"feed_second feed_other feed_egress feed_first "
is "each on what XDP lets pass" "$(awk '/^tcx/ { print $5 }' <<<"$out" | sort -u)" 800
for l in "$pins"/l_feed_first "$pins"/l_feed_second "$pins"/l_feed_egress "$pins"/l_feed_other; do
	works "detach ${l##*_}" pinfs detach "$l"
done
timeout -s INT 1 "$PINFS" attach --store "$STORE" tcx-ingress $pins/tc/feed_first dev lo >/dev/null &
holder=$!
sleep 0.4
is "without a pin it stays as long as the command" "$(pinfs ls | grep -c ' tcx ')" 1
wait $holder
is "and no longer" "$(pinfs ls | grep -c ' tcx ')" 0

# --- damaged captures

printf '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\377\377\0\0\161\0\0\0' >"$WORK/sll.pcap"
out=$(pinfs feed lo --pcap "$WORK/sll.pcap" 2>&1)
is "another link type: exit status" $? 1
like "is named" "$out" 'not a capture of Ethernet frames, but of link type LINUX_SLL \(113\)'
head -c 20000 "$pcap" >"$WORK/cut.pcap"
out=$(pinfs feed lo --pcap "$WORK/cut.pcap" 2>&1)
is "cut off: exit status" $? 1
like "says where" "$out" 'cut.pcap: damaged at byte [0-9]+, behind frame [0-9]+: .*truncated'
like "frames before it were fed" "$(figure "$out" packets)" '^[1-9][0-9]*$'
like "as JSON too" "$(pinfs feed -j lo --pcap "$WORK/cut.pcap")" '"error":".*damaged at byte'
"$clients/packets" "$WORK/few.pcap" 40
bad=0
for seed in $(seq 200); do
	read -r frames at < <("$clients/pcap_damage" "$WORK/few.pcap" "$WORK/bad.pcap" "$seed")
	out=$(pinfs feed lo --pcap "$WORK/bad.pcap" 2>&1)
	rc=$?
	case $frames in
	head) [ $rc -le 1 ] && continue ;;
	*)
		[ "$at" = - ] && [ $rc = 0 ] && [ "$(figure "$out" packets)" = "$frames" ] && continue
		[ "$at" != - ] && [ $rc = 1 ] && [ "$(figure "$out" packets)" = "$frames" ] &&
			[[ $out == *"damaged at byte $at, behind frame $frames:"* ]] && continue
		;;
	esac
	bad=$((bad + 1))
	printf 'seed %s: wanted %s %s, exit status %s\n%s\n' "$seed" "$frames" "$at" $rc "$out" | diag
done
is "200 damaged ones: said where, and all before it was fed" $bad 0

works "the pins are removed" in_store rm -r $pins
is "nothing is left" "$(listed | grep -v ' attach ')" ""
done_testing
