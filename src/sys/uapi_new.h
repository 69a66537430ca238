// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ABI of bpf(2) as Linux 6.18 has it, where it is newer than <linux/bpf.h>.
 *
 * The system header may be older than the ABI that is served, so every command's
 * arguments are laid out here once more, whole, under the command's name:
 *
 *     union bpf_attr_new     168 bytes
 *       .a                   the system's union bpf_attr, for commands that have not changed
 *       .map_create ...      one struct a command, with all fields of 6.18
 *
 * Where a struct stops the command's fields stop: BPF_ATTR_END_* is the offset
 * behind the last one, from where all bytes must be zero (sys/cmds.c).
 */
#ifndef PINFS_SYS_UAPI_NEW_H
#define PINFS_SYS_UAPI_NEW_H

#include <linux/btf.h>
#include "util/types.h"
#include "util/uapi.h"

#define BPF_ATTR_SIZE 168u /* sizeof(union bpf_attr) of 6.18 */

union bpf_attr_new {
	union bpf_attr a;
	u8 bytes[BPF_ATTR_SIZE];

	struct {
		u32 map_type, key_size, value_size, max_entries, map_flags;
		u32 inner_map_fd;
		u32 numa_node;
		char map_name[BPF_OBJ_NAME_LEN];
		u32 map_ifindex;
		u32 btf_fd, btf_key_type_id, btf_value_type_id, btf_vmlinux_value_type_id;
		u64 map_extra;
		s32 value_type_btf_obj_fd; /* with BPF_F_VTYPE_BTF_OBJ_FD */
		s32 map_token_fd;          /* with BPF_F_TOKEN_FD */
		u64 excl_prog_hash;
		u32 excl_prog_hash_size;
	} map_create;

	struct { /* LOOKUP, UPDATE, DELETE, GET_NEXT_KEY, LOOKUP_AND_DELETE, FREEZE */
		u32 map_fd;
		u32 pad;
		u64 key;
		u64 value; /* or next_key */
		u64 flags;
	} elem;

	struct {
		u64 in_batch, out_batch, keys, values;
		u32 count; /* in and out */
		u32 map_fd;
		u64 elem_flags, flags;
	} batch;

	struct {
		u32 prog_type, insn_cnt;
		u64 insns, license;
		u32 log_level, log_size;
		u64 log_buf;
		u32 kern_version; /* ignored */
		u32 prog_flags;
		char prog_name[BPF_OBJ_NAME_LEN];
		u32 prog_ifindex, expected_attach_type;
		u32 prog_btf_fd, func_info_rec_size;
		u64 func_info;
		u32 func_info_cnt, line_info_rec_size;
		u64 line_info;
		u32 line_info_cnt, attach_btf_id;
		u32 attach_prog_fd; /* or attach_btf_obj_fd */
		u32 core_relo_cnt;
		u64 fd_array, core_relos;
		u32 core_relo_rec_size;
		u32 log_true_size; /* out */
		s32 prog_token_fd; /* with BPF_F_TOKEN_FD */
		u32 fd_array_cnt;
		u64 signature;
		u32 signature_size;
		s32 keyring_id;
	} prog_load;

	struct { /* OBJ_PIN, OBJ_GET */
		u64 pathname;
		u32 bpf_fd, file_flags;
		s32 path_fd; /* with BPF_F_PATH_FD */
	} obj;

	struct {               /* PROG_ATTACH, PROG_DETACH */
		u32 target_fd; /* or ifindex */
		u32 attach_bpf_fd, attach_type, attach_flags, replace_bpf_fd;
		u32 relative_fd; /* or id */
		u64 expected_revision;
	} prog_attach;

	struct {
		u32 prog_fd, retval, data_size_in, data_size_out;
		u64 data_in, data_out;
		u32 repeat, duration, ctx_size_in, ctx_size_out;
		u64 ctx_in, ctx_out;
		u32 flags, cpu, batch_size;
	} test_run;

	struct {        /* *_GET_NEXT_ID, *_GET_FD_BY_ID */
		u32 id; /* or start_id */
		u32 next_id, open_flags;
		s32 token_fd; /* BTF only */
	} get_id;

	struct {
		u32 bpf_fd, info_len;
		u64 info;
	} info;

	struct {
		u32 target_fd, attach_type, query_flags, attach_flags;
		u64 prog_ids;
		u32 prog_cnt, pad;
		u64 prog_attach_flags, link_ids, link_attach_flags, revision;
	} prog_query;

