#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `sudo bpftool ...` inside a run: by the sudo of --sudo, as root and as another
# user; and the real one, which as root is served like every static program.

cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh
export PATH=/usr/local/bin:/usr/bin:/bin HOME=/ SHELL=/bin/sh

pin=/sys/fs/bpf/by_sudo
create="bpftool map create $pin type array key 4 value 4 entries 1 name by_sudo"

# said WORLD SHELL: output and status.
said() { RUN_OPTS='--fresh --sudo' world "$1" sh -c "$2" 2>&1; echo "-> $?"; }

for w in root user nothing; do
	why=$(no_world $w)
	[ -z "$why" ] || { skip "$w: $why"; continue; }
	is "$w: sudo bpftool" "$(said $w "sudo $create && sudo bpftool map show name by_sudo | grep -c by_sudo")" $'1\n-> 0'
	is "$w: what it made is there without it" "$(said $w "sudo $create; /usr/sbin/bpftool map show pinned $pin | grep -c by_sudo")" $'1\n-> 0'
	is "$w: -E -n -u root --" "$(A=b said $w 'sudo -E -n -u root -- sh -c "echo \$A"')" $'b\n-> 0'
	is "$w: -nEuroot, -u #0" "$(said $w 'sudo -nEuroot echo a; sudo -u "#0" echo b')" $'a\nb\n-> 0'
	is "$w: -u by its long name, and -S, -k, -p" "$(said $w 'sudo --user=root -S -k -p "" echo a; sudo --user root echo b')" $'a\nb\n-> 0'
	is "$w: assignments" "$(said $w 'sudo A=b -n C="d e" sh -c "echo \$A, \$C"')" $'b, d e\n-> 0'
	is "$w: a command's own options and assignments are its own" "$(said $w 'sudo echo -n -u A=b --; sudo env -- A=b sh -c "echo \$A"')" $'-u A=b --b\n-> 0'
	is "$w: status" "$(said $w 'sudo sh -c "exit 7"')" '-> 7'
	is "$w: input and output" "$(said $w 'echo in | sudo cat | sudo tr i o')" $'on\n-> 0'
	is "$w: a command that is not there" "$(said $w 'sudo no-such-command')" $'sudo: no-such-command: command not found\n-> 1'
	is "$w: one that cannot be executed" "$(said $w 'sudo /etc/passwd')" $'sudo: unable to execute /etc/passwd: Permission denied\n-> 1'
	is "$w: -s" "$(said $w 'sudo -s echo "a  b" \; c; echo d | sudo -s cat')" $'a  b ; c\nd\n-> 0'
	is "$w: -i" "$(said $w 'sudo -i echo "a  b" 2>/dev/null')" $'a  b\n-> 0'
	is "$w: -D" "$(said $w 'sudo -D /usr pwd; sudo -D /nowhere pwd')" \
		$'/usr\nsudo: unable to change directory to /nowhere: No such file or directory\n-> 1'
	is "$w: -H" "$(said $w 'sudo -H sh -c "echo \$HOME"')" $'/root\n-> 0'
	is "$w: -C" "$(said $w 'exec 7</dev/null; sudo -C 5 sh -c "test -e /proc/self/fd/7 || echo closed"')" $'closed\n-> 0'
	is "$w: -b" "$(said $w 'sudo -b sh -c "sleep 0.1; echo late"; echo first; sleep 0.5')" $'first\nlate\n-> 0'
	is "$w: -v, -k, -K, -V" "$(said $w 'sudo -v && sudo -k && sudo -K && sudo -V')" $'sudo of pinfs run --sudo\n-> 0'
	is "$w: nobody else is become" "$(said $w 'sudo -u daemon true')" $'sudo: in a run there is only root and oneself, not daemon\n-> 1'
	is "$w: nor somebody that does not exist" "$(said $w 'sudo -u no_such_user true')" $'sudo: unknown user no_such_user\n-> 1'
	is "$w: nor another group" "$(said $w 'sudo -g daemon true')" \
		$'sudo: in a run there is only root\'s group and one\'s own, not daemon\n-> 1'
	is "$w: what is not done is refused" "$(said $w 'sudo -e /etc/passwd 2>&1 | head -n 1')" $'sudo: option -e is not there in a run\n-> 0'
	like "$w: without a command" "$(said $w sudo)" '^usage: sudo'
	is "$w: sudo of sudo" "$(said $w 'sudo sudo sudo echo a')" $'a\n-> 0'
	is "$w: SUDO_ variables" "$(said $w 'sudo sh -c "test \$SUDO_UID = \$(id -u) && echo \$SUDO_COMMAND"')" $'sh\n-> 0'
	is "$w: as the run's command" "$(RUN_OPTS='--fresh --sudo' world $w sudo bpftool version | head -n 1)" \
		"$(PATH=$PATH:/usr/sbin bpftool version | head -n 1)"
	is "$w: timeout, xargs, env around it" "$(said $w 'echo a b | timeout 9 xargs -n 1 env sudo echo')" $'a\nb\n-> 0'
	is "$w: a run in the run" "$(said $w "$([ $w = root ] && echo "$PINFS" || echo "$WORK/bin/pinfs") run --sudo -- sudo echo a")" $'a\n-> 0'
	RUN_OPTS=--fresh
	is "$w: without --sudo there is none of ours" "$(world $w sh -c 'command -v sudo' | grep -c "$WORK\|$TOP")" 0
	unset RUN_OPTS
done

real=$(command -v sudo)
if [ -z "$real" ]; then
	skip "the real sudo: not installed"
elif why=$(no_world root) && [ -n "$why" ]; then
	skip "the real sudo: $why"
else
	out=$(world root sh -c "sudo $create && sudo bpftool map show name by_sudo; /usr/sbin/bpftool map show name by_sudo" 2>&1)
	is "the real sudo, as root: bpftool is served" "$(grep -c 'name by_sudo' <<<"$out")" 2
	is "with the pin" "$(world root sh -c "sudo $create; sudo ls /sys/fs/bpf; ls /sys/fs/bpf" 2>&1 | grep -c by_sudo)" 2
	is "--sudo leaves it alone" "$(said root "$real -n printenv SUDO_COMMAND")" "$(command -v printenv) SUDO_COMMAND
-> 0"
fi
done_testing
