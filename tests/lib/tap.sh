# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A shell test's voice: TAP, to be sourced. Needs nothing but bash.
#
#     check "text" CMD...      the command succeeds (its output: the evidence)
#     is "text" GOT WANT       two strings are equal
#     like "text" GOT REGEX    a string matches
#     skip "why"
#     plan                     last: prints the plan, and is the exit status

tap_n=0 tap_bad=0

tap_line() { # STATUS TEXT
	tap_n=$((tap_n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_n - $2"
	else
		tap_bad=$((tap_bad + 1))
		echo "not ok $tap_n - $2"
	fi
}

evidence() { printf '%s\n' "$1" | sed 's/^/# /'; }

check() {
	local text=$1 out rc
	shift
	out=$("$@" 2>&1)
	rc=$?
	tap_line "$rc" "$text"
	[ "$rc" = 0 ] || evidence "status $rc: $out"
}

is() {
	[ "$2" = "$3" ]
	tap_line $? "$1"
	[ "$2" = "$3" ] || evidence "got:  $2
want: $3"
}

like() {
	[[ $2 =~ $3 ]]
	local rc=$?
	tap_line $rc "$1"
	[ $rc = 0 ] || evidence "got: $2
want: /$3/"
}

skip() {
	tap_n=$((tap_n + 1))
	echo "ok $tap_n # SKIP $1"
}

plan() {
	echo "1..$tap_n"
	[ "$tap_bad" = 0 ]
}
