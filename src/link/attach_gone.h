// SPDX-License-Identifier: BSD-2-Clause
/*
 * Targets that are gone, for gc.
 */
#ifndef PINFS_LINK_ATTACH_GONE_H
#define PINFS_LINK_ATTACH_GONE_H

#include "link/attach.h"

/* Is the cgroup removed? Only what can be told for sure; other targets count as there. */
bool attach_target_gone(const struct attach_key *k);

/* An edit that takes everything out, and detaches the links. */
int attach_empty(void *arg, struct attach_list *l);

#endif
