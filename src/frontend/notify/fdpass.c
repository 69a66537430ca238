// SPDX-License-Identifier: BSD-2-Clause
/*
 * SCM_RIGHTS for one descriptor: see fdpass.h. The one int of payload is 0 with
 * an fd and the errno without.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include "frontend/notify/fdpass.h"
#include "util/types.h"

union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int))];
};

int fdpass_send(int sock, int fd)
{
	int err = fd < 0 ? fd : 0;
	struct iovec iov = { &err, sizeof(err) };
	union control u = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		msg.msg_control = u.buf;
		msg.msg_controllen = sizeof(u.buf);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int fdpass_recv(int sock)
{
	int err = 0, fd;
	struct iovec iov = { &err, sizeof(err) };
	union control u;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = u.buf, .msg_controllen = sizeof(u.buf)
	};
	struct cmsghdr *c;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != (long)sizeof(err))
		return -EPIPE;
	c = CMSG_FIRSTHDR(&msg);
	if (!c)
		return err < 0 ? err : -EPROTO;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}
