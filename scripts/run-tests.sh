#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the tests and counts them: run-tests.sh [PATTERN...]
#
# A test is a program that speaks TAP: the binaries of tests/unit, tests/map and
# tests/crash, then tests/cli/*.sh. Each runs in a session of its own,
# under a time limit. Which tests there are comes from the sources, so a binary
# that was not built is a failure, and so is a test that prints no check, no
# plan, another number of checks than it planned, or dies.
#
# Tests run alone, but for those that build and try the same tests with a sanitizer ($beside): where there is
# a second CPU these go beside the binaries, which look at nobody else's objects and know no times.
#
# PATTERN (or $TESTS) selects tests whose path matches. $B is the build
# directory, $PINFS_TEST_SCALE the percentage of the fault counts to run,
# $PINFS_TEST_LIMIT the seconds that one test may take.
#
# Output: a line a test; of what failed also the evidence; every reason for a
# skip with its count. The last line is exactly "N passed, N failed, N skipped".

set -u
cd "$(dirname "$0")/.." || exit 1

export TOP=$PWD
export B=${B:-build}
export PINFS=$TOP/$B/pinfs
export PINFS_TEST_SCALE=${PINFS_TEST_SCALE:-10}
export CMOCKA_MESSAGE_OUTPUT=TAP
export LC_ALL=C
limit=${PINFS_TEST_LIMIT:-$((PINFS_TEST_SCALE > 10 ? 7200 : 600))}
beside=" tests/cli/asan tests/cli/tsan "
patterns=("$@")
[ ${#patterns[@]} -gt 0 ] || read -ra patterns <<<"${TESTS:-}"

tmp=$(mktemp -d "${TMPDIR:-/tmp}/pinfs-test.XXXXXX") || exit 1
lane=
trap '[ -z "$lane" ] || kill "$lane" 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

selected() {
	[ ${#patterns[@]} -gt 0 ] || return 0
	local p
	for p in "${patterns[@]}"; do
		# shellcheck disable=SC2053
		[[ $1 == *$p* ]] && return 0
	done
	return 1
}

# One test's TAP, in the directory $2: "PASSED FAILED SKIPPED" on the first line, skip reasons in
# skips, evidence in evidence. A plan may stand anywhere; a program of
# several groups prints several. "1..0 # SKIP why" skips a whole test.
judge() {
	awk -v name="$1" -v rc="$3" -v skips="$2/skips" -v evidence="$2/evidence" '
	function reason(line) {
		sub(/.*# *[Ss][Kk][Ii][Pp][^ ]* */, "", line)
		return line == "" ? "no reason given" : line
	}
	/^(not )?ok [0-9]+/ || /^(not )?ok -/ {
		seen++
		bad = 0
		if ($0 ~ /# *[Ss][Kk][Ii][Pp]/) {
			skipped++
			print reason($0) > skips
		} else if ($1 == "ok") {
			passed++
		} else {
			failed++
			bad = 1
			print "    " $0 > evidence
		}
		next
	}
	/^1\.\.[0-9]+/ {
		split($1, p, "\\.\\.")
		planned += p[2]
		plans++
		if (p[2] == 0 && $0 ~ /# *[Ss][Kk][Ii][Pp]/) {
			skipped++
			whole = 1
			print reason($0) > skips
		}
		next
	}
	/^#/ && bad { print "    " $0 > evidence }
	END {
		if (rc == 124 || rc == 137)
			why = "ran out of time, or was killed (status " rc ")"
		else if (!plans)
			why = "printed no plan (status " rc ")"
		else if (!whole && !seen)
			why = "printed no check"
		else if (!whole && planned != seen)
			why = "planned " planned " checks, made " seen
		else if (rc && !failed)
			why = "exit status " rc " without a failed check"
		if (why != "") {
			failed++
			print "    " name ": " why > evidence
		}
		print passed + 0, failed + 0, skipped + 0
	}' "$2/out"
}

# report DIR NAME SECONDS PASSED FAILED SKIPPED
report() {
	printf '%-6s %s  %d passed, %d failed, %d skipped, %d s\n' "$([ "$5" = 0 ] && echo ok || echo FAILED)" \
		"$2" "$4" "$5" "$6" "$3"
	# Figures that a test reports are wanted even when all is well.
	grep '^# figure:' "$1/out" | sed 's/^# figure:/       /'
	[ "$5" = 0 ] && return
	head -n 60 "$1/evidence"
	if [ -s "$1/err" ]; then
		echo "    -- its standard error, last lines --"
		tail -n 30 "$1/err" | sed 's/^/    /'
	fi
}

# run NAME COMMAND...: counts go to $tmp/counts, a line a test; what is said of one comes in one piece.
run() {
	local name=$1 rc start=$SECONDS dir counts
	shift
	selected "$name" || return
	dir=$(mktemp -d "$tmp/run.XXXXXX") || exit 1
	: >"$dir/skips" && : >"$dir/evidence"
	setsid -w timeout -k 5 "$limit" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	rc=$?
	counts=$(judge "$name" "$dir" "$rc")
	echo "$counts" >>"$tmp/counts"
	cat "$dir/skips" >>"$tmp/all-skips"
	# shellcheck disable=SC2086
	printf '%s\n' "$(report "$dir" "$name" $((SECONDS - start)) $counts)"
	rm -rf "$dir"
}

run_beside() {
	local name

	for name in $beside; do
		run "$name" bash "$name.sh"
	done
}

: >"$tmp/all-skips"
: >"$tmp/counts"
if [ "$(nproc)" -gt 1 ]; then
	run_beside &
	lane=$!
fi
for src in tests/unit/*.c tests/map/*.c tests/crash/*.c; do
	[ -e "$src" ] && run "${src%.c}" "./$B/${src%.c}"
done
if [ -n "$lane" ]; then wait "$lane"; else run_beside; fi
lane=
for src in tests/cli/*.sh; do
	[[ $beside == *" ${src%.sh} "* ]] || run "${src%.sh}" bash "$src"
done

[ -s "$tmp/counts" ] || {
	echo "run-tests: no test matches ${patterns[*]}" >&2
	exit 1
}
[ -s "$tmp/all-skips" ] && echo "skipped:" && sort "$tmp/all-skips" | uniq -c | sort -rn
awk '{ passed += $1; failed += $2; skipped += $3 }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed != 0 }' "$tmp/counts"
