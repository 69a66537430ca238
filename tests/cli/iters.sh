# SPDX-License-Identifier: BSD-2-Clause
#
# Iterators: a libbpf client of them on the kernel, with the preload library, with nothing mounted, and
# linked statically, so that notify serves it; their pins read by cat; bpftool iter pin; the two files of
# text in a fresh bpffs.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

client=$TOP/$B/tests/clients/libbpf_iters
object=$TOP/$B/tests/clients/bpf/iters.o

# compare TEXT: $WORK/kernel with $WORK/pinfs, a check a line
compare() {
	local line

	while IFS= read -r line; do
		case $line in
		=*) ok "$1: ${line:1}" ;;
		-*) not_ok "$1: ${line:1}" ;;
		+*) not_ok "$1: ${line:1} (not on the kernel)" ;;
		esac
	done < <(diff --unchanged-line-format='=%L' --old-line-format='-%L' --new-line-format='+%L' "$WORK/kernel" "$WORK/pinfs")
}

# everywhere TEXT COMMAND...: the same in all worlds; CLIENT is the client, linked as the world wants it
everywhere() {
	local text=$1
	shift
	CLIENT=$client world kernel "$@" >"$WORK/kernel" 2>&1 </dev/null
	[ -s "$WORK/kernel" ] || not_ok "$text: nothing on the kernel"
	CLIENT=$client RUN_OPTS='--fresh' world root timeout 60 "$@" >"$WORK/pinfs" 2>&1 </dev/null
	compare "preload $text"
	CLIENT=$client RUN_OPTS='--fresh --redirect' world root timeout 60 "$@" >"$WORK/pinfs" 2>&1 </dev/null
	compare "redirect $text"
	CLIENT=$client.static RUN_OPTS='--fresh' world root timeout 60 "$@" >"$WORK/pinfs" 2>&1 </dev/null
	compare "notify $text"
}

export OBJECT=$object
why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"
[ -e /sys/kernel/btf/vmlinux ] || skip_all "the kernel has no BTF of its own"

everywhere client sh -c 'exec "$CLIENT" "$OBJECT" run'
like "the client saw its maps" "$(cat "$WORK/pinfs")" 'it_lru  .*\|    9\|8\|8\|100 flags 2'

cat >"$WORK/pins" <<'EOS'
"$CLIENT" "$OBJECT" pin
cd /sys/fs/bpf/iters || exit 1
ls -l | sed -E 's/ [A-Z][a-z]{2} .*:[0-9]+ / /'
for p in *; do
	echo "== $p"
	cat $p
	echo "status $?"
done
# Links of the client are gone, so are the ones that were not pinned.
echo "== head"; head -c 20 dump_u64; echo
echo "== twice"; cat dump_u64 dump_u64 | wc -l
echo x 2>/dev/null >dump_u64; echo "write: $?"
bpftool link show | grep "iter .*target_name bpf_map_elem" | tail -n 1 | sed -E 's/^[0-9]+:/ID:/; s/prog [0-9]+/prog ID/; s/map_id [0-9]+/map_id ID/; /pids/d'
rm dump_u64
cat dump_links
rm *
ls
EOS
everywhere pins sh "$WORK/pins"

cat >"$WORK/bpftool" <<'EOS'
bpftool map create /sys/fs/bpf/it_map type array key 4 value 8 entries 2 name it_map
bpftool map update pinned /sys/fs/bpf/it_map key 1 0 0 0 value 9 0 0 0 0 0 0 0
bpftool iter pin "$ONE" /sys/fs/bpf/one map pinned /sys/fs/bpf/it_map
echo "pinned: $?"
cat /sys/fs/bpf/one
bpftool iter pin "$ONE" /sys/fs/bpf/two
echo "without a map: $?"
bpftool link show | grep "iter .*target_name bpf_map_elem" | tail -n 1 | sed -E 's/^[0-9]+:/ID:/; s/prog [0-9]+/prog ID/; s/map_id [0-9]+/map_id ID/'
rm /sys/fs/bpf/it_map
cat /sys/fs/bpf/one
rm /sys/fs/bpf/one
ls /sys/fs/bpf | grep -v debug
EOS
export ONE=$TOP/$B/tests/clients/bpf/iter_one.o
everywhere bpftool sh "$WORK/bpftool"

# What a fresh bpffs has. The kernel's own are there only where it was built with them.
text=$(CLIENT=$client RUN_OPTS='--fresh' world root sh -c '
	cd /sys/fs/bpf
	stat -c "%n %a %s %F" maps.debug progs.debug
	bpftool map create h type hash key 4 value 4 entries 7 name a_hash
	bpftool map update pinned h key 1 0 0 0 value 1 0 0 0
	"$CLIENT" "$OBJECT" pin >/dev/null
	cat maps.debug
	cat progs.debug
	touch new.debug 2>&1
	mkdir d; cat d/maps.debug 2>&1
	mv maps.debug m && head -n 2 m
	mv m maps.debug 2>&1
	rm progs.debug && cat progs.debug 2>&1
	mount -t bpf bpf d 2>/dev/null && ls d' 2>&1 </dev/null)
has() { like "text files: $1" "$text" "$2"; }
has "their mode and size" 'maps.debug 400 0 regular empty file'
has "both" 'progs.debug 400 0 regular empty file'
has "heading of maps" '^  id name             max_entries'
has "a map" '^   1 a_hash {21}7 {12}1$'
has "heading of programs" '^  id name             attached$'
has "a program" '^ +[0-9]+ dump_maps        bpf_iter_bpf_map $'
has "names with a dot stay reserved" "touch: .*new.debug.*: Operation not permitted"
has "no such file in a directory" "cat: d/maps.debug: Operation not permitted"
has "not under a name with a dot again" "mv: .*'maps.debug'.*: Operation not permitted"
has "one that was unlinked" "cat: progs.debug: Operation not permitted"
has "a second instance has them" '^progs.debug$'
done_testing
