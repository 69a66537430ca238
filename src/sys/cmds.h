// SPDX-License-Identifier: BSD-2-Clause
/*
 * The commands of bpf(2): one function and one row each.
 *
 * A command is called with its attributes copied into `attr` (zero-extended to
 * the whole union, tail checked against the row's end) and with the running
 * operation. `uattr` and `size` are for output fields only: they are written
 * back to the client, and only where size covers them (cmd_put_u32).
 */
#ifndef PINFS_SYS_CMDS_H
#define PINFS_SYS_CMDS_H

#include "sys/caller.h"
#include "sys/uapi_new.h"

struct cmd_ctx {
	struct bpf_caller *c;
	struct op *op;
	union bpf_attr_new *attr;
	u64 uattr;
	u32 size;
};

typedef long (*cmd_fn)(struct cmd_ctx *x);

struct command {
	const char *name;
	cmd_fn fn;
	u32 end; /* offset behind the command's last attribute */
};

/* NULL: unknown, EINVAL. */
const struct command *cmd_get(int cmd);

/* Is there a network device of that index? (None of them offloads anything here.) */
bool cmd_device_exists(u32 ifindex);

/* Writes an output field of the attributes, whatever size says, as the kernel does; 0, or -EFAULT. */
int cmd_put_u32(struct cmd_ctx *x, u32 offset, u32 value);

/* The same, of a call that has only more of this to do: see copy_out_last. */
int cmd_put_u32_last(struct cmd_ctx *x, u32 offset, u32 value);

/* As cmd_put_u32 for a field that the client may not know: nothing when size does not cover it. */
int cmd_put_u32_if(struct cmd_ctx *x, u32 offset, u32 value);

/* The object behind a client's fd, which must be of that type: -EBADF, -EINVAL. To be dropped by put_fd. */
int cmd_get_fd(struct cmd_ctx *x, int fd, enum obj_type type, struct bpf_file *f);

/* Gives the client an fd that it owns, opened with access mode oflags, of the object that st describes: its
 * number, or an errno. Takes fd over. */
long cmd_install(struct cmd_ctx *x, int fd, int oflags, enum obj_type type, u32 id, const struct stat *st);

/* -EPERM unless the calling thread has what CMD was started with. */
int cmd_need_cap(struct cmd_ctx *x);

/* What the client gave as a token: open but none (there are none) -EINVAL, closed -EBADF. Never 0. */
int cmd_check_token(struct cmd_ctx *x, int fd);

/*
 * Hands the log to the client and frees it. true_off: the field of the
 * attributes for the true size. 0, -ENOSPC or -EFAULT, which override the verdict.
 */
struct vlog;
int cmd_log_end(struct cmd_ctx *x, struct vlog *l, u64 ubuf, u32 true_off);

/* Object names: at most 15 of [A-Za-z0-9_.] in a 16-byte field. Length or -EINVAL. */
int cmd_check_name(const char name[OBJ_NAME_LEN]);

/* The access mode (O_*) that BPF_F_RDONLY and BPF_F_WRONLY ask for; -EINVAL for both. */
int map_flags_to_oflags(u32 flags);

/*
 * The rules of OBJ_GET_INFO_BY_FD's buffer: not above 4096, nothing set beyond
 * `known` (E2BIG). Then reads min(len, known) bytes into info, zero-filled.
 */
int cmd_info_begin(struct cmd_ctx *x, void *info, u32 known, u32 *len);
int cmd_info_end(struct cmd_ctx *x, const void *info, u32 len);

long cmd_map_create(struct cmd_ctx *x);
long cmd_map_lookup(struct cmd_ctx *x);
long cmd_map_update(struct cmd_ctx *x);
long cmd_map_delete(struct cmd_ctx *x);
long cmd_map_next_key(struct cmd_ctx *x);
long cmd_map_lookup_and_delete(struct cmd_ctx *x);
long cmd_map_freeze(struct cmd_ctx *x);
long cmd_map_lookup_batch(struct cmd_ctx *x);
long cmd_map_lookup_and_delete_batch(struct cmd_ctx *x);
long cmd_map_update_batch(struct cmd_ctx *x);
long cmd_map_delete_batch(struct cmd_ctx *x);
long cmd_obj_pin(struct cmd_ctx *x);
long cmd_obj_get(struct cmd_ctx *x);
long cmd_map_next_id(struct cmd_ctx *x);
long cmd_prog_next_id(struct cmd_ctx *x);
long cmd_link_next_id(struct cmd_ctx *x);
long cmd_btf_next_id(struct cmd_ctx *x);
long cmd_map_by_id(struct cmd_ctx *x);
long cmd_prog_by_id(struct cmd_ctx *x);
long cmd_link_by_id(struct cmd_ctx *x);
long cmd_btf_by_id(struct cmd_ctx *x);
long cmd_info_by_fd(struct cmd_ctx *x);
long cmd_token_create(struct cmd_ctx *x);
long cmd_enable_stats(struct cmd_ctx *x);
long cmd_btf_load(struct cmd_ctx *x);
long cmd_prog_load(struct cmd_ctx *x);
long cmd_prog_test_run(struct cmd_ctx *x);
long cmd_prog_bind_map(struct cmd_ctx *x);
long cmd_iter_create(struct cmd_ctx *x);
long cmd_link_create(struct cmd_ctx *x);
long cmd_prog_attach(struct cmd_ctx *x);
long cmd_prog_detach(struct cmd_ctx *x);
long cmd_prog_query(struct cmd_ctx *x);
long cmd_raw_tp_open(struct cmd_ctx *x);
long cmd_task_fd_query(struct cmd_ctx *x);
long cmd_link_update(struct cmd_ctx *x);
long cmd_link_detach(struct cmd_ctx *x);

/* The parts of OBJ_GET_INFO_BY_FD, one an object type. */
long map_info(struct cmd_ctx *x, struct bpf_file *f);
long prog_info(struct cmd_ctx *x, struct bpf_file *f);
long btf_info(struct cmd_ctx *x, struct bpf_file *f);
long link_info(struct cmd_ctx *x, struct bpf_file *f);

/*
 * MAP_CREATE's look at the BTF (cmd_btf.c): do the key's and value's types fit
 * a's sizes and what the map type takes? Fills a->record. -EINVAL, -EACCES
 * (vmlinux), -EOPNOTSUPP, -ENOTSUPP.
 */
int btf_for_map(struct handle *btf, struct map_attr *a);

#endif
