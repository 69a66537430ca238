# SPDX-License-Identifier: BSD-2-Clause
#
# A light skeleton: a program in the process, or in the supervisor, that calls bpf(2). The same output on the
# kernel, with the preload library, with nothing mounted, and linked statically; and nothing is left after it.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

client=$TOP/$B/tests/clients/light
why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"

# one TEXT WORLD OPTIONS CLIENT VERB
one() {
	RUN_OPTS="--fresh $3" world "$2" timeout 120 "$4" "$5" >"$WORK/pinfs" 2>&1 </dev/null
	compare_lines "$1 $5"
}

cp "$client" "$client.static" "$WORK" && chmod 755 "$WORK"/light*
for verb in run fails thread; do
	world kernel "$client" $verb >"$WORK/kernel" 2>&1 </dev/null || { not_ok "kernel $verb"; diag <"$WORK/kernel"; }
	one preload root '' "$client" $verb
	one redirect root --redirect "$client" $verb
	for w in user nothing; do
		why=$(no_world $w)
		[ -z "$why" ] || { skip "$w: $why"; continue; }
		one "world $w" $w '' "$WORK/light" $verb
	done
	RUN_OPTS=--fresh world root bash -c "ulimit -f 8; exec $client $verb" >"$WORK/pinfs" 2>&1 </dev/null
	compare_lines "small files $verb"
	[ $verb = thread ] && continue
	one notify root '' "$client.static" $verb
	why=$(no_world outer)
	[ -z "$why" ] || { skip "outer: $why"; continue; }
	one trace outer '' "$client.static" $verb
done

# What another thread could take in between, the supervisor does not promise.
printf '%s\n' 'load: EOPNOTSUPP' 'all is closed: 1' >"$WORK/kernel"
one 'notify, two threads' root '' "$client.static" thread

# Nothing is left in the store, and the supervisor keeps no description of what it has handed over or given up.
cat >"$WORK/left.sh" <<'EOS'
for i in 1 2 3 4; do "$1" run; "$1" fails; done >/dev/null 2>&1
count() { for t in map prog link btf; do bpftool $t show 2>/dev/null | grep -c '^[0-9]'; done | tr '\n' ' '; }
for i in $(seq 50); do [ "$(count)" = "0 0 0 1 " ] && break; sleep 0.1; done
count
ls -l "/proc/$PPID/fd" | grep -cE '/(bpf-map|bpf-prog|bpf_link|btf)/'
EOS
is "nothing is left, objects and the supervisor's descriptions" \
	"$(RUN_OPTS=--fresh world root bash "$WORK/left.sh" "$client.static" 2>&1)" '0 0 0 1 0'
done_testing
