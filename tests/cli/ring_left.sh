# SPDX-License-Identifier: BSD-2-Clause
# Records of ring buffers whose producers do not come back: discarded by who meets them, and by gc.
cd "$(dirname "$0")/../.." && . tests/lib/cli.sh
new_store
cat >"$WORK/gc" <<END
#!/bin/sh
unset LD_PRELOAD
"$PINFS" gc --store "$STORE" >"$WORK/gc.out"
END
chmod +x "$WORK/gc"
in_store "$TOP/$B/tests/clients/ring_left" "$WORK/gc" "$STORE/bpf-map" | sed 's/^1\.\.[0-9]*$//' | while read -r line; do
	[ -n "$line" ] && echo "$line"
done >"$WORK/out"
while read -r line; do
	case $line in
	"ok "*) ok "${line#*- }" ;;
	"not ok "*) not_ok "${line#*- }" ;;
	esac
done <"$WORK/out"
is "sixteen answers" "$(grep -c "^ok" "$WORK/out")" 16
is "gc counts it" "$(grep elements "$WORK/gc.out" | tr -s ' ')" "elements 1"
done_testing
