#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Installs the Debian packages that are missing, and says nothing when none is.
#
# A package is asked for by name with dpkg-query, which takes milliseconds, so
# that every `make test` can begin with this.

set -u

packages="gcc make bpftool libbpf-dev libjson-c-dev libpcap-dev libcmocka-dev libseccomp-dev clang clang-format
	musl-tools libelf-dev zlib1g-dev libcap2-bin universal-ctags gdb strace jq gcc-multilib libclang-rt-14-dev"

command -v dpkg-query >/dev/null 2>&1 || {
	echo "deps: no dpkg here; please install the equivalents of:" $packages >&2
	exit 0
}

# Any go will do, Debian's or another.
command -v go >/dev/null 2>&1 || [ -x /usr/local/go/bin/go ] || packages="$packages golang-go"

installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $packages 2>/dev/null | sed -n 's/^.i  *//p')
missing=
for p in $packages; do
	case "
$installed
" in
	*"
$p
"*) ;;
	*) missing="$missing $p" ;;
	esac
done
# Version 4 of the instruction set wants a newer clang than Debian 12's own; where there is none its tests skip.
optional=
for p in clang-22 clang-19; do
	command -v $p >/dev/null 2>&1 && optional= && break
	apt-cache show $p >/dev/null 2>&1 && optional=$p
done
[ -n "$missing$optional" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null 2>&1 || {
		echo "deps: missing:$missing (neither root nor sudo to install them)" >&2
		exit 1
	}
	as_root=sudo
fi

install() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

if [ -n "$missing" ]; then
	echo "deps: installing$missing"
	# The package lists may be good enough; if not, once more with fresh ones.
	install $missing 2>/dev/null || { $as_root apt-get update -qq && install $missing; } || exit 1
fi
if [ -n "$optional" ]; then
	echo "deps: installing $optional"
	install "$optional" || echo "deps: no $optional: what needs it is skipped" >&2
fi
exit 0
