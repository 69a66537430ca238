#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Static programs, which only the supervisor can serve, in each world: C with
# glibc and with musl, and Go without cgo. As root they print what they print on
# the kernel; as somebody else all their checks must hold.

cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

declare -A client
client[proc]=$B/tests/abi/notify_proc.static
client[go]=$B/tests/clients/raw.go.static
if command -v musl-gcc >/dev/null; then
	# The kernel's headers are beside glibc's, which musl must not see.
	mkdir "$WORK/include"
	ln -s /usr/include/linux /usr/include/asm-generic "/usr/include/$(gcc -print-multiarch)/asm" "$WORK/include"
	works "musl: builds" musl-gcc -std=gnu11 -O1 -D_GNU_SOURCE -Itests -isystem "$WORK/include" -static \
		-o "$WORK/proc-musl" tests/abi/notify_proc.c && client[musl]=$WORK/proc-musl
else
	skip "no musl-gcc"
fi
# Dynamic, with C in it: served by the library and the supervisor at once.
if CGO_ENABLED=1 GO111MODULE=off "$(command -v go || echo /usr/local/go/bin/go)" build -o "$WORK/cgo" \
	tests/clients/cgo/both.go 2>"$WORK/err"; then
	client[both]=$WORK/cgo
else
	skip "no cgo: $(head -n 1 "$WORK/err")"
fi
for c in "${!client[@]}"; do
	[ -x "${client[$c]}" ] || { not_ok "$c was not built"; unset "client[$c]"; continue; }
	cp "${client[$c]}" "$WORK/$c.bin"
done

# run_all WORLD: the checks of each must hold; as root also the same lines as on the kernel.
run_all() {
	local name=$1 c rc why
	why=$(no_world "${name%%-*}")
	[ -z "$why" ] || { skip "$why"; return; }
	for c in "${!client[@]}"; do
		world "${name%%-*}" timeout 60 "$WORK/$c.bin" >"$WORK/$c.$name" 2>"$WORK/err"
		rc=$?
		if [ $rc = 0 ]; then
			ok "$c, $name: $(grep -c '^ok' "$WORK/$c.$name") checks"
		else
			not_ok "$c, $name: status $rc"
			{ grep -v '^ok' "$WORK/$c.$name" | head -n 20; cat "$WORK/err"; } | diag
		fi
		case $name in
		kernel) ;;
		root*) [ ! -s "$WORK/$c.kernel" ] ||
			is "$c, $name: as on the kernel" "$(cat "$WORK/$c.$name")" "$(cat "$WORK/$c.kernel")" ;;
		esac
	done
}

run_all kernel
run_all root
RUN_OPTS="--fresh --redirect" run_all root-redirect
run_all user
RUN_OPTS="--fresh --keep-uid" run_all user-keep-uid
RUN_OPTS="--fresh --redirect" run_all user-redirect
run_all nothing

# A stopped client holds up nobody: else this would not come to an end.
rounds=$((10 * ${PINFS_TEST_SCALE:-10}))
why=$(no_world root)
if [ -z "$why" ]; then
	out=$(world root timeout 120 "$B/tests/clients/stop_peer.static" "$rounds")
	like "a static client stopped $rounds times ($out)" "$out" "^$rounds stops, 0 wrong"
	out=$(world root timeout 120 "$B/tests/clients/stop_peer" "$rounds")
	like "and a dynamic one ($out)" "$out" "^$rounds stops, 0 wrong"
else
	skip "$why"
fi

# Paths behind an outer filter.
out=$(RUN_OPTS="--fresh -v" world nothing sh -c \
	'mkdir /sys/fs/bpf/d && stat -f -c %t /sys/fs/bpf && rmdir /sys/fs/bpf/d' 2>"$WORK/err")
is "paths behind an outer filter" "$out" cafe4a11
like "where the choice is redirection" "$(cat "$WORK/err")" "world: redirection"
done_testing
