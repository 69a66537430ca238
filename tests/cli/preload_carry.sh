#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Programs that cannot carry the library: started from one that does, they print
# no loader's error, have bpf(2) all the same, and so have their children.

cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

# Makes a map, says so, and runs its arguments.
cat >"$WORK/client.c" <<'EOF'
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = BPF_MAP_TYPE_ARRAY;
	a.key_size = a.value_size = 4;
	a.max_entries = 1;
	puts(syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)) >= 0 ? "map" : "no map");
	fflush(stdout);
	if (argc > 1)
		execvp(argv[1], argv + 1);
	return argc > 1;
}
EOF
preloaded='echo $LD_PRELOAD | grep -c libpinfs-preload'

# try NAME COMPILER OPTIONS...: "map" and nothing else from it, alone, by sh and by a script
try() {
	local name=$1 exe=$WORK/$1
	shift
	if ! "$@" -o "$exe" "$WORK/client.c" 2>/dev/null || ! "$exe" >/dev/null 2>&1; then
		skip "$name: no $1 that makes a program which runs"
		return
	fi
	is "$name: a map, no error" "$(world root "$exe" 2>&1)" map
	is "$name: from sh" "$(world root sh -c "$exe; $exe" 2>&1)" $'map\nmap'
	is "$name: by posix_spawn" "$(world root python3 -c "import os
os.waitpid(os.posix_spawn('$exe', ['x'], os.environ), 0)" 2>&1)" map
	is "$name: its child" "$(world root sh -c "$exe bpftool map list | sed 's/: .*//'" 2>&1 | head -n 1)" map
	printf '#!%s\n' "$exe" >"$WORK/script"
	chmod +x "$WORK/script"
	is "$name: as a script's interpreter" "$(world root sh -c "$WORK/script true 2>&1 | head -n 1" 2>&1)" map
}

try dynamic gcc
try static gcc -static
try static-pie gcc -static-pie
headers="-idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu"
# shellcheck disable=SC2086
try musl musl-gcc $headers
# shellcheck disable=SC2086
try musl-static musl-gcc -static $headers
try asan gcc -fsanitize=address
try asan-clang clang -fsanitize=address
try m32 gcc -m32

# What stays in LD_PRELOAD: the rest of it, in order.
kept() { world root env LD_PRELOAD="$1" "$WORK/asan" sh -c 'echo "$LD_PRELOAD"' 2>&1 | sed 1d; }
if [ -x "$WORK/asan" ]; then
	lib=$TOP/$B/libpinfs-preload.so
	is "ours alone: nothing is left" "$(kept "$lib")" ""
	libm=$(ldconfig -p | sed -n 's/.*libm\.so\.6.* => //p' | head -n 1)
	cat >"$WORK/show.c" <<'EOF'
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
	puts(getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "unset");
	return 0;
}
EOF
	gcc -fsanitize=address -o "$WORK/show" "$WORK/show.c"
	export ASAN_OPTIONS=verify_asan_link_order=0
	is "unset, not empty" "$(world root env LD_PRELOAD="$lib" "$WORK/show")" unset
	is "the others stay" "$(world root env LD_PRELOAD="$libm:$lib" "$WORK/show")" "$libm"
	is "with spaces too" "$(world root env LD_PRELOAD="$lib $libm" "$WORK/show")" "$libm"
	unset ASAN_OPTIONS
fi
is "a program that carries it has it" "$(world root sh -c "$preloaded")" 1
is "and through a static one" "$(world root sh -c "$WORK/static sh -c '$preloaded' | sed 1d")" 1
done_testing
