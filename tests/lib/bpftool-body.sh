# SPDX-License-Identifier: BSD-2-Clause
#
# Every sub-command of bpftool, on objects made by the same commands in each world: run by
# tests/cli/bpftool.sh, which compares what it prints and makes the table of docs/CLIENTS.md.

. tests/lib/blocks.sh

# A list that others' objects, which come and go meanwhile, have not spoiled.
whole() {
	for again in 1 2 3 4 5 6 7 8 9; do
		timeout 60 bpftool "$@" >"$D/whole" 2>&1
		rc=$?
		[ $rc = 0 ] && break
	done
	cat "$D/whole"
	return $rc
}

# Other people's objects are on a kernel, too: of a whole list, only what is ours.
list() {
	echo "\$ bpftool [-j] $*"
	whole "$@" >"$D/list" 2>&1
	rc=$?
	grep -E -A9 'my_|mine' "$D/list" | grep -E '^[0-9]+:.*my_' | sed 's/  tag.*//'
	echo "-> $rc"
	whole -j "$@" | jq -c '.[] | select((.name // "") | startswith("my_")) | .name'
}

id_of() { bpftool -j "$1" show pinned "$2" | jq .id; }

part "version, help, batch"
t bpftool version
j version
t bpftool
for sub in map prog link btf gen iter struct_ops feature net perf cgroup; do
	s "bpftool $sub help | head -n 3"
done
t bpftool nonsense
t bpftool map nonsense
cat >"$D/batch" <<'EOS'
# a comment
map create /sys/fs/bpf/batched type array key 4 value 4 entries 2 name my_batched
map update pinned /sys/fs/bpf/batched key 1 0 0 0 value 7 0 0 0
map dump pinned /sys/fs/bpf/batched

map show pinned /sys/fs/bpf/batched
EOS
t bpftool batch file $D/batch
rm -f $B/batched
t bpftool -j batch file $D/batch
rm -f $B/batched
echo "map show id 999999999" >"$D/bad"
t bpftool batch file $D/bad
t bpftool -j batch file $D/bad
t bpftool batch file $D/none
s "bpftool batch file - <$D/batch"
rm -f $B/batched

