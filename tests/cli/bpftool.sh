# SPDX-License-Identifier: BSD-2-Clause
#
# Every sub-command of bpftool, and what people type around clients, on the kernel and under pinfs. The
# table of all of them is docs/CLIENTS.md, which this test compares; REWRITE=1 (make clients-doc) writes it.

cd "$(dirname "$0")/../.." && . tests/lib/cli.sh

doc=docs/CLIENTS.md
head='# What clients do, on the kernel and here'
export OBJ=$TOP/$B/tests/clients/bpf CLIENTS=$TOP/$B/tests/clients

# Ids, times, sizes of code and addresses are each machine's own.
normal() {
	sed -E -e "s,$WORK/d-[a-z]+,DIR,g; s,$OBJ,OBJ,g; s,$CLIENTS/,,g; s,$TOP/,,g; s,$CG,CGROUP,g" \
		-e 's/^([[:space:]]*)[0-9]+: ([a-z_]+  )/\1ID: \2/' \
		-e 's/"(id|prog_id|map_id|btf_id|pid|ifindex)": ?[0-9]+/"\1":ID/g' \
		-e 's/\b(id|by id|btf_id|prog_id|map_id|prog|pid) \(?[0-9]+\)?/\1 ID/g' \
		-e 's/(map_ids|prog_ids) [0-9,]+/\1 IDS/g' \
		-e 's/"(map_ids|prog_ids)": ?\[[0-9,]*/"\1":[IDS/g; s/(inner_map_id[": ]+)[0-9]+/\1ID/g' \
		-e 's/map\[id:[0-9]+\]/map[id:ID]/g' \
		-e 's/"bytes_(memlock|jited|xlated)": ?[0-9]+/"bytes_\1":N/g; s/memlock [0-9]+B/memlock NB/' \
		-e 's/(xlated|jited) [0-9]+B/\1 NB/g' \
		-e 's/loaded_at [^ ]+/loaded_at T/; s/"loaded_at": ?[0-9]+/"loaded_at":T/' \
		-e 's/= 0x(0|ffff[0-9a-f]{12}) *(; R1=map_ptr)/= ADDRESS \2/' \
		-e 's/^( *)[0-9]+ +(cgroup_)/\1ID \2/; s/((cgroup_id|netns_ino)[": ]+)[0-9]+/\1N/g' \
		-e 's/^(v[01] .* skb) +[0-9]+ +/\1 ID /' -e 's/(duration[^0-9]*)[0-9]+/\1N/g' -e 's/^[0-9]+: /ID: /'
}

why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"
command -v jq >/dev/null || skip_all "no jq"
cgroups=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
[ -n "$cgroups" ] || skip_all "no cgroup2"

# Own devices and processes: of both there is nothing else to be seen.
body() {
	local D=$WORK/d-$2 CG
	mkdir -p "$D" && CG=$(mktemp -d "$cgroups/pinfs-test.XXXXXX") || exit 1
	D=$D CG=$CG unshare -n -p -f --mount-proc bash -c '. tests/lib/cli.sh; world "$@"' sh "$2" bash "$1" 2>&1 | normal >>"$WORK/out-$2"
	rmdir "$CG"
}

# One after the other: xdp-loader has one lock for the whole machine.
for body in tests/lib/bpftool-body.sh tests/lib/typed-body.sh; do
	body $body kernel
	body $body root
done

awk -f tests/lib/compare-blocks.awk -v rows="$WORK/rows" "$WORK/out-kernel" "$WORK/out-root" >"$WORK/verdict"
while IFS=$'\t' read -r verdict text; do
	case $verdict in
	same) ok "$text" ;;
	known) ok "$text (known to differ)" ;;
	stale) not_ok "$text: is the same, but has a reason for a difference" ;;
	differs) not_ok "$text" ;;
	*) echo "# $text" ;;
	esac
done <"$WORK/verdict"

cat - "$WORK/rows" >"$TOP/$B/CLIENTS.md" <<EOS
$head

Each command as typed, with Debian 12's bpftool 7.1, on Linux 6.18 and under \`pinfs run\`, on objects that the
same commands made. "The same" means status and every line of output, of all three forms where it says \`[-j|-p]\`;
ids, times and sizes of code apart. Libraries are held against the kernel elsewhere: libbpf 1.1 and 1.7, shared and static, and libbpf-rs
by \`tests/cli/libbpf_versions.sh\`, \`sudo\` in front of everything by \`tests/cli/sudo.sh\`. This page is written by \`make clients-doc\`, and \`tests/cli/bpftool.sh\` fails when it is not true.
EOS
# Of tools that are not installed here the page has rows, and we have none.
absent=$(sed -n 's/^?? //p' "$WORK/out-kernel" | sort -u)
for tool in $absent; do
	skip "$tool: not installed"
done
if [ -n "$absent" ]; then
	is "$doc tells all that was seen" "$(diff $doc "$TOP/$B/CLIENTS.md" | grep '^>')" ""
else
	[ -z "$REWRITE" ] || cp "$TOP/$B/CLIENTS.md" $doc
	works "$doc tells what was seen (else: make clients-doc)" diff $doc "$TOP/$B/CLIENTS.md"
fi
done_testing
