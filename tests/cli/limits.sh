# SPDX-License-Identifier: BSD-2-Clause
# A client with a small RLIMIT_FSIZE: its maps are made all the same, and SIGXFSZ stays away.
cd "$(dirname "$0")/../.." && . tests/lib/cli.sh
new_store

# In blocks of 1024 bytes: less than a page, and less than a large map.
for blocks in 2 64; do
	out=$(in_store sh -c "ulimit -f $blocks
		bpftool map create /sys/fs/bpf/small_$blocks type hash key 4 value 4 entries 10 name small_$blocks && echo small made
		bpftool map create /sys/fs/bpf/large_$blocks type hash key 4 value 4 entries 100000 name large_$blocks && echo large made
		bpftool map update pinned /sys/fs/bpf/large_$blocks key 1 0 0 0 value 2 0 0 0 && echo large updated" 2>&1)
	is "with $blocks KiB: a map of one page, a large one, an update" "$out" "small made
large made
large updated"
	is "with $blocks KiB: the value is there" \
		"$(in_store bpftool map lookup pinned "/sys/fs/bpf/large_$blocks" key 1 0 0 0)" \
		"key: 01 00 00 00  value: 02 00 00 00"
done
is "nothing is left over" "$(pinfs gc | tr '\n' ' ')" "objects 0 elements 0 references 0 temporaries 0 instances 0 "
done_testing
