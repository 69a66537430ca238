# SPDX-License-Identifier: BSD-2-Clause
# pinfs mount, umount: a directory that is an instance in later runs.
cd "$(dirname "$0")/../.." && . tests/lib/cli.sh
new_store
dir=$WORK/instance
mkdir "$dir"

fails "a directory that is not there" pinfs mount "$WORK/none"
like "says so" "$(pinfs mount "$WORK/none" 2>&1)" "^pinfs: $WORK/none: No such file or directory"
touch "$WORK/file"
like "a file is no directory" "$(pinfs mount "$WORK/file" 2>&1)" 'Not a directory'
works "mount makes one" pinfs mount "$dir"
like "once" "$(pinfs mount "$dir" 2>&1)" 'File exists'
is "a run finds a bpffs there" "$(in_store stat -f -c %t "$dir")" cafe4a11
works "a pin in it" in_store bpftool map create "$dir/kept" type array key 4 value 4 entries 1 name kept
is "is there in the next run" "$(in_store ls "$dir" | grep -v debug)" kept
like "and in the list, by its own path" "$(pinfs ls)" "^$dir/kept +map"
is "and not in the other instance" "$(in_store ls /sys/fs/bpf | grep -v debug)" ""
is "and nothing is there outside" "$(ls -A "$dir")" ""

mkfifo "$WORK/in" "$WORK/out"
"$PINFS" run --store "$STORE" -- sh -c 'echo on; read x' <"$WORK/in" >"$WORK/out" &
exec 8>"$WORK/in" 9<"$WORK/out"
read -r -t 20 _ <&9
like "busy while a run has it" "$(pinfs umount "$dir" 2>&1)" 'Device or resource busy'
exec 8>&- 9<&-
wait

in_store mkdir -p "$dir/a/b/c"
in_store bpftool map create "$dir/a/b/c/deep" type array key 4 value 4 entries 1 name deep
for i in 1 2 3 4 5; do
	pinfs umount "$dir" 2>/dev/null && break
	sleep 0.2
done
is "umount works when it is gone" "$(in_store stat -f -c %t "$dir")" "$(stat -f -c %t "$dir")"
is "the pins went with it" "$(listed)" ""
is "and the objects" "$(find "$STORE/bpf-map" -type f | wc -l)" 0
like "a second umount has nothing to do" "$(pinfs umount "$dir" 2>&1)" 'Invalid argument'
like "the main instance needs no mount" "$(pinfs mount /sys/fs/bpf 2>&1)" 'in every run'
done_testing
