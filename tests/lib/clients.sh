# SPDX-License-Identifier: BSD-2-Clause
#
# Clients of all kinds as rows "KIND WEIGHT COMMAND" for tests/clients/mixed.c: clients_anywhere and clients_more print
# them, clients_built keeps those that could be built. To be sourced behind cli.sh. Where CGROUP is set, clients attach to it.
export C=$TOP/$B/tests/clients
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

# What runs anywhere: KIND, WEIGHT, COMMAND.
clients_anywhere() {
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
clients_more() {
	cat <<-EOS
		go-ring 3 exec \$C/go-ring.static \$C/bpf/ring.o \$DIR \$C/ring_put
		aya-ring 3 exec \$C/aya-ring.gnu \$C/bpf/ring.o \$DIR \$C/ring_put
		aya-ring-musl 3 exec \$C/aya-ring.musl \$C/bpf/ring.o \$DIR \$C/ring_put async
		go-links 2 exec unshare -n \$C/go.static links \$DIR
		aya-attach 2 exec unshare -n \$C/aya.gnu \$C/bpf/aya.o \$DIR attach
	EOS
	[ -z "$CGROUP" ] || cat <<-EOS
		links 3 exec unshare -n \$C/libbpf_links attach \$C/bpf/links.o \$DIR \$CGROUP
		links-static 3 exec unshare -n \$C/libbpf_links.static attach \$C/bpf/links.o \$DIR \$CGROUP
	EOS
}

# Of the rows on standard input those whose client is there; of the others the reasons go to $WORK/skipped.
clients_built() {
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
