#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What can be said of the sources without running them: one line a check, the
# evidence of what failed below it. check.sh [NAME...] runs only those.

set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
export LC_ALL=C
jobs=$(nproc)
cflags=$(make -s cflags)
clientflags="-std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Werror -Itests -I$B/tests/clients/bpf"
# What only gcc knows, and where clang means more by the same name (rows may end early).
clangflags="-Wno-unknown-attributes -Wno-unknown-pragmas -Wno-missing-field-initializers"

# Longer than the rest, and looked at: "path function".
reviewed=" "

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

core_sources() { find src tool tests/unit tests/map tests/crash tests/lib -name '*.c' 2>/dev/null | sort; }
core_headers() { find src tool tests/lib -name '*.h' | sort; }
client_sources() { find tests/abi tests/clients fuzz -maxdepth 1 -name "*.c" 2>/dev/null | sort; }
client_headers() { find tests/abi -name '*.h' 2>/dev/null | sort; }
all_c() { find src tool bench fuzz tests -name "*.[ch]" 2>/dev/null | sort; }
all_sh() { find scripts tests -name '*.sh' | sort; }

# each CMD...: the command for every file named on stdin, on all CPUs.
each() { xargs -r -P "$jobs" -n 4 "$@"; }

layers() { scripts/check-layers.sh; }

# A header must say what it needs. -include makes it the first line of an empty file.
headers() {
	local cc

	for cc in gcc "clang $clangflags"; do
		core_headers | xargs -r -P "$jobs" -I{} $cc $cflags -fsyntax-only -include {} -x c /dev/null || return 1
		client_headers | xargs -r -P "$jobs" -I{} $cc $clientflags -Wno-unused -fsyntax-only -include {} -x c /dev/null ||
			return 1
	done
}

format() { all_c | each clang-format --dry-run -Werror; }

# What bpftool writes for one of the clients.
skeleton() { make -s "$B/tests/clients/bpf/progs.skel.h" "$B/tests/clients/bpf/light.skel.h" >/dev/null; }

# gcc finds more when it optimizes, so it compiles; clang only reads. What the tests are built of anyway need not be
# compiled twice.
warnings_gcc() {
	if "$(make -s cc)" --version 2>/dev/null | grep -q "Free Software Foundation"; then
		make -s -k -j"$jobs" objects
		return
	fi
	skeleton
	core_sources | xargs -r -P "$jobs" -I{} gcc $cflags -c -o /dev/null {} &&
		client_sources | xargs -r -P "$jobs" -I{} gcc $clientflags -O1 -c -o /dev/null {}
}

warnings_clang() {
	skeleton
	core_sources | each clang $cflags $clangflags -fsyntax-only && client_sources | each clang $clientflags $clangflags -fsyntax-only
}

exports() {
	local lib=$B/libpinfs-preload.so map=src/frontend/preload/exports.map

	[ -e "$map" ] || { echo "no $map"; return 1; }
	make -s -j"$jobs" "$lib" >/dev/null || return 1
	diff <(sed 's,/\*.*\*/,,; s,#.*,,; s,.*global:,,; /local:/,$d' "$map" | tr -s '; \t' '\n' | grep -E '^[A-Za-z_0-9]+$' | sort -u) \
		<(nm -D --defined-only "$lib" | awk '$2 ~ /[TWDBRVi]/ { sub(/@.*/, "", $3); print $3 }' | sort -u) |
		sed -n 's/^</in the list, not in the library:/p; s/^>/in the library, not in the list:/p' | grep . && return 1
	return 0
}

man_pages() {
	local page out

	command -v man >/dev/null 2>&1 || return 0
	for page in man/*.[1-9]; do
		out=$(MANWIDTH=100 man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null)
		[ -z "$out" ] || { echo "$page: $out"; return 1; }
	done
}

# Every verb and every option of the command has its place in the manual.
manual() {
	local verb opt rc=0

	make -s -j"$jobs" "$B/pinfs" >/dev/null || return 1
	for verb in $("$B/pinfs" --verbs); do
		grep -qE "^\.(Ss|It) .*\b$verb\b" man/pinfs.1 || { echo "pinfs.1 does not name: $verb"; rc=1; }
		for opt in $("$B/pinfs" "$verb" --help | grep -oE '(^|[ ,])--[a-z-]+' | tr -d ' ,' | sort -u); do
			[ "$opt" = --help ] || grep -qE -- "Fl -${opt#--}" man/pinfs.1 ||
				{ echo "pinfs.1 does not name: $verb $opt"; rc=1; }
		done
	done
	return $rc
}

sizes() {
	local rc=0 f n

	while read -r f; do
		n=$(wc -l <"$f")
		[ "$n" -le 900 ] || [[ $reviewed == *" $f "* ]] || { echo "$f: $n lines"; rc=1; }
	done < <(all_c)
	while read -r n f name; do
		[[ $reviewed == *" $f:$name "* ]] || { echo "$f: $name is $n lines"; rc=1; }
	done < <(ctags -x --c-kinds=f --fields=+ne --_xformat='%{end} %n %F %N' $(all_c) |
		awk '$1 - $2 + 1 > 100 { print $1 - $2 + 1, $3, $4 }')
	return $rc
}

# The licence is the first line, or the second after #!.
licences() {
	local f rc=0

	for f in $(all_c) $(all_sh) .ci/run; do
		head -n 2 "$f" | grep -q 'SPDX-License-Identifier: BSD-2-Clause' || { echo "$f: no licence line"; rc=1; }
	done
	return $rc
}

shells() {
	local f rc=0

	for f in $(all_sh); do
		bash -n "$f" || rc=1
	done
	return $rc
}

rc=0
check() {
	if "$1" >"$log" 2>&1; then
		echo "ok      $1: $2"
	else
		echo "FAILED  $1: $2"
		head -n 80 "$log" | sed 's/^/        /'
		rc=1
	fi
}

while read -r name what; do
	[ -n "$name" ] || continue
	[ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
	check "$name" "$what" </dev/null
done <<'CHECKS'
layers          includes go one way
headers         every header compiles alone, with gcc and clang
format          clang-format has nothing to change
warnings_gcc    no warning from gcc
warnings_clang  no warning from clang
exports         the library's symbols are those of exports.map
man_pages       the manual pages are well-formed
manual          the manual names every verb and option
sizes           no file over 900 lines, no function over 100
licences        every file names its licence
shells          the scripts parse
CHECKS
exit $rc
