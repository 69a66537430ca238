#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The limits of real containers, in all combinations: a plain user or a root
# without capabilities; no_new_privs; Docker's default seccomp profile; a /dev/shm
# of 64 MiB and a read-only /sys; 256 descriptors; another's listener. In each, the walk-through by
# dynamic programs must print what it prints without limits, and a static one (Go,
# many threads) must find all its checks to hold.
#
# Then where less can be had, which has to be said: no ptrace, and no ptrace beside another's listener.

cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

[ "$(id -u)" = 0 ] || skip_all "not root"
install_for_user
cp "$B/tests/clients/limits" "$B/tests/clients/raw.go.static" "$B/tests/abi/notify_proc.static" "$WORK/bin/" ||
	{ not_ok "the clients were not built"; done_testing; }
chmod -R a+rX "$WORK/bin"
cat >"$WORK/walk" <<'EOF'
M=/sys/fs/bpf/m
t() { echo "\$ $*"; "$@" 2>&1; echo "-> $?"; }
t bpftool map create $M type hash key 4 value 4 entries 10 name m
t ls /sys/fs/bpf
t stat -f -c %t $M
t bpftool -j map show pinned $M
t bpftool map update pinned $M key 1 0 0 0 value 2 0 0 0
t bpftool map lookup pinned $M key 1 0 0 0
t bpftool map dump pinned $M
t mkdir /sys/fs/bpf/d
t mv $M /sys/fs/bpf/d/n
t bpftool map lookup pinned /sys/fs/bpf/d/n key 1 0 0 0
t rm -r /sys/fs/bpf/d
t bpftool map show name m
t ls /sys/fs/bpf
EOF
chmod a+r "$WORK/walk"
# The memory of a map depends on where it is; nothing else does.
same() { sed 's/,"bytes_memlock":[0-9]*//'; }
want=$(world root bash "$WORK/walk" | same)

# The machine's part of the limits: none or small.
around() {
	local how=$1
	shift
	case $how in
	none) "$@" ;;
	small)
		unshare -m sh -c 'mount --make-rprivate / && mount -t tmpfs -o size=64m,mode=1777 shm /dev/shm &&
			mount -o remount,bind,ro /sys && exec "$@"' sh "$@"
		;;
	esac
}

# limited AROUND "WORDS" CMD...: a run in these limits
limited() {
	local how=$1 words=$2
	shift 2
	# shellcheck disable=SC2086
	around "$how" timeout 120 "$WORK/bin/limits" $words -- "$WORK/bin/pinfs" run ${RUN_OPTS:---fresh} -- "$@"
}

cell() {
	local how=$1 words=$2 out rc
	limited "$how" "$words" true 2>/dev/null
	[ $? != 77 ] || { skip "$words: built without libseccomp"; return; }
	is "dynamic: $words, /dev/shm and /sys: $how" "$(limited "$how" "$words" bash "$WORK/walk" 2>&1 | same)" "$want"
	out=$(limited "$how" "$words" "$WORK/bin/raw.go.static" 2>&1)
	rc=$?
	[ $rc = 0 ] && ok "static: $words, /dev/shm and /sys: $how" && return
	not_ok "static: $words, /dev/shm and /sys: $how: status $rc"
	diag <<<"$out"
}

# Without capabilities a filter can only be had with no_new_privs; the words are in the order of an engine's.
for how in none small; do
	for user in nocaps "nocaps uid=65534"; do
		for fds in "" nofile=256; do
			for privs in "" nnp "nnp docker" "nnp listener" "nnp docker listener"; do
				cell "$how" "$(echo $fds $privs $user)"
			done
		done
	done
done

docker="nnp docker nocaps uid=65534"
out=$(limited none "$docker" "$WORK/bin/notify_proc.static" 2>&1)
is "processes, threads, signals behind the profile" "$? $(grep '^not ok' <<<"$out")" "0 "
out=$(limited none "listener $docker" "$WORK/bin/notify_proc.static" 2>&1)
is "and beside another's listener" "$? $(grep '^not ok' <<<"$out")" "0 "

# What run says.
out=$(RUN_OPTS="--fresh -v" limited none "$docker" true 2>&1)
like "-v: traced, and why" "$out" "^pinfs: trace: yes, an outer filter answers bpf\(2\)"
out=$(RUN_OPTS="--fresh -v" limited none "nnp nocaps" true 2>&1)
is "no tracer where none is needed" "$(grep -c '^pinfs: trace' <<<"$out")" 0

# A program of which nobody may read the memory, since its user may not read the file.
chmod 711 "$WORK/bin/raw.go.static"
limited none "$docker" "$WORK/bin/raw.go.static" >"$WORK/out" 2>&1
is "a program that cannot be looked into ends by itself" "$? $(grep -m1 -o '^not ok 1' "$WORK/out")" "1 not ok 1"
chmod 755 "$WORK/bin/raw.go.static"

# Where nobody may be traced, static programs have the outer filter's answer, and it is said.
words="nnp noptrace docker nocaps uid=65534"
is "dynamic: no ptrace" "$(limited none "$words" bash "$WORK/walk" 2>&1 | same)" "$want"
out=$(RUN_OPTS="--fresh -v" limited none "$words" "$WORK/bin/raw.go.static" 2>&1)
like "-v: not traced, and why" "$out" "^pinfs: trace: no, ptrace: Operation not permitted"
like "a static program has EPERM" "$out" "^not ok 1 - a map: (errno 1|operation not permitted)"
# shellcheck disable=SC2086
like "doctor says so" "$("$WORK/bin/limits" $words -- "$WORK/bin/pinfs" doctor)" "^trace +no .*ptrace: Operation not permitted"
# shellcheck disable=SC2086
out=$("$WORK/bin/limits" $docker -- "$WORK/bin/pinfs" doctor)
like "and where it can" "$out" "^trace +yes "
like "who serves" "$out" "^front-ends preload, notify and trace"

out=$(RUN_OPTS="--fresh -v" limited none "nnp listener nocaps" true 2>&1)
like "-v: another listener" "$out" "^pinfs: trace: yes, for all calls"
# With another's listener, and no ptrace, bpf(2) of dynamic programs is what is left; it is said.
out=$(RUN_OPTS="--fresh -v" limited none "nnp listener noptrace nocaps" bpftool map create /sys/fs/bpf/m type array key 4 value 4 entries 1 name m 2>&1)
is "another listener: a dynamic program is served" $? 0
like "and -v tells of it" "$out" "^pinfs: notify: no \(Device or resource busy\)"

# Ends and stops reach those who wait for them.
limited none "$docker" sh -c 'kill -9 $$' >/dev/null 2>&1
is "killed: as CMD was" $? 137
out=$(limited none "$docker" bash -c 'set -m; sleep 0.5 & kill -STOP $!; sleep 0.1; jobs -s | grep -c Stopped
	sleep 0.6; kill -0 $! && echo there; kill -CONT $!; sleep 0.2; wait $!; echo $?' 2>/dev/null | tr '\n' ' ')
is "a stopped child is seen, stays, continues, ends" "$out" "1 there 0 "
done_testing
