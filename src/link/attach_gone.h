// SPDX-License-Identifier: BSD-2-Clause
/*
 * Targets that are gone, for gc.
 */
#ifndef PINFS_LINK_ATTACH_GONE_H
#define PINFS_LINK_ATTACH_GONE_H

#include "link/attach.h"

/* Is the network namespace gone, as far as /proc tells? Looks at every process. */
bool netns_gone(u64 ino);

/* Is the cgroup removed, or the interface, or the network namespace gone? Only what can be told; other
 * targets count as there.
 */
bool attach_target_gone(const struct attach_key *k);

/* An edit that takes everything out, and detaches the links. */
int attach_empty(void *arg, struct attach_list *l);

#endif
