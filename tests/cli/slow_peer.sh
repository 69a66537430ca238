#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A client in a call that takes long, or that is stopped in it, or whose memory does not come, delays no other: on the
# kernel, and in each way that calls of static programs reach the supervisor; a dynamic one serves itself.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

clients=$TOP/$B/tests/clients
kinds="run load batch stopped stopload page pages"

# together WAY CMD...: a line of each kind says that the other client has got on
together() {
	local way=$1 kind line out
	shift
	out=$("$@" $kinds 2>&1 </dev/null)
	for kind in $kinds; do
		line=$(grep "^$kind: " <<<"$out")
		case $line in
		*'slow call: Operation not permitted' | *'slow call: Function not implemented')
			if [[ $kind = page* ]]; then
				skip "$way: $kind: no userfaultfd here"
				continue
			fi
			;;
		esac
		is "$way: $line" "${line:-$out}" "$kind: 300 calls meanwhile"
	done
}

why=$(no_world kernel)
if [ -z "$why" ]; then
	together kernel world kernel timeout 300 "$clients/slow_peer.static"
else
	skip "kernel: $why"
fi
together notify timeout 300 "$PINFS" run --fresh -- "$clients/slow_peer.static"
together preload timeout 300 "$PINFS" run --fresh -- "$clients/slow_peer"
if [ "$(id -u)" = 0 ]; then
	together trace timeout 300 env OUTER_CAPS=1 "$OUTER" "$PINFS" run --fresh -- "$clients/slow_peer.static"
else
	skip "trace: not root"
fi
"$clients/limits" nnp listener -- true 2>/dev/null
case $? in
0) together stops timeout 300 "$clients/limits" nnp listener -- "$PINFS" run --fresh -- "$clients/slow_peer.static" ;;
*) skip "stops: no other listener can be had here" ;;
esac
done_testing
