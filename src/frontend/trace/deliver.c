// SPDX-License-Identifier: BSD-2-Clause
/*
 * Held calls: see deliver.h.
 *
 * A call that is held has a record, from its stop to the reply:
 *
 *     NEW      waits for a worker
 *     SERVED   a worker has it
 *     GIVE     the worker waits for the client to have an fd
 *     INSERT   the client is making the calls for that, one a step
 *     REPLY    the worker is done
 *
 * Workers move it SERVED -> GIVE and SERVED -> REPLY, the tracer does the rest.
 * All under one mutex, held over no more than a few system calls.
 *
 * Giving an fd. Nobody can put a description into another process but that
 * process: so the client makes these calls, with all signals blocked, each by
 * setting it back to its system-call instruction:
 *
 *     mmap                a page for what the others point to
 *     socket, connect     to a socket made for this: the lowest number. It has a name
 *                         in the store, for abstract ones are of one network namespace
 *     recvmsg             the description comes under some number
 *     dup3, close         it moves to the lowest
 *     munmap
 *
 * A thread that is killed leaves a record that is marked dead, which ends every
 * wait on it. One that was stopped by SIGSTOP meanwhile is stopped afterwards.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <stddef.h>
#include <string.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include "frontend/trace/deliver.h"
#include "util/raw.h"

#define SYSCALL_INSN 2

enum state { NEW, SERVED, GIVE, INSERT, REPLY };
enum step { MMAP, SOCKET, CONNECT, RECVMSG, DUP3, CLOSE, MUNMAP, STEPS };

struct held {
	struct held *next;
	u64 id;
	pid_t tid;
	enum state state;
	bool dead;
	struct user_regs_struct regs; /* as they were at the call */
	bool go_on;
	long ret;
	/* of an insertion */
	enum step step;
	bool entry; /* the next stop is a call's begin */
	bool cloexec;
	int fd, at; /* the description; the socket that the client is to connect to */
	long page, sock, number, addr_len;
	u64 mask;
	int stop; /* a signal that came meanwhile */
	struct sockaddr_un addr;
};

/* What the client's calls point to, in its page. */
struct parcel {
	struct sockaddr_un addr;
	struct msghdr msg;
	struct iovec iov;
	char byte[8];
	union {
		struct cmsghdr hdr;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER, settled = PTHREAD_COND_INITIALIZER;
static struct held *all;
static u64 last_id;
static bool ended;
static int wake_fd = -1;
static const char *socket_base;

void deliver_setup(int wake, const char *base)
{
	wake_fd = wake;
	socket_base = base;
}

static struct held *of_id(u64 id)
{
	struct held *h = all;

	while (h && h->id != id)
		h = h->next;
	return h;
}

static struct held *of_tid(pid_t tid)
{
	struct held *h = all;

	while (h && (h->tid != tid || h->dead))
		h = h->next;
	return h;
}

static void drop(struct held *h)
{
	struct held **p = &all;

	while (*p != h)
		p = &(*p)->next;
	*p = h->next;
	free(h);
}

static void tell_tracer(void)
{
	u64 one = 1;

	if (write(wake_fd, &one, sizeof(one)) < 0)
		return;
}

/* The worker's side. */

static struct held *next_new(void)
{
	struct held *h, *first = NULL;

