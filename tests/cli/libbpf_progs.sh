# SPDX-License-Identifier: BSD-2-Clause
#
# A skeleton program of the machine's own bpftool and libbpf, unmodified: the
# same output on the kernel, with the preload library, with nothing mounted, and
# linked statically, so that notify serves it. Also with the object compiled for each version of the instruction set.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

client=$TOP/$B/tests/clients/libbpf_progs
objects=$TOP/$B/tests/clients/bpf

# both ARGS...: the client with them, everywhere
both() {
	world kernel "$client" "$@" >"$WORK/kernel" 2>&1 </dev/null || { not_ok "kernel $*"; diag <"$WORK/kernel"; }
	RUN_OPTS='--fresh' world root timeout 60 "$client" "$@" >"$WORK/pinfs" 2>&1 </dev/null
	compare_lines "preload ${*##*/}"
	RUN_OPTS='--fresh --redirect' world root timeout 60 "$client" "$@" >"$WORK/pinfs" 2>&1 </dev/null
	compare_lines "redirect ${*##*/}"
	RUN_OPTS='--fresh' world root timeout 60 "$client.static" "$@" >"$WORK/pinfs" 2>&1 </dev/null
	compare_lines "notify ${*##*/}"
}

why=$(no_world kernel)
[ -z "$why" ] || skip_all "$why"
both run
for cpu in v1 v2 v3 v4; do
	[ -e "$objects/progs.$cpu.o" ] || { skip "no clang that knows BPF $cpu"; continue; }
	both run "$objects/progs.$cpu.o"
done
both errors
both info

# Without any privilege, and behind a filter that refuses bpf(2): the same story.
cp "$client" "$WORK/client" && chmod 755 "$WORK" "$WORK/client"
world kernel "$client" run >"$WORK/kernel" 2>&1 </dev/null
for w in user nothing; do
	why=$(no_world $w)
	[ -z "$why" ] || { skip "$w: $why"; continue; }
	RUN_OPTS='--fresh' world $w "$WORK/client" run >"$WORK/pinfs" 2>&1 </dev/null
	compare_lines "world $w run"
done
done_testing
