// SPDX-License-Identifier: BSD-2-Clause
/*
 * What programs are attached to: the client's devices, cgroups and network namespaces.
 *
 * The kernel's own objects stay the kernel's: here they are looked at, never changed. A device is meant in
 * the network namespace of the calling thread, a cgroup and a namespace by the client's descriptor.
 */
#ifndef PINFS_SYS_TARGETS_H
#define PINFS_SYS_TARGETS_H

#include "link/attach.h"
#include "sys/caller.h"

/* The calling thread's network namespace (util/netns.h); 0: not to be had. */
u64 target_own_netns(struct bpf_caller *c);

struct target_device {
	bool native; /* its driver runs XDP programs itself */
};

/* The device in the calling thread's network namespace. -ENODEV. */
int target_device(struct bpf_caller *c, u32 ifindex, struct target_device *d);

/* The namespace behind a client's fd. -EBADF, -EINVAL: none. */
int target_netns_fd(struct bpf_caller *c, int fd, u64 *ns);

/* The cgroup behind a client's fd: its id, and an fd of ours on it (O_PATH or so) to be closed. -EBADF:
 * closed, or no directory of a cgroup v2 hierarchy. */
int target_cgroup(struct bpf_caller *c, int fd, u64 *id, int *dir);

/* Its id alone. */
int target_cgroup_id(struct bpf_caller *c, int fd, u64 *id);

/* The cgroup above one that this process has looked above before: 0, -ENOENT: there is none, -EAGAIN: not
 * known. */
int target_cgroup_above(u64 id, u64 *above);

/* The cgroup above: like target_cgroup, dir is closed and replaced. -ENOENT: there is none (dir is closed).
 */
int target_cgroup_up(int *dir, u64 *id);

#endif
