// SPDX-License-Identifier: BSD-2-Clause
/*
 * The link types, each in its own file.
 */
#ifndef PINFS_LINK_LINK_TYPES_H
#define PINFS_LINK_LINK_TYPES_H

#include "link/link.h"

extern const struct link_ops xdp_link_ops;
extern const struct link_ops tcx_link_ops;
extern const struct link_ops cgroup_link_ops;
extern const struct link_ops netns_link_ops;
extern const struct link_ops netfilter_link_ops;
extern const struct link_ops sockmap_link_ops;
extern const struct link_ops raw_tp_link_ops;
extern const struct link_ops iter_link_ops;

#endif
