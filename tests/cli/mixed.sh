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

why=$(no_world root)
[ -z "$why" ] || skip_all "$why"
new_store
scale=${PINFS_TEST_SCALE:-10}
seconds=$((scale > 10 ? 3 * scale : 12))
seed=${SEED:-1}
export MIXED_OUT=$WORK C=$TOP/$B/tests/clients
export PATH=$PATH:/usr/sbin

cat >"$WORK/bpftool" <<'EOS'
m=$DIR/m
bpftool map create $m type hash key 4 value 8 entries 100 name m || exit 1
for k in 1 2 3; do
	bpftool map update pinned $m key $k 0 0 0 value $k 0 0 0 0 0 0 0 || exit 1
done
bpftool map dump pinned $m | sort
bpftool map lookup pinned $m key 2 0 0 0
bpftool map delete pinned $m key 2 0 0 0
bpftool map lookup pinned $m key 2 0 0 0
bpftool -j map show pinned $m | sed 's/"id":[0-9]*,//; s/"bytes_memlock":[0-9]*/M/; s/,"pids".*//'
bpftool prog load $C/bpf/story.o $DIR/p pinmaps $DIR/maps || exit 1
bpftool -j prog show pinned $DIR/p | grep -o '"type":"[a-z]*"'
ls $DIR $DIR/maps
bpftool map create $m type hash key 4 value 8 entries 100 name m
rm -r $DIR/*
EOS
# Of what the others do something is always to be seen, or on its way out; then a kernel's bpftool fails, too.
cat >"$WORK/lists" <<'EOS'
lives() {
	"$@" >/dev/null 2>&1
	case $? in 126 | 127 | 1[3-9]?) exit 1 ;; esac
}
for what in map prog link btf; do
	lives bpftool $what show
	lives bpftool -j $what show
done
EOS

# A cgroup for links; where there is none, or a client was not built, its rows are left out.
cgroup=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
[ -n "$cgroup" ] && export CGROUP=$cgroup/pinfs-mixed.$$ && mkdir "$CGROUP" || skip "no cgroup2: no links"
trap 'rm -rf "$WORK" "$STORE"; rmdir "$CGROUP"' EXIT

# What runs anywhere: KIND, WEIGHT, COMMAND.
common() {
	cat <<-EOS
		share 20 exec \$C/mixed_share \$DIR \$SHARED \$WHO 60
		share-static 14 exec \$C/mixed_share.static \$DIR \$SHARED \$WHO 60
		bpftool 8 exec sh $WORK/bpftool
		bpftool-lists 4 exec sh $WORK/lists
		libbpf-load 4 exec \$C/libbpf_maps load \$C/bpf/maps.o \$DIR
		libbpf-data 3 exec \$C/libbpf_maps data \$C/bpf/maps.o \$DIR
		libbpf-pin 3 exec \$C/libbpf_maps pin-all \$C/bpf/maps.o \$DIR
		libbpf-progs 3 exec \$C/libbpf_progs run
		libbpf-errors 2 exec \$C/libbpf_progs errors
		libbpf-static-load 4 exec \$C/libbpf_maps.static load \$C/bpf/maps.o \$DIR
		libbpf-static-progs 3 exec \$C/libbpf_progs.static run
		python 5 exec python3 tests/clients/libbpf_ctypes.py \$DIR/py
		go-raw 3 exec \$C/raw.go.static \$DIR
	EOS
	for story in maps batch percpu nested queues tries pins names reuse programs runs parallel; do
		echo "go-$story 1 exec \$C/go.static $story \$DIR"
	done
	for way in gnu musl; do
		for step in kinds programs first raii errors; do
			echo "aya-$way-$step 1 exec \$C/aya.$way \$C/bpf/aya.o \$DIR $step"
		done
	done
}

# What waits for rings or wants a network namespace of its own, which an outer filter may take from static programs.
more() {
	cat <<-EOS
		go-ring 3 exec \$C/go-ring.static \$C/bpf/ring.o \$DIR \$C/ring_put
		aya-ring 3 exec \$C/aya-ring.gnu \$C/bpf/ring.o \$DIR \$C/ring_put
		aya-ring-musl 3 exec \$C/aya-ring.musl \$C/bpf/ring.o \$DIR \$C/ring_put.static async
		go-links 2 exec unshare -n \$C/go.static links \$DIR
		aya-attach 2 exec unshare -n \$C/aya.gnu \$C/bpf/aya.o \$DIR attach
	EOS
	[ -z "$CGROUP" ] || cat <<-EOS
		links 3 exec unshare -n \$C/libbpf_links attach \$C/bpf/links.o \$DIR \$CGROUP
		links-static 3 exec unshare -n \$C/libbpf_links.static attach \$C/bpf/links.o \$DIR \$CGROUP
	EOS
}

# Of the rows on standard input those whose client is there.
built() {
	local line client

	while read -r line; do
		client=$(grep -oE '\$C/[a-z_.-]+' <<<"$line" | head -n 1)
		client=$C/${client#*/}
		if [ "$client" = "$C/" ] || [ -x "$client" ]; then
			echo "$line"
		else
			echo "${line%% *}: $(cat "$client.skip" 2>/dev/null || echo "was not built")" >>"$WORK/skipped"
		fi
	done
}
{ common; more; } | built >"$WORK/all"
common | built >"$WORK/common"
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
