#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Readers of perf buffers as others have written them: libbpf's perf_buffer, the
# perf.Reader of cilium/ebpf in a static program, aya's PerfEventArray. As root
# they print what they print on the kernel; as a user with nothing, where
# perf_event_open(2) is refused, all their checks must hold.

cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

declare -A client
# have NAME BINARY: a copy that anybody can run. What could not be built is skipped, with the reason.
have() {
	local from=$B/tests/clients/$2

	if [ -x "$from" ]; then
		cp "$from" "$WORK/$1" && client[$1]=$WORK/$1
	else
		skip "$1: $(cat "$from.skip" 2>/dev/null || echo "was not built")"
	fi
}
have libbpf libbpf_perf
have static libbpf_perf.static
have go go-perf.static
have aya aya-perf.gnu
cp "$B/tests/clients/bpf/perf.o" "$WORK"
chmod -R a+rX "$WORK"

run_all() { # world, clients
	local name=$1 c rc why
	shift
	why=$(no_world "${name%%-*}")
	[ -z "$why" ] || { skip "$why"; return; }
	for c; do
		[ -n "${client[$c]:-}" ] || continue
		world "${name%%-*}" timeout 120 "${client[$c]}" "$WORK/perf.o" >"$WORK/$c.$name" 2>"$WORK/err"
		rc=$?
		if [ $rc = 0 ]; then
			ok "$c, $name: $(grep -c '^ok' "$WORK/$c.$name") checks"
		else
			not_ok "$c, $name: status $rc"
			{ grep -v '^ok' "$WORK/$c.$name" | head -n 20; cat "$WORK/err"; } | diag
		fi
		case $name in
		root*) [ ! -s "$WORK/$c.kernel" ] ||
			is "$c, $name: as on the kernel" "$(cat "$WORK/$c.$name")" "$(cat "$WORK/$c.kernel")" ;;
		esac
	done
}

run_all kernel libbpf static go aya
run_all root libbpf static go aya
RUN_OPTS="--fresh --redirect" run_all root-redirect libbpf go
run_all user libbpf static go aya
# Behind an outer filter bpf(2) of static programs is answered by that filter.
run_all nothing libbpf aya

# Producers killed at any time: what comes is whole, and the ring goes on.
for c in libbpf static; do
	why=$(no_world root)
	[ -z "$why" ] || { skip "$why"; continue; }
	out=$(world root timeout 300 "$B/tests/clients/$([ $c = static ] && echo libbpf_perf.static || echo libbpf_perf)" \
		killed "$((20 * ${PINFS_TEST_SCALE:-10}))")
	like "$c, killed: $(grep -o '[0-9]* producers killed' <<<"$out")" "$out" '^1\.\.7$'
	is "$c, killed: no check fails" "$(grep '^not ok' <<<"$out")" ""
done
done_testing
