# SPDX-License-Identifier: BSD-2-Clause
#
# For the shell tests: TAP, and the worlds that a command can be run in.
#
#     . tests/lib/cli.sh
#     is "the second create fails" "$got" "$want"
#     done_testing
#
# $WORK is a directory of the test's own, removed at its end, that any user may
# enter. world NAME CMD... runs CMD in one of
#
#     kernel    the machine's own BPF, with a new bpffs at /sys/fs/bpf that nobody else sees
#     root      pinfs run
#     user      pinfs run as an unprivileged user
#     nothing   the same behind a filter that forbids what Docker's default profile forbids
#     outer     behind that filter as root, with all capabilities
#
# and no_world NAME tells why not, if it cannot be had here.

TOP=${TOP:-$PWD}
B=${B:-build}
PINFS=${PINFS:-$TOP/$B/pinfs}
OUTER=$TOP/$B/tests/clients/outer-filter
WORK=$(mktemp -d "${TMPDIR:-/tmp}/pinfs-cli.XXXXXX") || exit 1
chmod 755 "$WORK"
trap 'rm -rf "$WORK"' EXIT
export WORK TOP B PINFS

tap_n=0 tap_bad=0

ok() { echo "ok $((++tap_n)) - $*"; }

not_ok() {
	echo "not ok $((++tap_n)) - $*"
	tap_bad=1
}

skip() { echo "ok $((++tap_n)) # SKIP $*"; }

diag() { sed 's/^/# /'; }

# is TEXT GOT WANT
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1"
		diff <(printf '%s\n' "$3") <(printf '%s\n' "$2") | sed -n 's/^</wanted:/p; s/^>/got:   /p' | diag
	fi
}

# like TEXT GOT REGEX: some line of GOT matches.
like() {
	if grep -qE -- "$3" <<<"$2"; then
		ok "$1"
	else
		not_ok "$1"
		printf 'wanted a line like: %s\ngot:\n%s\n' "$3" "$2" | diag
	fi
}

# works TEXT CMD... / fails TEXT CMD...
works() {
	local text=$1 out rc
	shift
	out=$("$@" 2>&1)
	rc=$?
	[ $rc = 0 ] && ok "$text" && return
	not_ok "$text: exit status $rc"
	diag <<<"$out"
	return $rc
}

fails() {
	local text=$1 out
	shift
	out=$("$@" 2>&1) || { ok "$text" && return; }
	not_ok "$text: exit status 0"
	diag <<<"$out"
}

# compare_lines TEXT: $WORK/kernel with $WORK/pinfs, a check a line
compare_lines() {
	local line

	while IFS= read -r line; do
		case $line in
		=*) ok "$1: ${line:1}" ;;
		-*) not_ok "$1: ${line:1}" ;;
		+*) not_ok "$1: ${line:1} (not on the kernel)" ;;
		esac
	done < <(diff --unchanged-line-format='=%L' --old-line-format='-%L' --new-line-format='+%L' "$WORK/kernel" "$WORK/pinfs")
}

done_testing() {
	echo "1..$tap_n"
	exit $tap_bad
}

# Everything in the test is skipped.
skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

# The command where an unprivileged user can reach it: the checkout may be in a closed home.
install_for_user() {
	[ -d "$WORK/bin" ] && return
	mkdir "$WORK/bin"
	cp "$TOP/$B/pinfs" "$TOP/$B/libpinfs-preload.so" "$WORK/bin/"
	cp -a "$TOP/$B/sudo" "$WORK/bin/"
	[ ! -e "$OUTER" ] || cp "$OUTER" "$WORK/bin/outer-filter"
	chmod -R a+rX "$WORK/bin"
}

as_user() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/ "$@"
	else
		"$@"
	fi
}

kernel_has_bpf() {
	[ "$(id -u)" = 0 ] && unshare -m sh -c 'mount -t bpf none /sys/fs/bpf && bpftool map list' >/dev/null 2>&1
}

kernel_is_the_oracle() {
	case $(uname -r) in
	6.18 | 6.18.* | 6.18-*) kernel_has_bpf ;;
	*) return 1 ;;
	esac
}

no_world() {
	case $1 in
	kernel) kernel_is_the_oracle || echo "the kernel is not 6.18 with BPF for root" ;;
	user)
		as_user unshare -Urm true 2>/dev/null || echo "no user namespaces for unprivileged users here"
		;;
	nothing | outer) [ -x "$OUTER" ] || echo "no outer filter was built" ;;
	root) [ "$(id -u)" = 0 ] || echo "not root" ;;
	esac
}

# RUN_OPTS are options of pinfs run; an empty store of its own is the default.
world() {
	local name=$1
	shift
	case $name in
	kernel)
		unshare -m sh -c 'mount --make-rprivate /
			while umount /sys/fs/bpf 2>/dev/null; do :; done
			mount -t bpf bpf /sys/fs/bpf && exec "$@"' sh "$@"
		;;
	root) "$PINFS" run ${RUN_OPTS:---fresh} -- "$@" ;;
	user)
		install_for_user
		as_user "$WORK/bin/pinfs" run ${RUN_OPTS:---fresh} -- "$@"
		;;
	outer) OUTER_CAPS=1 "$OUTER" "$PINFS" run ${RUN_OPTS:---fresh} -- "$@" ;;
	nothing)
		install_for_user
		as_user "$WORK/bin/outer-filter" "$WORK/bin/pinfs" run ${RUN_OPTS:---fresh} -- "$@"
		;;
	esac
}

# A store that several commands share; removed at the end.
new_store() {
	STORE=/dev/shm/pinfs-test.$$
	[ -w /dev/shm ] || STORE=$WORK/store
	rm -rf "$STORE"
	trap 'rm -rf "$WORK" "$STORE"' EXIT
}

in_store() { "$PINFS" run --store "$STORE" -- "$@"; }
pinfs() { "$PINFS" "$1" --store "$STORE" "${@:2}"; }

# What is listed, without the heading and the machine's own BTF, which is always there.
listed() { pinfs ls "$@" | grep -vE '^PATH |^- +btf +- +1 +vmlinux '; }
