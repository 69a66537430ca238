# SPDX-License-Identifier: BSD-2-Clause
#
# For bodies that are run in several worlds: what they do, in blocks that tests/lib/compare-blocks.awk reads.
#
#     part TEXT        a part of the table
#     t CMD...         the command, what it says, its status
#     j ARGS...        bpftool ARGS as text, with -j and with -p
#     s SHELL [WHAT]   a line of shell, shown without what only filters it; WHAT of it is compared
#     differs REASON   what comes next is not as on the kernel, and why
#     need TOOL        false where it is not installed, which is said
#
# $OBJ has object files, $CLIENTS programs, $D is an empty directory, $CG a directory of cgroup2.

export LC_ALL=C PATH=$PATH:/usr/sbin
B=/sys/fs/bpf

part() { echo "== $*"; }
differs() { echo "!! $*"; }

t() {
	echo "\$ $*"
	timeout 60 "$@" </dev/null 2>&1
	echo "-> $?"
}

s() {
	case $1 in
	bpftool*) echo "\$ ${1%% | *}${2:+ # $2}" ;;
	*) echo "\$ $1${2:+ # $2}" ;;
	esac
	timeout 60 sh -c "$1" </dev/null 2>&1
	echo "-> $?"
}

j() {
	echo "\$ bpftool [-j|-p] $*"
	for how in '' -j -p; do
		timeout 60 bpftool $how "$@" </dev/null 2>&1
		echo "-> $?"
	done
}

need() {
	command -v "$1" >/dev/null || {
		echo "?? $1"
		return 1
	}
}
