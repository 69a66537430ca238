// SPDX-License-Identifier: BSD-2-Clause
/*
 * SO_ATTACH_BPF and SO_ATTACH_REUSEPORT_EBPF: programs at sockets.
 *
 * The socket is the kernel's, and so is the place where its filter stands. What a client attaches is replaced
 * by a classic filter that lets everything through and has the program's id in it:
 *
 *     ld #mark
 *     ld #id
 *     ret #-1      a filter: the whole packet; of a reuseport group: no choice, the hash decides
 *
 * So all that follows is answered by the kernel itself, whichever process asks it: a second filter takes the
 * place of the first, SO_DETACH_FILTER finds it or not, SO_LOCK_FILTER holds it, and it is there as long
 * as the socket. Who holds the program is the front end's matter.
 */
#ifndef PINFS_SYS_SOCKOPT_H
#define PINFS_SYS_SOCKOPT_H

#include <linux/filter.h>
#include <sys/socket.h>
#include "sys/caller.h"

#define SOCKOPT_INSNS 3

/* Is it one of the two options? */
static inline bool sockopt_attaches(int level, int name)
{
	return level == SOL_SOCKET && (name == SO_ATTACH_BPF || name == SO_ATTACH_REUSEPORT_EBPF);
}

/*
 * Attaches the program of the client's option value to `sock`, an fd of this process on the client's socket:
 * 0 and the program's id, its fd in the client's table, or the kernel's errno.
 */
int sockopt_attach(struct bpf_caller *c, int sock, int name, u64 val, u32 len, u32 *id, int *fd);

/* The program whose filter these are; 0: another filter. */
u32 sockopt_prog_of(const struct sock_filter *f, u32 n);

#endif
