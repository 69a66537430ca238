#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Random bpf(2) attrs and random programs: the same on the kernel, through the library and
# through the supervisor, compared block by block of 1000.
#
# $PINFS_FUZZ_CALLS and $PINFS_FUZZ_PROGS are the counts (1,000,000 each; 0: none), $SEED repeats a run; else it is the
# time, and printed. Of calls that differ, three blocks are shown call by call; programs of a
# block that differs are all classified.
# A program whose result varies on the kernel itself (it reads stack that it never wrote) says nothing.
cd "$(dirname "$0")/.." || exit 1
. tests/lib/cli.sh
export LC_ALL=C # join and sort agree; what is unsafe sorts first

export PINFS_FUZZ_CALLS=${PINFS_FUZZ_CALLS:-1000000} PINFS_FUZZ_PROGS=${PINFS_FUZZ_PROGS:-1000000}
seed=${SEED:-$(date +%s)}
limit=$((60 + PINFS_FUZZ_CALLS / 1000))
fuzz=$TOP/$B/fuzz/bpf_attr

why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"

# The calls of one block that are answered otherwise.
calls_of() {
	world kernel "$fuzz" -v -s "$seed" -b "$2" >"$WORK/v.kernel" 2>/dev/null </dev/null
	world root "$1" -v -s "$seed" -b "$2" >"$WORK/v.pinfs" 2>&1 </dev/null
	diff "$WORK/v.kernel" "$WORK/v.pinfs" | grep '^[<>]' | grep -v block | sort -s -n -k2,2 | head -n 6 |
		sed 's/^</kernel:/; s/^>/pinfs: /' | diag
}

# compare WAY PROGRAM: one check a block; of what differs the first three are shown.
compare() {
	local way=$1 program=$2 shown=0 line block
	world root timeout "$limit" "$program" -s "$seed" >"$WORK/$way" 2>"$WORK/err" </dev/null
	is "$way: exit status after $PINFS_FUZZ_CALLS calls" $? 0
	while IFS= read -r line; do
		case $line in
		block*) block=${line#block } block=${block%% *} ;;
		*) continue ;;
		esac
		if grep -qFx -- "$line" "$WORK/$way"; then
			ok "$way: $line"
			continue
		fi
		not_ok "$way: $line"
		[ $((shown++)) -ge 3 ] || calls_of "$program" "$block"
	done <"$WORK/kernel"
}

# What is between two answers to one program, both "NUMBER ok ..." or "NUMBER ERRNO reason":
# unsafe, stricter, other errno, other result. One line each, of those that no line of tests/abi/stricter covers.
classify() {
	join -j 1 <(sed 's/ /\t/' "$1" | tr ' ' '~' | sort) <(sed 's/ /\t/' "$2" | tr ' ' '~' | sort) -t "$(printf '\t')" |
		tr '~' ' ' | awk -F '\t' -v list=tests/abi/stricter '
		BEGIN { while ((getline line < list) > 0) if (line !~ /^#/ && line != "") known[line] = 1 }
		function is_known(text,   k) { for (k in known) if (text ~ k) return 1; return 0 }
		{
			k = $2; p = $3; sub(/ .*/, "", k); sub(/ .*/, "", p)
			if ($2 == "ok varies" && p == "ok") { varies++; next }
			if (k == "ok" && p == "ok") { if ($2 != $3) print "other result: " $0; next }
			if (p == "ok") { print "UNSAFE, refused by the kernel: " $0; next }
			if (k != p && is_known($3)) { documented++; next }
			# Both refuse; which limit or error is met first hangs on the order of the walk.
			if (k != p && $2 ~ /too large|too complex/) { documented++; next }
			if (k == "ok") print "stricter: " $0
			else if (k != p) print "other errno: " $0
		}
		END {
			if (documented) print "documented " documented > "/dev/stderr"
			if (varies) print "varies " varies > "/dev/stderr"
		}'
}

progs_of() {
	world kernel "$progs" -v -s "$seed" -b "$2" 2>/dev/null </dev/null | grep -v ' of seed ' >"$WORK/v.kernel"
	world root "$1" -v -s "$seed" -b "$2" 2>/dev/null </dev/null | grep -v ' of seed ' >"$WORK/v.pinfs"
	classify "$WORK/v.kernel" "$WORK/v.pinfs" 2>>"$WORK/documented"
}

# compare_progs WAY PROGRAM: one check a block. A block may differ by what is documented alone.
compare_progs() {
	local way=$1 program=$2 shown=0 line block what
	: >"$WORK/documented"
	world root timeout "$prog_limit" "$program" -s "$seed" >"$WORK/$way" 2>"$WORK/err" </dev/null
	is "$way: exit status after $PINFS_FUZZ_PROGS programs" $? 0
	while IFS= read -r line; do
		case $line in
		block*) block=${line#block } block=${block%% *} ;;
		*) continue ;;
		esac
		if grep -qFx -- "$line" "$WORK/$way"; then
			ok "$way: $line"
		elif ! grep -q "^block $block " "$WORK/$way"; then
			not_ok "$way: block $block did not come"
		elif [ $((shown++)) -ge "${PINFS_FUZZ_SHOW:-20}" ]; then
			not_ok "$way: $line (not looked at)"
		else
			what=$(progs_of "$program" "$block")
			if [ -z "$what" ]; then
				ok "$way: block $block, as documented"
			else
				not_ok "$way: $line"
				sort <<<"$what" | head -n 12 | diag
				echo "# $(wc -l <<<"$what") programs of this block differ; prog_gen -s $seed -p NUMBER shows one"
			fi
		fi
	done <"$WORK/kernel"
	awk -v way="$way" '{ n[$1] += $2 } END {
		print "# " way ": " n["documented"] + 0 " programs stricter as documented"
		print "# " way ": " n["varies"] + 0 " programs whose result varies on the kernel itself"
	}' "$WORK/documented"
}

if [ "$PINFS_FUZZ_CALLS" -gt 0 ]; then
	echo "# seed $seed, $PINFS_FUZZ_CALLS calls"
	world kernel timeout "$limit" "$fuzz" -s "$seed" >"$WORK/kernel" 2>"$WORK/err" </dev/null ||
		{ not_ok "the calls on the kernel"; diag <"$WORK/err"; done_testing; }
	compare preload "$fuzz"
	compare notify "$fuzz.static"
fi
if [ "$PINFS_FUZZ_PROGS" -gt 0 ]; then
	prog_limit=$((120 + PINFS_FUZZ_PROGS / 200))
	progs=$TOP/$B/fuzz/prog_gen
	echo "# seed $seed, $PINFS_FUZZ_PROGS programs"
	world kernel timeout "$prog_limit" "$progs" -s "$seed" >"$WORK/kernel" 2>"$WORK/err" </dev/null ||
		{ not_ok "the programs on the kernel"; diag <"$WORK/err"; done_testing; }
	grep '^block' "$WORK/kernel" | awk '{ a += $6; n += $8 } END { print "# accepted by the kernel: " a " of " n }'
	compare_progs preload "$progs"
	compare_progs notify "$progs.static"
fi
done_testing
