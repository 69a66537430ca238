# SPDX-License-Identifier: BSD-2-Clause
#
# The walk-through, as it is typed: run in each world by tests/cli/walkthrough.sh,
# which compares what it prints. $D is an empty directory.

export LC_ALL=C
M=/sys/fs/bpf/my_test_map

# The command, what it says on both channels, its exit status.
t() {
	echo "\$ $*"
	"$@" 2>&1
	echo "-> $?"
}

t ls -A /sys/fs/bpf
t mountpoint /sys/fs/bpf
t stat -f -c '%t %s %b %f %c %d %l' /sys/fs/bpf
t bpftool map create $M type hash key 4 value 4 entries 10 name my_test_map
t ls -l $M
t stat -c '%A %h %U %s %F %a' $M
t ls /sys/fs/bpf
t bpftool map show name my_test_map
t bpftool -j map show name my_test_map
t bpftool -p map show name my_test_map
t bpftool map show pinned $M
t bpftool -j map show pinned $M
t bpftool -f map show pinned $M
t bpftool -j -f map show pinned $M
id=$(bpftool -j map show pinned $M | sed 's/.*"id":\([0-9]*\).*/\1/')
t bpftool map show id "$id"
t bpftool map dump pinned $M
t bpftool map update pinned $M key 1 0 0 0 value 2 0 0 0
t bpftool map update id "$id" key 3 0 0 0 value 4 0 0 0 noexist
t bpftool map update id "$id" key 3 0 0 0 value 4 0 0 0 noexist
t bpftool map update name my_test_map key 9 0 0 0 value 4 0 0 0 exist
t bpftool map update name my_test_map key 3 0 0 0 value 5 0 0 0 exist
t bpftool map lookup pinned $M key 1 0 0 0
t bpftool map lookup pinned $M key 2 0 0 0
t bpftool -j map lookup pinned $M key 1 0 0 0
t bpftool map lookup pinned $M key 1 0 0
bpftool map dump pinned $M | sort
bpftool -j map dump pinned $M | tr '{' '\n' | sed 's/[],]*$//' | sort
t bpftool map delete pinned $M key 1 0 0 0
t bpftool map delete pinned $M key 1 0 0 0
t bpftool map getnext pinned $M
t bpftool map getnext pinned $M key 3 0 0 0
for k in 10 11 12 13 14 15 16 17 18; do
	bpftool map update pinned $M key $k 0 0 0 value $k 0 0 0 || echo "full at $k"
done
t bpftool map update pinned $M key 19 0 0 0 value 19 0 0 0
t bpftool map update pinned $M key 10 0 0 0 value 10 1 0 0
bpftool map dump pinned $M | sort
t cat $M
t sh -c "echo x > $M"
t sh -c "echo x > /sys/fs/bpf/new"
t mkdir /sys/fs/bpf/with.dot
t mkdir /sys/fs/bpf/dir
t bpftool map pin id "$id" /sys/fs/bpf/dir/second
t ls /sys/fs/bpf/dir
t mv /sys/fs/bpf/dir/second /sys/fs/bpf/dir/third
t ln /sys/fs/bpf/dir/third /sys/fs/bpf/dir/fourth
t stat -c '%F %s' /sys/fs/bpf/dir/third
t ln -s ../my_test_map /sys/fs/bpf/dir/sym
t bpftool map lookup pinned /sys/fs/bpf/dir/sym key 3 0 0 0
t find /sys/fs/bpf -type f
t rmdir /sys/fs/bpf/dir
t rm -r /sys/fs/bpf/dir
t bpftool map create $M type hash key 4 value 4 entries 10 name my_test_map
bpftool map show name my_test_map | grep -c my_test_map
t bpftool map create /sys/fs/bpf/bad type hash key 0 value 4 entries 10 name bad
t bpftool map create $D/nobpffs/x type hash key 4 value 4 entries 10 name bad
t bpftool map freeze pinned $M
t bpftool map update pinned $M key 1 0 0 0 value 2 0 0 0
t bpftool -j map show pinned $M
t rm $M
t bpftool map show id "$id"
t bpftool map show name my_test_map
t ls -A /sys/fs/bpf

# Instances.
mkdir $D/inst
t mount -t bpf bpffs $D/inst
t mountpoint $D/inst
t sh -c 'findmnt -n -t bpf -o TARGET,SOURCE,FSTYPE | sort'
t findmnt -n -o OPTIONS $D/inst
t bpftool map create $D/inst/other type array key 4 value 8 entries 2 name other
t ls -A /sys/fs/bpf
t ls -A $D/inst
t bpftool map update pinned $D/inst/other key 1 0 0 0 value 1 2 3 4 5 6 7 8
t bpftool map dump pinned $D/inst/other
t bpftool -f map show pinned $D/inst/other
t mv $D/inst/other /sys/fs/bpf/other
id=$(bpftool -j map show pinned $D/inst/other | sed 's/.*"id":\([0-9]*\).*/\1/')
t umount $D/inst
t mountpoint $D/inst
t bpftool map show id "$id"
t ls -A $D/inst

# bpftool mounts by itself where no bpffs is.
mkdir $D/auto
t bpftool map create $D/auto/own type queue value 4 entries 3 name own
t bpftool map create $D/auto/two type lpm_trie key 8 value 4 entries 3 name two flags 1
t ls $D/auto
t sh -c 'findmnt -n -t bpf -o TARGET,SOURCE,FSTYPE | sort'
t bpftool map push pinned $D/auto/own value 7 0 0 0
t bpftool map peek pinned $D/auto/own
t bpftool map pop pinned $D/auto/own
t bpftool map dequeue pinned $D/auto/own
t umount $D/auto
t ls -A $D/auto