part "map"
t bpftool map create $B/h type hash key 4 value 8 entries 4 name my_hash
t bpftool -j map create $B/h type hash key 4 value 8 entries 4 name my_hash
t bpftool map create $B/a type array key 4 value 4 entries 2 name my_array
t bpftool map create $B/pa type percpu_array key 4 value 8 entries 1 name my_pcpu
t bpftool map create $B/lru type lru_hash key 4 value 4 entries 4 name my_lru
t bpftool map create $B/lpm type lpm_trie key 8 value 4 entries 4 name my_lpm flags 1
t bpftool map create $B/q type queue key 0 value 4 entries 2 name my_queue
t bpftool map create $B/st type stack key 0 value 4 entries 2 name my_stack
t bpftool map create $B/bl type bloom_filter key 0 value 4 entries 8 name my_bloom
t bpftool map create $B/rb type ringbuf key 0 value 0 entries 4096 name my_ring
t bpftool map create $B/urb type user_ringbuf key 0 value 0 entries 4096 name my_uring
t bpftool map create $B/pea type perf_event_array key 4 value 4 entries 2 name my_events
t bpftool map create $B/tails type prog_array key 4 value 4 entries 2 name my_tails
t bpftool map create $B/aom type array_of_maps key 4 value 4 entries 2 name my_outer inner_map pinned $B/a
t bpftool map create $B/hom type hash_of_maps key 4 value 4 entries 2 name my_houter inner_map name my_array
t bpftool map create $B/none type array_of_maps key 4 value 4 entries 2 name my_none
t bpftool map create $B/ph type percpu_hash key 4 value 8 entries 4 name my_phash
t bpftool map create $B/plru type lru_percpu_hash key 4 value 8 entries 4 name my_plru
t bpftool map create $B/stk type stack_trace key 4 value 8 entries 4 name my_traces
t bpftool map create $B/cga type cgroup_array key 4 value 4 entries 1 name my_cgroups
t bpftool map create $B/dm type devmap key 4 value 4 entries 2 name my_devs
t bpftool map create $B/dmh type devmap_hash key 4 value 4 entries 2 name my_devsh
t bpftool map create $B/cpu type cpumap key 4 value 4 entries 2 name my_cpus
t bpftool map create $B/xsk type xskmap key 4 value 4 entries 2 name my_xsks
t bpftool map create $B/sm type sockmap key 4 value 4 entries 2 name my_socks
t bpftool map create $B/sh type sockhash key 4 value 4 entries 2 name my_sockh
t bpftool map create $B/ru type reuseport_sockarray key 4 value 8 entries 2 name my_reuse
t bpftool map create $B/cgs type cgroup_storage key 8 value 8 entries 0 name my_cgs
t bpftool map create $B/pcgs type percpu_cgroup_storage key 8 value 8 entries 0 name my_pcgs
t bpftool map create $B/sks type sk_storage key 4 value 4 entries 0 name my_sks flags 1
t bpftool map create $B/ins type inode_storage key 4 value 4 entries 0 name my_ins flags 1
t bpftool map create $B/tks type task_storage key 4 value 4 entries 0 name my_tks flags 1
t bpftool map create $B/so type struct_ops key 4 value 4 entries 1 name my_so
t bpftool map create $B/bad type hash key 0 value 4 entries 4 name my_bad
t bpftool map create $B/bad type hash key 4 value 4 entries 0 name my_bad
t bpftool map create $B/bad type nonsense key 4 value 4 entries 1 name my_bad
t bpftool map create $B/bad type hash key 4 value 4 entries 1
t bpftool map create $B/bad type hash key 4 value 4 entries 1 name my_bad flags 0x80000000
t bpftool map create $B/bad type hash key 4 value 4 entries 1 name my_bad dev lo
t bpftool map create $B/no/bad type hash key 4 value 4 entries 1 name my_bad
t bpftool -n map create $D/bad type hash key 4 value 4 entries 1 name my_bad
for m in h a pa lru lpm q st bl rb urb pea tails aom hom ph plru stk cga dm dmh cpu xsk sm sh ru cgs sks; do
	j map show pinned $B/$m
done
list map show
list map list
j map show name my_hash
j map show id $(id_of map $B/h)
j -f map show pinned $B/h
j map show id 999999999
j map show name my_nothing
j map show pinned $B/none
j map update name my_hash key 1 0 0 0 value 1 2 3 4 5 6 7 8
j map update pinned $B/h key hex 02 00 00 00 value hex 0a 0b 0c 0d 0e 0f 10 11 noexist
j map update pinned $B/h key 2 0 0 0 value 1 2 3 4 5 6 7 8 exist
j map update pinned $B/h key 3 0 0 0 value 1 2 3 4 5 6 7 8 exist
j map update pinned $B/h key 3 0 0 value 1 2 3 4 5 6 7 8
j map update pinned $B/a key 2 0 0 0 value 1 2 3 4
j map update pinned $B/a key 1 0 0 0 value 1 2 3 4 noexist
j map update pinned $B/pa key 0 0 0 0 value 1 0 0 0 0 0 0 0
j map update pinned $B/ph key 0 0 0 0 value 1 0 0 0 0 0 0 0
j map update pinned $B/lpm key 8 0 0 0 10 0 0 0 value 1 0 0 0
j map update pinned $B/aom key 0 0 0 0 value pinned $B/a
j map update pinned $B/aom key 1 0 0 0 value pinned $B/h
j map update pinned $B/hom key 5 0 0 0 value name my_array
j map update pinned $B/tails key 0 0 0 0 value pinned $B/a
j map update pinned $B/pea key 0 0 0 0 value 0 0 0 0
j map update pinned $B/dm key 0 0 0 0 value 1 0 0 0
j map update pinned $B/dm key 1 0 0 0 value 255 255 0 0
j map update pinned $B/dmh key 7 0 0 0 value 1 0 0 0
j map update pinned $B/cpu key 0 0 0 0 value 16 0 0 0
j map update pinned $B/sm key 0 0 0 0 value 0 0 0 0
j map update pinned $B/rb key 0 0 0 0 value 0 0 0 0
j map lookup name my_hash key 1 0 0 0
j map lookup pinned $B/h key 9 0 0 0
j map lookup pinned $B/a key 1 0 0 0
j map lookup pinned $B/pa key 0 0 0 0
j map lookup pinned $B/lpm key 32 0 0 0 10 1 2 3
j map lookup pinned $B/lpm key 32 0 0 0 11 1 2 3
j map lookup pinned $B/q
j map lookup pinned $B/cga key 0 0 0 0
s "bpftool map lookup pinned $B/aom key 0 0 0 0 | sed 's/value: .*/value: ID/'"
s "bpftool map dump pinned $B/h | sort"
s "bpftool -j map dump pinned $B/h | jq -c 'sort|.[]'"
j map dump name my_array
for m in pa lpm q st bl rb stk cga dm dmh cpu xsk sm sh ru cgs sks; do
	j map dump pinned $B/$m
