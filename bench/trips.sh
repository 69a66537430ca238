#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What single calls cost: on the kernel, of a dynamic program (preload), and of a static one by notify, by trace (behind a
# filter that answers bpf(2) first) and by stops (another's listener is there); turn by turn, the least disturbed of PAIRS
# runs of each, in ns. The last column is what the supervisor does for one call of notify: its own system calls, counted
# by strace, of which two are to receive and to answer.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build} PAIRS=${PAIRS:-3} COUNT=${COUNT-yes}
pinfs=${PINFS:-$PWD/$B/pinfs}
outer=$PWD/$B/tests/clients/outer-filter limits=$PWD/$B/tests/clients/limits
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/fs"
gcc -O2 -o "$tmp/dynamic" bench/clients/trip_ops.c && gcc -O2 -static -o "$tmp/static" bench/clients/trip_ops.c || exit 1
make -s "$B/tests/clients/outer-filter" "$B/tests/clients/limits" || exit 1

if ! unshare -m sh -c "mount -t bpf bpffs '$tmp/fs'" 2>/dev/null; then
	echo "no kernel BPF here: nothing to compare with"
	exit 0
fi

# way NAME: that way's lines
way() {
	case $1 in
	kernel) unshare -m sh -c "mount -t bpf bpffs '$tmp/fs' && exec '$tmp/static' '$tmp/fs'" ;;
	preload) "$pinfs" run --fresh -- "$tmp/dynamic" /sys/fs/bpf ;;
	notify) "$pinfs" run --fresh -- "$tmp/static" /sys/fs/bpf ;;
	trace) OUTER_CAPS=1 "$outer" "$pinfs" run --fresh -- "$tmp/static" /sys/fs/bpf ;;
	stops) "$limits" nnp listener -- "$pinfs" run --fresh -- "$tmp/static" /sys/fs/bpf ;;
	esac | sed "s/^/$1 /"
}

# The calls of those threads that receive, for N calls of the kind.
supervisor_calls() { # KIND N
	strace -f -qq -o "$tmp/strace" "$pinfs" run --fresh -- "$tmp/static" /sys/fs/bpf "$1" "$2" >/dev/null 2>&1 || return
	awk '/SECCOMP_IOCTL_NOTIF_RECV/ { worker[$1] } /^[0-9]+ +[a-z]/ && !/resumed>/ { n[$1]++ }
		END { for (pid in worker) sum += n[pid]; print sum }' "$tmp/strace"
}

ways="kernel preload notify trace stops"
for _ in $(seq "$PAIRS"); do
	for w in $ways; do
		way "$w"
	done
done >"$tmp/lines"
printf '%-24s' ""
printf ' %10s' $ways calls
echo
for kind in $(awk '$1 == "kernel" && !seen[$2]++ { print $2 }' "$tmp/lines"); do
	calls=-
	if [ -n "$COUNT" ] && command -v strace >/dev/null; then
		few=$(supervisor_calls "$kind" 50) many=$(supervisor_calls "$kind" 250)
		[ -z "$few$many" ] || calls=$(awk -v a="$few" -v b="$many" 'BEGIN { printf "%.1f", (b - a) / 200 }')
	fi
	awk -v kind="$kind" -v ways="$ways" -v calls="$calls" '
		$2 == kind && (!($1 in best) || $3 < best[$1]) { best[$1] = $3 }
		END {
			printf "%-24s", kind
			n = split(ways, w, " ")
			for (i = 1; i <= n; i++) printf " %10s", w[i] in best ? sprintf("%.0f", best[w[i]]) : "-"
			printf " %10s\n", calls
		}' "$tmp/lines"
done
