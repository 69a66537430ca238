#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What a client pays for bpf(2), on the kernel and under pinfs in one run.
#
# The same ordinary program (bench/clients/bpf_ops.c) runs on the kernel's bpffs
# and under `pinfs run`, turn by turn, PAIRS times; a row gives both medians and
# the median of the ratios of the pairs. A dynamic build is served by preload, a
# static one by notify, or, behind a filter that answers bpf(2) first, by trace. The last column is what the design asks for; it is
# printed, not tested.

set -u
PAIRS=${PAIRS:-5}
tmp=$(mktemp -d) || exit 1
shm=$(mktemp -d -p /dev/shm) || exit 1
trap 'rm -rf "$tmp" "$shm"' EXIT
mkdir "$tmp/fs"
gcc -O2 -o "$tmp/dyn" bench/clients/bpf_ops.c && gcc -O2 -static -o "$tmp/static" bench/clients/bpf_ops.c &&
	gcc -O2 -D_GNU_SOURCE -o "$tmp/link" bench/clients/link_ops.c && gcc -O2 -o "$tmp/perf" bench/clients/perf_ops.c &&
	gcc -O2 -o "$tmp/prog" bench/clients/prog_ops.c -lbpf && gcc -O2 -o "$tmp/ring" bench/clients/ring_ops.c -lbpf &&
	clang -target bpf -O2 -g "-I/usr/include/$(gcc -print-multiarch)" -c -o "$tmp/big.o" bench/clients/bpf/big.c || exit 1

if ! unshare -m sh -c "mount -t bpf bpffs '$tmp/fs'" 2>/dev/null; then
	echo "no kernel BPF here: nothing to compare with"
	exit 0
fi

# A client's first argument is the bpffs, or the object file that it loads.
on_kernel() { unshare -m sh -c "mount -t bpf bpffs '$tmp/fs' && exec '$1' '${3:-$tmp/fs}' $2"; }
# AROUND: what stands before the command.
on_pinfs() { ${AROUND:-} "$PINFS" run --fresh -- "$1" "${3:-/sys/fs/bpf}" "$2"; }

# name, unit of the figure, how to compare (ratio or difference), what is asked for
rows='
hash_lookup ratio 0.03
array_lookup ratio 0.03
hash_update_8 ratio 0.05
array_update_8 ratio 0.05
hash_update_64 ratio 0.08
percpu_array_lookup ratio 0.06
hash_lookup_batch_10000_keys ratio 0.2
hash_e2big ratio 2.0
pin ratio 1.4
pin_bare ratio -
get_close ratio 1.5
get_close_bare ratio -
unpin_alive ratio 1.2
unpin_alive_bare ratio -
unpin_dies ratio 2.2
unpin_dies_bare ratio -
create_close_hash ratio 3.0
create_close_hash_bare ratio -
create_close_array ratio 3.0
create_close_array_bare ratio -
open_close_outside diff 8000
stat_outside diff 8000
many_create_pin ratio -
many_second_half_to_first_percent ratio -
many_walk_per_id ratio 2.0
many_walk_per_id_bare ratio -
pair_one_process_ops_per_us ratio -
pair_two_to_one_percent ratio -
hot_key_two_to_one_percent ratio -
memory_million_entries_kib ratio 1.3
run_2_insns ratio 0.2
run_20_insns ratio 0.2
run_loop_1000 ratio 1.02
run_array_increment ratio 1.1
run_hash_lookup ratio 1.1
ring_reserve_submit_64 ratio 1.0
ring_submit_64_no_wakeup ratio 1.0
ring_output_64 ratio 1.0
ring_reserve_submit_64_alone ratio 1.0
ring_output_64_alone ratio 1.0
ring_wakeup_epoll ratio 1.5
ring_wakeup_poll ratio 1.5
perf_output_8_alone ratio 1.25
perf_output_64_alone ratio 1.25
perf_output_64_read ratio 1.25
perf_output_64_epoll ratio 1.25
load_close_trivial ratio 2.0
load_4000_insns ratio 2.0
load_million_processed ratio 3.0
link_create_close_xdp ratio 1.5
link_update_xdp ratio 1.2
link_create_close_tcx ratio 1.5
link_update_tcx ratio 1.2
prog_query_tcx ratio -
link_create_close_netns ratio 1.5
link_update_netns ratio 1.2
prog_query_netns ratio -
link_create_close_cgroup ratio 1.5
link_update_cgroup ratio 1.2
prog_query_cgroup ratio -
'

