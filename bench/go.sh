#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What cilium/ebpf's calls cost a static program: on the kernel, through notify, and through trace (behind a filter that
# answers bpf(2) first), turn by turn; the least disturbed figure of PAIRS runs of each, and their ratios to the kernel's.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build} PAIRS=${PAIRS:-3}
client=$PWD/$B/tests/clients/go.static outer=$PWD/$B/tests/clients/outer-filter
pinfs=${PINFS:-$PWD/$B/pinfs}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp" "$tmp.lines"' EXIT

make -s "$B/tests/clients/go.static" "$B/tests/clients/outer-filter" || exit 1
if [ ! -x "$client" ]; then
	echo "no Go client: $(cat "$client.skip" 2>/dev/null)"
	exit 0
fi
if ! unshare -m sh -c "mount -t bpf bpffs '$tmp'" 2>/dev/null; then
	echo "no kernel BPF here: nothing to compare with"
	exit 0
fi
for _ in $(seq "$PAIRS"); do
	unshare -m sh -c "mount -t bpf bpffs /sys/fs/bpf && exec '$client' bench /sys/fs/bpf" | sed 's/^/kernel /'
	"$pinfs" run --fresh -- "$client" bench /sys/fs/bpf | sed 's/^/notify /'
	OUTER_CAPS=1 "$outer" "$pinfs" run --fresh -- "$client" bench /sys/fs/bpf | sed 's/^/trace /'
done >"$tmp.lines"
printf '%-28s %12s %12s %8s %12s %8s\n' "" kernel notify ratio trace ratio
awk '
	!seen[$2]++ { name[++names] = $2 }
	!(($1, $2) in best) || $3 < best[$1, $2] { best[$1, $2] = $3 }
	END {
		for (i = 1; i <= names; i++) {
			k = best["kernel", name[i]]; n = best["notify", name[i]]; t = best["trace", name[i]]
			printf "%-28s %12.1f %12.1f %8.2f %12.1f %8.2f\n", name[i], k, n, n / k, t, t / k
		}
	}' "$tmp.lines"