	for (h = all; h; h = h->next)
		if (h->state == NEW && (!first || h->id < first->id))
			first = h;
	return first;
}

bool trace_receive(struct seccomp_notif *req)
{
	struct held *h;

	pthread_mutex_lock(&lock);
	while (!(h = next_new()) && !ended)
		pthread_cond_wait(&arrived, &lock);
	if (h) {
		const struct user_regs_struct *r = &h->regs;

		h->state = SERVED;
		req->id = h->id;
		req->pid = (u32)h->tid;
		req->flags = 0;
		req->data = (struct seccomp_data){ .nr = (int)r->orig_rax,
						   .instruction_pointer = r->rip,
						   .args = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 } };
	}
	pthread_mutex_unlock(&lock);
	return h;
}

void trace_reply(u64 id, bool go_on, long ret)
{
	struct held *h;

	pthread_mutex_lock(&lock);
	h = of_id(id);
	if (h) {
		h->go_on = go_on;
		h->ret = ret;
		h->state = REPLY;
		tell_tracer();
	}
	pthread_mutex_unlock(&lock);
}

int trace_give(u64 id, int fd, bool cloexec)
{
	struct held *h;
	int ret = -ENOENT;

	pthread_mutex_lock(&lock);
	h = of_id(id);
	if (h && !h->dead) {
		h->fd = fd;
		h->cloexec = cloexec;
		h->state = GIVE;
		tell_tracer();
		while (h->state != SERVED && !h->dead)
			pthread_cond_wait(&settled, &lock);
		ret = h->dead ? -ENOENT : (int)h->number;
		h->state = SERVED;
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

bool trace_valid(u64 id)
{
	struct held *h;
	bool valid;

	pthread_mutex_lock(&lock);
	h = of_id(id);
	valid = h && !h->dead;
	pthread_mutex_unlock(&lock);
	return valid;
}

/* The tracer's side. */

void deliver_result(pid_t tid, long ret)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, tid, NULL, &r))
		return;
	r.orig_rax = ~0ull; /* no call is made */
	r.rax = (unsigned long long)ret;
	if (!ptrace(PTRACE_SETREGS, tid, NULL, &r))
		ptrace(PTRACE_CONT, tid, NULL, NULL);
}

static bool client_memory(const struct held *h, struct parcel *p, bool write)
{
	struct iovec here = { p, sizeof(*p) }, there = { (void *)h->page, sizeof(*p) };
	ssize_t n = write ? process_vm_writev(h->tid, &here, 1, &there, 1, 0)
			  : process_vm_readv(h->tid, &here, 1, &there, 1, 0);
	char path[32];
	int fd;

	if (n >= 0)
		return n == sizeof(*p);
	snprintf(path, sizeof(path), "/proc/%d/mem", h->tid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	n = write ? pwrite(fd, p, sizeof(*p), h->page) : pread(fd, p, sizeof(*p), h->page);
	if (fd >= 0)
		close(fd);
	return n == sizeof(*p);
}

static bool write_parcel(struct held *h)
{
	struct parcel p = { 0 };
	socklen_t len = sizeof(sa_family_t);

	h->addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (snprintf(h->addr.sun_path, sizeof(h->addr.sun_path), "%s.%llu", socket_base,
		     (unsigned long long)h->id) < (int)sizeof(h->addr.sun_path))
		len = sizeof(h->addr);
	else
		h->addr.sun_path[0] = 0; /* the kernel finds an abstract name that is free */
	h->at = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->at < 0 || bind(h->at, (struct sockaddr *)&h->addr, len) || listen(h->at, 1))
		return false;
	len = sizeof(h->addr);
	if (h->addr.sun_path[0] ? chmod(h->addr.sun_path, 0666)
				: getsockname(h->at, (struct sockaddr *)&h->addr, &len))
		return false;
	h->addr_len = len;
	p.addr = h->addr;
	p.iov.iov_base = (void *)(h->page + (long)offsetof(struct parcel, byte));
	p.iov.iov_len = 1;
	p.msg.msg_iov = (void *)(h->page + (long)offsetof(struct parcel, iov));
	p.msg.msg_iovlen = 1;
	p.msg.msg_control = (void *)(h->page + (long)offsetof(struct parcel, control));
	p.msg.msg_controllen = sizeof(p.control.room);
	return client_memory(h, &p, true);
}

/* Anybody could connect there. */
static bool is_client(const struct held *h, int peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	char path[64];

	if (getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)cred.pid, (int)h->tid);
	return !access(path, F_OK);
}

/* The client has connected: the description is on its way before it asks. */
static bool send_fd(struct held *h)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int peer = accept4(h->at, NULL, NULL, SOCK_CLOEXEC);
	bool sent;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &h->fd, sizeof(int));
	sent = peer >= 0 && is_client(h, peer) && sendmsg(peer, &msg, MSG_NOSIGNAL) == 1;
	if (peer >= 0)
		close(peer);
	return sent;
}

