#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# pinfs run as a process: exit status, signals, environment, files, the
# terminal, children that stay, a supervisor that is killed, what is left behind.

cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh
tmp=$WORK
store=/dev/shm/pinfs-test-run.$$
trap 'rm -rf "$tmp" "$store"' EXIT
run() { "$PINFS" run --store "$store" "$@"; }

status() { # WANT CMD...
	local want=$1
	shift
	(run -- "$@" >"$tmp/out" 2>&1) 2>/dev/null
	is "status of $*" $? "$want"
}

status 0 true
status 1 false
status 77 sh -c 'exit 77'
status 127 no-such-command
status 126 /etc/passwd
status 143 sh -c 'kill -TERM $$'
status 137 sh -c 'kill -KILL $$'
status 134 sh -c 'kill -ABRT $$'
(run >"$tmp/out" 2>&1)
is "without a command: 125" $? 125
("$PINFS" run --store /proc/nowhere true >"$tmp/out" 2>&1)
is "a store that cannot be made: 125" $? 125

# A signal sent to the launcher is CMD's.
for sig in TERM HUP USR1 USR2; do
	: >"$tmp/out" # nothing of the one before
	"$PINFS" run --store "$store" -- sh -c 'trap "echo got '$sig'; exit 9" '$sig'; echo ready; while :; do sleep 0.01; done' >"$tmp/out" 2>&1 &
	pid=$!
	for _ in $(seq 200); do grep -q ready "$tmp/out" && break; sleep 0.01; done
	kill -$sig $pid
	wait $pid
	is "SIG$sig reaches CMD" "$?:$(tail -n 1 "$tmp/out")" "9:got $sig"
done

is "standard input and output" "$(echo text | run -- cat)" text
is "arguments are kept" "$(run -- printf '%s|' 'a b' '' '$x')" 'a b||$x|'
is "the working directory" "$(cd "$tmp" && run -- pwd)" "$tmp"
is "an inherited file" "$(run -- sh -c 'echo to three >&3' 3>"$tmp/three"; cat "$tmp/three")" "to three"
is "the user's LD_PRELOAD stays, behind ours" \
	"$(LD_PRELOAD=/none/mine.so run -- sh -c 'echo ${LD_PRELOAD##*:}' 2>/dev/null)" /none/mine.so
is "umask" "$(umask 027; run -- sh -c umask)" 0027
is "ignored signals stay ignored" \
	"$(trap '' HUP USR1; run -- sh -c 'kill -HUP $$; kill -USR1 $$; echo alive')" alive

# The launcher is in front, CMD in its process group and session.
is "session and process group" "$(run -- sh -c 'set -- $(ps -o pgid=,sid= -p $$); set -- $1 $2 $(ps -o pgid=,sid= -p '$$');
	[ $2 = $4 ] && echo same')" same
if command -v script >/dev/null; then
	out=$(SHELL=/bin/bash script -qec "$PINFS run --store $store -- bash -ic 'sleep 5 & kill -0 %1 && kill %1; echo tty-\$(tty | cut -c1-8)'" /dev/null </dev/null 2>&1)
	like "an interactive shell has the terminal" "$out" "tty-/dev/pts"
	# Control-C: CMD dies by it, and so does the launcher.
	out=$(python3 - "$PINFS" "$store" <<'PY'
import os, pty, sys, time, signal
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "run", "--store", sys.argv[2], "--", "sh", "-c", "echo ready; sleep 20"])
out = b""
while b"ready" not in out:
    out += os.read(fd, 100)
os.write(fd, b"\x03")
_, status = os.waitpid(pid, 0)
print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else -1)
PY
)
	is "Control-C ends both by SIGINT" "$out" 2
	out=$(python3 - "$PINFS" "$store" <<'PY'
import os, pty, sys, time, signal
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "run", "--store", sys.argv[2], "--", "sh", "-c", "echo ready; exec sleep 20"])
out = b""
while b"ready" not in out:
    out += os.read(fd, 100)
