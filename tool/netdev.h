// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is to be known of interfaces, asked of the kernel.
 */
#ifndef PINFS_TOOL_NETDEV_H
#define PINFS_TOOL_NETDEV_H

#include <net/if.h>
#include "sys/drive.h"

/* Its number, by name or by number. 0: there is none. */
u32 netdev_index(const char *word);
/* Its name into to (IF_NAMESIZE), or its number as text when it is gone. */
const char *netdev_name(u32 ifindex, char *to);
/* For drive_env.device: 0 or -ENODEV. */
int netdev_facts(void *arg, u32 ifindex, struct drive_device *to);
/* The network namespace of this process (util/netns.h); 0 or -errno. */
int netdev_namespace(u64 *ns);

#endif
