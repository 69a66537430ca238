#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# sanitized.sh SAN 'SOURCES...': builds those tests with a sanitizer and runs them, one check each.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

san=$1
dir=build-$san
export ASAN_OPTIONS=detect_leaks=0:handle_segv=0:handle_sigbus=0:allow_user_segv_handler=1
export TSAN_OPTIONS=halt_on_error=0:exitcode=66:handle_segv=0:handle_sigbus=0:report_signal_unsafe=0
export UBSAN_OPTIONS=print_stacktrace=1
# Fault counts are another test's matter.
export PINFS_TEST_SCALE=1

bins=()
for src in $2; do
	[ -e "$src" ] && bins+=("$dir/${src%.c}")
done
[ ${#bins[@]} -gt 0 ] || skip_all "no such tests"

if ! make -s -j"$(nproc)" SAN="$san" "${bins[@]}" >"$WORK/build" 2>&1; then
	not_ok "the build with SAN=$san"
	tail -n 20 "$WORK/build" | diag
	done_testing
fi
for bin in "${bins[@]}"; do
	"./$bin" >"$WORK/out" 2>"$WORK/err"
	rc=$?
	if [ $rc = 0 ] && ! grep -qE 'ERROR: AddressSanitizer|WARNING: ThreadSanitizer|runtime error:' "$WORK/err" "$WORK/out"; then
		ok "$san: ${bin#*/}"
	else
		not_ok "$san: ${bin#*/} (exit status $rc)"
		{ grep -m 5 '^not ok' "$WORK/out"; head -n 40 "$WORK/err"; } | diag
	fi
done
done_testing
