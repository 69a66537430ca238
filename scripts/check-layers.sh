#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Holds the include graph against the layers: a file may include its own layer
# and those on the right of its arrow, nothing else.
#
# Also: which headers of the C library a layer that runs inside other people's
# processes may not see, and that system calls are made in one place.

set -u
cd "$(dirname "$0")/.." || exit 1

declare -A may=(
	[util]=""
	[shm]="util"
	[store]="util shm"
	[btf]="util shm store"
	[map]="util shm store btf"
	[isa]="util"
	[helper]="util shm store btf map"
	[progtype]="util isa btf map helper"
	[verifier]="util isa btf map helper progtype"
	[exec]="util shm isa helper map"
	[prog]="util shm store isa btf map helper progtype verifier exec"
	[link]="util shm store isa btf map helper progtype verifier exec prog"
	[sys]="util shm store isa btf map helper progtype verifier exec prog link"
	[frontend/preload]="util shm store isa btf map helper progtype verifier exec prog link sys"
	[frontend/trace]="util"
	[frontend/notify]="frontend/trace util shm store isa btf map helper progtype verifier exec prog link sys"
)
tool_may="util/* store/* link/attach.h link/clsact.h sys/drive.h sys/sys.h sys/run.h sys/caller.h frontend/notify/* shm/actor.h prog/trace.h"

bad=0
complain() {
	echo "$1:$2: $3" >&2
	bad=1
}

layer_of() {
	local dir=${1%/*}

	case $dir in
	frontend/*) echo "$dir" ;;
	*) echo "${dir%%/*}" ;;
	esac
}

check_file() {
	local file=$1 own=$2 line inc to l

	while IFS=: read -r line inc; do
		inc=${inc#*\"} inc=${inc%\"*}
		if [[ $inc != */* ]]; then
			complain "$file" "$line" "\"$inc\": write it as \"layer/file.h\""
			continue
		fi
		to=$(layer_of "$inc")
		[[ $to == "$own" ]] && continue
		for l in ${may[$own]}; do
			[[ $to == "$l" ]] && continue 2
		done
		complain "$file" "$line" "$own may not include \"$inc\""
	done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$file")
}

check_tool() {
	local file=$1 line inc p

	while IFS=: read -r line inc; do
		inc=${inc#*\"} inc=${inc%\"*}
		[[ $inc == tool/* || -e tool/${inc##*/} ]] && continue
		for p in $tool_may; do
			# shellcheck disable=SC2053
			[[ $inc == $p ]] && continue 2
		done
		complain "$file" "$line" "tool may not include \"$inc\""
	done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$file")
}

for file in $(find src -name '*.[ch]' | sort); do
	own=$(layer_of "${file#src/}")
	if [ -z "${may[$own]+x}" ]; then
		complain "$file" 1 "$own is no layer"
		continue
	fi
	check_file "$file" "$own"
done
for file in $(find tool -name '*.[ch]' | sort); do
	check_tool "$file"
done

# Code that can run inside a stranger's process, in a signal handler.
quiet=$(find src -name '*.c' -not -path 'src/frontend/notify/*' -not -path 'src/frontend/trace/*' -not -path 'src/sys/fs_*' | sort)
while IFS=: read -r file line text; do
	[ -n "$file" ] && complain "$file" "$line" "not in other people's processes: $text"
done < <(grep -nE '\b(malloc|calloc|realloc|abort|exit|_exit|assert|printf|fprintf|snprintf|puts|perror)\(' $quiet /dev/null |
	grep -vE ':[0-9]+:[[:space:]]*(/?\*|//)' | grep -vE '/\*.*(malloc|exit|abort|printf).*\*/')

# A cycle cannot hide behind the arrows above: they are a DAG, and this says so.
for l in "${!may[@]}"; do
	echo "$l $l"
	for m in ${may[$l]}; do
		echo "$l $m"
	done
done | tsort >/dev/null || bad=1

exit $bad
