#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# strace and gdb inside a traced run: behind a filter that answers bpf(2), all processes have the run's tracer,
# which lets go of those that a debugger wants, and takes them back. A client of many calls, threads, signals
# and births is started under each, attached to and let go of while it runs; every call must be answered
# rightly, and what a debugger tells of a static program's bpf(2) is what it tells on a kernel.

cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

why=$(no_world outer)
[ -z "$why" ] || skip_all "$why"
[ "$(id -u)" = 0 ] || skip_all "not root"
install_for_user
cp "$B/tests/clients/limits" "$B/tests/clients/beats" "$B/tests/clients/beats.static" "$WORK/bin/" ||
	{ not_ok "the clients were not built"; done_testing; }
chmod -R a+rX "$WORK/bin"
mkdir -m 777 "$WORK/out"
cd "$WORK/out" || exit 1
export BEATS=$WORK/bin/beats

# A run of a container's plain user.
docker() {
	timeout -s KILL 120 "$WORK/bin/limits" nnp docker nocaps uid=65534 -- "$WORK/bin/pinfs" run --fresh -- "$@"
}
outer() { timeout -s KILL 120 env OUTER_CAPS=1 "$WORK/bin/outer-filter" "$WORK/bin/pinfs" run --fresh -- "$@"; }

docker true 2>/dev/null
[ $? != 77 ] || docker() { outer "$@"; }

has() { command -v "$1" >/dev/null || { skip "$2: no $1"; return 1; }; }

# started TEXT "WORDS OF THE CLIENT" DEBUGGER...
started() {
	local text=$1 words=$2 out
	shift 2
	# shellcheck disable=SC2086
	out=$(docker "$@" "$BEATS.static" $words 2>&1)
	like "$text: $words" "$out" "beats: well$"
}

if has strace "started under strace"; then
	for words in 200 "200 3 signals" "200 2 fork" "200 2 signals births fork"; do
		started "under strace -f" "$words" strace -f -o log
		started "under strace" "$words" strace -o log
	done
	docker strace -f -o log "$BEATS.static" 20 >/dev/null 2>&1
	like "strace tells of a map" "$(head -n 40 log)" 'bpf\(BPF_MAP_CREATE, \{map_type=BPF_MAP_TYPE_HASH.* = 3$'
	like "of an element" "$(head -n 40 log)" 'bpf\(BPF_MAP_UPDATE_ELEM, .* = 0$'
	is "of no trap, and no other call" "$(grep -cE 'SIGSYS \{|epoll_ctl_old' log)" 0
	is "a dynamic client prints the same" "$(docker strace -f -o log "$BEATS" 20 2>&1)" "beats: well"
	out=$(docker strace -o log bash -c '$BEATS.static 20; $BEATS.static 20 2 fork & wait' 2>&1)
	is "children that it does not follow" "$out" $'beats: well\nbeats: well'
	is "strace of strace" "$(docker strace -o log strace -f -o log2 "$BEATS.static" 20 2 2>&1)" "beats: well"
	is "its status is the client's" "$(docker strace -o log sh -c 'exit 7'; echo $?)" 7
fi

if has gdb "started under gdb"; then
	for words in 200 "200 3 signals" "200 2 signals births fork"; do
		started "under gdb" "$words" gdb -nx -batch -ex 'handle SIGALRM nostop noprint' -ex run --args
	done
	out=$(docker gdb -nx -batch -ex 'break beat' -ex run -ex 'print key' -ex finish -ex 'delete' -ex continue \
		--args "$BEATS.static" 20 2>&1)
	like "a breakpoint" "$out" '^\$1 = 0'
	like "out of a function that calls bpf(2)" "$out" '^beating \('
	like "and to the end" "$out" 'exited normally'
	out=$(docker gdb -nx -batch -ex 'catch syscall bpf' -ex run -ex 'continue' -ex 'print $rax' -ex 'delete' -ex continue \
		--args "$BEATS.static" 20 2>&1)
	like "a caught call returns" "$out" 'returned from syscall bpf'
	like "with its result" "$out" '^\$1 = 3$'
fi

# Attached to and let go of, eight times, while the client runs.
cat >attach <<'END'
"$BEATS.static" "$@" & client=$!
# What is interrupted while it attaches is another matter (docs/ABI.md).
followed_by() {
	"$@" -o /dev/null -p $client 2>told &
	for _ in {1..200}; do grep -q attach told && break; sleep 0.02; done
	sleep 0.1
	kill -INT $! 2>/dev/null
	wait $!
}
for how in $HOWS; do
	case $how in
	1) followed_by strace ;;
	2) followed_by strace -f ;;
	3) gdb -nx -batch -p $client -ex bt -ex detach >/dev/null 2>&1 ;;
	esac
done
wait $client
echo $?
END
if has strace "attached" && has gdb "attached"; then
	export HOWS="1 2 3 1 2 3 1 2"
	for words in 3000 "3000 3" "3000 2 signals" "3000 2 births"; do
		# shellcheck disable=SC2086
		is "attached to: $words" "$(docker bash attach $words 2>&1 | tr '\n' ' ')" "beats: well 0 "
	done
	# What is born while strace -f lets go, it has never heard of.
	export HOWS="2 2 2 2"
	is "followed: births" "$(docker bash attach 2000 2 births 2>&1 | tr '\n' ' ')" "beats: well 0 "
	# Who is killed lets go, too; what it left has the run's tracer for all that comes.
	out=$(docker bash -c 'sleep 100 & bash -c "while [ ! -e go ]; do sleep 0.02; done; $BEATS.static 50" & p=$!
		strace -f -o /dev/null -p $p & s=$!
		while ! grep -q "TracerPid:	$s" /proc/$p/status; do sleep 0.02; done
		kill -9 $s; wait $s; sleep 0.5; >go; wait $p; kill %1' 2>/dev/null)
	is "left by a killed strace" "$out" "beats: well"
fi

# As before where calls come by stops.
if has strace "beside another's listener"; then
	out=$(timeout 60 "$WORK/bin/limits" listener nnp docker nocaps uid=65534 -- "$WORK/bin/pinfs" run --fresh -- \
		strace -o log true 2>&1)
	[ $? = 77 ] && skip "beside another's listener" ||
		like "beside another's listener nobody is let go of" "$out" "Operation not permitted"
fi
done_testing
