# SPDX-License-Identifier: BSD-2-Clause
#
# Readers of rings that are stopped and killed, on the kernel, with the library, and without it; and
# readers that sleep before a record of a producer that is killed.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

why=$(no_world root)
[ -z "$why" ] || skip_all "$why"

# take TEXT COMMAND...: its checks are ours
take() {
	local text=$1 line n=0
	shift
	while IFS= read -r line; do
		case $line in
		"ok "*) ok "$text: ${line#*- }" ;;
		"not ok "*) not_ok "$text: ${line#*- }" ;;
		"1.."*) n=${line#1..} ;;
		esac
	done < <("$@" 2>&1)
	[ "$n" -gt 0 ] || not_ok "$text: did not end"
}

soak=$TOP/$B/tests/clients/ring_soak
why=$(no_world kernel)
if [ -z "$why" ]; then
	PINFS_TEST_SCALE=5 take "kernel" world kernel "$soak"
else
	skip "kernel: $why"
fi
take "preload" world root "$soak"
RING_SOAK_EPOLL=1 take "notify" world root "$soak.static"
dead=$TOP/$B/tests/clients/ring_dead
take "preload" world root "$dead"
RING_SOAK_EPOLL=1 take "notify" world root "$dead.static"
done_testing
