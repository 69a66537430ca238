# SPDX-License-Identifier: BSD-2-Clause
#
# For tests of damaged files: a small generator, so that the seed says it all, and
# what is done to a file. damage leaves in $did what it was.
seed=${SEED:-1}
state=$seed

# The result is in $r.
rnd() {
	state=$(((state * 1103515245 + 12345) & 0x7fffffff))
	r=$(((state >> 8) % $1))
}

byte_at() { # FILE OFFSET
	rnd 256
	printf "\\x$(printf %x "$r")" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

damage() { # FILE
	local size way at
	size=$(stat -c %s "$1")
	rnd 6; way=$r
	rnd "$size"; at=$r
	case $way in
	0) truncate -s "$at" "$1"; did="cut to $at of $size" ;;
	1) dd if=/dev/zero of="$1" bs=1 seek="$at" count=600 conv=notrunc status=none; did="zeroes at $at" ;;
	2) rnd 512; at=$r; byte_at "$1" "$at"; did="a byte at $at" ;;
	*) byte_at "$1" "$at"; did="a byte at $at" ;;
	esac
}
