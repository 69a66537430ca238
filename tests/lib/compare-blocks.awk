# SPDX-License-Identifier: BSD-2-Clause
#
# Compares what a body printed in two worlds, block by block, and makes rows of a table.
#
#     awk -f compare-blocks.awk -v rows=FILE KERNEL PINFS
#
# A block begins with "$ COMMAND" and ends before the next one; it has one "-> STATUS" or more. "== TEXT" begins a
# part, "!! REASON" says that the next block is known to differ, and why,
# "?? TOOL" that it is not there. Printed, with tabs: "same" or
# "differs", "known", "stale" (a reason without a difference) and the command; "#" and a line of evidence.

function outcome(b,    n, l, i, said, first) {
	n = split(b, l, "\n")
	for (i = 2; i <= n; i++) {
		if (l[i] ~ /^-> /) {
			if (l[i] == "-> 0")
				return "works"
			if (l[i] == "-> 124")
				return "runs until stopped"
			return said == "" ? "status " substr(l[i], 4) : said
		}
		if (match(l[i], /"error": ?".*"}/) && said == "")
			said = substr(l[i], RSTART, RLENGTH - 1)
		if (l[i] ~ /^(Error|libbpf|bpftool|Usage|[a-z]+): / && (said == "" || l[i] ~ /^Error: /))
			said = l[i]
	}
	return "ended early"
}

function cell(s) {
	gsub(/\|/, "\\|", s)
	gsub(/</, "\\&lt;", s)
	return s
}

# The next block of a file; its part and reason are left in PART and WHY.
function block(file,    s, line) {
	s = pending[file]
	PART = part[file]
	WHY = why[file]
	pending[file] = why[file] = ""
	while ((getline line < file) > 0) {
		if (line ~ /^== /)
			part[file] = substr(line, 4)
		else if (line ~ /^!! /)
			why[file] = substr(line, 4)
		else if (line ~ /^\?\? /)
			continue
		else if (line ~ /^\$ /) {
			if (s != "") {
				pending[file] = line "\n"
				return s
			}
			s = line "\n"
			PART = part[file]
			WHY = why[file]
			why[file] = ""
		} else
			s = s line "\n"
	}
	return s
}

function evidence(whose, b,    n, l, i) {
	n = split(b, l, "\n")
	for (i = 1; i < n && i < 40; i++)
		print "#\t" whose l[i]
}

function row(cmd, b, a, same) {
	if (PART != shown) {
		printf "\n## %s\n\n| command | kernel | pinfs | |\n|---|---|---|---|\n", PART > rows
		shown = PART
	}
	printf "| `%s` | %s | %s | %s |\n", cell_code(cmd), cell(outcome(a)), \
		same ? "the same" : outcome(a) == outcome(b) ? outcome(b) ", other text" : cell(outcome(b)), cell(WHY) > rows
}

function cell_code(s) {
	gsub(/\|/, "\\|", s)
	return s
}

BEGIN {
	kernel = ARGV[1]
	pinfs = ARGV[2]
	ARGC = 1
	while ((a = block(kernel)) != "") {
		a_part = PART
		a_why = WHY
		b = block(pinfs)
		PART = a_part
		WHY = a_why
		split(a, first, "\n")
		cmd = substr(first[1], 3)
		same = a == b
		print (same ? (WHY == "" ? "same" : "stale") : WHY == "" ? "differs" : "known") "\t" cmd
		if (!same && WHY == "") {
			evidence("kernel: ", a)
			evidence("pinfs:  ", b)
		}
		row(cmd, b, a, same)
	}
	if (block(pinfs) != "")
		print "differs\tmore than the kernel did"
}
