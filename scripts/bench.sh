#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs every benchmark of bench/, kernel and pinfs side by side, and names the machine.

set -u
cd "$(dirname "$0")/.." || exit 1
export TOP=$PWD B=${B:-build}
export PINFS=$TOP/$B/pinfs

cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)
echo "machine: ${cpu:-unknown CPU}, $(nproc) CPUs, Linux $(uname -r), $(gcc -dumpfullversion 2>/dev/null | sed 's/^/gcc /')"
rc=0
for src in bench/*.c bench/*.sh; do
	[ -e "$src" ] || continue
	echo
	echo "== ${src##*/}"
	case $src in
	*.sh) bash "$src" || rc=1 ;;
	*) "./$B/${src%.c}" || rc=1 ;;
	esac
done
exit $rc
