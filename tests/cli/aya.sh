# SPDX-License-Identifier: BSD-2-Clause
#
# What aya's users do, in its own program (tests/clients/aya), glibc's and static, each line as the same binary
# prints it on the kernel. Then a loader that has ended, and what pinfs ls says of what it left.
#
# A program that could not be built is skipped, with the reason that its build has left.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

why=$(no_world kernel)
[ -n "$why" ] || unshare -n true 2>/dev/null || why="no network namespaces here"
[ -z "$why" ] || skip_all "$why"

cp "$B/tests/clients/bpf/aya.o" "$WORK"
chmod -R a+rX "$WORK"
export OBJECT=$WORK/aya.o
cat >"$WORK/story" <<'EOS'
dir=/sys/fs/bpf/users
mkdir $dir
step() {
	echo "== $2"
	timeout 100 "$1" "$OBJECT" $dir "$2" 2>&1
	echo "status $?"
}
for s in "${@:2}"; do
	step "$1" $s
done
ls $dir
rmdir $dir
EOS
# A step that comes again finds what it has left before.
STEPS="kinds ring programs stats first first reader first incompatible unpin raii
	attach reopen tcx others errors features"

# same TEXT WORLD CLIENT STEPS: line by line as on the kernel, whose lines are in $WORK/kernel
same() {
	local text=$1 name=$2 why step=
	shift 2
	why=$(no_world "$name")
	[ -z "$why" ] || { skip "$text: $why"; return; }
	world "$name" timeout 300 unshare -n bash "$WORK/story" "$@" >"$WORK/pinfs" 2>&1 </dev/null
	while IFS= read -r line; do
		case $line in
		"=== "*) step=${line##* } ;;
		=*) ok "$text, $step: ${line:1:200}" ;;
		-*) not_ok "$text, $step: ${line:1}" ;;
		+*) not_ok "$text, $step: ${line:1} (not on the kernel)" ;;
		esac
	done < <(diff --unchanged-line-format='=%L' --old-line-format='-%L' --new-line-format='+%L' \
		"$WORK/kernel" "$WORK/pinfs")
}

# have NAME TARGET: the client's path where anybody can run it, or a skip
have() {
	local from=$TOP/$B/tests/clients/aya.$2

	client=$WORK/aya.$2
	[ ! -x "$from" ] || { cp "$from" "$client"; return; }
	skip "$1: $(cat "$from.skip" 2>/dev/null || echo "was not built")"
	return 1
}

# left_behind TEXT: the loader has ended, its pinned program is run by another process
left_behind() {
	local text=$1 dir=/sys/fs/bpf/users
	new_store
	step() { in_store "$client" "$OBJECT" $dir "$1" 2>&1; }

	in_store mkdir $dir
	like "$text: the loader" "$(step first)" "^pin of the program: made"
	is "$text: what it left" "$(listed | awk '{ print $1, $2 }' | sort)" "- btf
- map
- map
$dir/count prog
$dir/counters map
$dir/shared map
$dir/table-by-path map"
	like "$text: another process counts" "$(step reader)" "^counted: 50"
	like "$text: the last one unpins" "$(step unpin)" "^unpin: done"
	is "$text: nothing is left" "$(listed)" ""
	step raii >"$WORK/raii"
	like "$text: dropped" "$(<"$WORK/raii")" "^all pins removed: maps \[\"jumps\"\], programs \[\], links \[\]"
	is "$text: nothing is left" "$(listed)" ""
	step attach >"$WORK/attach"
	is "$text: a pinned link holds its program" "$(listed | awk '{ print $1, $2 }' | sort)" "- btf
- map
- map
- map
- prog
$dir/shared map
$dir/xdp-link link"
	# Other kernels load these, the oracle may not.
	is "$text: probes of tracing programs" "$(step tracing)" "program Tracing: false
program Extension: true
program Lsm(Mac): false
program Lsm(Cgroup): false
tracing: done"
	rm -rf "$STORE"
}

for way in gnu musl; do
	[ $way = gnu ] && text=aya || text="aya, static"
	have "$text" $way || continue
	# A static program's sockets are not seen.
	[ $way = gnu ] && steps="$STEPS socket netlink" || steps=$STEPS
	world kernel unshare -n bash "$WORK/story" "$client" $steps >"$WORK/kernel" 2>&1 </dev/null
	same "$text" root "$client" $steps
	RUN_OPTS="--fresh --redirect" same "$text, nothing mounted" root "$client" $steps
	same "$text, a user" user "$client" $steps
	left_behind "$text"
done
done_testing