done
s "bpftool map dump pinned $B/aom | sed 's/value: .*/value: ID/'"
s "bpftool map dump pinned $B/hom | sed 's/value: .*/value: ID/'"
j map getnext pinned $B/a
j map getnext pinned $B/a key 0 0 0 0
j map getnext pinned $B/a key 1 0 0 0
j map getnext pinned $B/q
j map delete pinned $B/h key 1 0 0 0
j map delete pinned $B/a key 1 0 0 0
j map delete pinned $B/lpm key 8 0 0 0 10 0 0 0
j map push pinned $B/q value 1 0 0 0
j map enqueue pinned $B/q value 2 0 0 0
j map push pinned $B/st value 1 0 0 0
j map push pinned $B/bl value 1 0 0 0
j map push pinned $B/a value 1 0 0 0
j map peek pinned $B/q
j map peek pinned $B/st
j map pop pinned $B/st
j map pop pinned $B/q
j map dequeue pinned $B/q
j map peek pinned $B/bl
j map lookup pinned $B/bl key 1 0 0 0
j map pin name my_lru $B/lru2
j map pin pinned $B/lru $B/dir/none
j map pin id 999999999 $B/none
s "bpftool -f map show pinned $B/lru | grep pinned"
s "bpftool -j -f map show pinned $B/lru | jq -c .pinned"
j map freeze pinned $B/lru
j map update pinned $B/lru key 1 0 0 0 value 1 0 0 0
s "bpftool map show pinned $B/lru | grep -c frozen"
j map event_pipe pinned $B/a
j map event_pipe pinned $B/pea cpu 0
j map event_pipe pinned $B/pea cpu 0 index 5
s "timeout --foreground -s INT 1 bpftool map event_pipe pinned $B/pea cpu 0 index 0"
s "timeout --foreground -s INT 1 bpftool -j map event_pipe pinned $B/pea"

part "prog"
t bpftool prog load $OBJ/story.o $B/p
t bpftool prog load $OBJ/story.o $B/p
t bpftool -j prog load $OBJ/story.o $B/p2 type xdp pinmaps $B/pmaps
t bpftool prog load $OBJ/story.o $B/p3 type socket
t bpftool prog load $OBJ/story.o $B/p4 map name packets pinned $B/pmaps/packets
t bpftool prog load $OBJ/story.o $B/p5 map idx 0 pinned $B/a
t bpftool prog load $OBJ/story.o $B/p5 dev lo
t bpftool prog load $D/none.o $B/p5
t bpftool prog load $OBJ/progs.o $B/pp pinmaps $B/ppmaps
t bpftool prog loadall $OBJ/progs.o $B/all pinmaps $B/allmaps
t bpftool prog loadall $OBJ/progs.o $B/all pinmaps $B/allmaps
t bpftool prog loadall $OBJ/links.o $B/links pinmaps $B/linkmaps
t bpftool prog loadall $OBJ/ring.o $B/ring pinmaps $B/ringmaps
t bpftool -L prog load $OBJ/story.o $B/light
t bpftool -L prog loadall $OBJ/progs.o $B/light
t bpftool -L prog load $OBJ/maps.o $B/light
t "$CLIENTS/light" run
t "$CLIENTS/light" fails
t bpftool -d version
t ls $B/all $B/allmaps $B/links $B/linkmaps $B/ppmaps
for p in p p2 pp links/pass links/watch_in links/choose links/enter ring/tell; do
	j prog show pinned $B/$p
