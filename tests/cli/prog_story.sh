# SPDX-License-Identifier: BSD-2-Clause
#
# One process loads and pins a program that counts packets, and exits. A second
# runs it over a capture. A third reads the counts from /sys/fs/bpf meanwhile.
# When the pins are removed nothing is left.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh
export PATH=$PATH:/usr/sbin:/sbin

object=$TOP/$B/tests/clients/bpf/story.o
pcap=$WORK/packets.pcap
pins=/sys/fs/bpf
new_store
"$TOP/$B/tests/clients/packets" "$pcap" 1000

# A count of the pinned map, read by a process in a run of its own.
read_count() { in_store bpftool -j map lookup pinned $pins/maps/packets key "$1" 0 0 0 | sed 's/.*"value":\([0-9]*\).*/\1/;s/.*formatted":{[^}]*"value":\([0-9]*\).*/\1/'; }

works "a process loads and pins it" in_store bpftool prog load "$object" $pins/count pinmaps $pins/maps
is "nobody has it open" "$(listed | awk '$2 == "prog" { print $3, $4 }' | wc -l)" 1
like "it is there for the next" "$(in_store bpftool prog show name count)" '^[0-9]+: xdp  name count  tag [0-9a-f]{16}  gpl'

out=$(pinfs prog run $pins/count --pcap "$pcap" 2>&1)
is "a second runs it over the capture: exit status" $? 0
like "all packets were seen" "$out" '^packets 1000$'
like "packets per second" "$out" '^packets-per-second [1-9][0-9]*$'
like "verdicts by name" "$out" '^verdicts XDP_DROP 200 XDP_PASS 800$'
is "TCP" "$(read_count 6)" 400
is "UDP" "$(read_count 17)" 300
is "ICMP" "$(read_count 1)" 100
is "all else" "$(read_count 0)" 200

json=$(pinfs prog -j run $pins/count --pcap "$pcap" --repeat 3)
is "as JSON: packets" "$(grep -oE '"packets": ?[0-9]+' <<<"$json" | tr -dc 0-9)" 1000
is "each three times" "$(read_count 6)" 1600

# The counts while it runs: they only grow, and some reading sees it on its way.
first=$(read_count 6)
(pinfs prog run $pins/count --pcap "$pcap" --times 300 >"$WORK/long" 2>&1; echo $? >"$WORK/status") &
runner=$!
last=$first backwards=0 between=0
end=$((SECONDS + 60))
while kill -0 $runner 2>/dev/null && [ $SECONDS -lt $end ]; do
	n=$(read_count 6)
	[ "$n" -ge "$last" ] || backwards=1
	[ "$n" -gt "$first" ] && [ "$n" -lt $((first + 120000)) ] && between=1
	last=$n
done
wait $runner
is "the long run: exit status" "$(cat "$WORK/status")" 0
is "a third sees counts grow meanwhile" $between 1
is "and never go back" $backwards 0
is "at the end they are all there" "$(read_count 6)" $((first + 120000))

# What can be wrong.
fails "no capture" pinfs prog run $pins/count --pcap /nonexistent
fails "a capture that is none" pinfs prog run $pins/count --pcap "$object"
fails "no program" pinfs prog run $pins/maps/packets --pcap "$pcap"
fails "nothing there" pinfs prog run $pins/nothing --pcap "$pcap"
head -c 2000 "$pcap" >"$WORK/cut.pcap"
out=$(pinfs prog run $pins/count --pcap "$WORK/cut.pcap" 2>&1)
is "a capture that was cut off: exit status" $? 1
like "is said to be" "$out" 'truncated'
printf '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\377\377\0\0\1\0\0\0\1\0\0\0\1\0\0\0\x5\0\0\0\x5\0\0\0abcde' >"$WORK/short.pcap"
like "frames that are too short are counted" "$(pinfs prog run $pins/count --pcap "$WORK/short.pcap" 2>&1)" '^refused 1$'

works "the pins are removed" in_store rm -r $pins/count $pins/maps
is "nothing is left" "$(listed)" ""
done_testing