	struct {
		u64 name;
		u32 prog_fd, pad;
		u64 cookie;
	} raw_tp_open;

	struct {
		u64 btf, log_buf;
		u32 btf_size, log_size, log_level;
		u32 log_true_size; /* out */
		u32 flags;         /* 0 or BPF_F_TOKEN_FD */
		s32 token_fd;
	} btf_load;

	struct {
		u32 pid, fd, flags, buf_len;
		u64 buf;
		u32 prog_id, fd_type;
		u64 probe_offset, probe_addr;
	} task_fd_query;

	struct { /* the rest is a union by attach type */
		u32 prog_fd, target_fd, attach_type, flags;
		u8 by_type[48];
	} link_create;

	struct {
		u32 link_fd;
		u32 new_prog_fd; /* or new_map_fd */
		u32 flags;
		u32 old_prog_fd; /* or old_map_fd */
	} link_update;

	struct {
		u32 link_fd;
	} link_detach;

	struct {
		u32 type;
	} enable_stats;

	struct {
		u32 link_fd, flags;
	} iter_create;

	struct {
		u32 prog_fd, map_fd, flags;
	} prog_bind_map;

	struct {
		u32 flags, bpffs_fd;
	} token_create;

	struct {
		u64 buf;
		u32 len, stream_id, prog_fd;
	} prog_stream_read;
};

#define BPF_ATTR_OFF(field) ((u32)offsetof(union bpf_attr_new, field))
#define BPF_ATTR_BEHIND(field)                                                                               \
	((u32)(offsetof(union bpf_attr_new, field) + sizeof(((union bpf_attr_new *)0)->field)))

/* Where each command's own fields end. */
#define BPF_ATTR_END_MAP_CREATE        BPF_ATTR_BEHIND(map_create.excl_prog_hash_size)
#define BPF_ATTR_END_MAP_LOOKUP_ELEM   BPF_ATTR_BEHIND(elem.flags)
#define BPF_ATTR_END_MAP_UPDATE_ELEM   BPF_ATTR_BEHIND(elem.flags)
#define BPF_ATTR_END_MAP_DELETE_ELEM   BPF_ATTR_BEHIND(elem.key)
#define BPF_ATTR_END_MAP_GET_NEXT_KEY  BPF_ATTR_BEHIND(elem.value)
#define BPF_ATTR_END_MAP_FREEZE        BPF_ATTR_BEHIND(elem.map_fd)
#define BPF_ATTR_END_MAP_BATCH         BPF_ATTR_BEHIND(batch.flags)
#define BPF_ATTR_END_PROG_LOAD         BPF_ATTR_BEHIND(prog_load.keyring_id)
#define BPF_ATTR_END_OBJ               BPF_ATTR_BEHIND(obj.path_fd)
#define BPF_ATTR_END_PROG_ATTACH       BPF_ATTR_BEHIND(prog_attach.expected_revision)
#define BPF_ATTR_END_PROG_TEST_RUN     BPF_ATTR_BEHIND(test_run.batch_size)
#define BPF_ATTR_END_GET_NEXT_ID       BPF_ATTR_BEHIND(get_id.next_id)
#define BPF_ATTR_END_PROG_GET_FD_BY_ID BPF_ATTR_BEHIND(get_id.id)
#define BPF_ATTR_END_MAP_GET_FD_BY_ID  BPF_ATTR_BEHIND(get_id.open_flags)
#define BPF_ATTR_END_LINK_GET_FD_BY_ID BPF_ATTR_BEHIND(get_id.id)
#define BPF_ATTR_END_BTF_GET_FD_BY_ID  BPF_ATTR_BEHIND(get_id.token_fd)
#define BPF_ATTR_END_INFO              BPF_ATTR_BEHIND(info.info)
#define BPF_ATTR_END_PROG_QUERY        BPF_ATTR_BEHIND(prog_query.revision)
#define BPF_ATTR_END_RAW_TP_OPEN       BPF_ATTR_BEHIND(raw_tp_open.cookie)
#define BPF_ATTR_END_BTF_LOAD          BPF_ATTR_BEHIND(btf_load.token_fd)
#define BPF_ATTR_END_TASK_FD_QUERY     BPF_ATTR_BEHIND(task_fd_query.probe_addr)
#define BPF_ATTR_END_LINK_CREATE       60u
#define BPF_ATTR_END_LINK_UPDATE       BPF_ATTR_BEHIND(link_update.old_prog_fd)
#define BPF_ATTR_END_LINK_DETACH       BPF_ATTR_BEHIND(link_detach.link_fd)
#define BPF_ATTR_END_ENABLE_STATS      BPF_ATTR_BEHIND(enable_stats.type)
#define BPF_ATTR_END_ITER_CREATE       BPF_ATTR_BEHIND(iter_create.flags)
#define BPF_ATTR_END_PROG_BIND_MAP     BPF_ATTR_BEHIND(prog_bind_map.flags)
#define BPF_ATTR_END_TOKEN_CREATE      BPF_ATTR_BEHIND(token_create.bpffs_fd)
#define BPF_ATTR_END_PROG_STREAM_READ  BPF_ATTR_BEHIND(prog_stream_read.prog_fd)

