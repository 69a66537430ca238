# SPDX-License-Identifier: BSD-2-Clause
#
# bpftool on maps of devices, CPUs, sockets and cgroups: the same words as on the kernel.

cd "$(dirname "$0")/../.." && . tests/lib/cli.sh

why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"

cat >"$WORK/body.sh" <<'END'
export LC_ALL=C
D=/sys/fs/bpf/kinds
mkdir $D
t() {
	echo "\$ $*"
	"$@" 2>&1 | sed -E 's/^[0-9]+:/ID:/; s/"id": ?[0-9]+/"id":ID/; s/memlock [0-9]+B/memlock/; s/"bytes_memlock": ?[0-9]+/"bytes_memlock":N/'
}
for type in devmap devmap_hash cpumap xskmap sockmap sockhash reuseport_sockarray cgroup_array; do
	size=4
	case $type in sock* | reuse*) size=8 ;; esac
	value="1 0 0 0"
	[ $size = 4 ] || value="$value 0 0 0 0"
	t bpftool map create $D/$type type $type key 4 value $size entries 4 name kind
	t bpftool map show pinned $D/$type
	t bpftool -j map show pinned $D/$type
	# shellcheck disable=SC2086
	t bpftool map update pinned $D/$type key 1 0 0 0 value $value
	t bpftool map dump pinned $D/$type
	t bpftool -j map dump pinned $D/$type
	t bpftool map lookup pinned $D/$type key 1 0 0 0
	t bpftool map getnext pinned $D/$type key 1 0 0 0
	t bpftool map delete pinned $D/$type key 1 0 0 0
	t bpftool map delete pinned $D/$type key 9 0 0 0
	t bpftool map getnext pinned $D/$type
	t bpftool map freeze pinned $D/$type
	t bpftool map show pinned $D/$type
done
t bpftool map create $D/sk type sk_storage key 4 value 4 entries 0 name kind flags 1
t bpftool map create $D/so type struct_ops key 4 value 4 entries 1 name kind
rm -r $D
END

world kernel bash "$WORK/body.sh" >"$WORK/kernel" 2>&1 </dev/null
like "bpftool shows elements on the kernel" "$(cat "$WORK/kernel")" "Found 1 element"
for w in root redirect; do
	[ $w = root ] && RUN_OPTS=--fresh || RUN_OPTS='--fresh --redirect'
	world root bash "$WORK/body.sh" >"$WORK/out" 2>&1 </dev/null
	# One check a command: its words and what it said.
	awk -v w="$w" -v other="$WORK/out" '
	FNR == 1 { if (NR != 1) { k[nk] = cmd body }; cmd = ""; body = "" }
	/^\$ / { if (cmd != "") { if (FILENAME == other) o[no] = cmd body; else k[nk] = cmd body }
		if (FILENAME == other) no++; else nk++
		cmd = $0; body = ""; next }
	{ body = body "\n" $0 }
	END { o[no] = cmd body
		for (i = 1; i <= nk; i++) {
			split(k[i], line, "\n")
			if (k[i] == o[i]) print "same " w ": " line[1]
			else { print "differs " w ": " line[1]; gsub("\n", "\n# ", k[i]); gsub("\n", "\n# ", o[i])
				print "# kernel: " k[i] "\n# pinfs: " o[i] }
		} }' "$WORK/kernel" "$WORK/out" >"$WORK/verdicts"
	while IFS= read -r line; do
		case $line in
		same*) ok "${line#same }" ;;
		differs*) not_ok "${line#differs }" ;;
		*) echo "$line" ;;
		esac
	done <"$WORK/verdicts"
done
done_testing
