#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the programs of tests/abi on the kernel and under pinfs, and compares
# what they print: one TAP check a line. abi-compare.sh [PROGRAM...]
#
# Four ways under pinfs: `preload` (an ordinary dynamic program), `notify` (the
# same program linked statically, so that the library is not in it), `trace` (that
# behind a filter which answers bpf(2) and more), and `redirect` (preload, with
# nothing mounted at /sys/fs/bpf).
#
# tests/abi/differences has the pairs of lines that differ for a reason, which
# docs/ABI.md gives; they are checks, too (differences_WAY: in that way alone). differences_like has regular expressions of such pairs.
#
# tests/abi/ways names the programs that do not run in all ways, or that
# take arguments. On the kernel a program is alone; the ways under pinfs, which have a store each, go two at a time where
# there are two CPUs, but for the programs that know times, or take an address of the machine's ($timed).

set -u
cd "$(dirname "$0")/.." || exit 1
. tests/lib/cli.sh
limit=${ABI_LIMIT:-120}
timed=" kinds_rows ready ready_readers perf_wake notify_proc preload_signal preload_thread test_run lifetime sockopt_life "

# Two lines that differ, as docs/ABI.md says they do: "kernel line => pinfs line".
is_documented() {
	[ "$(sed -E "$links" <<<"$1")" = "$(sed -E "$links" <<<"$2")" ] || grep -qxF -- "$1 => $2" tests/abi/differences ||
		grep -qxEf tests/abi/differences_like <<<"$1 => $2" ||
		{ [ -e "tests/abi/differences_$3" ] && grep -qxF -- "$1 => $2" "tests/abi/differences_$3"; }
}

# All pins of an object count as its links.
links='s/^(.*mode[ =]1006.*nlink[ =])[0-9]+/\1N/'

# What stood between two equal lines: old and new, one beside the other as far as they go.
end_hunk() {
	local i

	for i in "${!old[@]}"; do
		if is_documented "${old[i]}" "${new[i]-}" "$1"; then
			ok "$1 $2: as documented: ${new[i]-nothing}"
			new[i]=
		else
			not_ok "$1 $2: kernel: ${old[i]}"
		fi
	done
	[ ${#old[@]} -gt 0 ] || [ ${#new[@]} = 0 ] || not_ok "$1 $2: not on the kernel: ${new[0]}"
	for i in "${!new[@]}"; do
		[ -z "${new[i]}" ] || echo "#   pinfs: ${new[i]}"
	done
	old=() new=()
}

# compare WAY NAME: $WORK/kernel against $WORK/way.WAY
compare() {
	local line text old=() new=()

	while IFS= read -r line; do
		text=${line:1}
		case ${line:0:1} in
		=)
			[ ${#old[@]} = 0 ] && [ ${#new[@]} = 0 ] || end_hunk "$1" "$2"
			# A program may speak TAP itself: then the kernel has to pass, too.
			[[ $text == "not ok"* ]] && not_ok "$1 $2: on both: $text" || ok "$1 $2: $text"
			;;
		-) old+=("$text") ;;
		+) new+=("$text") ;;
		esac
	done < <(diff --unchanged-line-format='=%L' --old-line-format='-%L' --new-line-format='+%L' \
		"$WORK/kernel" "$WORK/way.$1")
	end_hunk "$1" "$2"
}

# run_way WAY PROGRAM ARGS...
run_way() {
	local way=$1 program=$2
	shift 2
	case $way in
	kernel) world kernel timeout "$limit" "$program" "$@" ;;
	preload) world root timeout "$limit" "$program" "$@" ;;
	notify) world root timeout "$limit" "$program.static" "$@" ;;
	trace) world outer timeout "$limit" "$program.static" "$@" ;;
	redirect) RUN_OPTS='--fresh --redirect' world root timeout "$limit" "$program" "$@" ;;
	esac
}

one() {
	local name=$1 ways=$2 way rc want begun=0
	local program=$TOP/$B/tests/abi/$name
	shift 2
	[ -x "$program" ] || { not_ok "$name was not built"; return; }
	run_way kernel "$program" "$@" >"$WORK/kernel" 2>"$WORK/err"
	want=$?
	[ -s "$WORK/kernel" ] || { not_ok "$name prints nothing on the kernel (status $want)"; diag <"$WORK/err"; return; }
	for way in ${ways//,/ }; do
		(run_way "$way" "$program" "$@" >"$WORK/way.$way" 2>"$WORK/err.$way"; echo $? >"$WORK/rc.$way") &
		[ $((++begun % 2)) = 1 ] && [[ $cpus -gt 1 && $timed != *" $name "* ]] || wait
	done
	wait
	for way in ${ways//,/ }; do
		rc=$(<"$WORK/rc.$way")
		# 99: it could not make the objects that its rows are about.
		[ "$rc" = 99 ] || [ ! -s "$WORK/way.$way" ] || compare "$way" "$name"
		[ -s "$WORK/way.$way" ] || not_ok "$way $name prints nothing"
		[ "$rc" = $want ] ||
			{ not_ok "$way $name: exit status $rc, on the kernel $want"; tail -n 5 "$WORK/err.$way" "$WORK/way.$way" | diag; }
		rm -f "$WORK"/*."$way"
	done
}

why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"
cpus=$(nproc)

for src in tests/abi/*.c; do
	name=$(basename "$src" .c)
	[ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
	read -r _ ways args < <(grep -E "^$name( |$)" tests/abi/ways)
	# shellcheck disable=SC2086
	one "$name" "${ways:-preload,notify,trace,redirect}" ${args:-} </dev/null
done
done_testing