report() { # title, data file of "side name value" lines
	[ -f "$2" ] || return 0 # no group of it was asked for
	echo
	echo "$1"
	printf '%-36s %12s %12s %10s %10s\n' "" kernel pinfs "ratio" "asked"
	echo "$rows" | while read -r name how asked; do
		[ -n "$name" ] || continue
		awk -v n="$name" -v how="$how" -v asked="$asked" '
			function med(a, c,   i, j, t) {
				for (i = 2; i <= c; i++) { t = a[i]; for (j = i - 1; j > 0 && a[j] > t; j--) a[j+1] = a[j]; a[j+1] = t }
				return c % 2 ? a[(c+1)/2] : (a[c/2] + a[c/2+1]) / 2
			}
			$2 == n && $1 == "k" { k[++nk] = $3 }
			$2 == n && $1 == "p" { p[++np] = $3 }
			END {
				if (!nk || !np) exit
				c = nk < np ? nk : np
				for (i = 1; i <= c; i++) r[i] = how == "diff" ? p[i] - k[i] : p[i] / k[i]
				m = med(r, c)
				printf "%-36s %12.1f %12.1f %10s %10s\n", n, med(k, nk), med(p, np),
					how == "diff" ? sprintf("+%.0f", m) : sprintf("%.3f", m), asked
			}' "$2"
	done
}

# NAME_bare: the system calls alone that pinfs cannot do without, made by a program without anything around it
# on a tmpfs, beside the kernel's last NAME. What is between NAME_bare and NAME is pinfs's own.
bare() { # client, group, data file
	mkdir "$shm/bare"
	"$1" "$shm/bare" "$2" | while read -r name ns; do
		grep "^k ${name%_bare} " "$3" | tail -n 1 | sed 's/^k \([^ ]*\)/k \1_bare/'
		echo "p $name $ns"
	done >"$tmp/bare"
	cat "$tmp/bare" >>"$3"
	rm -rf "$shm/bare"
}

measure() { # client, groups, data file, object
	for i in $(seq "$PAIRS"); do
		for g in $2; do
			on_kernel "$1" "$g" "${4:-}" | sed 's/^/k /' >>"$3"
			on_pinfs "$1" "$g" "${4:-}" | sed 's/^/p /' >>"$3"
			case $g in life) bare "$1" bare "$3" ;; many) bare "$1" bare_many "$3" ;; esac
		done
	done
}

measure "$tmp/dyn" "${GROUPS_DYN:-elem life path pair memory}" "$tmp/d"
PAIRS=1 measure "$tmp/dyn" "${GROUPS_MANY:-many}" "$tmp/d"
report "through preload (ns a call unless the name says otherwise; medians of $PAIRS pairs)" "$tmp/d"
measure "$tmp/prog" "${GROUPS_PROG:-run load}" "$tmp/prog.d" "$tmp/big.o"
measure "$tmp/ring" "${GROUPS_RING:-ring}" "$tmp/prog.d"
measure "$tmp/perf" "${GROUPS_PERF:-perf}" "$tmp/prog.d"
report "programs, through preload (ring, perf: ns a record that the consumer got)" "$tmp/prog.d"
cgroup=
for dir in /sys/fs/cgroup /sys/fs/cgroup/unified; do
	[ "$(stat -f -c %T $dir 2>/dev/null)" = cgroup2fs ] && mkdir "$dir/pinfs-bench" 2>/dev/null && cgroup=$dir/pinfs-bench
done
measure "$tmp/link" "${GROUPS_LINK:-link}" "$tmp/link.d" "$cgroup"
[ -z "$cgroup" ] || rmdir "$cgroup"
report "links, through preload" "$tmp/link.d"
measure "$tmp/static" "${GROUPS_STATIC:-elem life path}" "$tmp/s"
report "a static program, through notify" "$tmp/s"
gcc -O2 -D_GNU_SOURCE -o "$tmp/outer" tests/clients/outer-filter.c || exit 1
AROUND="env OUTER_CAPS=1 $tmp/outer" measure "$tmp/static" "${GROUPS_TRACE:-elem life path}" "$tmp/t"
report "a static program, through trace" "$tmp/t"
