# SPDX-License-Identifier: BSD-2-Clause
# pinfs gc: what a killed process leaves is given back, and nothing else.
cd "$(dirname "$0")/../.." && . tests/lib/cli.sh
new_store

in_store bpftool map create /sys/fs/bpf/kept type hash key 4 value 4 entries 10 name kept
in_store bpftool map update pinned /sys/fs/bpf/kept key 1 0 0 0 value 2 0 0 0
is "nothing to do" "$(pinfs gc | tr '\n' ' ')" "objects 0 elements 0 references 0 temporaries 0 instances 0 "

# An object in the making, of an actor that is no more; a reference of a map that is no more.
: >"$STORE/bpf-map/.tmp.4000000.0"
kept=$(ls "$STORE/bpf-map")
ln "$STORE/bpf-map/$kept" "$STORE/refs/bpf-map.999999.1"
mkdir -p "$STORE/fs/.gone.7/a/b"
ln "$STORE/bpf-map/$kept" "$STORE/fs/.gone.7/a/b/pin"
out=$(pinfs gc -j)
is "a temporary is removed" "$(sed -n 's/.*"temporaries":\([0-9]*\).*/\1/p' <<<"$out")" 1
is "a reference without a holder is removed" "$(sed -n 's/.*"references":\([0-9]*\).*/\1/p' <<<"$out")" 1
is "a removal that was cut short is ended" "$(sed -n 's/.*"instances":\([0-9]*\).*/\1/p' <<<"$out")" 1
is "the map is untouched" "$(in_store bpftool map lookup pinned /sys/fs/bpf/kept key 1 0 0 0)" \
	"key: 01 00 00 00  value: 02 00 00 00"
is "and has one reference again" "$(pinfs ls | awk 'NR == 2 { print $6, $7 }')" "1 0"
is "nothing left to do" "$(pinfs gc | tr '\n' ' ')" "objects 0 elements 0 references 0 temporaries 0 instances 0 "
done_testing
