# SPDX-License-Identifier: BSD-2-Clause
#
# Programs of the machine's own libbpf, unmodified: the same output on the
# kernel and under pinfs. The story below runs inside each world.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

export MAPS=$TOP/$B/tests/clients

cat >"$WORK/story" <<'EOS'
dir=/sys/fs/bpf/libbpf-test
mkdir $dir
run() {
	echo "== $*"
	"$MAPS/libbpf_maps" "$@" 2>&1 | sed "s,$MAPS,OBJECTS,"
	echo "status ${PIPESTATUS[0]}"
}
run load "$MAPS/bpf/maps.o" $dir
ls $dir
run load "$MAPS/bpf/maps.o" $dir
run load "$MAPS/bpf/bigger.o" $dir
run watch $dir 20000 >"$WORK/watched" &
run count $dir 20000
wait
cat "$WORK/watched"
rm $dir/counters
ls $dir
run load "$MAPS/bpf/bigger.o" $dir
rm $dir/*
run data "$MAPS/bpf/maps.o" $dir
rm $dir/*
run pin "$MAPS/bpf/maps.o" $dir
rm -f $dir/*
run pin-all "$MAPS/bpf/maps.o" $dir
rm -f $dir/*
rmdir $dir && echo clean
EOS

why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"
TORN_OK=1 world kernel bash "$WORK/story" >"$WORK/kernel" 2>&1 </dev/null
for how in '--fresh' '--fresh --redirect'; do
	RUN_OPTS=$how world root timeout 60 bash "$WORK/story" >"$WORK/pinfs" 2>&1 </dev/null
	is "run $how: exit status" $? 0
	compare_lines "run $how"
done
done_testing
