# SPDX-License-Identifier: BSD-2-Clause
#
# bpftool prog, btf and gen with real objects, in each world: what it prints is
# compared with the kernel's, after ids, times and addresses are made equal.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

export OBJECTS=$TOP/$B/tests/clients/bpf

cat >"$WORK/story" <<'EOS'
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
dir=/sys/fs/bpf/load-test
t() {
	echo "\$ $*" | sed "s,$OBJECTS,OBJECTS,g"
	"$@" 2>&1 | sed "s,$OBJECTS,OBJECTS,g"
	echo "status ${PIPESTATUS[0]}"
}
mkdir $dir
head -c 64 /dev/zero >"$WORK/in"
t bpftool prog load "$OBJECTS/story.o" $dir/count pinmaps $dir/maps
t ls $dir $dir/maps
t bpftool prog load "$OBJECTS/story.o" $dir/count
t bpftool prog show pinned $dir/count
t bpftool -j prog show pinned $dir/count
t bpftool -f prog show name count
t bpftool prog show name nobody
t bpftool prog run pinned $dir/count data_in "$WORK/in" repeat 10
t bpftool prog run pinned $dir/count data_in "$WORK/in" data_out - repeat 1
t bpftool map lookup pinned $dir/maps/packets key 0 0 0 0
t bpftool prog dump xlated pinned $dir/count opcodes
t bpftool prog dump xlated pinned $dir/count linum
bpftool -j prog dump xlated pinned $dir/count | grep -oE '"(proto|src)":"[^"]*"' | head -n 2
bpftool prog dump xlated pinned $dir/count visual | grep -c digraph
bpftool prog dump xlated pinned $dir/count file "$WORK/code" && echo "in a file"
bpftool prog dump jited pinned $dir/count 2>&1 | tail -n 1
t bpftool prog pin pinned $dir/count $dir/again
t bpftool prog pin pinned $dir/count $dir/again
rm $dir/count $dir/again
t bpftool prog show name count
t bpftool prog load "$OBJECTS/story.o" $dir/count map name packets pinned $dir/maps/packets
t bpftool map lookup pinned $dir/maps/packets key 0 0 0 0
rm $dir/count
t bpftool prog load "$OBJECTS/story.o" $dir/count type socket
t bpftool prog load "$OBJECTS/story.o" $dir/count type xdp
rm $dir/count
t bpftool prog loadall "$OBJECTS/progs.o" $dir/all pinmaps $dir/allmaps
t ls $dir/all $dir/allmaps
for p in classify entry on_call on_event tcp_stage udp_stage; do
	t bpftool prog show pinned $dir/all/$p
done
t bpftool btf dump prog pinned $dir/all/entry format c
t bpftool btf dump map pinned $dir/allmaps/flows kv
t bpftool prog run pinned $dir/all/entry data_in "$WORK/in"
t bpftool prog run pinned $dir/all/classify data_in "$WORK/in" data_out - repeat 3
t bpftool map dump pinned $dir/allmaps/totals
t bpftool prog profile pinned $dir/all/entry duration 1 cycles
rm -r $dir/all $dir/allmaps $dir/maps
t bpftool prog show name entry
t bpftool prog load "$OBJECTS/maps.o" $dir/none
t bpftool prog load /dev/null $dir/none
rmdir $dir && echo clean
EOS

normal() {
	sed -E -e 's/^[0-9]+: (xdp|sched_cls|raw_tracepoint|syscall|socket_filter) /ID: \1 /' \
		-e 's/"id": ?[0-9]+/"id":ID/; s/"btf_id": ?[0-9]+/"btf_id":ID/; s/btf_id [0-9]+/btf_id ID/' \
		-e 's/"map_ids": ?\[[0-9,]+\]/"map_ids":[IDS]/; s/map_ids [0-9,]+/map_ids IDS/; s/map\[id:[0-9]+\]/map[id:ID]/g' \
		-e 's/loaded_at [^ ]+/loaded_at TIME/; s/"loaded_at": ?[0-9]+/"loaded_at":TIME/' \
		-e 's/jited [0-9]+B/jited NB/; s/"bytes_jited": ?[0-9]+/"bytes_jited":N/' \
		-e 's/xlated [0-9]+B/xlated NB/; s/"bytes_xlated": ?[0-9]+/"bytes_xlated":N/' \
		-e 's/memlock [0-9]+B/memlock NB/; s/"bytes_memlock": ?[0-9]+/"bytes_memlock":N/' \
		-e 's/(duration[^:]*): [0-9]+ns/\1: Nns/' \
		-e "s,$WORK,WORK,g"
}

# Helpers are inlined in the kernel and named by address: only what is the program's own is compared of a dump.
frame() { sed -E -e '/^ +[0-9]+: \(/d; /^       [0-9a-f]{2}( [0-9a-f]{2})+ *$/d'; }

tell() { normal <"$WORK/raw-$1" | frame >"$WORK/$1"; }

why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"
export WORK
world kernel bash "$WORK/story" >"$WORK/raw-kernel" 2>&1 </dev/null
tell kernel
for how in '--fresh' '--fresh --redirect'; do
	RUN_OPTS=$how world root timeout 120 bash "$WORK/story" >"$WORK/raw-pinfs" 2>&1 </dev/null
	is "run $how: exit status" $? 0
	tell pinfs
	like "run $how: a dump shows instructions" "$(cat "$WORK/raw-pinfs")" 'call bpf_map_lookup_elem#1'
	compare_lines "run $how"
done
done_testing
