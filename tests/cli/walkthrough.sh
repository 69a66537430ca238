# SPDX-License-Identifier: BSD-2-Clause
#
# The walk-through in every world, compared with the kernel line by line. What
# may differ is made equal: ids, memlock, dates, the user's name.

cd "$(dirname "$0")/../.." && . tests/lib/cli.sh

body=$TOP/tests/lib/walkthrough-body.sh

normal() {
	# The kernel's own two files are there only when it was built with BPF_PRELOAD.
	sed -E -e '/^([^ ]*\/)?(maps|progs)\.debug$/d' \
		-e "s,$WORK/d-[a-z]+,DIR,g" \
		-e 's/^([[:space:]]*)[0-9]+: (hash|array|queue|lpm_trie) /\1ID: \2 /' \
		-e 's/"id": ?[0-9]+/"id":ID/; s/ id [0-9]+/ id ID/; s/by id \([0-9]+\)/by id (ID)/' \
		-e 's/"bytes_memlock": ?[0-9]+/"bytes_memlock":N/; s/memlock [0-9]+B/memlock NB/' \
		-e 's/^(.[rwx-]{9} [0-9]+) [^ ]+ [^ ]+ ([0-9]+) [A-Z][a-z]{2} [ 0-9]+ [0-9]+:[0-9]+/\1 USER GROUP \2 DATE/' \
		-e 's/^(.[rwx-]{9} [0-9]+) (root|nobody) /\1 USER /' \
		-e 's/ +(bpffs|bpf) +bpf$/ \1 bpf/'
}

walk() {
	local D=$WORK/d-$1
	mkdir "$D" && chmod 777 "$D"
	cp "$body" "$WORK/body.sh" && chmod 644 "$WORK/body.sh"
	D=$D world "$1" sh "$WORK/body.sh" 2>&1 | normal >"$WORK/out-$1"
}

why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"
walk kernel

for w in root user nothing; do
	why=$(no_world $w)
	[ -z "$why" ] || { skip "$w: $why"; continue; }
	walk $w
	# One check a command: its words, what it said, its status.
	awk -v w=$w -v other="$WORK/out-$w" '
	function block(file,   s, line) {
		s = pending[file]
		pending[file] = ""
		while ((getline line < file) > 0) {
			if (line ~ /^\$ / && s != "") { pending[file] = line "\n"; return s }
			s = s line "\n"
		}
		return s
	}
	BEGIN {
		kernel = ARGV[1]
		ARGC = 1
		while ((a = block(kernel)) != "") {
			b = block(other)
			split(a, first, "\n")
			print (a == b ? "same" : "differs") "\t" w ": " first[1]
			if (a != b) {
				n = split(a, l, "\n"); for (i = 1; i < n; i++) print "#\tkernel: " l[i]
				n = split(b, l, "\n"); for (i = 1; i < n; i++) print "#\tpinfs:  " l[i]
			}
		}
		while ((b = block(other)) != "") { split(b, l, "\n"); print "differs\t" w ": more than the kernel: " l[1] }
	}' "$WORK/out-kernel" >"$WORK/verdict"
	while IFS=$'\t' read -r verdict text; do
		case $verdict in
		same) ok "$text" ;;
		differs) not_ok "$text" ;;
		*) echo "# $text" ;;
		esac
	done <"$WORK/verdict"
done
done_testing
