# SPDX-License-Identifier: BSD-2-Clause
# A store on a filesystem that fills up, and processes at their limits: errnos, nothing half-made.
cd "$(dirname "$0")/../.." && . tests/lib/cli.sh

why=$(no_world root)
[ -z "$why" ] || skip_all "$why"
mkdir "$WORK/small"
unshare -m true 2>/dev/null || skip_all "no mount namespace here"

cat >"$WORK/story" <<'EOS'
mount -t tmpfs -o size=600k,mode=755 tmpfs "$WORK/small" || exit 9
STORE=$WORK/small/store
cat >"$WORK/fill" <<'EOF'
i=0
while bpftool map create /sys/fs/bpf/m$i type array key 4 value 8000 entries 4 name m$i 2>"$WORK/said"; do
	i=$((i + 1))
	[ $i -lt 100 ] || break
done
echo "made $i"
cat "$WORK/said"
bpftool -j map show | tr '{' '\n' | grep -c '"id"'
ls /sys/fs/bpf | wc -l
bpftool map update pinned /sys/fs/bpf/m0 key 3 0 0 0 value hex $(yes 2a | head -n 8000) && echo updated
rm /sys/fs/bpf/m1
bpftool map create /sys/fs/bpf/again type array key 4 value 8000 entries 4 name again && echo "room again"
