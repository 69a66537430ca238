// SPDX-License-Identifier: BSD-2-Clause
/*
 * Perf events for BPF output (map/perf_ring.h), as system calls see them.
 *
 * perf_event_open(2) of PERF_COUNT_SW_BPF_OUTPUT gives an object of the store;
 * every other event is the kernel's. What is no matter of ours is
 * SYS_CONTINUE. All are async-signal-safe for direct callers.
 */
#ifndef PINFS_SYS_PERF_EVENT_H
#define PINFS_SYS_PERF_EVENT_H

#include "sys/sys.h"

/* Arguments as of perf_event_open(2): the fd, or -errno as the kernel's. -EFBIG: this process may not make a
 * file so large (RLIMIT_FSIZE). */
long sys_perf_event_open(struct bpf_caller *c, const u64 args[6]);

/* Requests that may be a perf event's: none of other kinds, so that a filter can tell. */
#define PERF_IOC_KIND 0x24u
static inline bool perf_ioctl_request(u32 req)
{
	return (req >> 8 & 0xff) == PERF_IOC_KIND;
}

long sys_perf_ioctl(struct bpf_caller *c, int fd, u32 req, u64 arg);

/* read(2): what the event has counted. */
long sys_perf_read(struct bpf_caller *c, int fd, u64 buf, size_t n);

/*
 * Before mmap(2) of an event: checks as the kernel's, and makes the ring.
 * *map_fd, where not NULL, is a description to map in the place of fd, which the
 * mapping then keeps, to be closed after it. 0, -errno or SYS_CONTINUE (no event).
 */
long sys_perf_mmap(struct bpf_caller *c, int fd, size_t len, int prot, int flags, u64 off, int *map_fd);

/* The event whose ring h's records go to, by SET_OUTPUT, to be put; NULL: its own, or one that is gone. */
struct perf_hdr;
struct handle *perf_output_of(const struct perf_hdr *h);

/* For the row of the object type: a ring that nobody has mapped any more is gone. */
bool perf_closed(struct obj_hdr *hdr, size_t file_size, int fd, bool writable);

#endif
