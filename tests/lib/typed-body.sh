# SPDX-License-Identifier: BSD-2-Clause
#
# What people type around clients: looking at the filesystem, running clients by and under other tools,
# clients in Python, others' tools. Run by tests/cli/bpftool.sh, as bpftool-body.sh is.

. tests/lib/blocks.sh

h=$B/h
bpftool map create $h type hash key 4 value 4 entries 4 name my_hash
bpftool map update pinned $h key 1 0 0 0 value 2 0 0 0
dump="bpftool map dump pinned $h"

part "looking at the filesystem"
t findmnt -t bpf
s "mount -t bpf"
s "grep ' bpf ' /proc/mounts"
s "grep -c ' - bpf bpf ' /proc/self/mountinfo"
t df -t bpf
t stat -f -c '%T %t' $B
t ls $B
t ls -A $B
s "ls -l $B | awk '{ print \$1, \$2, \$5, \$NF }'"
t find $B -type f
t cat $h
differs "this kernel's own two files are iterators without a program; here they are a text"
s "head -n 1 $B/maps.debug"
differs "the same"
s "head -n 1 $B/progs.debug"
t cp $h $D/copy
t cp $D/batch $B/copy
t touch $B/new
t mkdir $B/dir
t mv $h $B/dir/h2
t mv $B/dir/h2 $h
t rmdir $B/dir
t chmod 640 $h
t stat -c %a $h
t mount -t bpf bpf $D
t mountpoint $D
t umount $D

part "around clients"
t timeout 9 $dump
t env $dump
t env -i /usr/sbin/$dump
t nohup $dump
t setsid -w $dump
t nice $dump
s "echo pinned $h | xargs bpftool map dump"
s "printf '1\n2\n' | xargs -I% bpftool map lookup pinned $h key % 0 0 0"
s "printf '1\n2\n3\n4\n' | xargs -P4 -I% bpftool map update pinned $h key % 0 0 0 value % 0 0 0 && $dump | sort"
for key in 2 3 4; do bpftool map delete pinned $h key $key 0 0 0; done # no order to depend on
s "sh -c '$dump | head -n 0'; $dump >/dev/null && echo still"
need parallel && s "parallel -k bpftool map lookup pinned $h key {} 0 0 0 ::: 1 9 2>&1"
need systemd-run && t systemd-run --scope $dump
need systemd-run && t systemd-run --user $dump
t chroot / /usr/sbin/$dump
t unshare -m /usr/sbin/$dump
need setpriv && t setpriv --no-new-privs $dump
need setpriv && t setpriv --bounding-set -all --inh-caps -all $dump
need sudo && t sudo $dump

part "under other tools"
if need strace; then
	t strace -f -qq -e trace=none $dump
	differs "the calls are answered in the process: there is no system call to be seen"
	s "strace -f -qq -e trace=bpf $dump 2>&1 | grep -o 'BPF_[A-Z_]*,' | sort | uniq -c"
	s "strace -c -o $D/counts $dump; test -s $D/counts"
fi
if need gdb; then
	s "gdb -nx -batch -ex run --args $dump 2>&1 | grep -v thread_db | sed 's/process [0-9]*/process N/'"
	s "gdb -nx -batch -ex 'set breakpoint pending on' -ex 'break bpf_obj_get' -ex run -ex 'info symbol \$pc' -ex continue --args $CLIENTS/libbpf_links look $B 2>&1 | grep -E '^(open|bpf_obj_get in)'"
	mkfifo "$D/end"
	"$CLIENTS/hold" $h once >"$D/held" <"$D/end" &
	holder=$!
	exec 9>"$D/end"
	until grep -q held "$D/held"; do sleep 0.01; done
	s "gdb -nx -batch -p \$(pgrep -x hold) -ex detach 2>&1 | grep -o 'Inferior 1 .*detached' | sed 's/process [0-9]*/process N/'"
	s "pgrep -cx hold" "goes on"
	s "bpftool -j map show pinned $h | jq -c '.pids // \"none\"'" "pids, while a process holds it"
	exec 9>&-
	wait $holder
fi
if need valgrind; then
	s "valgrind -q --log-file=/dev/null $dump"
	s "valgrind -q --log-file=/dev/null bpftool map lookup pinned $h key 9 0 0 0"
	s "valgrind -q --tool=callgrind --callgrind-out-file=/dev/null $dump 2>/dev/null"
fi
if need perf; then
	s "perf stat -o /dev/null -e task-clock $dump"
	s "perf record -q -o $D/perf.data -e cpu-clock $dump"
fi

part "CO-RE"
bpftool map create $B/counts type hash key 4 value 8 entries 8 name my_counts
t bpftool iter pin $OBJ/iter_one.o $B/it map pinned $B/counts
t bpftool prog load $OBJ/iter_one.o $B/core
mount -t tmpfs none /sys/kernel/btf
s "bpftool prog load $OBJ/iter_one.o $B/core2" "without /sys/kernel/btf/vmlinux"
s "bpftool prog load $OBJ/story.o $B/story" "without /sys/kernel/btf/vmlinux"
t bpftool btf dump file /sys/kernel/btf/vmlinux
s "bpftool btf show id 1 | sed 's/size.*//'" "without /sys/kernel/btf/vmlinux"
umount /sys/kernel/btf
s "bpftool btf show id 1 | sed 's/size.*//'"

part "Python"
if need /usr/bin/python3; then
	t /usr/bin/python3 $TOP/tests/clients/libbpf_ctypes.py $B/by_python
	s "bpftool map show name from_python | grep -c from_python"
	if /usr/bin/python3 -c 'import bcc' 2>/dev/null; then
		t /usr/bin/python3 $TOP/tests/clients/bcc_objects.py $B/by_bcc
		s "/usr/bin/python3 $TOP/tests/clients/bcc_objects.py text 2>&1 | tail -n 1"
	else
		echo "?? bcc_objects"
	fi
fi

part "xdp-loader"
if need xdp-loader; then
	ip link add v0 type veth peer name v1
	t xdp-loader status
	t xdp-loader load -m skb v0 $OBJ/story.o
	t xdp-loader status v0
	t xdp-loader load -m skb v0 $OBJ/story.o
	t xdp-loader load -m skb nothing $OBJ/story.o
	t xdp-loader load -m skb -p $B/xdp-maps v1 $OBJ/print.o
	s "bpftool net show dev v0"
	t find $B/xdp $B/xdp-maps
	t xdp-loader unload v0 -i 999999999
	t xdp-loader unload v0 -a
	t xdp-loader unload v0 -a
	t xdp-loader clean
	t xdp-loader status
fi
