#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What cilium/ebpf's calls cost a static program: on the kernel, through notify, and through trace (behind a filter that
# answers bpf(2) first), turn by turn; medians of PAIRS runs, and of the ratios of each turn.
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
	function med(a, c,   i, j, t) {
		if (!c) return 0
		for (i = 2; i <= c; i++) { t = a[i]; for (j = i - 1; j > 0 && a[j] > t; j--) a[j + 1] = a[j]; a[j + 1] = t }
		return c % 2 ? a[(c + 1) / 2] : (a[c / 2] + a[c / 2 + 1]) / 2
	}
	!($2 in n) { n[$2]; name[++names] = $2 }
	{ v[$1, $2, ++count[$1, $2]] = $3 }
	END {
		for (i = 1; i <= names; i++) {
			c = count["kernel", name[i]]
			for (j = 1; j <= c; j++) {
				k[j] = v["kernel", name[i], j]
				p[j] = v["notify", name[i], j]; r[j] = p[j] / k[j]
				t[j] = v["trace", name[i], j]; s[j] = t[j] / k[j]
			}
			printf "%-28s %12.1f %12.1f %8.2f %12.1f %8.2f\n", name[i], med(k, c), med(p, c), med(r, c), med(t, c), med(s, c)
		}
	}' "$tmp.lines"