done
list prog show
j prog show id 999999999
j prog show name nothing
j prog show pinned $B/h
j map show pinned $B/p
j prog show tag 0000000000000000
tag=$(bpftool -j prog show pinned $B/p | jq -r .tag)
s "bpftool prog show tag $tag | grep -q 'name count'"
j -f prog show pinned $B/p2
j prog dump xlated pinned $B/links/enter
differs "the kernel shows offsets in its own structs and lookups that it has inlined"
j prog dump xlated pinned $B/p
differs "the kernel shows offsets in its own structs and lookups that it has inlined"
j prog dump xlated pinned $B/p opcodes
differs "the kernel shows offsets in its own structs and lookups that it has inlined"
j prog dump xlated pinned $B/p linum
s "bpftool prog dump xlated pinned $B/links/enter visual | head -n 4"
t bpftool prog dump xlated pinned $B/links/enter file $D/xlated
s "od -An -tx1 $D/xlated"
t bpftool prog dump jited pinned $B/links/enter
t bpftool prog dump jited pinned $B/links/enter opcodes
t bpftool prog dump jited pinned $B/links/enter file $D/jited
s "test -s $D/jited"
j prog dump xlated id 999999999
j prog pin pinned $B/p $B/pin2
j prog pin pinned $B/p $B/pin2
j prog pin id 999999999 $B/pin3
head -c 64 /dev/zero >"$D/in"
s "bpftool prog run pinned $B/p data_in $D/in | sed 's/[0-9]*ns/N ns/'"
s "bpftool -j prog run pinned $B/p data_in $D/in | sed 's/duration\":[0-9]*/duration\":N/'"
s "bpftool prog run pinned $B/p data_in $D/in data_out $D/out data_size_out 64 repeat 5 | sed 's/[0-9]*ns/N ns/'"
s "od -An -tx1 $D/out"
s "head -c 4 $D/in | bpftool prog run pinned $B/p data_in - data_out - | sed 's/[0-9]*ns/N ns/'"
s "bpftool prog run pinned $B/ring/tell data_in $D/in | sed 's/[0-9]*ns/N ns/'"
t bpftool prog run pinned $B/links/choose data_in $D/in
t bpftool prog run pinned $B/links/enter data_in $D/in
t bpftool prog run pinned $B/p data_in $D/none
j prog profile pinned $B/p duration 1 cycles
t bpftool prog load $OBJ/print.o $B/print
head -c 61 /dev/zero >"$D/in61"
# The kernel's own pipe tells nothing while it is off.
mount -t tracefs none /sys/kernel/tracing 2>/dev/null
on=/sys/kernel/tracing/tracing_on
if [ -w $on ] && [ "$(cat $on)" = 0 ]; then
	echo 1 >$on
	trap 'echo 0 >$on' EXIT
fi
tracing() { (sleep 0.3; bpftool prog run pinned $B/print data_in "$D/in61" >/dev/null 2>&1) & }
tracing
s "timeout --foreground -s INT 2 bpftool prog tracelog 2>/dev/null | grep -o 'bpf_trace_printk: frame of 61 bytes'"
wait
tracing
s "timeout --foreground -s INT 2 bpftool -j prog tracelog 2>/dev/null | grep -o 'bpf_trace_printk: frame of 61 bytes.n'"
wait
tracing
s "timeout --foreground -s INT 2 bpftool -p prog tracelog 2>/dev/null | grep -o 'bpf_trace_printk: frame of 61 bytes.n'"
wait
j prog attach pinned $B/p sk_msg_verdict pinned $B/sm
j prog attach pinned $B/p flow_dissector
j prog attach pinned $B/p sk_skb_verdict pinned $B/h
j prog attach pinned $B/p nonsense pinned $B/sm
t bpftool prog loadall $OBJ/hooks.o $B/hooks
j prog attach pinned $B/hooks/verdict sk_skb_verdict pinned $B/sm
j prog attach pinned $B/hooks/verdict sk_skb_stream_verdict pinned $B/sm
j prog attach pinned $B/hooks/parser sk_skb_stream_parser pinned $B/sm
j prog attach pinned $B/hooks/msg sk_msg_verdict pinned $B/sm
j prog attach pinned $B/hooks/dissect flow_dissector
j net show
j prog detach pinned $B/hooks/dissect flow_dissector
j prog detach pinned $B/hooks/dissect flow_dissector
j prog detach pinned $B/hooks/msg sk_msg_verdict pinned $B/sm
j prog detach pinned $B/hooks/msg sk_msg_verdict pinned $B/sm
j map update pinned $B/tails key 0 0 0 0 value pinned $B/p
s "bpftool map dump pinned $B/tails | sed 's/value: .*/value: ID/'"

