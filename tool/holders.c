// SPDX-License-Identifier: BSD-2-Clause
/*
 * Finding the holders of objects: see holders.h and objects.h.
 */
#include "tool/holders.h"
#include "store/dirscan.h"
#include "store/store.h"
#include "util/raw.h"
#include "util/str.h"
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/sysmacros.h>

/* Reads a small file of /proc; the length, NUL behind it. */
static long read_proc(const char *path, char *buf, size_t size)
{
	int fd = raw_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	long n = fd < 0 ? fd : raw_read(fd, buf, size - 1);

	if (fd >= 0)
		raw_close(fd);
	buf[n > 0 ? n : 0] = 0;
	return n;
}

/* Only a description that carries the lock is a reference; others are mere looks at the file. */
static bool is_locked(int pid, const char *fd)
{
	char path[64], text[2048];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", pid, fd);
	return read_proc(path, text, sizeof(text)) > 0 && strstr(text, "FLOCK");
}

static void add_holder(struct object *o, int pid, int fd)
{
	char path[40], comm[20];
	struct holder *h;

	o->holders = list_grow(o->holders, o->nholders, sizeof(*o->holders));
	h = &o->holders[o->nholders++];
	*h = (struct holder){ .pid = pid, .fd = fd };
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	read_proc(path, comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = 0;
	snprintf(h->comm, sizeof(h->comm), "%.15s", comm);
	for (u32 i = 0; i + 1 < o->nholders && !h->repeats; i++)
		h->repeats = !raw5(SYS_kcmp, o->holders[i].pid, pid, KCMP_FILE, o->holders[i].fd, fd);
}

static void look_at_process(struct object_list *l, const char *pid)
{
	const struct dirscan_entry *e;
	struct dirscan d;
	char dir[40];

	snprintf(dir, sizeof(dir), "/proc/%s/fd", pid);
	if (dirscan_open(&d, dir))
		return;
	while ((e = dirscan_next(&d))) {
		struct object *o;
		struct stat st;

		if (raw_fstatat(d.fd, e->name, &st, 0) || st.st_dev != the_store.dev || !S_ISREG(st.st_mode))
			continue;
		o = object_of_ino(l, st.st_ino);
		if (o && is_locked(atoi(pid), e->name))
			add_holder(o, atoi(pid), atoi(e->name));
	}
	dirscan_close(&d);
}

static void look_at_processes(struct object_list *l, void (*look)(struct object_list *l, const char *pid))
{
	const struct dirscan_entry *e;
	struct dirscan d;

	if (dirscan_open(&d, "/proc"))
		return;
	while ((e = dirscan_next(&d)))
		if (e->name[0] >= '1' && e->name[0] <= '9')
			look(l, e->name);
	dirscan_close(&d);
}

/* "1: FLOCK  ADVISORY  READ  17 00:1b:25 0 EOF": one line a lock. */
static void count_locks(struct object_list *l)
{
	FILE *f = fopen("/proc/locks", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned major, minor;
		unsigned long ino;
		struct object *o;

		if (sscanf(line, "%*s FLOCK ADVISORY READ %*d %x:%x:%lu", &major, &minor, &ino) != 3 ||
		    makedev(major, minor) != the_store.dev)
			continue;
		o = object_of_ino(l, ino);
		if (o)
			o->locks++;
	}
	if (f)
		fclose(f);
}

/* True if some description has the object locked. */
static bool held_by_somebody(const struct object *o)
{
	char name[32];
	int err, fd = raw_openat(the_store.dirfd, store_id_name(name, o->type, o->id), O_RDONLY | O_CLOEXEC,
				 0);

	if (fd < 0)
		return false;
	err = raw_flock(fd, LOCK_EX | LOCK_NB);
	raw_close(fd);
	return err == -EWOULDBLOCK;
}

static void count(struct object_list *l)
{
	for (u32 i = 0; i < l->n; i++) {
		struct object *o = &l->o[i];
		u32 seen = 0;

		for (u32 k = 0; k < o->nholders; k++)
			seen += !o->holders[k].repeats;
		o->fds = MAX(seen, o->locks);
		if (!o->fds)
			o->fds = held_by_somebody(o);
		o->in_flight = o->fds - seen;
	}
}

/*
 * "7f00-7f01 ---s 00000000 00:1b 12 /path": a program at a socket is held by a mapping that is good for
 * nothing else. Of those that several processes have, one is taken for all: fork has made the others.
 */
static void look_at_maps(struct object_list *l, const char *pid)
{
	char path[40], line[1024], mode[8];
	unsigned major, minor;
	unsigned long ino;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		struct object *o;
		bool known = false;

		if (sscanf(line, "%*s %7s %*s %x:%x %lu", mode, &major, &minor, &ino) != 4 ||
		    strcmp(mode, "---s") || makedev(major, minor) != the_store.dev)
			continue;
		o = object_of_ino(l, ino);
		if (!o || o->type != OBJ_PROG)
			continue;
		for (u32 i = 0; i < o->nholders; i++)
			known |= o->holders[i].pid == atoi(pid) || o->holders[i].fd < 0;
		add_holder(o, atoi(pid), -1);
		o->holders[o->nholders - 1].repeats = known;
	}
	if (f)
		fclose(f);
}

static bool programs_in_flight(const struct object_list *l)
{
	for (u32 i = 0; i < l->n; i++)
		if (l->o[i].type == OBJ_PROG && l->o[i].in_flight)
			return true;
	return false;
}

void holders_load(struct object_list *l)
{
	look_at_processes(l, look_at_process);
	count_locks(l);
	count(l);
	if (!programs_in_flight(l))
		return;
	look_at_processes(l, look_at_maps);
	count(l);
}
