// SPDX-License-Identifier: BSD-2-Clause
/*
 * Is a socket that a map names still there?
 *
 * A kernel takes a socket out of its maps when it is closed. A store holds no
 * description of it, for that would keep it open; so whoever looks asks the
 * kernel's socket diagnosis (sock_diag(7)) for a socket of that kind, inode and
 * cookie. A cookie is never given twice.
 */
#ifndef PINFS_MAP_SOCK_LIVE_H
#define PINFS_MAP_SOCK_LIVE_H

#include "map/map.h"

/*
 * False: it is gone for certain. True as well where that cannot be found out: it
 * belongs to another network namespace, or there is no socket diagnosis.
 */
bool sock_live(const struct map_thing *t);

/* Lower half of the inode of this process's network namespace; 0: unknown. */
u16 sock_netns_here(void);

#endif
