// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers that look into the kernel, its tasks and its events: nearly all prototypes only.
 *
 * Programs of tracing types load and do not run here; what a raw tracepoint or
 * a syscall program may call of these has nothing to look at. See sock_helpers.c; syscall_helpers.c has what
 * loaders look up.
 */
#include "helper/helper_ids.h"
#include "util/err.h"
#include "util/raw.h"
#include <string.h>

#define INT .ret = RET_INTEGER

/* ---- perf events and stacks ---- */

/* Those on the running event's array are in perf_helpers.c. */
#define PERF .maps = T(PERF_EVENT_ARRAY)

PROTO(skb_output, GPL, INT, ARGS(BTF, MAP, ANY, IN, SIZE0), PERF);
PROTO(xdp_output, GPL, INT, ARGS(BTF, MAP, ANY, IN, SIZE0), PERF);
PROTO(perf_prog_read_value, GPL, INT, ARGS(CTX, OUT, SIZE));
PROTO(read_branch_records, GPL, INT, ARGS(CTX, INOUT_OR_NULL, SIZE0, ANY));
/* There is no hardware that has noted any. */
static u64 get_branch_snapshot(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)
{
	if (r3)
		return (u64)-EINVAL;
	memset(u64_to_ptr(r1), 0, (u32)r2);
	return (u64)-ENOENT;
}

PROTO(get_branch_snapshot, .func = get_branch_snapshot, GPL, INT, ARGS(OUT, SIZE0));
PROTO(get_stackid, GPL, INT, ARGS(CTX, MAP, ANY), .maps = T(STACK_TRACE));
const struct bpf_func_proto bpf_get_stackid_event_proto = {
	.name = "bpf_get_stackid",
	INT,
	ARGS(CTX, MAP, ANY),
	.maps = T(STACK_TRACE),
};
PROTO(get_stack, GPL, INT, ARGS(CTX, OUT, SIZE0, ANY));
PROTO(get_task_stack, INT, ARGS(BTF, OUT, SIZE0, ANY));

/* ---- the attached function ---- */

PROTO(override_return, GPL, INT, ARGS(CTX, ANY));
PROTO(get_func_ip, GPL, INT, ARGS(CTX));
PROTO(get_func_arg, INT, ARGS(CTX, ANY, FIXED_OUT), .arg_size = { 0, 0, 8 });
PROTO(get_func_ret, INT, ARGS(CTX, FIXED_OUT), .arg_size = { 0, 8 });
PROTO(get_func_arg_cnt, INT, ARGS(CTX));

/* ---- tasks, files, symbols ---- */

PROTO(get_current_task, GPL, INT);
PROTO(get_current_task_btf, GPL, .ret = RET_BTF_ID, .special = HELPER_CURRENT_TASK);
PROTO(task_pt_regs, GPL, .ret = RET_BTF_ID, ARGS(BTF));
PROTO(find_vma, INT, .special = HELPER_FIND_VMA, ARGS(BTF, ANY, FUNC, STACK, ANY));
PROTO(probe_write_user, GPL, INT, ARGS(ANY, IN, SIZE));
PROTO(send_signal, INT, ARGS(ANY));
PROTO(send_signal_thread, INT, ARGS(ANY));
/* The numbers that get_current_pid_tgid gives are those of this process's own namespace, and no other's. */
static u64 get_ns_current_pid_tgid(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)
{
	struct bpf_pidns_info *info = u64_to_ptr(r3);
	struct stat st;

	memset(info, 0, (u32)r4);
	if ((u32)r4 != sizeof(*info) || raw_fstatat(AT_FDCWD, "/proc/thread-self/ns/pid", &st, 0) ||
	    st.st_dev != r1 || st.st_ino != r2)
		return (u64)-EINVAL;
	info->pid = (u32)raw0(SYS_gettid);
	info->tgid = (u32)raw0(SYS_getpid);
	return 0;
}

PROTO(get_ns_current_pid_tgid, .func = get_ns_current_pid_tgid, INT, ARGS(ANY, ANY, OUT, SIZE));
PROTO(d_path, INT, ARGS(BTF, INOUT, SIZE0));
PROTO(bprm_opts_set, INT, ARGS(BTF, ANY));
PROTO(ima_inode_hash, .sleeps = true, INT, ARGS(BTF, OUT, SIZE));
PROTO(ima_file_hash, .sleeps = true, INT, ARGS(BTF, OUT, SIZE));
PROTO(copy_from_user_task, GPL, .sleeps = true, INT, ARGS(OUT, SIZE0, ANY, BTF, ANY));
PROTO(per_cpu_ptr, .ret = RET_BTF_ID | RET_F_NULL, ARGS(BTF, ANY), .arg_size = { ARG_NARROW });
PROTO(this_cpu_ptr, .ret = RET_BTF_ID, ARGS(BTF), .arg_size = { ARG_NARROW });
PROTO(kptr_xchg, .ret = RET_BTF_ID | RET_F_NULL, .special = HELPER_KPTR_XCHG,
      ARGS(ARG_KPTR, ARG_BTF_ID | ARG_F_NULL | ARG_F_RELEASE));

/* ---- infrared receivers ---- */

PROTO(rc_repeat, GPL, INT, ARGS(CTX));
PROTO(rc_keydown, GPL, INT, ARGS(CTX, ANY, ANY, ANY));
PROTO(rc_pointer_rel, GPL, INT, ARGS(CTX, ANY, ANY));
