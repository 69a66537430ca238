// SPDX-License-Identifier: BSD-2-Clause
/*
 * bpf(2): the table of commands, the checks common to all, the dispatch.
 *
 * Order of the checks, as the kernel has it: size above a page E2BIG; bytes
 * beyond the known union must be zero E2BIG; unreadable EFAULT; unknown
 * command EINVAL; bytes beyond the command's own fields must be zero EINVAL;
 * then the command.
 *
 * Every call is one operation (shm/actor.h) under one guard: whatever fault or
 * jump leaves it, its claims can be taken back.
 */
#include "sys/cmds.h"
#include "store/store.h"
#include "sys/sys.h"
#include "util/raw.h"
#include <fcntl.h>
#include <string.h>

static const struct command cmds[] = {
	[BPF_MAP_CREATE] = { "MAP_CREATE", cmd_map_create, BPF_ATTR_END_MAP_CREATE },
	[BPF_MAP_LOOKUP_ELEM] = { "MAP_LOOKUP_ELEM", cmd_map_lookup, BPF_ATTR_END_MAP_LOOKUP_ELEM },
	[BPF_MAP_UPDATE_ELEM] = { "MAP_UPDATE_ELEM", cmd_map_update, BPF_ATTR_END_MAP_UPDATE_ELEM },
	[BPF_MAP_DELETE_ELEM] = { "MAP_DELETE_ELEM", cmd_map_delete, BPF_ATTR_END_MAP_DELETE_ELEM },
	[BPF_MAP_GET_NEXT_KEY] = { "MAP_GET_NEXT_KEY", cmd_map_next_key, BPF_ATTR_END_MAP_GET_NEXT_KEY },
	[BPF_PROG_LOAD] = { "PROG_LOAD", cmd_prog_load, BPF_ATTR_END_PROG_LOAD },
	[BPF_PROG_TEST_RUN] = { "PROG_TEST_RUN", cmd_prog_test_run, BPF_ATTR_END_PROG_TEST_RUN },
	[BPF_OBJ_PIN] = { "OBJ_PIN", cmd_obj_pin, BPF_ATTR_END_OBJ },
	[BPF_OBJ_GET] = { "OBJ_GET", cmd_obj_get, BPF_ATTR_END_OBJ },
	[BPF_PROG_GET_NEXT_ID] = { "PROG_GET_NEXT_ID", cmd_prog_next_id, BPF_ATTR_END_GET_NEXT_ID },
	[BPF_MAP_GET_NEXT_ID] = { "MAP_GET_NEXT_ID", cmd_map_next_id, BPF_ATTR_END_GET_NEXT_ID },
	[BPF_PROG_GET_FD_BY_ID] = { "PROG_GET_FD_BY_ID", cmd_prog_by_id, BPF_ATTR_END_PROG_GET_FD_BY_ID },
	[BPF_MAP_GET_FD_BY_ID] = { "MAP_GET_FD_BY_ID", cmd_map_by_id, BPF_ATTR_END_MAP_GET_FD_BY_ID },
	[BPF_OBJ_GET_INFO_BY_FD] = { "OBJ_GET_INFO_BY_FD", cmd_info_by_fd, BPF_ATTR_END_INFO },
	[BPF_BTF_LOAD] = { "BTF_LOAD", cmd_btf_load, BPF_ATTR_END_BTF_LOAD },
	[BPF_BTF_GET_FD_BY_ID] = { "BTF_GET_FD_BY_ID", cmd_btf_by_id, BPF_ATTR_END_BTF_GET_FD_BY_ID },
	[BPF_MAP_LOOKUP_AND_DELETE_ELEM] = { "MAP_LOOKUP_AND_DELETE_ELEM", cmd_map_lookup_and_delete,
					     BPF_ATTR_END_MAP_LOOKUP_ELEM },
	[BPF_MAP_FREEZE] = { "MAP_FREEZE", cmd_map_freeze, BPF_ATTR_END_MAP_FREEZE },
	[BPF_BTF_GET_NEXT_ID] = { "BTF_GET_NEXT_ID", cmd_btf_next_id, BPF_ATTR_END_GET_NEXT_ID },
	[BPF_MAP_LOOKUP_BATCH] = { "MAP_LOOKUP_BATCH", cmd_map_lookup_batch, BPF_ATTR_END_MAP_BATCH },
	[BPF_MAP_LOOKUP_AND_DELETE_BATCH] = { "MAP_LOOKUP_AND_DELETE_BATCH", cmd_map_lookup_and_delete_batch,
					      BPF_ATTR_END_MAP_BATCH },
	[BPF_MAP_UPDATE_BATCH] = { "MAP_UPDATE_BATCH", cmd_map_update_batch, BPF_ATTR_END_MAP_BATCH },
	[BPF_MAP_DELETE_BATCH] = { "MAP_DELETE_BATCH", cmd_map_delete_batch, BPF_ATTR_END_MAP_BATCH },
	[BPF_LINK_GET_FD_BY_ID] = { "LINK_GET_FD_BY_ID", cmd_link_by_id, BPF_ATTR_END_LINK_GET_FD_BY_ID },
	[BPF_LINK_GET_NEXT_ID] = { "LINK_GET_NEXT_ID", cmd_link_next_id, BPF_ATTR_END_GET_NEXT_ID },
	[BPF_PROG_ATTACH] = { "PROG_ATTACH", cmd_prog_attach, BPF_ATTR_END_PROG_ATTACH },
	[BPF_PROG_DETACH] = { "PROG_DETACH", cmd_prog_detach, BPF_ATTR_END_PROG_ATTACH },
	[BPF_PROG_QUERY] = { "PROG_QUERY", cmd_prog_query, BPF_ATTR_END_PROG_QUERY },
	[BPF_RAW_TRACEPOINT_OPEN] = { "RAW_TRACEPOINT_OPEN", cmd_raw_tp_open, BPF_ATTR_END_RAW_TP_OPEN },
	[BPF_TASK_FD_QUERY] = { "TASK_FD_QUERY", cmd_task_fd_query, BPF_ATTR_END_TASK_FD_QUERY },
	[BPF_LINK_CREATE] = { "LINK_CREATE", cmd_link_create, BPF_ATTR_END_LINK_CREATE },
	[BPF_LINK_UPDATE] = { "LINK_UPDATE", cmd_link_update, BPF_ATTR_END_LINK_UPDATE },
	[BPF_LINK_DETACH] = { "LINK_DETACH", cmd_link_detach, BPF_ATTR_END_LINK_DETACH },
	[BPF_ITER_CREATE] = { "ITER_CREATE", cmd_iter_create, BPF_ATTR_END_ITER_CREATE },
	[BPF_ENABLE_STATS] = { "ENABLE_STATS", cmd_enable_stats, BPF_ATTR_END_ENABLE_STATS },
	[BPF_PROG_BIND_MAP] = { "PROG_BIND_MAP", cmd_prog_bind_map, BPF_ATTR_END_PROG_BIND_MAP },
	[BPF_TOKEN_CREATE] = { "TOKEN_CREATE", cmd_token_create, BPF_ATTR_END_TOKEN_CREATE },
};

