// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a client's value or key stands for, when it stands for something outside of the store.
 *
 * Maps of devices, CPUs, sockets and cgroups get numbers and fds as values, storages
 * get fds as keys (map/map.h, MAP_VALUE_DEV and MAP_KEY_SOCK ...). One row a kind turns
 * them into what the map remembers: facts and identities, no description.
 */
#ifndef PINFS_SYS_MAP_VALUES_H
#define PINFS_SYS_MAP_VALUES_H

#include "sys/cmds.h"

/*
 * The thing that the value (m->value_size bytes, in reach) stands for. prog: the
 * program that goes with it, held until put_fd (f->counted false: none). Errnos as
 * the kernel's for that kind: -EBADF, -ENOTSOCK, -EOPNOTSUPP, -EINVAL ...
 */
int map_thing_of(struct cmd_ctx *x, struct bpf_map *m, const void *value, struct map_thing *t,
		 struct bpf_file *prog);

/* The identity behind the fd that is the key. -EBADF, -ENOTSOCK; -ENOENT: a process that is gone. */
int map_owner_of(struct cmd_ctx *x, const struct bpf_map *m, const void *key, struct map_owner *o);

#endif