part "btf"
j btf show id 999999999
s "bpftool btf show id 1 | sed 's/size [0-9]*B.*//'"
s "bpftool -j btf show id 1 | jq -c 'del(.size, .prog_ids, .map_ids)'"
s "bpftool btf show | grep -c vmlinux"
btf=$(bpftool -j map show pinned $B/pmaps/packets | jq .btf_id)
s "bpftool btf show id $btf | sed 's/^[0-9]*: //; s/ids [0-9,]*/ids N/g'"
j btf dump id $btf
j btf dump id $btf format c
j btf dump id $btf format raw
j btf dump id $btf format nonsense
j btf dump map pinned $B/pmaps/packets
j btf dump map pinned $B/pmaps/packets key
j btf dump map pinned $B/pmaps/packets value
j btf dump map pinned $B/pmaps/packets kv
j btf dump map pinned $B/pmaps/packets all
j btf dump map pinned $B/h
j btf dump prog pinned $B/p
s "bpftool btf dump prog pinned $B/pp format c | md5sum"
j btf dump file $OBJ/story.o
j btf dump file $OBJ/story.o format c
s "bpftool btf dump file $OBJ/progs.o format c | md5sum"
s "bpftool btf dump file /sys/kernel/btf/vmlinux format c | md5sum"
s "bpftool btf dump id 1 format c | md5sum"
s "bpftool btf dump id 1 | md5sum"
s "bpftool -B /sys/kernel/btf/vmlinux btf dump file /sys/kernel/btf/vmlinux | head -n 1"
j btf dump file $D/none
j btf dump id 999999999

part "gen"
t bpftool gen object $D/linked.o $OBJ/story.o $OBJ/print.o
s "bpftool btf dump file $D/linked.o | md5sum"
t bpftool gen object $D/linked.o $D/none.o
s "bpftool gen skeleton $OBJ/progs.o | md5sum"
s "bpftool gen skeleton $OBJ/progs.o name other | grep -c other__open"
s "bpftool gen subskeleton $OBJ/progs.o | md5sum"
s "bpftool -L gen skeleton $OBJ/story.o name story >$D/story.lskel.h; grep -c story__load $D/story.lskel.h"
t bpftool gen skeleton $D/none.o
t bpftool gen min_core_btf /sys/kernel/btf/vmlinux $D/min.btf $OBJ/iters.o
s "bpftool btf dump file $D/min.btf | md5sum"
t bpftool gen min_core_btf $D/none $D/min.btf $OBJ/iters.o
t bpftool -j gen object $D/linked2.o $OBJ/story.o

part "iter"
t bpftool map create $B/counts type hash key 4 value 8 entries 8 name my_counts
t bpftool map update pinned $B/counts key 3 0 0 0 value 9 0 0 0 0 0 0 0
j iter pin $OBJ/iter_one.o $B/it map pinned $B/counts
t cat $B/it
j iter pin $OBJ/iter_one.o $B/it map pinned $B/counts
j iter pin $OBJ/iter_one.o $B/it2
j iter pin $OBJ/iter_one.o $B/it2 map pinned $B/q
j iter pin $OBJ/story.o $B/it2
j iter pin $D/none.o $B/it2
t rm $B/it

part "struct_ops"
j struct_ops show
j struct_ops list
j struct_ops show name nothing
j struct_ops show id 999999999
j struct_ops dump
j struct_ops dump name nothing
j struct_ops register $OBJ/story.o
j struct_ops register $D/none.o
j struct_ops unregister name nothing
j struct_ops unregister id 999999999