static bool arrived_as(struct held *h, int *number)
{
	struct parcel p;

	if (!client_memory(h, &p, false) || p.control.hdr.cmsg_type != SCM_RIGHTS ||
	    p.control.hdr.cmsg_len != CMSG_LEN(sizeof(int)))
		return false;
	memcpy(number, CMSG_DATA(&p.control.hdr), sizeof(int));
	return true;
}

/* The step's call, into registers; at a call's own stop (first), or to be made from the instruction again. */
static bool make_call(struct held *h, bool first)
{
	const long page = h->page, msg = page + (long)offsetof(struct parcel, msg);
	const long call[STEPS][7] = {
		[MMAP] = { SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 },
		[SOCKET] = { SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0 },
		[CONNECT] = { SYS_connect, h->sock, page, h->addr_len },
		[RECVMSG] = { SYS_recvmsg, h->sock, msg, MSG_CMSG_CLOEXEC },
		[DUP3] = { SYS_dup3, h->number, h->sock, h->cloexec ? O_CLOEXEC : 0 },
		[CLOSE] = { SYS_close, h->number },
		[MUNMAP] = { SYS_munmap, page, PAGE },
	};
	const long *c = call[h->step];
	struct user_regs_struct r = h->regs;

	r.rdi = (unsigned long long)c[1];
	r.rsi = (unsigned long long)c[2];
	r.rdx = (unsigned long long)c[3];
	r.r10 = (unsigned long long)c[4];
	r.r8 = (unsigned long long)c[5];
	r.r9 = (unsigned long long)c[6];
	r.rax = (unsigned long long)c[0];
	r.orig_rax = first ? (unsigned long long)c[0] : ~0ull;
	if (!first)
		r.rip -= SYSCALL_INSN;
	h->entry = !first;
	return !ptrace(PTRACE_SETREGS, h->tid, NULL, &r) && !ptrace(PTRACE_SYSCALL, h->tid, NULL, NULL);
}

static void begin_insert(struct held *h)
{
	u64 none = ~0ull;

	h->state = INSERT;
	h->step = MMAP;
	h->page = h->number = h->at = -1;
	h->sock = -EFAULT;
	h->stop = 0;
	if (ptrace(PTRACE_GETSIGMASK, h->tid, sizeof(h->mask), &h->mask) ||
	    ptrace(PTRACE_SETSIGMASK, h->tid, sizeof(none), &none) || !make_call(h, true))
		h->dead = true;
}

static void close_socket(struct held *h)
{
	if (h->at < 0)
		return;
	close(h->at);
	h->at = -1;
	if (h->addr.sun_path[0])
		unlink(h->addr.sun_path);
}

/* Back to the stop of its own call, as far as anybody can tell. The worker's reply sets registers and goes.
 */
static void end_insert(struct held *h, long number)
{
	close_socket(h);
	ptrace(PTRACE_SETSIGMASK, h->tid, sizeof(h->mask), &h->mask);
	h->number = number;
	h->state = SERVED;
	pthread_cond_broadcast(&settled);
}

/* A call of ours has returned ret: what it means, and whether there is another. */
static void next_step(struct held *h, long ret)
{
	static const enum step after[STEPS] = { SOCKET, CONNECT, RECVMSG, DUP3, CLOSE, MUNMAP, STEPS };
	int n;

	switch (h->step) {
	case MMAP:
		if (ret < 0 && ret > -(long)PAGE) {
			end_insert(h, ret);
			return;
		}
		h->page = ret;
		if (!write_parcel(h))
			h->step = CLOSE; /* only munmap is left */
		break;
	case SOCKET:
		h->sock = ret;
		if (ret < 0)
			h->step = CLOSE;
		break;
	case CONNECT:
		if (ret < 0 || !send_fd(h)) {
			h->number = h->sock; /* to be closed */
			h->sock = -ECONNREFUSED;
			h->step = DUP3;
		}
		break;
	case RECVMSG:
		n = (int)h->sock;
		if (ret < 0 || !arrived_as(h, &n)) {
			h->sock = -EMFILE;
			h->step = DUP3;
		}
		h->number = n;
		break;
	case MUNMAP: end_insert(h, h->sock); return;
	default: break;
	}
	h->step = after[h->step];
	if (!make_call(h, false))
		h->dead = true;
}

