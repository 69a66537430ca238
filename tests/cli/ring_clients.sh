# SPDX-License-Identifier: BSD-2-Clause
#
# Readers of ring buffers, unmodified: libbpf (dynamic and static), cilium/ebpf
# (static), aya (dynamic, and static where the target is there). Each prints what it saw, and
# the same binary prints the same on the kernel and under pinfs. The producer is another process.
#
# A client that could not be built is skipped, with the reason that its build has left.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"

export C=$TOP/$B/tests/clients
cat >"$WORK/libbpf" <<'EOS'
dir=/sys/fs/bpf/ring
read=$1 put=$2 how=$3
mkdir $dir
"$read" make "$C/bpf/ring.o" $dir
told() { "$put" $dir/tell "$@"; }
# reader N COMMAND...: a reader of N records, which is there before COMMAND tells them
reader() {
	local n=$1 fifo
	shift
	fifo=$(mktemp -u "$WORK/fifo.XXXXXX")
	mkfifo "$fifo"
	"$read" $how $dir $n >"$fifo" &
	exec 3<"$fifo"
	IFS= read -r line <&3
	echo "$line"
	"$@"
	cat <&3
	wait
	exec 3<&-
}
reader 1000 told 1000
reader 100 told 100 0 2000
reader 5 told 5 2
echo "records that were there before:"
told 7
reader 7 true
echo "two producers:"
both() { told 500 >/dev/null & told 500 >/dev/null; wait $!; }
how=any reader 1000 both
echo "a killed reader, and the next:"
{
	"$read" endless $dir &
	told 300
	sleep 0.2
	kill -9 $!
	wait $!
} 2>/dev/null
told 3
reader 3 true
rm -r $dir
EOS

cat >"$WORK/other" <<'EOS'
mkdir /sys/fs/bpf/ring
timeout 100 "$1" "$C/bpf/ring.o" /sys/fs/bpf/ring "$2" $3
echo "status $?"
rm -r /sys/fs/bpf/ring
EOS

# same TEXT STORY ARGS...: line by line as on the kernel
same() {
	local text=$1 story=$2
	shift 2
	world kernel bash "$WORK/$story" "$@" >"$WORK/kernel" 2>&1 </dev/null
	world root timeout 120 bash "$WORK/$story" "$@" >"$WORK/pinfs" 2>&1 </dev/null
	compare_lines "$text"
}

same "libbpf" libbpf "$C/libbpf_ring" "$C/ring_put" read
same "libbpf, poll" libbpf "$C/libbpf_ring" "$C/ring_put" poll
same "libbpf, static producer" libbpf "$C/libbpf_ring" "$C/ring_put.static" read
same "libbpf, static" libbpf "$C/libbpf_ring.static" "$C/ring_put" read
same "libbpf, both static" libbpf "$C/libbpf_ring.static" "$C/ring_put.static" read

# foreign TEXT NAME [ARG]
foreign() {
	local text=$1 client=$C/$2

	if [ ! -x "$client" ]; then
		skip "$text: $(cat "$client.skip" 2>/dev/null || echo "was not built")"
		return
	fi
	same "$text" other "$client" "$C/ring_put" ${3-}
	same "$text, static producer" other "$client" "$C/ring_put.static" ${3-}
}

foreign "cilium/ebpf" go-ring.static
foreign "aya" aya-ring.gnu
foreign "aya, static" aya-ring.musl async # poll(2) of static programs is not served
done_testing
