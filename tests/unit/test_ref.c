// SPDX-License-Identifier: BSD-2-Clause
/*
 * A reference that is set while its target's last descriptor is closed, as by another thread of the client:
 * either it is set, and the target lives as long as it, or it is refused, and nothing is left of either.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "store/ref.h"
#include "store/store.h"
#include "tests/lib/selfcall.h"
#include "tests/lib/tap.h"

#define HOLDER 4711 /* of a number that no object has */

static struct shared {
	_Atomic u32 id; /* to be held; 0: it was tried */
	_Atomic long held, refused, dead, strange;
} * sh;

static int make(u32 *id, u64 *ino)
{
	struct obj_new n;
	int fd;

	if (obj_create(OBJ_PROG, 0, 0, false, &n))
		abort();
	obj_fill_header(&n, 1, 0, "", 0);
	fd = obj_publish(&n, O_RDWR);
	*id = n.id;
	*ino = n.st.st_ino;
	return fd;
}

static const char *id_name(u32 id)
{
	static char name[32];

	return store_id_name(name, OBJ_PROG, id);
}

static bool there(u32 id)
{
	return !faccessat(the_store.dirfd, id_name(id), F_OK, 0);
}

static void spin(unsigned n)
{
	for (volatile unsigned i = 0; i < n; i++)
		;
}

static void hold_what_comes(void)
{
	unsigned seed = 1;

	for (u64 slot = 1;; slot++) {
		struct obj_hdr h;
		u32 id;
		int err;

		while (!(id = sh->id))
			sched_yield();
		spin((unsigned)rand_r(&seed) % 20000);
		err = ref_set(OBJ_LINK, HOLDER, slot, OBJ_PROG, id);
		if (!err) {
			sh->held++;
			for (int i = 0; i < 3; i++)
				sh->dead += obj_look(OBJ_PROG, id, &h, sizeof(h)) != 0;
			ref_clear(OBJ_LINK, HOLDER, slot, OBJ_PROG, id);
		} else {
			sh->refused++;
			sh->strange += err != -ENOENT;
		}
		sh->id = 0;
	}
}

static void look_what_is(void)
{
	for (;;) {
		u32 id = sh->id;

		if (id)
			obj_reap(OBJ_PROG, id);
		sched_yield();
	}
}

static pid_t start(void (*fn)(void))
{
	pid_t pid = fork();

	if (!pid)
		fn();
	return pid;
}

static void races(void)
{
	long n = test_scale(20000), left = 0;
	pid_t holder = start(hold_what_comes), looker = start(look_what_is);
	unsigned seed = 2;
	struct gc_result r;

	for (long i = 0; i < n; i++) {
		u64 ino;
		u32 id;
		int fd = make(&id, &ino);

		sh->id = id;
		spin((unsigned)rand_r(&seed) % 20000);
		obj_close(fd, OBJ_PROG, id);
		while (sh->id)
			sched_yield();
		/* Two who look at once may keep each other away: the next one finds it. */
		for (int k = 0; there(id) && !obj_reap(OBJ_PROG, id) && k < 1000; k++)
			usleep(100);
		left += there(id) || ref_count(ino);
	}
	kill(holder, SIGKILL);
	kill(looker, SIGKILL);
	waitpid(holder, NULL, 0);
	waitpid(looker, NULL, 0);
	ok(sh->held + sh->refused == n && !sh->strange,
	   "%ld references: %ld set, %ld refused as the target was dead", n, (long)sh->held,
	   (long)sh->refused);
	ok(!sh->dead, "what is held lives");
	ok(!left, "and of what is not, nothing is left at the next look");
	store_gc(&r);
	ok(!r.refs && !r.objects, "gc finds nothing");
}

/* Somebody was killed who was about to decide. */
static void undecided(void)
{
	u64 ino;
	u32 id;
	int fd = make(&id, &ino), other;

	the_store.super->reaping[id % STORE_REAPING].begun++;
	ok(!ref_set(OBJ_LINK, HOLDER, 1, OBJ_PROG, id) && ref_count(ino) == 1,
	   "what has a descriptor can be held, though somebody may have been about to remove it");
	ok(!ref_set(OBJ_LINK, HOLDER, 2, OBJ_PROG, id) && ref_count(ino) == 2, "and twice");
	ref_clear(OBJ_LINK, HOLDER, 1, OBJ_PROG, id);
	ref_clear(OBJ_LINK, HOLDER, 2, OBJ_PROG, id);
	close(fd);
	ok(ref_set(OBJ_LINK, HOLDER, 3, OBJ_PROG, id) == -ENOENT && !ref_count(ino) && !there(id),
	   "what has none cannot, and goes");
	fd = make(&id, &ino);
	the_store.super->reaping[id % STORE_REAPING].begun++;
	close(fd);
	other = openat(the_store.dirfd, id_name(id), O_RDONLY);
	ok(!flock(other, LOCK_EX | LOCK_NB), "somebody is about to remove one");
	ok(ref_set(OBJ_LINK, HOLDER, 4, OBJ_PROG, id) == -ENOENT && !ref_count(ino), "it cannot be held");
	close(other);
	ok(obj_reap(OBJ_PROG, id) == 1 && !there(id), "and goes");
}

int main(void)
{
	if (self_open("ref"))
		return 1;
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	races();
	undecided();
	return done();
}
