# SPDX-License-Identifier: BSD-2-Clause
#
# Iterators: a libbpf client of them on the kernel, with the preload library, with nothing mounted, and
# linked statically, so that notify serves it; their pins read by cat; bpftool iter pin; the two files of
# text in a fresh bpffs.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

client=$TOP/$B/tests/clients/libbpf_iters
object=$TOP/$B/tests/clients/bpf/iters.o

# everywhere TEXT COMMAND...: the same in all worlds; CLIENT is the client, linked as the world wants it
everywhere() {
	local text=$1
	shift
	CLIENT=$client world kernel "$@" >"$WORK/kernel" 2>&1 </dev/null
	[ -s "$WORK/kernel" ] || not_ok "$text: nothing on the kernel"
	CLIENT=$client RUN_OPTS='--fresh' world root timeout 60 "$@" >"$WORK/pinfs" 2>&1 </dev/null
	compare_lines "preload $text"
	CLIENT=$client RUN_OPTS='--fresh --redirect' world root timeout 60 "$@" >"$WORK/pinfs" 2>&1 </dev/null
	compare_lines "redirect $text"
	CLIENT=$client.static RUN_OPTS='--fresh' world root timeout 60 "$@" >"$WORK/pinfs" 2>&1 </dev/null
	compare_lines "notify $text"
}

export OBJECT=$object
why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"
[ -e /sys/kernel/btf/vmlinux ] || skip_all "the kernel has no BTF of its own"

everywhere client sh -c 'exec "$CLIENT" "$OBJECT" run'
everywhere "with files of 16 KiB" sh -c 'ulimit -f 16; exec "$CLIENT" "$OBJECT" run'
like "the client saw its maps" "$(cat "$WORK/pinfs")" 'it_lru  .*\|    9\|8\|8\|100 flags 2'

export TYPED=$TOP/$B/tests/clients/bpf/iter_typed.o
everywhere "values by their types" sh -c '"${CLIENT%/*}"/libbpf_typed$(case $CLIENT in *.static) echo .static ;; esac) "$TYPED" 307'

cat >"$WORK/pins" <<'EOS'
"$CLIENT" "$OBJECT" pin
cd /sys/fs/bpf/iters || exit 1
ls -l | sed -E 's/ [A-Z][a-z]{2} .*:[0-9]+ / /'
# The kernel lets go of what the client had a little later.
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	cat dump_maps dump_progs | grep -qE "^(it_hash|it_lru|it_percpu|dump_hash|dump_again) " || break
	sleep 0.2
done
for p in *; do
	echo "== $p"
	cat $p
	echo "status $?"
done
# Links of the client are gone, so are the ones that were not pinned.
echo "== head"; head -c 20 dump_u64; echo
echo "== twice"; cat dump_u64 dump_u64 | wc -l
echo x 2>/dev/null >dump_u64; echo "write: $?"
bpftool link show pinned /sys/fs/bpf/iters/dump_u64 | sed -E 's/^[0-9]+:/ID:/; s/prog [0-9]+/prog ID/; s/map_id [0-9]+/map_id ID/; /pids/d'
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
bpftool link show pinned /sys/fs/bpf/one | sed -E 's/^[0-9]+:/ID:/; s/prog [0-9]+/prog ID/; s/map_id [0-9]+/map_id ID/'
rm /sys/fs/bpf/it_map
cat /sys/fs/bpf/one
rm /sys/fs/bpf/one
ls /sys/fs/bpf | grep -v debug
EOS
export ONE=$TOP/$B/tests/clients/bpf/iter_one.o
everywhere bpftool sh "$WORK/bpftool"

# What a fresh bpffs has. The kernel's own are there only where it was built with them.
export CLIENT=$client
text=$(RUN_OPTS='--fresh' world root sh -c '
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

# Files of the store that somebody has written to: errors, and the run goes on.
new_store
in_store sh -c '"$CLIENT" "$OBJECT" pin' >/dev/null
bytes() { head -c "$3" /dev/zero | tr '\0' "$4" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null; }
read_all='cd /sys/fs/bpf/iters; for p in *; do cat $p >/dev/null; echo "$? $p"; done; bpftool link show >/dev/null; "$CLIENT" "$OBJECT" run | tail -n 1'
is "before: all can be read" "$(in_store sh -c "$read_all" 2>/dev/null)" "0 dump_links
0 dump_maps
0 dump_progs
0 dump_u64
unlink: ok"
prog=$(in_store bpftool prog show name dump_maps | sed -n 's/^\([0-9]*\):.*/\1/p' | head -n 1)
other=$(in_store bpftool prog show name dump_u64 | sed -n 's/^\([0-9]*\):.*/\1/p' | head -n 1)
# dump_maps becomes a program of another target, then of a function that is none.
dd if="$STORE/bpf-prog/$other" of="$STORE/bpf-prog/$prog" bs=1 skip=112 seek=112 count=4 conv=notrunc 2>/dev/null
like "a program of another target" "$(in_store sh -c "$read_all" 2>&1)" 'cat: dump_maps: Input/output error'
bytes "$STORE/bpf-prog/$prog" 112 4 '\377'
text=$(in_store sh -c "$read_all" 2>&1)
like "a program of no target" "$text" 'cat: dump_maps: Input/output error'
like "the others go on" "$text" '^0 dump_progs'
# The elements' map is another one now, whose values are shorter; then the whole header is noise.
small=$(in_store sh -c 'bpftool map create /sys/fs/bpf/small type array key 4 value 1 entries 9 name small
	bpftool map show name small' | sed -n 's/^\([0-9]*\):.*/\1/p')
for l in "$STORE"/bpf_link/*; do
	at=$(grep -obUa bpf_map_elem "$l" | head -n 1 | cut -d: -f1)
	[ -z "$at" ] || printf "\\x$(printf %02x "$small")" | dd of="$l" bs=1 seek=$((at + 32)) conv=notrunc 2>/dev/null
done
like "a map that the program would leave" "$(in_store sh -c "$read_all" 2>&1)" 'cat: dump_u64: Permission denied'
for l in "$STORE"/bpf_link/*; do bytes "$l" 64 400 '\377'; done
text=$(in_store sh -c "$read_all" 2>&1)
is "links full of noise: no pin can be read" "$(grep -c '^1 dump_' <<<"$text")" 4
like "and the run goes on" "$text" 'unlink: ok'

# A machine without BTF of its own.
text=$(unshare -m sh -c 'mount --make-rprivate /; mount -t tmpfs none /sys/kernel/btf; exec "$@"' sh \
	"$PINFS" run --fresh -- sh -c 'bpftool iter pin "$ONE" /sys/fs/bpf/one 2>&1; cat /sys/fs/bpf/maps.debug' 2>&1 </dev/null)
like "without BTF: no iterator loads" "$text" "Error: can't load objfile"
like "without BTF: maps.debug" "$text" '^  id name             max_entries'
done_testing