_Static_assert(sizeof(union bpf_attr_new) == BPF_ATTR_SIZE, "size of the union");
_Static_assert(BPF_ATTR_END_MAP_CREATE == 92 && BPF_ATTR_OFF(map_create.map_extra) == 64, "map_create");
_Static_assert(BPF_ATTR_END_MAP_UPDATE_ELEM == 32 && BPF_ATTR_END_MAP_DELETE_ELEM == 16, "elem");
_Static_assert(BPF_ATTR_END_MAP_BATCH == 56, "batch");
_Static_assert(BPF_ATTR_END_PROG_LOAD == 168 && BPF_ATTR_OFF(prog_load.log_true_size) == 140, "prog_load");
_Static_assert(BPF_ATTR_END_OBJ == 20 && BPF_ATTR_END_PROG_ATTACH == 32, "obj, prog_attach");
_Static_assert(BPF_ATTR_END_PROG_TEST_RUN == 76 && BPF_ATTR_END_PROG_QUERY == 64, "test_run, query");
_Static_assert(BPF_ATTR_END_RAW_TP_OPEN == 24 && BPF_ATTR_END_TASK_FD_QUERY == 48, "raw_tp, task_fd_query");
_Static_assert(BPF_ATTR_END_BTF_LOAD == 40 && BPF_ATTR_OFF(btf_load.log_true_size) == 28, "btf_load");
_Static_assert(BPF_ATTR_END_PROG_STREAM_READ == 20, "prog_stream_read");

/* What OBJ_GET_INFO_BY_FD tells of each kind of object. */
struct bpf_map_info_new {
	u32 type, id, key_size, value_size, max_entries, map_flags;
	char name[BPF_OBJ_NAME_LEN];
	u32 ifindex, btf_vmlinux_value_type_id;
	u64 netns_dev, netns_ino;
	u32 btf_id, btf_key_type_id, btf_value_type_id, btf_vmlinux_id;
	u64 map_extra;
	u64 hash;
	u32 hash_size, pad;
};
_Static_assert(sizeof(struct bpf_map_info_new) == 104, "bpf_map_info");

struct bpf_prog_info_new {
	u32 type, id;
	u8 tag[BPF_TAG_SIZE];
	u32 jited_prog_len, xlated_prog_len;
	u64 jited_prog_insns, xlated_prog_insns;
	u64 load_time;
	u32 created_by_uid, nr_map_ids;
	u64 map_ids;
	char name[BPF_OBJ_NAME_LEN];
	u32 ifindex;
	u32 gpl_compatible; /* bit 0 */
	u64 netns_dev, netns_ino;
	u32 nr_jited_ksyms, nr_jited_func_lens;
	u64 jited_ksyms, jited_func_lens;
	u32 btf_id, func_info_rec_size;
	u64 func_info;
	u32 nr_func_info, nr_line_info;
	u64 line_info, jited_line_info;
	u32 nr_jited_line_info, line_info_rec_size, jited_line_info_rec_size, nr_prog_tags;
	u64 prog_tags, run_time_ns, run_cnt, recursion_misses;
	u32 verified_insns, attach_btf_obj_id, attach_btf_id, pad;
};
_Static_assert(sizeof(struct bpf_prog_info_new) == 232, "bpf_prog_info");

struct bpf_btf_info_new {
	u64 btf;
	u32 btf_size, id;
	u64 name;
	u32 name_len, kernel_btf;
};
_Static_assert(sizeof(struct bpf_btf_info_new) == 32, "bpf_btf_info");

struct bpf_link_info_new {
	u32 type, id, prog_id, pad;
	u8 by_type[48];
};
_Static_assert(sizeof(struct bpf_link_info_new) == 64, "bpf_link_info");

#endif
