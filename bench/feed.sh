#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# pinfs feed: a million frames through one XDP program that counts, against bare
# runs of it (TEST_RUN with repeat) plus the reading of the same file with
# libpcap, turn by turn, PAIRS times. Medians, and the median of the ratios.
# The design asks for 1.3; it is printed, not tested.

set -u
PAIRS=${PAIRS:-5} FRAMES=${FRAMES:-1000000}
tmp=$(mktemp -d) || exit 1
store=/dev/shm/pinfs-bench.$$
[ -w /dev/shm ] || store=$tmp/store
trap 'rm -rf "$tmp" "$store"' EXIT
export PATH=$PATH:/usr/sbin:/sbin
gcc -O2 -o "$tmp/base" bench/clients/feed_base.c -lpcap -lbpf &&
	gcc -O2 -o "$tmp/packets" tests/clients/packets.c &&
	clang -target bpf -O2 -g "-I/usr/include/$(gcc -print-multiarch)" -c -o "$tmp/story.o" tests/clients/bpf/story.c &&
	"$tmp/packets" "$tmp/mixed.pcap" "$FRAMES" && "$tmp/packets" "$tmp/short.pcap" "$FRAMES" 60 || exit 1

"$PINFS" run --store "$store" -- bpftool prog load "$tmp/story.o" /sys/fs/bpf/count pinmaps /sys/fs/bpf/maps >/dev/null &&
	"$PINFS" attach --store "$store" xdp /sys/fs/bpf/count dev lo pin /sys/fs/bpf/link >/dev/null || exit 1

printf '%-36s %12s %12s %12s %12s %8s %8s\n' "" "runs, s" "reading, s" "feed, s" "frames/s" ratio asked
for kind in mixed short; do
	for _ in $(seq "$PAIRS"); do
		base=$("$PINFS" run --store "$store" -- "$tmp/base" /sys/fs/bpf/count "$tmp/$kind.pcap") || exit 1
		feed=$("$PINFS" feed --store "$store" lo --pcap "$tmp/$kind.pcap" | sed -n 's/^seconds //p') || exit 1
		echo "$base $feed"
	done | awk -v name="feed_$kind" -v n="$FRAMES" '
		function med(a, c,   i, j, t) {
			for (i = 2; i <= c; i++) { t = a[i]; for (j = i - 1; j > 0 && a[j] > t; j--) a[j+1] = a[j]; a[j+1] = t }
			return c % 2 ? a[(c+1)/2] : (a[c/2] + a[c/2+1]) / 2
		}
		NF == 3 { k++; run[k] = $1; rd[k] = $2; fd[k] = $3; r[k] = $3 / ($1 + $2) }
		END { if (k) { f = med(fd, k); printf "%-36s %12.4f %12.4f %12.4f %12.0f %8.3f %8s\n", name, med(run, k), med(rd, k), f, n / f, med(r, k), "1.3" } }'
done
