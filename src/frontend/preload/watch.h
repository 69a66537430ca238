// SPDX-License-Identifier: BSD-2-Clause
/*
 * Registrations of objects in epoll instances: what a process remembers of them.
 *
 * The kernel refuses to have an object's file in an epoll instance, so what is
 * registered in its place, under the client's data word, is a description of
 * the object's FIFO (store/wake.h), EPOLLET. One struct watch is one such registration:
 *
 *     eptab[number] -> struct ep   one epoll instance, as far as it has watches
 *                        ^
 *     watches -> struct watch -> struct watch ...   all of the process
 *
 * Both are type-stable and reused in place; a watch is what its state says. The
 * truth is in the kernel's instance: the table only says which of its items
 * are ours, what the client has asked for, and which object to look at. A
 * number that the table does not know is looked up in /proc/self/fdinfo, which
 * lists an instance's items; so copies of numbers, passed and inherited ones are known, too.
 *
 * As with the kernel's, a registration lasts until DEL, until the last copy of the
 * object's descriptor is closed and its last mapping gone (as far as this process has them: looked for
 * when a copy is closed), or with the instance.
 *
 * No lock, no memory but by mmap: close and dup come here, from signal handlers.
 */
#ifndef PINFS_PRELOAD_WATCH_H
#define PINFS_PRELOAD_WATCH_H

#include "frontend/preload/preload.h"

struct ep;

enum { WATCH_FREE, WATCH_BUSY, WATCH_LIVE };

struct watch {
	struct watch *next; /* of all, set once */
	_Atomic u32 state;
	_Atomic bool off; /* EPOLLONESHOT has been told */
	_Atomic u32 events;
	struct ep *ep;
	u32 pid;            /* who made it: else it was inherited */
	int fd;             /* the client's number at ADD: with the object, epoll's key */
	_Atomic int holder; /* a number of the client's that holds the description now */
	int wake;           /* what the kernel has in the instance */
	u64 wake_ino;
	struct handle *h; /* a reference */
	u64 data;
};

/* Live ones, and numbers of their instances: 0 in nearly all processes, and then nothing here is called. */
extern _Atomic u32 watch_count;

/* The instance behind a number, if it has watches. NULL: none. */
struct ep *watch_ep(int epfd);

/* The next live watch of the instance behind w (NULL: the first). */
struct watch *watch_next(struct watch *w, const struct ep *ep);

/* The registration of that object under that number. */
struct watch *watch_find(const struct ep *ep, int fd, const struct handle *h);

/* epoll_ctl's three. h: the object's, taken over by add on success. Results as epoll_ctl's, negative. */
long watch_add(int epfd, int fd, struct handle *h, const struct epoll_event *ev);
long watch_mod(int epfd, struct watch *w, const struct epoll_event *ev);
long watch_del(int epfd, struct watch *w);

/* Has the kernel look again: one more event. */
void watch_again(int epfd, const struct watch *w);

/* A number of the client's is about to be closed or replaced / is one more of the same description now. */
void watch_closing(int fd);
void watch_closing_range(u32 lo, u32 hi);
void watch_copied(int from, int to);
/* An object has been mapped through that number; or the number has been closed. */
void watch_mapped(int fd, bool now);
/* The client wants fd, a number of our own, which has been copied to another. */
void watch_moving(int fd, int to);

#endif
