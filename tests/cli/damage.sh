# SPDX-License-Identifier: BSD-2-Clause
# Files of the store cut short, zeroed and with bytes changed: an errno, no crash, others untouched.
# $SEED repeats a run; 2,000 files are damaged at full scale.
cd "$(dirname "$0")/../.." && . tests/lib/cli.sh && . tests/lib/damage.sh
new_store
cases=$((2000 * ${PINFS_TEST_SCALE:-10} / 100))
[ "$cases" -gt 0 ] || cases=1
echo "# seed $seed, $cases cases"

# type:key:value:flags, the key and value of an element, and one map that is never touched.
types='hash array percpu_hash percpu_array lru_hash lpm_trie queue stack prog_array'
cat >"$WORK/make" <<'EOF'
create() { bpftool map create /sys/fs/bpf/$1 type $1 $2 value $3 entries 8 name $1 flags ${4:-0} || exit 1; }
set -e
bpftool map create /sys/fs/bpf/good type hash key 4 value 4 entries 4 name good
bpftool map update pinned /sys/fs/bpf/good key 1 0 0 0 value 2 0 0 0
for t in hash array percpu_hash percpu_array lru_hash; do create $t "key 4" 8; done
create lpm_trie "key 8" 8 1
create queue "" 8
create stack "" 8
create prog_array "key 4" 4
for t in hash array lru_hash; do bpftool map update pinned /sys/fs/bpf/$t key 1 0 0 0 value 1 2 3 4 5 6 7 8; done
bpftool map update pinned /sys/fs/bpf/lpm_trie key 32 0 0 0 1 2 3 4 value 1 2 3 4 5 6 7 8
for t in queue stack; do bpftool map push pinned /sys/fs/bpf/$t value 1 2 3 4 5 6 7 8; done
EOF
works "a map of each type" in_store sh "$WORK/make"
cp -a "$STORE" "$WORK/whole"

# Everything that can be done to a map. A death by signal, or no end, is what must not be.
cat >"$WORK/use" <<'EOF'
try() {
	timeout -s KILL 10 bpftool map "$@" >/dev/null 2>&1
	rc=$?
	case $rc in 13[4-9]) echo "bad: bpftool map $*: status $rc" ;; esac
}
for t in hash array percpu_hash percpu_array lru_hash lpm_trie queue stack prog_array; do
	p=/sys/fs/bpf/$t
	try dump pinned $p
	case $t in
	queue | stack)
		try push pinned $p value 8 7 6 5 4 3 2 1
		try pop pinned $p ;;
	lpm_trie)
		try update pinned $p key 24 0 0 0 9 9 9 9 value 1 2 3 4 5 6 7 8
		try lookup pinned $p key 32 0 0 0 1 2 3 4
		try delete pinned $p key 32 0 0 0 1 2 3 4 ;;
	*)
		try update pinned $p key 2 0 0 0 value 1 2 3 4 5 6 7 8
		try lookup pinned $p key 1 0 0 0
		try delete pinned $p key 1 0 0 0 ;;
	esac
done
try show
bpftool map lookup pinned /sys/fs/bpf/good key 1 0 0 0
EOF

# In each round a file of each type is damaged.
damaged=0 round=0
while [ $damaged -lt "$cases" ]; do
	round=$((round + 1))
	rm -rf "$STORE"
	cp -a "$WORK/whole" "$STORE"
	what=
	for t in $types; do
		damage "$STORE/fs/1/$t"
		what="$what $t: $did;"
		damaged=$((damaged + 1))
	done
	out=$(in_store sh "$WORK/use" 2>&1)
	is "round $round: no crash, the good map is whole" "$out" "key: 01 00 00 00  value: 02 00 00 00"
	pinfs ls >/dev/null 2>&1
	ls=$?
	pinfs gc >/dev/null 2>&1
	is "round $round: ls and gc stand it" "$ls $?" "0 0" || diag <<<"$what"
done
echo "# figure: $damaged damaged files"

for f in super actors; do
	rm -rf "$STORE"
	cp -a "$WORK/whole" "$STORE"
	truncate -s 10 "$STORE/$f"
	in_store true >/dev/null 2>&1
	rc=$?
	case $rc in 0 | 125) ok "a short $f gives an answer" ;; *) not_ok "a short $f: status $rc" ;; esac
done
done_testing
