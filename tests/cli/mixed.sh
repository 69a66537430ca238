# SPDX-License-Identifier: BSD-2-Clause
#
# A hundred clients at once, of all kinds, on one store, many of them stopped and killed at random instants. Those
# that nobody killed say what they say alone on the kernel; in the end there is nothing left, and no supervisor has grown.
#
# Three runs share the store: an ordinary one, one with nothing mounted, and one behind an outer filter, where static
# programs are traced. SEED is the schedule's. `make soak` does it for five minutes.
[ -n "$MIXED_NETNS" ] || exec unshare -n env MIXED_NETNS=1 bash "$0" "$@"
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh
. tests/lib/clients.sh

why=$(no_world root)
[ -z "$why" ] || skip_all "$why"
new_store
scale=${PINFS_TEST_SCALE:-10}
seconds=$((scale > 10 ? 3 * scale : 12))
seed=${SEED:-1}
export MIXED_OUT=$WORK

# A cgroup for links; where there is none, or a client was not built, its rows are left out.
cgroup=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
[ -n "$cgroup" ] && export CGROUP=$cgroup/pinfs-mixed.$$ && mkdir "$CGROUP" || skip "no cgroup2: no links"
trap 'rm -rf "$WORK" "$STORE"; [ -z "$CGROUP" ] || rmdir "$CGROUP"' EXIT

{ clients_anywhere; clients_more; } | clients_built >"$WORK/all"
clients_anywhere | clients_built >"$WORK/common"
grep '^share' "$WORK/all" >"$WORK/share"
while IFS= read -r line; do skip "$line"; done < <(sort -u "$WORK/skipped" 2>/dev/null)

# take TEXT FILE: the checks in it are ours
take() {
	local line

	while IFS= read -r line; do
		case $line in
		"ok "*) ok "$1: ${line#*- }" ;;
		"not ok "*) not_ok "$1: ${line#*- }" ;;
		"# figure: "*) echo "# figure: $1: ${line#*: }" ;;
		"# "*) echo "$line" ;;
		1..*) ;;
		*) not_ok "$1: $line" ;;
		esac
	done <"$2"
	grep -q '^1\.\.' "$2" || not_ok "$1: comes to an end"
}

# In a run: all kinds alone, then many at once. The driver is the run's own child, so that it knows its supervisor.
cat >"$WORK/many" <<'EOS'
mkdir -p /sys/fs/bpf/mixed/shared
[ -z "$1" ] || "$C/mixed" "$1" "$2" "$3"
[ -z "$4" ] || exec "$C/mixed" drive "$2" "$3" "${@:4}"
EOS
mkdir "$WORK/refs" "$WORK/tried"

why=$(no_world kernel)
if [ -z "$why" ]; then
	world kernel bash "$WORK/many" alone "$WORK/all" "$WORK/refs" >"$WORK/out" 2>&1 </dev/null
	take kernel "$WORK/out"
	# Whether the answers that the clients of what is shared allow are a kernel's own.
	world kernel bash "$WORK/many" alone "$WORK/share" "$WORK/tried" 40 3 "$seed" 0 >"$WORK/out" 2>&1 </dev/null
	take "kernel, many" "$WORK/out"
else
	skip "$why: compared with what each says here"
	RUN_OPTS=--fresh world root bash "$WORK/many" alone "$WORK/all" "$WORK/refs" >"$WORK/out" 2>&1 </dev/null
	take alone "$WORK/out"
fi

# Each looks for what runs have left, while others are just beginning.
for i in $(seq 10); do
	for _ in 1 2 3 4 5 6 7 8; do
		RUN_OPTS="--store $STORE" world root true &
	done
	wait
done >"$WORK/out" 2>&1
is "runs that begin at the same time" "$(sort "$WORK/out" | uniq -c)" ""

files() { (cd "$STORE" && find . -type f -o -type p | grep -vE '^\./(actors|super|runs/.*)$' | sort); }

in_store true
before=$(files)
export RUN_OPTS="--store $STORE"
world root bash "$WORK/many" check "$WORK/all" "$WORK/refs" 70 "$seconds" "$seed" 0 >"$WORK/out1" 2>&1 </dev/null &
one=$!
RUN_OPTS+=" --redirect" world root bash "$WORK/many" '' "$WORK/all" "$WORK/refs" 15 "$seconds" "$((seed + 1))" 100000 \
	>"$WORK/out2" 2>&1 </dev/null &
two=$!
MIXED_NO_EPOLL=1 world outer bash "$WORK/many" '' "$WORK/common" "$WORK/refs" 15 "$seconds" "$((seed + 2))" 200000 \
	>"$WORK/out3" 2>&1 </dev/null &
wait $one $two $!
take run "$WORK/out1"
take "run --redirect" "$WORK/out2"
take "run, traced" "$WORK/out3"
unset RUN_OPTS

# What was shared goes by hand; then there is what was there in the beginning.
works "the names can be removed" in_store rm -r /sys/fs/bpf/mixed
pinfs gc >"$WORK/gc"
diag <"$WORK/gc"
is "a second gc finds nothing" "$(pinfs gc | tr '\n' ' ')" "objects 0 elements 0 references 0 temporaries 0 instances 0 "
is "no object is left" "$(listed)" ""
is "no file" "$(files)" "$before"
is "no run" "$(ls "$STORE/runs")" ""
is "no id but the kernel's BTF" "$(in_store sh -c 'bpftool map; bpftool prog; bpftool link; bpftool btf')" "1: name [vmlinux]  size $(stat -c %s /sys/kernel/btf/vmlinux)B"
works "the store goes on" in_store sh -c "mkdir /sys/fs/bpf/x && DIR=/sys/fs/bpf/x sh $WORK/bpftool && rmdir /sys/fs/bpf/x"
done_testing
