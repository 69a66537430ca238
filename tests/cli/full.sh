# SPDX-License-Identifier: BSD-2-Clause
# A store on a filesystem that fills up, and processes at their limits: errnos, nothing half-made.
cd "$(dirname "$0")/../.." && . tests/lib/cli.sh

why=$(no_world root)
[ -z "$why" ] || skip_all "$why"
unshare -m true 2>/dev/null || skip_all "no mount namespace here"
mkdir "$WORK/small"

cat >"$WORK/fill" <<'EOF'
i=0
while bpftool map create /sys/fs/bpf/m$i type array key 4 value 8000 entries 4 name m$i 2>"$WORK/said"; do
	i=$((i + 1))
	[ $i -lt 100 ] || break
done
echo "made $i"
echo "objects $(bpftool -j map show | tr '{' '\n' | grep -c '"id"')"
echo "pins $(ls /sys/fs/bpf | grep -vc debug)"
cat "$WORK/said"
bpftool map update pinned /sys/fs/bpf/m0 key 3 0 0 0 value hex $(yes 2a | head -n 8000) && echo updated
rm /sys/fs/bpf/m1
bpftool map create /sys/fs/bpf/again type array key 4 value 8000 entries 4 name again && echo "room again"
EOF
cat >"$WORK/story" <<'EOF'
mount -t tmpfs -o size=600k,mode=755 tmpfs "$WORK/small" || exit 9
STORE=$WORK/small/store
"$PINFS" run --store "$STORE" -- sh "$WORK/fill"
"$PINFS" gc --store "$STORE" | tr '\n' ' '
echo
echo "temporaries $(find "$STORE/bpf-map" -name '.*' -type f | wc -l)"
EOF
out=$(unshare -m bash "$WORK/story" 2>&1)
made=$(sed -n 's/^made //p' <<<"$out")
like "some maps fit" "$made" '^[1-9][0-9]?$'
like "the one that does not fit is refused as the kernel would" "$out" '^Error: map create failed: Cannot allocate memory'
is "as many objects as were made" "$(sed -n 's/^objects \([0-9]*\)$/\1/p' <<<"$out")" "$made"
is "as many pins" "$(sed -n 's/^pins //p' <<<"$out")" "$made"
like "those that are there can be written to the last element" "$out" '^updated$'
like "removing one makes room" "$out" '^room again$'
like "gc finds nothing" "$out" '^objects 0 elements 0 references 0 temporaries 0 instances 0 $'
like "no temporary is left" "$out" '^temporaries 0$'

new_store
out=$(in_store bash -c 'ulimit -n 12; bpftool map create /sys/fs/bpf/low type hash key 4 value 4 entries 4 name low; echo "status $?"' 2>&1)
like "a process with few descriptors works" "$out" '^status 0$'
out=$(in_store bash -c 'ulimit -n 3; bpftool map show pinned /sys/fs/bpf/low; echo "status $?"' 2>&1)
like "one without any gets the system's errno" "$out" 'Too many open files|status 127'
is "and nothing leaks" "$(in_store rm /sys/fs/bpf/low; listed)" ""
out=$(in_store bash -c 'ulimit -f 1; bpftool map create /sys/fs/bpf/big type array key 4 value 4096 entries 1000 name big; echo "status $?"' 2>&1)
like "a file that the limit forbids gives an errno, not a signal" "$out" '^status (0|255|[1-9][0-9]?)$'
done_testing