part "net"
ip link set lo up
t ip link add v0 type veth peer name v1
j net show
j net list
j net show dev lo
j net show dev nothing
j net attach xdp pinned $B/p dev v0
j net attach xdpgeneric pinned $B/p dev lo
j net attach xdpgeneric pinned $B/p2 dev lo
j net attach xdpgeneric pinned $B/p2 dev lo overwrite
j net attach xdpoffload pinned $B/p dev lo
j net attach xdpdrv pinned $B/p dev lo
j net attach xdp pinned $B/ring/tell dev lo
j net attach xdp pinned $B/p dev nothing
j net attach xdp id 999999999 dev lo
j net show
j net detach xdpgeneric dev lo
j net detach xdp dev v0
j net detach xdp dev v0
j net detach nonsense dev v0

part "cgroup"
j cgroup show $CG
j cgroup list $CG
j cgroup attach $CG ingress pinned $B/links/watch_in
j cgroup attach $CG cgroup_inet_ingress pinned $B/links/watch_in
j cgroup attach $CG cgroup_inet_ingress pinned $B/links/watch_in override
j cgroup attach $CG cgroup_inet_egress pinned $B/hooks/out multi
j cgroup attach $CG cgroup_inet_egress pinned $B/hooks/out2 multi
j cgroup attach $CG cgroup_device pinned $B/p
j cgroup attach $CG nonsense pinned $B/p
j cgroup attach $D cgroup_inet_egress pinned $B/hooks/out
j cgroup show $CG
mkdir $CG/below
j cgroup show $CG/below
j cgroup show $CG/below effective
j cgroup tree $CG
j cgroup tree $CG effective
j cgroup show $D
j cgroup tree $D
j cgroup show $D/none
j cgroup detach $CG cgroup_inet_egress pinned $B/hooks/out
j cgroup detach $CG cgroup_inet_egress pinned $B/hooks/out
j cgroup detach $CG cgroup_inet_egress pinned $B/hooks/out2
j cgroup detach $CG cgroup_inet_ingress pinned $B/links/watch_in
j cgroup show $CG
rmdir $CG/below

part "link"
t "$CLIENTS/libbpf_links" attach $OBJ/links.o $B/lk $CG
for l in $B/lk/*; do
	j link show pinned $l
done
for l in $B/lk/*; do
	id=$(id_of link $l)
	echo "\$ bpftool [-j] link show # ${l##*/} is there"
	whole link show | grep -c "^$id:"
	whole -j link show | jq -c ".[] | select(.id == $id) | .type"
	echo "-> $?"
done
j link show id 999999999
j -f link show pinned $B/lk/pass
j link pin pinned $B/lk/pass $B/lk/again
j link pin pinned $B/lk/pass $B/lk/again
j link pin id 999999999 $B/lk/no
j link detach pinned $B/lk/watch_in
j link show pinned $B/lk/watch_in
j link detach pinned $B/lk/watch_in
j link detach pinned $B/lk/enter
j link detach id 999999999
j cgroup show $CG
j net show

part "perf"
j perf show
j perf list
j perf show id 1

part "feature"
for g in prog_types map_types attach_types link_types helpers; do
	s "bpftool feature list_builtins $g | md5sum"
	s "bpftool -j feature list_builtins $g | md5sum"
done
t bpftool feature list_builtins nonsense
# What attaches to functions of the kernel is each machine's own affair.
s "bpftool feature probe kernel | grep program_type | grep -vE ' (tracing|ext|lsm) '" "types of programs"
s "bpftool feature probe kernel | grep -E 'map_type'" "types of maps"
s "bpftool feature probe kernel | grep -vE 'program_type|map_type|helper|^	|^Note|_RLIMIT'" "the rest"
s "bpftool feature probe kernel | awk '/helpers supported/ { t = \$8 } /^	- / && t !~ /^(tracing|ext|lsm):/ { print t, \$2 }'" "helpers, by type of program"
s "bpftool feature probe kernel full | wc -l"
s "bpftool -j feature probe kernel | jq -c 'keys'" "sections"
s "bpftool -j feature probe kernel | jq -c .misc" "misc"
s "bpftool feature probe kernel macros | wc -l"
s "bpftool feature probe kernel macros prefix X_ | grep -c '^#define X_'"
s "bpftool feature probe dev lo | head -n 30"
s "bpftool feature probe unprivileged | head -n 3"
