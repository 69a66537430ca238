#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Static programs, which only the supervisor can serve, in each world: a C
# program and one in Go without cgo print what they print on the kernel.

cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
PINFS=${PINFS:-$PWD/build/pinfs}
tmp=$(mktemp -d /tmp/pinfs-worlds.XXXXXX)
chmod 755 "$tmp"
store=/dev/shm/pinfs-test-worlds.$$
trap 'rm -rf "$tmp" "$store"*' EXIT

cflags="-std=gnu11 -O1 -D_GNU_SOURCE -Itests"
gcc $cflags -static -o "$tmp/proc" tests/abi/notify_proc.c -lpthread || exit 1
gcc $cflags -o "$tmp/outer" tests/clients/outer-filter.c || exit 1
clients=(proc)
if command -v musl-gcc >/dev/null; then
	if musl-gcc $cflags -static -idirafter /usr/include -idirafter "/usr/include/$(gcc -dumpmachine)" \
		-o "$tmp/proc-musl" tests/abi/notify_proc.c 2>"$tmp/err"; then
		clients+=(proc-musl)
	else
		evidence "$(head -5 "$tmp/err")"
		skip "musl: does not build here"
	fi
else
	skip "no musl-gcc"
fi
if command -v go >/dev/null; then
	CGO_ENABLED=0 GOCACHE=${GOCACHE:-$tmp/gocache} GOFLAGS=-mod=mod GO111MODULE=off \
		go build -o "$tmp/goraw" tests/clients/raw.go || exit 1
	clients+=(goraw)
else
	skip "no go"
fi

# What is compared: all but comments.
tap_of() { grep -v '^#' "$1"; }

# The kernel's own answers, in a mount namespace of ours.
kernel=no
if [ "$(id -u)" = 0 ] && unshare -m mount -t bpf bpffs /sys/fs/bpf 2>/dev/null; then
	kernel=yes
	for c in "${clients[@]}"; do
		unshare -m sh -c 'mount -t bpf bpffs /sys/fs/bpf && exec "$@"' sh "$tmp/$c" >"$tmp/$c.kernel" 2>&1
		is "$c on the kernel" $? 0
	done
fi

world() { # NAME RUN-COMMAND...
	local name=$1 c rc
	shift
	for c in "${clients[@]}"; do
		timeout 60 "$@" "$tmp/$c" >"$tmp/$c.$name" 2>&1
		rc=$?
		tap_line $rc "$c, $name ($(grep -c '^ok' "$tmp/$c.$name") checks)"
		[ $rc = 0 ] || evidence "status $rc
$(grep -v '^ok' "$tmp/$c.$name" | head -20)"
		[ "$kernel" = yes ] || continue
		case $name in
		root*)
			diff=$(diff <(tap_of "$tmp/$c.kernel") <(tap_of "$tmp/$c.$name"))
			is "$c, $name: as on the kernel" "$diff" ""
			;;
		esac
	done
}

as_user=()
[ "$(id -u)" = 0 ] && as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)

[ "$(id -u)" = 0 ] && world root "$PINFS" run --store "$store" --
[ "$(id -u)" = 0 ] && world root-redirect "$PINFS" run --store "$store" --redirect --
if "${as_user[@]}" unshare -Urm true 2>/dev/null; then
	world userns "${as_user[@]}" "$PINFS" run --store "$store.u" --
	world keep-uid "${as_user[@]}" "$PINFS" run --store "$store.u" --keep-uid --
else
	skip "no user namespaces for plain users"
fi
world plain-redirect "${as_user[@]}" "$PINFS" run --store "$store.u" --no-userns --redirect --

# Behind an outer filter bpf(2) of static programs is answered by that filter; paths are served.
out=$("$tmp/outer" "$PINFS" run --store "$store.u" -v -- sh -c 'mkdir /sys/fs/bpf/d && stat -f -c %t /sys/fs/bpf && rmdir /sys/fs/bpf/d' 2>"$tmp/err")
is "paths behind an outer filter" "$out" cafe4a11
like "it is told to be redirection" "$(cat "$tmp/err")" "redirect"
plan
