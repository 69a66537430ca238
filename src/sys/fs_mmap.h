// SPDX-License-Identifier: BSD-2-Clause
/*
 * mmap(2) of object fds: the kernel's rules, and what a writable mapping means for MAP_FREEZE.
 *
 * A client maps a file of the store itself; a mapping keeps its description,
 * and so its locks. Two of them matter:
 *
 *     LOCK_SH (flock)                 the object lives as long as the mapping
 *     OFD read lock on byte PIN_BYTE  there is a writable mapping
 *
 * MAP_FREEZE takes the OFD write lock on that byte: refused means EBUSY. Both
 * sides only try, so a stopped process makes nobody wait:
 *
 *     mmap:    read lock, then look at `frozen`
 *     freeze:  write lock, then set `frozen`, then close
 *
 * A mapping whose read lock is refused has met a freeze and is answered as if
 * that were done.
 */
#ifndef PINFS_SYS_FS_MMAP_H
#define PINFS_SYS_FS_MMAP_H

#include <sys/types.h>
#include "map/map.h"
#include "sys/caller.h"

/*
 * May a client map this object so? 0, or the errno of the kernel, in its order
 * of checks. m is NULL for what is no map. acc: access mode of the fd.
 */
int obj_mmap_check(const struct bpf_map *m, u32 acc, int prot, int flags, size_t len, off_t off, bool frozen);

/* Before a writable mapping of the description fd, which stands for nothing else: 0, or -EPERM (being
 * frozen). */
int map_write_pin(int fd);

/* Begins a MAP_FREEZE by the client's client_fd: an fd to be closed once `frozen` is set, or -EBUSY, -EMFILE,
 * -EACCES. */
int map_freeze_begin(struct bpf_caller *c, int client_fd, u32 map_id);

/*
 * The description to map instead of the client's fd: of the same object, with
 * the access mode that the mapping may ever have, locked as said above. To be
 * closed after mmap. frozen: where the map's state is. -errno.
 */
int map_mmap_fd(u32 map_id, int prot, const _Atomic u32 *frozen);

/*
 * Before mmap(2) of an fd whose mapping the kernel itself makes, of the description that the client has: 0
 * (also for what is no object), or the kernel's errno for an object. A writable mapping's lock is taken on
 * the client's own description, where that can be had; it stays until MAP_FREEZE by the same client finds
 * nothing mapped, or the description goes.
 */
long sys_map_mmap(struct bpf_caller *c, int fd, size_t len, int prot, int flags, u64 off);

#endif
