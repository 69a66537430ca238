# SPDX-License-Identifier: BSD-2-Clause
# The log's reason lines of the rows that are refused, beside the kernel's. Those that differ are counted and listed; each has
# to be named, as "PROGRAM: ROW", in tests/abi/reasons.
cd "$(dirname "$0")/../.." && . tests/lib/cli.sh
why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"

all=0 same=0
for program in "$TOP/$B"/tests/abi/verifier_rows_*; do
	case $program in *.static | *.d | *.o) continue ;; esac
	name=$(basename "$program")
	world kernel timeout 120 "$program" reasons >"$WORK/kernel" 2>/dev/null </dev/null
	world root timeout 120 "$program" reasons >"$WORK/pinfs" 2>"$WORK/err" </dev/null
	[ -s "$WORK/kernel" ] || { not_ok "$name prints reasons on the kernel"; continue; }
	bad=0
	while IFS= read -r line; do
		all=$((all + 1))
		if grep -qxF -- "$line" "$WORK/pinfs"; then
			same=$((same + 1))
			continue
		fi
		row=$(grep -oE '^[^:]*: [^:]*' <<<"$line")
		echo "# kernel: $line"
		grep -F -- "$row: " "$WORK/pinfs" | head -n 1 | sed 's/^/# pinfs:  /'
		grep -qxF -- "$name: $row" tests/abi/reasons || bad=$((bad + 1))
	done <"$WORK/kernel"
	is "$name: reasons that differ and are not in tests/abi/reasons" "$bad" 0
done
echo "# $same of $all reason lines are the kernel's"
done_testing
