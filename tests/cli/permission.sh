# SPDX-License-Identifier: BSD-2-Clause
# Another user's store and pins are out of reach; file modes decide on pins.
cd "$(dirname "$0")/../.." && . tests/lib/cli.sh
[ "$(id -u)" = 0 ] || skip_all "needs root to be two users"
new_store
install_for_user

works "a store of root's" in_store bpftool map create /sys/fs/bpf/m type hash key 4 value 4 entries 4 name m
like "another user may not run in it" "$(as_user "$WORK/bin/pinfs" run --store "$STORE" -- true 2>&1)" \
	'Permission denied|Operation not permitted'
like "nor list it" "$(as_user "$WORK/bin/pinfs" ls --store "$STORE" 2>&1)" 'Permission denied|Operation not permitted'
fails "nor read a file of it" as_user cat "$STORE/fs/1/m"
rm -rf "/dev/shm/pinfs-65533"
mkdir -m 777 "/dev/shm/pinfs-65533"
like "a default store that somebody else has made is refused" \
	"$(setpriv --reuid=65533 --regid=65533 --clear-groups "$WORK/bin/pinfs" run -- true 2>&1)" 'Operation not permitted|Permission denied'
rmdir "/dev/shm/pinfs-65533"

drop='setpriv --reuid=65534 --regid=65534 --clear-groups'
for where in kernel root; do
	why=$(no_world $where)
	[ -z "$why" ] || { skip "$where: $why"; continue; }
	RUN_OPTS=--fresh world $where sh -c "
		bpftool map create /sys/fs/bpf/p type hash key 4 value 4 entries 4 name p
		$drop bpftool map show pinned /sys/fs/bpf/p
		chmod 666 /sys/fs/bpf/p
		$drop bpftool map lookup pinned /sys/fs/bpf/p key 1 0 0 0
		$drop bpftool map update pinned /sys/fs/bpf/p key 1 0 0 0 value 1 0 0 0
		$drop bpftool map dump pinned /sys/fs/bpf/p
		$drop bpftool map create /sys/fs/bpf/q type hash key 4 value 4 entries 4 name q
		$drop bpftool map show
		$drop rm /sys/fs/bpf/p
		$drop mkdir /sys/fs/bpf/dir
		$drop ls -A /sys/fs/bpf
		mkdir /sys/fs/bpf/with.dot
		mkdir $WORK/plain-$where
		bpftool -n map pin name p $WORK/plain-$where/pin
	" 2>&1 | sed -E "s/plain-$where/plain/; s/^[0-9]+: /ID: /; s/memlock [0-9]+B/memlock NB/; /^(maps|progs)\.debug$/d" >"$WORK/said-$where"
done
[ -e "$WORK/said-kernel" ] && is "a process that gives up its privilege is treated as the kernel treats it" \
	"$(cat "$WORK/said-root")" "$(cat "$WORK/said-kernel")"
done_testing
