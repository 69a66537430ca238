// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the element and the batch commands share: cmd_map.c has it.
 */
#ifndef PINFS_SYS_CMD_MAP_H
#define PINFS_SYS_CMD_MAP_H

#include "map/map.h"
#include "sys/cmds.h"

enum { READS = 1, WRITES = 2 };

/* A command's map: resolved, mapped, access checked. */
struct map_ref {
	struct bpf_file f;
	struct bpf_map *m;
};

/* want: READS, WRITES: EPERM when the fd, a freeze or the file does not allow it. To be dropped by
 * put_fd(&r->f). */
int map_ref_get(struct cmd_ctx *x, u32 fd, int want, struct map_ref *r);

/* F_LOCK asked for on a map whose values have no lock: EINVAL. */
bool map_lock_missing(const struct bpf_map *m, u64 flags);

/* Where the type finds n bytes of the client's: there, or copied. */
int map_bring_in(struct cmd_ctx *x, u64 addr, size_t n, const void **p);

/* One update whose value is in reach; fds in values become ids. */
int map_update_one(struct cmd_ctx *x, struct bpf_map *m, const void *key, const void *value, u64 flags);

#endif