static bool insert_stop(struct held *h, int status)
{
	struct user_regs_struct r;

	if (status >> 16) { /* the process is being stopped: this thread is, too, when it is done */
		h->stop = WSTOPSIG(status) == SIGTRAP ? h->stop : SIGSTOP;
		ptrace(PTRACE_SYSCALL, h->tid, NULL, NULL);
	} else if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
		h->stop = WSTOPSIG(status);
		ptrace(PTRACE_SYSCALL, h->tid, NULL, NULL);
	} else if (h->entry) {
		h->entry = false;
		ptrace(PTRACE_SYSCALL, h->tid, NULL, NULL);
	} else if (!ptrace(PTRACE_GETREGS, h->tid, NULL, &r)) {
		next_step(h, (long)r.rax);
	} else {
		h->dead = true;
	}
	if (h->dead)
		pthread_cond_broadcast(&settled);
	return true;
}

static bool hold(pid_t tid)
{
	struct held *h = calloc(1, sizeof(*h));

	if (!h || ptrace(PTRACE_GETREGS, tid, NULL, &h->regs)) {
		free(h);
		return false;
	}
	h->tid = tid;
	h->id = ++last_id;
	h->next = all;
	all = h;
	pthread_cond_signal(&arrived);
	return true;
}

bool deliver_stop(pid_t tid, int status)
{
	struct held *h;
	bool ours;

	if (wake_fd < 0)
		return false;
	pthread_mutex_lock(&lock);
	h = of_tid(tid);
	if (h && h->state == INSERT && status >> 16 != PTRACE_EVENT_EXEC) {
		ours = insert_stop(h, status);
	} else {
		if (h) { /* it went on without us: by exec of another thread */
			h->dead = true;
			pthread_cond_broadcast(&settled);
		}
		ours = status >> 16 == PTRACE_EVENT_SECCOMP && hold(tid);
	}
	pthread_mutex_unlock(&lock);
	return ours;
}

void deliver_gone(pid_t tid)
{
	struct held *h;

	pthread_mutex_lock(&lock);
	h = of_tid(tid);
	if (h) {
		if (h->state == INSERT)
			close_socket(h);
		h->dead = true;
		if (h->state == NEW)
			drop(h);
	}
	pthread_cond_broadcast(&settled);
	pthread_mutex_unlock(&lock);
}

static void finish(struct held *h)
{
	struct user_regs_struct r = h->regs;

	if (h->dead)
		return;
	if (h->go_on) {
		ptrace(PTRACE_CONT, h->tid, NULL, NULL);
		return;
	}
	r.orig_rax = ~0ull;
	r.rax = (unsigned long long)h->ret;
	if (!ptrace(PTRACE_SETREGS, h->tid, NULL, &r))
		ptrace(PTRACE_CONT, h->tid, NULL, NULL);
	if (h->stop)
		syscall(SYS_tkill, h->tid, h->stop);
}

void deliver_work(void)
{
	struct held *h, *next;

	pthread_mutex_lock(&lock);
	for (h = all; h; h = next) {
		next = h->next;
		if (h->state == GIVE) {
			begin_insert(h);
			if (h->dead)
				pthread_cond_broadcast(&settled);
		} else if (h->state == REPLY) {
			finish(h);
			drop(h);
		}
	}
	pthread_mutex_unlock(&lock);
}

void deliver_end(void)
{
	pthread_mutex_lock(&lock);
	ended = true;
	pthread_cond_broadcast(&arrived);
	pthread_mutex_unlock(&lock);
}