const struct command *cmd_get(int cmd)
{
	if (cmd < 0 || cmd >= (int)ARRAY_SIZE(cmds) || !cmds[cmd].fn)
		return NULL;
	return &cmds[cmd];
}

int cmd_put_u32(struct cmd_ctx *x, u32 offset, u32 value)
{
	return caller_out(x->c, x->uattr + offset, &value, sizeof(value));
}

int cmd_put_u32_last(struct cmd_ctx *x, u32 offset, u32 value)
{
	return caller_out_last(x->c, x->uattr + offset, &value, sizeof(value));
}

int cmd_put_u32_if(struct cmd_ctx *x, u32 offset, u32 value)
{
	return offset + sizeof(value) > x->size ? 0 : cmd_put_u32(x, offset, value);
}

int cmd_get_fd(struct cmd_ctx *x, int fd, enum obj_type type, struct bpf_file *f)
{
	int err = x->c->ops->get_fd(x->c, x->op, fd, f);

	if (likely(!err && f->h->type == type))
		return 0;
	if (!err)
		put_fd(f);
	f->counted = false; /* nothing is left to put */
	return err ? err : -EINVAL;
}

long cmd_install(struct cmd_ctx *x, int fd, int oflags, enum obj_type type, u32 id, const struct stat *st)
{
	struct handle *h = handle_get(type, id, st->st_ino);
	int ret;

	if (IS_ERR(h)) {
		obj_close(fd, type, id);
		return PTR_ERR(h);
	}
	ret = x->c->ops->install_fd(x->c, fd, h, oflags | O_CLOEXEC);
	handle_put(h);
	if (ret < 0)
		obj_reap(type, id); /* install_fd has closed it */
	return ret;
}

int cmd_need_cap(struct cmd_ctx *x)
{
	return x->c->ops->privileged(x->c) ? 0 : -EPERM;
}

/* The kernel's isalnum() knows the letters of Latin-1. */
static bool latin1_letter(u8 ch)
{
	return ch >= 0xc0 && ch != 0xd7 && ch != 0xf7;
}

