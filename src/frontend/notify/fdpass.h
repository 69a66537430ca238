// SPDX-License-Identifier: BSD-2-Clause
/*
 * One fd, or a negative errno in its place, over a socket pair.
 */
#ifndef PINFS_NOTIFY_FDPASS_H
#define PINFS_NOTIFY_FDPASS_H

/* fd < 0 is sent as the errno it is. 0 or -errno. */
int fdpass_send(int sock, int fd);

/* The fd (O_CLOEXEC), or the negative errno that was sent, or -EPIPE: the peer is gone. */
int fdpass_recv(int sock);

#endif
