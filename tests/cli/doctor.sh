# SPDX-License-Identifier: BSD-2-Clause
# pinfs doctor: its rows agree with what run does.
cd "$(dirname "$0")/../.." && . tests/lib/cli.sh

out=$("$PINFS" doctor)
is "a run is possible here" $? 0
like "a mechanism a line" "$out" '^notify +(yes|no) '
like "the choice" "$out" '^world (root|user-namespace|redirect)$'
like "and why" "$out" '^because .+'
is "every row says yes or no" "$(awk 'NR > 1 && NF == 0 { exit } NR > 1 && $2 !~ /^(yes|no)$/' <<<"$out")" ""
json=$("$PINFS" doctor -j)
is "JSON names the same world" "$(sed -n 's/.*"world":"\(.*\)".*/\1/p' <<<"$json")" "$(sed -n 's/^world //p' <<<"$out")"
is "JSON has as many mechanisms" "$(grep -c '"works":' <<<"$json")" "$(awk 'NR > 1 && NF == 0 { exit } NR > 1' <<<"$out" | wc -l)"

for w in root user nothing; do
	why=$(no_world $w)
	[ -z "$why" ] || { skip "$w: $why"; continue; }
	case $w in
	root) said=$("$PINFS" doctor | sed -n 's/^world //p') mounted=yes ;;
	user) install_for_user; said=$(as_user "$WORK/bin/pinfs" doctor | sed -n 's/^world //p') mounted=yes ;;
	nothing) install_for_user; said=$(as_user "$WORK/bin/outer-filter" "$WORK/bin/pinfs" doctor | sed -n 's/^world //p') mounted=no ;;
	esac
	case $said in redirect) real=no ;; *) real=yes ;; esac
	is "$w: whether a mount is possible" "$real" "$mounted"
	is "$w: a run has a bpffs" "$(world $w stat -f -c %t /sys/fs/bpf)" cafe4a11
done
done_testing
