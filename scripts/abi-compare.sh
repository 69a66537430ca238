#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the programs of tests/abi on the kernel and under pinfs, and compares
# what they print: one TAP check a line. abi-compare.sh [PROGRAM...]
#
# Three ways under pinfs: `preload` (an ordinary dynamic program), `notify` (the
# same program linked statically, so that the library is not in it) and
# `redirect` (preload, with nothing mounted at /sys/fs/bpf).
#
# tests/abi/ways names the programs that do not run in all three ways, or that
# take arguments.

set -u
cd "$(dirname "$0")/.." || exit 1
. tests/lib/cli.sh
limit=${ABI_LIMIT:-120}

# compare WAY NAME: $WORK/kernel against $WORK/way
compare() {
	local mark line text hunk=
	while IFS= read -r line; do
		mark=${line:0:1} text=${line:1}
		case $mark in
		=)
			# A program may speak TAP itself: then the kernel has to pass, too.
			[[ $text == "not ok"* ]] && not_ok "$1 $2: on both: $text" || ok "$1 $2: $text"
			hunk= ;;
		-) not_ok "$1 $2: kernel: $text" && hunk=1 ;;
		+) [ -n "$hunk" ] || not_ok "$1 $2: not on the kernel: $text"
			echo "#   pinfs: $text"
			hunk=1 ;;
		esac
	done < <(diff --unchanged-line-format='=%L' --old-line-format='-%L' --new-line-format='+%L' \
		"$WORK/kernel" "$WORK/way")
}

# run_way WAY PROGRAM ARGS...
run_way() {
	local way=$1 program=$2
	shift 2
	case $way in
	kernel) world kernel timeout "$limit" "$program" "$@" ;;
	preload) world root timeout "$limit" "$program" "$@" ;;
	notify) world root timeout "$limit" "$program.static" "$@" ;;
	redirect) RUN_OPTS='--fresh --redirect' world root timeout "$limit" "$program" "$@" ;;
	esac
}

one() {
	local name=$1 ways=$2 way rc want
	local program=$TOP/$B/tests/abi/$name
	shift 2
	[ -x "$program" ] || { not_ok "$name was not built"; return; }
	run_way kernel "$program" "$@" >"$WORK/kernel" 2>"$WORK/err"
	want=$?
	[ -s "$WORK/kernel" ] || { not_ok "$name prints nothing on the kernel (status $want)"; diag <"$WORK/err"; return; }
	for way in ${ways//,/ }; do
		run_way "$way" "$program" "$@" >"$WORK/way" 2>"$WORK/err"
		rc=$?
		# 99: it could not make the objects that its rows are about.
		[ $rc = 99 ] || [ ! -s "$WORK/way" ] || compare "$way" "$name"
		[ -s "$WORK/way" ] || not_ok "$way $name prints nothing"
		[ $rc = $want ] || { not_ok "$way $name: exit status $rc, on the kernel $want"; tail -n 5 "$WORK/err" "$WORK/way" | diag; }
	done
}

why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"

for src in tests/abi/*.c; do
	name=$(basename "$src" .c)
	[ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
	read -r _ ways args < <(grep -E "^$name( |$)" tests/abi/ways)
	# shellcheck disable=SC2086
	one "$name" "${ways:-preload,notify,redirect}" ${args:-} </dev/null
done
done_testing