# The session's leader has no parent in the session: only an uncatchable stop works on an orphaned group.
os.killpg(os.getpgid(pid), signal.SIGSTOP)
_, status = os.waitpid(pid, os.WUNTRACED)
stopped = os.WIFSTOPPED(status)
os.killpg(os.getpgid(pid), signal.SIGCONT)
os.write(fd, b"\x03")
_, status = os.waitpid(pid, 0)
print(stopped, os.WIFSIGNALED(status))
PY
)
	is "the group stops and goes on" "$out" "True True"
else
	skip "no script(1)"
fi

# CMD's children may stay; the launcher does not wait, nor hold their pipes.
start=$(date +%s%N)
run -- sh -c 'sleep 3 >/dev/null 2>&1 & true'
is "the launcher returns when CMD ends" $((($(date +%s%N) - start) / 1000000000 < 2)) 1
start=$(date +%s%N)
run -- sh -c 'sleep 3 >/dev/null 2>&1 & echo x' | cat >/dev/null
is "nobody holds CMD's output open" $((($(date +%s%N) - start) / 1000000000 < 2)) 1
is "runs are listed while they last" "$(run -- sh -c 'ls "$(dirname "$PINFS_RUN")" | grep -c "^$(basename "$PINFS_RUN")\$"')" 1

# The supervisor is killed: CMD goes on, and its status is still seen.
run -- sh -c 'sup=$(ps -o ppid= -p $$); kill -9 $sup; sleep 0.2; exec 3</nonexistent-file' >"$tmp/out" 2>&1
rc=$?
like "a killed supervisor: the call answers ENOSYS, the launcher waits on ($rc)" "$(cat "$tmp/out")" "not implemented"
[ "$rc" != 125 ]
is "and tells CMD's own status" $? 0
if command -v bpftool >/dev/null; then
	run -- sh -c 'bpftool map create /sys/fs/bpf/kept type hash key 4 value 4 entries 8 name kept &&
		bpftool map update pinned /sys/fs/bpf/kept key 1 0 0 0 value 2 0 0 0 && kill -9 $(ps -o ppid= -p $$)'
	like "what it served is whole" "$(run -- bpftool map dump pinned /sys/fs/bpf/kept)" "key: 01 00 00 00  value: 02 00 00 00"
	run -- rm /sys/fs/bpf/kept
	is "and dies as ever" "$(run -- bpftool map show)" ""
else
	skip "no bpftool"
fi
sleep 0.1
run -- true
for _ in $(seq 60); do [ -z "$(ls "$store/runs")" ] && break; sleep 0.1; done
is "the next run removes its run file" "$(ls "$store/runs")" ""

# --fresh
fresh=$("$PINFS" run --fresh -- sh -c 'dirname "$(dirname "$PINFS_RUN")"')
like "--fresh has a store of its own" "$fresh" "fresh"
is "which is gone after it" "$(ls -d "$fresh" 2>/dev/null)" ""
fresh=$("$PINFS" run --fresh -- sh -c 'dirname "$(dirname "$PINFS_RUN")"; sleep 0.5 >/dev/null 2>&1 &')
is "and stays as long as a child does" "$(ls -d "$fresh" 2>/dev/null)" "$fresh"
for _ in $(seq 30); do [ -e "$fresh" ] || break; sleep 0.1; done
is "and no longer" "$(ls -d "$fresh" 2>/dev/null)" ""

# A store of somebody else.
if [ "$(id -u)" = 0 ]; then
	mkdir "$tmp/other" && chown 1000 "$tmp/other"
	chmod 755 "$tmp"
	out=$("$PINFS" run --store "$tmp/other" -- true 2>&1)
	is "another user's directory is refused" "$?" 125
	ln -s "$store" "$tmp/link" && chown -h 1000 "$tmp/link"
	out=$("$PINFS" run --store "$tmp/link" -- true 2>&1)
	is "another user's symlink is refused" "$?" 125
	mkdir -m 777 "$tmp/open" && chmod 777 "$tmp/open"
	out=$("$PINFS" run --store "$tmp/open" -- true 2>&1)
	is "a directory that others may change is refused" "$?" 125
else
	skip "another user's store: not root"
fi
done_testing
