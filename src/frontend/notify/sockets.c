// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs at sockets of clients that cannot carry the library.
 *
 * The supervisor gets a copy of the client's socket for the length of the call, and sets there what stands
 * for the program (sys/sockopt.h). It holds the program by a copy of the client's fd of it: until another one
 * takes its place, or it is detached by the same process, or the process has ended. That a socket is closed
 * is seen by nobody.
 *
 *     struct client, one a process:  pidfd in the epoll instance  ->  struct held, one a socket and kind
 *
 * All lists are under one lock; nothing under it waits for a client.
 */
#include "frontend/notify/sockets.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "store/store.h"
#include "sys/sockopt.h"
#include "sys/sys.h"
#include "util/raw.h"

struct held {
	struct held *next;
	u64 ino;
	int kind; /* the option it was attached by */
	int fd;
	u32 id;
};

struct client {
	struct client *next;
	int pid, pidfd;
	struct held *held;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct client *clients;
static int epoll = -1;

/* Whoever comes first: a client's call may be served before the supervisor waits. */
static int epoll_get(void)
{
	if (epoll < 0)
		epoll = epoll_create1(EPOLL_CLOEXEC);
	return epoll;
}

int sockets_open(void)
{
	int fd;

	pthread_mutex_lock(&lock);
	fd = epoll_get();
	pthread_mutex_unlock(&lock);
	return fd;
}

static void held_free(struct held *h)
{
	obj_close(h->fd, OBJ_PROG, h->id);
	free(h);
}

static struct client *client_get(int pid)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct client *c;

	for (c = clients; c; c = c->next)
		if (c->pid == pid)
			return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->pid = pid;
	c->pidfd = (int)raw2(SYS_pidfd_open, pid, 0);
	ev.data.ptr = c;
	if (c->pidfd < 0 || epoll_ctl(epoll_get(), EPOLL_CTL_ADD, c->pidfd, &ev)) {
		if (c->pidfd >= 0)
			close(c->pidfd);
		free(c);
		return NULL;
	}
	c->next = clients;
	clients = c;
	return c;
}

static struct held *held_take(int pid, u64 ino, int kind)
{
	for (struct client *c = clients; c; c = c->next)
		for (struct held **p = &c->held; c->pid == pid && *p; p = &(*p)->next)
			if ((*p)->ino == ino && (*p)->kind == kind) {
				struct held *h = *p;

				*p = h->next;
				return h;
			}
	return NULL;
}

/* Takes fd over. -ENOMEM. */
static int hold(int pid, u64 ino, int kind, int fd, u32 id)
{
	struct held *h = malloc(sizeof(*h)), *old;
	struct client *c;

	pthread_mutex_lock(&lock);
	old = held_take(pid, ino, kind);
	c = h ? client_get(pid) : NULL;
	if (c) {
		*h = (struct held){ c->held, ino, kind, fd, id };
		c->held = h;
	}
	pthread_mutex_unlock(&lock);
	if (old)
		held_free(old);
	if (c)
		return 0;
	free(h);
	obj_close(fd, OBJ_PROG, id);
	return -ENOMEM;
}

void sockets_reap(void)
{
	struct epoll_event ev;
	struct held *gone;

	while (epoll_wait(epoll, &ev, 1, 0) == 1) {
		struct client *c = ev.data.ptr, **p = &clients;

		pthread_mutex_lock(&lock);
		while (*p != c)
			p = &(*p)->next;
		*p = c->next;
		gone = c->held;
		pthread_mutex_unlock(&lock);
		close(c->pidfd);
		free(c);
		while (gone) {
			struct held *h = gone;

			gone = h->next;
			held_free(h);
		}
	}
}

static int process_of(const struct target *t)
{
	char path[40], buf[1024];
	const char *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", t->c.tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (fd >= 0)
		close(fd);
	buf[MAX(n, 0)] = 0;
	at = strstr(buf, "\nTgid:\t");
	return at ? atoi(at + 7) : t->c.tid;
}

static u64 ino_of(int sock)
{
	struct stat st;

	return fstat(sock, &st) ? 0 : st.st_ino;
}

static long attach(struct target *t, int sock, int name, u64 val, u32 len)
{
	int fd, copy, err;
	u32 id;

	err = sockopt_attach(&t->c, sock, name, val, len, &id, &fd);
	if (err)
		return err;
	copy = pidfd_copy(t->c.tid, fd);
	return copy < 0 ? -ENOMEM : hold(process_of(t), ino_of(sock), name, copy, id);
}

static long detach(struct target *t, int sock, int name, u64 val)
{
	int v, kind = name == SO_DETACH_FILTER ? SO_ATTACH_BPF : SO_ATTACH_REUSEPORT_EBPF;
	long err = caller_in(&t->c, &v, val, sizeof(v));
	struct held *h = NULL;

	if (!err)
		err = raw5(SYS_setsockopt, sock, SOL_SOCKET, name, &v, sizeof(v));
	if (err)
		return err;
	pthread_mutex_lock(&lock);
	if (clients)
		h = held_take(process_of(t), ino_of(sock), kind);
	pthread_mutex_unlock(&lock);
	if (h)
		held_free(h);
	return 0;
}

long sockets_setsockopt(struct target *t, const u64 args[6])
{
	int name = (int)args[2], sock = pidfd_copy(t->c.tid, (int)args[0]);
	long ret;

	if (sock < 0)
		return sock == -EBADF ? sock : SYS_CONTINUE;
	if (!target_valid(t))
		ret = SYS_CONTINUE;
	else if (sockopt_attaches((int)args[1], name))
		ret = attach(t, sock, name, args[3], (u32)args[4]);
	else if ((u32)args[4] != sizeof(int))
		ret = SYS_CONTINUE; /* which other lengths, and which memory, the kernel says */
	else
		ret = detach(t, sock, name, args[3]);
	close(sock);
	return ret;
}

/* Does a program stand there? The kernel has three classic instructions in its place, and would show them. */
static bool has_program(int sock)
{
	struct sock_filter insn[SOCKOPT_INSNS];
	socklen_t n = 0;

	return !getsockopt(sock, SOL_SOCKET, SO_GET_FILTER, NULL, &n) && n == SOCKOPT_INSNS &&
	       !getsockopt(sock, SOL_SOCKET, SO_GET_FILTER, insn, &n) && sockopt_prog_of(insn, n);
}

/* Bad arguments are the kernel's to tell, and it looks at them first. */
long sockets_get_filter(struct target *t, const u64 args[6])
{
	int len, sock = pidfd_copy(t->c.tid, (int)args[0]);
	long ret = SYS_CONTINUE;

	if (sock < 0)
		return SYS_CONTINUE;
	if (target_valid(t) && !caller_in(&t->c, &len, args[4], sizeof(len)) && len >= 0 && has_program(sock))
		ret = -EACCES;
	close(sock);
	return ret;
}
