# SPDX-License-Identifier: BSD-2-Clause
# The command itself: help from the rows, shortened words, errors in both voices.
cd "$(dirname "$0")/../.." && . tests/lib/cli.sh
new_store

verbs=$("$PINFS" --verbs)
is "all verbs are there" "$(echo $verbs)" "run mount umount ls prog feed attach detach trace gc doctor version"
like "usage names them" "$("$PINFS" --help)" '^  doctor '
fails "no verb is an error" "$PINFS"
for v in $verbs; do
	out=$("$PINFS" $v --help)
	is "$v --help works" "$?" 0
	like "$v --help shows its usage" "$out" "^usage: pinfs $v "
	like "$v --help shows its options" "$out" '--help'
done
like "an unknown verb is named" "$("$PINFS" nosuch 2>&1)" '^pinfs: no such verb: nosuch'
like "an unknown option is named" "$("$PINFS" ls --nosuch 2>&1)" '^pinfs: no such option: --nosuch'
like "an option without its value is named" "$("$PINFS" ls --store 2>&1)" '^pinfs: --store wants DIR'
like "a missing operand is said" "$("$PINFS" mount 2>&1)" '^pinfs: mount wants DIR'
like "too many operands are said" "$("$PINFS" gc x 2>&1)" '^pinfs: gc: too many operands: x'
like "a short word that fits one verb is enough" "$("$PINFS" vers)" '^pinfs [0-9]'
like "an empty word fits several" "$("$PINFS" '' 2>&1)" '^pinfs:  could be: run, mount'
is "JSON of version is JSON" "$("$PINFS" -j version | sed -n 's/.*"answers-as-linux":"\(.*\)".*/\1/p')" 6.18
is "--version is the same" "$("$PINFS" --version)" "$("$PINFS" version)"

like "no store: the system's words" "$("$PINFS" ls -s "$WORK/none" 2>&1)" "^pinfs: $WORK/none: No such file or directory$"
like "and as JSON" "$("$PINFS" ls -j -s "$WORK/none" 2>&1)" '"error":"[^"]*No such file or directory"'
mkdir "$WORK/plain"
fails "a directory that is no store is refused" "$PINFS" ls -s "$WORK/plain"
like "JSON error, exit status 1" "$("$PINFS" gc -j -s "$WORK/plain"; echo "status $?")" '^status 1$'

# run: status and signals are the command's.
in_store sh -c 'exit 7'
is "run exits as the command does" $? 7
in_store sh -c 'kill -TERM $$'
is "run dies of the command's signal" $? 143
in_store "$WORK/nosuch" 2>/dev/null
is "a command that is not there" $? 127
in_store "$WORK" 2>/dev/null
is "a command that is not executable" $? 126
"$PINFS" run --nosuch -- true 2>/dev/null
is "a run that cannot be set up" $? 125
is "run passes options on" "$(in_store echo --help -j)" "--help -j"
done_testing
