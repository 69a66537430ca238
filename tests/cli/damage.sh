# SPDX-License-Identifier: BSD-2-Clause
# Files of the store cut short, zeroed and with bits turned: an errno, no crash, others untouched.
# $SEED repeats a run; a file is damaged in 2,000 ways at full scale.
cd "$(dirname "$0")/../.." && . tests/lib/cli.sh
new_store
seed=${SEED:-1}
cases=$((2000 * ${PINFS_TEST_SCALE:-10} / 100))
[ "$cases" -gt 0 ] || cases=1
echo "# seed $seed, $cases cases"

# One map a type, each with an element, and one that is never touched.
types='hash:4:8:8 array:4:8:8 percpu_hash:4:8:8 percpu_array:4:8:8 lru_hash:4:8:8 lpm_trie:8:8:8:1 queue:0:8:8 stack:0:8:8 prog_array:4:4:8'
make='bpftool map create /sys/fs/bpf/good type hash key 4 value 4 entries 4 name good
bpftool map update pinned /sys/fs/bpf/good key 1 0 0 0 value 2 0 0 0'
for t in $types; do
	IFS=: read -r type key value entries flags <<<"$t"
	[ "$key" = 0 ] && k= || k="key $key"
	make="$make
bpftool map create /sys/fs/bpf/$type type $type $k value $value entries $entries name $type flags ${flags:-0}"
	case $type in
	queue | stack) make="$make
bpftool map push pinned /sys/fs/bpf/$type value 1 2 3 4 5 6 7 8" ;;
	prog_array) ;;
	percpu*) ;;
	*) make="$make
bpftool map update pinned /sys/fs/bpf/$type key $([ "$key" = 8 ] && echo 32 0 0 0 1 2 3 4 || echo 1 0 0 0) value 1 2 3 4 5 6 7 8" ;;
	esac
done
works "a map of each type" in_store sh -ec "$make"
cp -a "$STORE" "$WORK/whole"

# use: everything that can be done to a map, each within a time limit; a death by signal is what must not be.
cat >"$WORK/use" <<'EOF'
for t in hash array percpu_hash percpu_array lru_hash lpm_trie queue stack prog_array; do
	p=/sys/fs/bpf/$t
	for c in "map show pinned $p" "map dump pinned $p" "map getnext pinned $p" "map lookup pinned $p key 1 0 0 0" \
		"map update pinned $p key 2 0 0 0 value 1 2 3 4 5 6 7 8" "map delete pinned $p key 1 0 0 0" \
		"map update pinned $p key 32 0 0 0 9 9 9 9 value 1 2 3 4 5 6 7 8" \
		"map pop pinned $p" "map push pinned $p value 8 7 6 5 4 3 2 1"; do
		[ "$t" = "${ONLY:-$t}" ] || continue
		timeout -s KILL 10 bpftool $c >/dev/null 2>&1
		rc=$?
		case $rc in 137 | 139 | 135 | 134 | 124) echo "bad: bpftool $c: status $rc" ;; esac
	done
done
bpftool map show >/dev/null 2>&1
case $? in 137 | 139 | 135 | 134) echo "bad: bpftool map show" ;; esac
bpftool map lookup pinned /sys/fs/bpf/good key 1 0 0 0
