#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the tests and counts them: run-tests.sh [PATTERN...]
#
# A test is a program that speaks TAP: the binaries of tests/unit, tests/map and
# tests/crash, then tests/cli/*.sh. Each runs alone, in a session of its own,
# under a time limit. Which tests there are comes from the sources, so a binary
# that was not built is a failure, and so is a test that prints no check, no
# plan, another number of checks than it planned, or dies.
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
patterns=("$@")
[ ${#patterns[@]} -gt 0 ] || read -ra patterns <<<"${TESTS:-}"

tmp=$(mktemp -d "${TMPDIR:-/tmp}/pinfs-test.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
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

# One test's TAP: "PASSED FAILED SKIPPED" on the first line, skip reasons in
# $tmp/skips, evidence in $tmp/evidence. A plan may stand anywhere; a program of
# several groups prints several. "1..0 # SKIP why" skips a whole test.
judge() {
	awk -v name="$1" -v rc="$2" -v skips="$tmp/skips" -v evidence="$tmp/evidence" '
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
	}' "$tmp/out"
}

total_passed=0 total_failed=0 total_skipped=0 ran=0
: >"$tmp/all-skips"

run() {
	local name=$1 rc start=$SECONDS passed failed skipped
	shift
	selected "$name" || return
	ran=$((ran + 1))
	: >"$tmp/skips" && : >"$tmp/evidence"
	setsid -w timeout -k 5 "$limit" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	rc=$?
	read -r passed failed skipped < <(judge "$name" "$rc")
	total_passed=$((total_passed + passed))
	total_failed=$((total_failed + failed))
	total_skipped=$((total_skipped + skipped))
	cat "$tmp/skips" >>"$tmp/all-skips"
	printf '%-6s %s  %d passed, %d failed, %d skipped, %d s\n' "$([ "$failed" = 0 ] && echo ok || echo FAILED)" \
		"$name" "$passed" "$failed" "$skipped" $((SECONDS - start))
	# Figures that a test reports are wanted even when all is well.
	grep '^# figure:' "$tmp/out" | sed 's/^# figure:/       /'
	[ "$failed" = 0 ] && return
	head -n 60 "$tmp/evidence"
	if [ -s "$tmp/err" ]; then
		echo "    -- its standard error, last lines --"
		tail -n 30 "$tmp/err" | sed 's/^/    /'
	fi
}

for src in tests/unit/*.c tests/map/*.c tests/crash/*.c; do
	[ -e "$src" ] && run "${src%.c}" "./$B/${src%.c}"
done
for src in tests/cli/*.sh; do
	[ -e "$src" ] && run "${src%.sh}" bash "$src"
done

[ "$ran" -gt 0 ] || {
	echo "run-tests: no test matches ${patterns[*]}" >&2
	exit 1
}
[ -s "$tmp/all-skips" ] && echo "skipped:" && sort "$tmp/all-skips" | uniq -c | sort -rn
echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
[ "$total_failed" = 0 ]
