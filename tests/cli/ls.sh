# SPDX-License-Identifier: BSD-2-Clause
# pinfs ls: what is there, who holds it, and the counts at each step.
cd "$(dirname "$0")/../.." && . tests/lib/cli.sh
new_store
export HOLD=$TOP/$B/tests/clients/hold

# count KEY: of the first record.
count() { pinfs ls -j | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" | head -n 1; }
counts() { echo "user $(count user) object $(count object) pins $(count pins) fds $(count fds) in flight $(count in_flight)"; }

works "a pinned map" in_store bpftool map create /sys/fs/bpf/one type hash key 4 value 4 entries 10 name one
like "is listed with path, kind, id, name and one user reference" "$(pinfs ls)" \
	'^/sys/fs/bpf/one +map +hash +[0-9]+ +one +1 +0 +-'
is "a pin is a reference" "$(counts)" "user 1 object 0 pins 1 fds 0 in flight 0"
id=$(count id)

# hold WAY: keeps the map open in another run while the counts are read.
hold() {
	mkfifo "$WORK/in" "$WORK/out"
	"$PINFS" run --store "$STORE" -- "$HOLD" /sys/fs/bpf/one "$1" <"$WORK/in" >"$WORK/out" &
	holder=$!
	exec 8>"$WORK/in" 9<"$WORK/out"
	read -r -t 20 said <&9
}
release() {
	exec 8>&- 9<&-
	wait "$holder"
	rm "$WORK/in" "$WORK/out"
}

hold once
is "one descriptor" "$(counts)" "user 2 object 0 pins 1 fds 1 in flight 0"
like "its holder is named" "$(pinfs ls)" ' [0-9]+\(hold\)'
release
is "and is no reference when it is gone" "$(counts)" "user 1 object 0 pins 1 fds 0 in flight 0"
hold dup
is "dup is the same reference" "$(counts)" "user 2 object 0 pins 1 fds 1 in flight 0"
release
hold twice
is "two descriptions are two" "$(counts)" "user 3 object 0 pins 1 fds 2 in flight 0"
release
hold flight
is "a descriptor inside a socket is seen" "$(counts)" "user 2 object 0 pins 1 fds 1 in flight 1"
like "and said" "$(pinfs ls)" '1 in flight'
in_store rm /sys/fs/bpf/one
like "it keeps the object without a pin" "$(pinfs ls)" "^- +map +hash +$id +one +1 +0 +1 in flight"
release
is "gone with the socket" "$(listed)" ""

works "an inner map" in_store bpftool map create /sys/fs/bpf/inner type array key 4 value 4 entries 1 name inner
works "an outer map that holds it" in_store sh -c '
	bpftool map create /sys/fs/bpf/outer type array_of_maps key 4 value 4 entries 2 name outer inner_map pinned /sys/fs/bpf/inner &&
	bpftool map update pinned /sys/fs/bpf/outer key 1 0 0 0 value pinned /sys/fs/bpf/inner'
like "the inner map has an object reference, by name" "$(pinfs ls)" \
	'^/sys/fs/bpf/inner +map +array +[0-9]+ +inner +1 +1 +- +bpf-map\.[0-9]+'
in_store rm /sys/fs/bpf/inner
like "which keeps it" "$(pinfs ls)" '^- +map +array +[0-9]+ +inner +0 +1 '
in_store rm /sys/fs/bpf/outer
is "and both go with the outer map" "$(listed)" ""

in_store sh -c 'mkdir /sys/fs/bpf/d && bpftool map create /sys/fs/bpf/d/two type array key 4 value 4 entries 1 name two &&
	ln /sys/fs/bpf/d/two /sys/fs/bpf/d/link && bpftool map create /sys/fs/bpf/three type array key 4 value 4 entries 1 name three'
is "a path limits the list" "$(listed /sys/fs/bpf/d | awk '{ print $1 }' | sort | tr '\n' ' ')" \
	"/sys/fs/bpf/d/link /sys/fs/bpf/d/two "
is "two names of one object are two references" "$(listed /sys/fs/bpf/d | awk 'NR == 1 { print $6 }')" 2
is "inside a run, the run's store is listed" "$(in_store "$PINFS" ls | awk 'NR > 1 { print $1 }' | sort | tail -n 1)" /sys/fs/bpf/three

# What a link keeps for the way back is no reference, and nobody sees it.
mkfifo "$WORK/in" "$WORK/out"
"$PINFS" run --store "$STORE" -- "$TOP/$B/tests/clients/alternate" /sys/fs/bpf/alternate 7 <"$WORK/in" >"$WORK/out" &
holder=$!
exec 8>"$WORK/in" 9<"$WORK/out"
read -r -t 20 _ run other <&9
row() { pinfs ls | awk -v id="$1" '$2 == "prog" && $4 == id { print $6, $7, $9 }'; }
like "a link that goes to and fro: the program that it runs" "$(row "$run")" '^1 1 bpf_link\.[0-9]+$'
is "and the other one, which only its descriptor holds" "$(row "$other")" "1 0 -"
release
for _ in $(seq 200); do
	[ -n "$(row "$other")" ] || break
	sleep 0.01
done
is "that one goes with it" "$(row "$other")" ""
like "the other is the link's" "$(row "$run")" '^0 1 '
is "gc finds no name too many" "$(pinfs gc | grep references)" "references 0"
in_store rm /sys/fs/bpf/alternate
is "both go with the link" "$(row "$run")" ""
done_testing