int cmd_check_name(const char name[OBJ_NAME_LEN])
{
	for (int i = 0; i < OBJ_NAME_LEN; i++) {
		char ch = name[i];

		if (!ch)
			return i;
		if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
		      ch == '_' || ch == '.' || latin1_letter((u8)ch)))
			return -EINVAL;
	}
	return -EINVAL;
}

/*
 * Are the client's bytes [from, to) at addr all zero? 0, -E2BIG or -EFAULT, by
 * what comes first: pieces end with pages, behind which memory may end.
 */
static int check_zero(struct bpf_caller *c, u64 addr, u32 from, u32 to)
{
	u8 buf[256];

	while (from < to) {
		u32 n = MIN(to - from, (u32)sizeof(buf));
		int err;

		n = MIN(n, PAGE - (u32)((addr + from) % PAGE));
		err = caller_in(c, buf, addr + from, n);
		if (err)
			return err;
		for (u32 i = 0; i < n; i++)
			if (buf[i])
				return -E2BIG;
		from += n;
	}
	return 0;
}

int cmd_info_begin(struct cmd_ctx *x, void *info, u32 known, u32 *len)
{
	u32 want = x->attr->info.info_len;
	int err;

	if (want > PAGE)
		return -E2BIG;
	err = check_zero(x->c, x->attr->info.info, known, want);
	if (err)
		return err;
	*len = MIN(want, known);
	memset(info, 0, known);
	return caller_in(x->c, info, x->attr->info.info, *len);
}

int cmd_info_end(struct cmd_ctx *x, const void *info, u32 len)
{
	int err = caller_out_last(x->c, x->attr->info.info, info, len);

	return err ? err : cmd_put_u32_last(x, BPF_ATTR_OFF(info.info_len), len);
}

static bool tail_zero(const union bpf_attr_new *attr, u32 end, u32 size)
{
	for (u32 i = end; i < size; i++)
		if (attr->bytes[i])
			return false;
	return true;
}

static long dispatch(struct bpf_caller *c, struct op *op, int cmd, u64 uattr, u32 size)
{
	union bpf_attr_new attr;
	struct cmd_ctx x = { c, op, &attr, uattr, size };
	const struct command *row;
	u32 n = MIN(size, BPF_ATTR_SIZE);
	int err;

	if (unlikely(size > PAGE))
		return -E2BIG;
	if (unlikely(size > BPF_ATTR_SIZE)) {
		err = check_zero(c, uattr, BPF_ATTR_SIZE, size);
		if (err)
			return err;
	}
	memset(&attr, 0, sizeof(attr));
	err = caller_in(c, &attr, uattr, n);
	if (unlikely(err))
		return err;
	row = cmd_get(cmd);
	if (unlikely(!row || !tail_zero(&attr, row->end, n)))
		return -EINVAL;
	return row->fn(&x);
}

/*
 * The same for a direct caller's element command of at least the full struct:
 * the four words that count are read where they lie, the rest only looked at.
 * A fault leaves through the guard.
 */
static long dispatch_elem(struct bpf_caller *c, struct op *op, int cmd, u64 uattr, u32 size)
{
	const u64 *from = u64_to_ptr(uattr);
	u64 w[4], tail = 0;
	struct cmd_ctx x = { c, op, (union bpf_attr_new *)w, uattr, size };

	for (u32 i = 0; i < 4; i++)
		w[i] = from[i];
	for (u32 i = 4; i < size / 8; i++)
		tail |= from[i];
	for (u32 i = cmds[cmd].end / 8; i < 4; i++)
		tail |= w[i];
	return likely(!tail) ? cmds[cmd].fn(&x) : -EINVAL;
}

static bool is_elem(int cmd, u32 size)
{
	return (u32)cmd - BPF_MAP_LOOKUP_ELEM <= BPF_MAP_GET_NEXT_KEY - BPF_MAP_LOOKUP_ELEM && size >= 32 &&
	       size <= BPF_ATTR_SIZE && !(size % 8);
}

static noinline long run_guarded(struct bpf_caller *c, struct op *op, int cmd, u64 uattr, u32 size)
{
	long err = guard_set(&op->guard);

	if (unlikely(err)) {
		op_fault(op);
		return err;
	}
	if (likely(c->direct && is_elem(cmd, size)))
		return dispatch_elem(c, op, cmd, uattr, size);
	return dispatch(c, op, cmd, uattr, size);
}

long sys_bpf(struct bpf_caller *c, int cmd, u64 uattr, u32 size)
{
	struct op *op = op_enter(NULL, __builtin_frame_address(0));
	long ret;

	if (unlikely(!op))
		return -EAGAIN;
	ret = run_guarded(c, op, cmd, uattr, size);
	op_leave(op);
	return ret;
}
