# SPDX-License-Identifier: BSD-2-Clause
# Ids where the store's hints are wrong: pins removed by a plain rm outside of any run, a copied store, noise.
cd "$(dirname "$0")/../.." && . tests/lib/cli.sh
new_store
walk=$TOP/$B/tests/abi/id_walk

# Ids and names of what a client sees by walking all ids.
seen() { in_store timeout 20 bpftool map show | sed -n 's/^\([0-9]*\): [a-z_]*  name \([^ ]*\).*/\1 \2/p'; }
names() { seen | sed 's/.* //' | sort | tr '\n' ' '; }
files() { find "$STORE/bpf-map" -name '[0-9]*' | wc -l; }

make='for i in 1 2 3 4 5 6; do
	bpftool map create /sys/fs/bpf/m$i type hash key 4 value 4 entries 4 name m$i || exit 1
	bpftool map update pinned /sys/fs/bpf/m$i key 1 0 0 0 value $i 0 0 0 || exit 1
done'
works "six pinned maps" in_store sh -c "$make"
is "are seen by walking" "$(names)" "m1 m2 m3 m4 m5 m6 "

rm "$STORE/fs/1/m2" "$STORE/fs/1/m6"
is "two pins removed outside: the next walk ends and does not show them" "$(names)" "m1 m3 m4 m5 "
is "and they are gone by that" "$(files)" 4
rm "$STORE/fs/1/m1"
fails "one is opened by its id" in_store bpftool map show name m1
is "the others are whole" \
	"$(in_store sh -c 'for i in 3 4 5; do bpftool map lookup pinned /sys/fs/bpf/m$i key 1 0 0 0; done' | tr '\n' ' ')" \
	"key: 01 00 00 00  value: 03 00 00 00 key: 01 00 00 00  value: 04 00 00 00 key: 01 00 00 00  value: 05 00 00 00 "

# Inside a run, while somebody has it open: it lives until that is closed, and then goes without another look.
rm -rf "$STORE"
works "six again" in_store sh -c "$make"
in_store sh -c 'exec 3<>/dev/null; bpftool map show >/dev/null; rm "$0"/fs/1/m4; bpftool map show >/dev/null' "$STORE"
is "removed beside a run's walks" "$(names)" "m1 m2 m3 m5 m6 "

# A copy: other inodes, and in another order.
copy=$STORE.copy
rm -rf "$copy"
trap 'rm -rf "$WORK" "$STORE" "$copy"' EXIT
mkdir "$copy"
cp -a "$STORE/super" "$copy/"
(cd "$STORE" && cp -a fs $(find . -mindepth 1 -maxdepth 1 ! -name super ! -name fs -printf '%f\n' | sort -r) "$copy/")
whole() {
	"$PINFS" run --store "$1" -- sh -c 'for i in 1 2 3 5 6; do
		bpftool map show pinned /sys/fs/bpf/m$i | sed -n "s/.*name \([^ ]*\).*/\1/p"
		bpftool map lookup pinned /sys/fs/bpf/m$i key 1 0 0 0 | sed "s/.*value: 0\(.\).*/\1/"
	done' | tr '\n' ' '
}
is "each pin of a copied store is its own map" "$(whole "$copy")" "m1 1 m2 2 m3 3 m5 5 m6 6 "
"$PINFS" run --store "$copy" -- rm /sys/fs/bpf/m1 /sys/fs/bpf/m5
is "what is unpinned there is gone there" "$(find "$copy/bpf-map" -name '[0-9]*' | wc -l)" 3
is "and not in the original" "$(whole "$STORE")" "m1 1 m2 2 m3 3 m5 5 m6 6 "

# Removed and copied back: the first file's number may be used again.
rm -rf "$STORE"
cp -a "$copy" "$STORE"
is "copied back to its old place" "$(names)" "m2 m3 m6 "
works "it takes new maps" in_store bpftool map create /sys/fs/bpf/new type array key 4 value 4 entries 1 name new
is "and shows them" "$(names)" "m2 m3 m6 new "

# Noise in what super knows of inodes, while others walk: pages from behind the counters to before the bitmap.
rm -rf "$STORE"
in_store true
in_store "$walk" >"$WORK/quiet"
(
	while [ ! -e "$WORK/enough" ]; do
		dd if=/dev/urandom of="$STORE/super" bs=4096 seek=9 count=2040 conv=notrunc status=none
	done
) &
noise=$!
for i in 1 2 3 4; do
	in_store timeout 60 "$walk" >"$WORK/noise" 2>&1
	is "noise in super, round $i: exit status" $? 0
	is "the same as without" "$(cat "$WORK/noise")" "$(cat "$WORK/quiet")"
done
: >"$WORK/enough"
wait $noise
# Beside closes by the hundred, of which the supervisor wants no reports for a while, a process is killed: the directory
# tells that its maps went, and nobody has looked.
out=$(in_store sh -c '"$0"/tests/clients/flood /sys/fs/bpf/flood 800 && sleep 0.4 && ls "$1/bpf-map" | wc -l' "$TOP/$B" "$STORE")
echo "# figure: $(head -n 1 <<<"$out") closes a ms"
is "what is killed beside a flood goes soon" "$(tail -n 1 <<<"$out")" 1
in_store rm /sys/fs/bpf/flood

is "ls and gc stand it" "$(pinfs ls >/dev/null 2>&1; echo $?) $(pinfs gc >/dev/null 2>&1; echo $?)" "0 0"
is "nothing is left over" "$(listed)" ""
done_testing
