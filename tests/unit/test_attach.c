// SPDX-License-Identifier: BSD-2-Clause
/*
 * Attach points: no change is lost and no list is torn, whoever is killed, stopped or jumps out in between;
 * what is held is let go; an empty point can be removed under everybody's feet.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "link/link.h"
#include "shm/actor.h"
#include "store/ref.h"
#include "store/store.h"
#include "tests/lib/selfcall.h"
#include "tests/lib/tap.h"

#define WORKERS 4
#define PROGS   8

static struct shared {
	_Atomic long changes, failed, torn;
} * sh;

static struct gc_result swept;
static u32 prog[PROGS];
static int prog_fd[PROGS];
/* Of no kind whose targets gc looks for. */
#define NO_HOOK 255

static struct attach_key key = { .type = NO_HOOK, .target = 42 };

/* A program as far as references go: any object will do. */
static void make_progs(void)
{
	for (int i = 0; i < PROGS; i++) {
		struct obj_new n;

		if (obj_create(OBJ_PROG, 0, 0, false, &n))
			abort();
		obj_fill_header(&n, 1, 0, "", 0);
		prog_fd[i] = obj_publish(&n, O_RDWR);
		prog[i] = n.id;
	}
}

static int index_of(const struct attach_list *l, u32 id)
{
	for (u32 i = 0; i < l->nr; i++)
		if (l->e[i].prog_id == id)
			return (int)i;
	return -1;
}

/* Out if it is there, in if it is not. */
static int flip(void *arg, struct attach_list *l)
{
	u32 id = *(u32 *)arg;
	int at = index_of(l, id);
	struct attach_entry e = { .prog_id = id, .flags = id * 3 };

	if (at >= 0)
		attach_entry_remove(l, (u32)at);
	else
		attach_entry_insert(l, l->nr / 2, &e);
	return 0;
}

/* Each program at most once, with the flags that it came with. */
static bool list_whole(const struct attach_list *l)
{
	for (u32 i = 0; i < l->nr; i++)
		if (l->e[i].flags != l->e[i].prog_id * 3 || !l->e[i].hold ||
		    index_of(l, l->e[i].prog_id) != (int)i)
			return false;
	return true;
}

static void work(unsigned seed)
{
	struct attach_point *p = attach_open(&key);
	struct attach_list l;
	u32 id = prog[rand_r(&seed) % PROGS];
	int err;

	if (IS_ERR(p)) {
		sh->failed++;
		return;
	}
	err = attach_change(p, flip, &id);
	if (!err)
		sh->changes++;
	else
		sh->failed++;
	if (!attach_list(p, &l) && !list_whole(&l))
		sh->torn++;
	attach_close(p);
}

static pid_t start(unsigned seed, long n)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (long i = 0; n < 0 || i < n; i++)
		work(seed + (unsigned)i * 7919);
	_exit(0);
}

static void look(struct attach_list *l)
{
	struct attach_point *p = attach_open(&key);

	memset(l, 0, sizeof(*l));
	if (IS_ERR(p) || attach_list(p, l))
		sh->failed++;
	if (!IS_ERR(p))
		attach_close(p);
}

/* References that the point has: one an entry, once gc has looked. */
static int refs_of_points(void)
{
	struct stat st;
	int n = 0;

	for (int i = 0; i < PROGS; i++)
		if (!fstat(prog_fd[i], &st))
			n += ref_count(st.st_ino);
	return n;
}

static void no_change_is_lost(void)
{
	long n = test_scale(2000);
	struct attach_list a, b;
	pid_t pid[WORKERS];

	look(&a);
	sh->changes = 0;
	for (int w = 0; w < WORKERS; w++)
		pid[w] = start((unsigned)w * 1000003, n);
	for (int w = 0; w < WORKERS; w++)
		waitpid(pid[w], NULL, 0);
	look(&b);
	ok(b.revision == a.revision + (u64)sh->changes && !sh->failed && !sh->torn,
	   "%d processes, %ld changes: each has its revision, no list is torn", WORKERS, (long)sh->changes);
	ok(refs_of_points() == (int)b.nr, "a reference for each of the %u entries, and no other", b.nr);
}

static void kills(void)
{
	long n = test_scale(1000);
	struct attach_list a, b;
	struct gc_result r;

	look(&a);
	sh->changes = 0;
	for (long i = 0; i < n; i++) {
		pid_t p1 = start((unsigned)i, -1), p2 = start((unsigned)i + 500000, -1);

		usleep((useconds_t)(rand() % 1500));
		kill(p1, SIGKILL);
		kill(p2, i % 2 ? SIGSTOP : SIGKILL);
		waitpid(p1, NULL, 0);
		work((unsigned)i); /* beside one that is stopped */
		kill(p2, SIGKILL);
		waitpid(p2, NULL, 0);
	}
	look(&b);
	ok(!sh->failed && !sh->torn, "%ld processes killed or stopped: every call succeeds, no list is torn",
	   2 * n);
	ok(b.revision >= a.revision + (u64)sh->changes &&
		   b.revision <= a.revision + (u64)sh->changes + 2 * (u64)n,
	   "a killed one's change counts at most once (%ld told, %lu seen)", (long)sh->changes,
	   (unsigned long)(b.revision - a.revision));
	store_gc(&r);
	ok(refs_of_points() == (int)b.nr, "gc lets go what the killed had held (%u references)", r.refs);
}

static sigjmp_buf out;
static volatile sig_atomic_t armed;

static void jump(int sig)
{
	if (armed) {
		armed = 0;
		siglongjmp(out, 1);
	}
}

static void jumps(void)
{
	struct itimerval never = { { 0, 0 }, { 0, 0 } };
	volatile long jumped = 0, n = test_scale(20000);
	struct attach_list l;
	struct gc_result r;

	signal(SIGALRM, jump);
	for (volatile long i = 0; i < n; i++) {
		if (sigsetjmp(out, 1)) {
			jumped++;
			continue;
		}
		armed = 1;
		setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 0 }, { 0, 1 + rand() % 60 } }, NULL);
		for (unsigned k = 0; armed && k < 50; k++)
			work((unsigned)i + k);
		armed = 0;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	sh->failed = 0;
	for (unsigned k = 0; k < 300; k++)
		work(k);
	look(&l);
	ok(jumped > 0 && !sh->failed && !sh->torn && list_whole(&l),
	   "%ld calls were jumped out of: their slots are written again", jumped);
	store_gc(&r);
	ok(refs_of_points() == (int)l.nr, "and what they had held is let go (%u references)", r.refs);
}

static int clear(void *arg, struct attach_list *l)
{
	if (!l->nr)
		return 1;
	while (l->nr)
		attach_entry_remove(l, 0);
	return 0;
}

/* Points come and go while others change them: whoever changes one sees his change there. */
static void removal(void)
{
	long n = test_scale(2000), lost = 0;
	pid_t sweeper = fork();

	if (!sweeper)
		for (;;)
			attach_gc(&swept);
	key.target++;
	for (long i = 0; i < n; i++) {
		struct attach_point *p = attach_open(&key);
		struct attach_list l;
		u32 id = prog[i % PROGS];

		if (IS_ERR(p) || attach_change(p, flip, &id) || attach_list(p, &l) || index_of(&l, id) < 0 ||
		    attach_change(p, clear, NULL))
			lost++;
		if (!IS_ERR(p))
			attach_close(p);
	}
	kill(sweeper, SIGKILL);
	waitpid(sweeper, NULL, 0);
	ok(!lost, "%ld times attached and emptied beside a gc that removes the point", n);
	attach_gc(&swept);
	ok(!attach_inode(&key), "an empty point is removed");
	key.target--;
}

static void driver(void)
{
	struct attach_key k = { .type = NO_HOOK, .ifindex = 0, .target = 9 };
	struct attach_point *p = attach_open(&k);
	u64 before = attach_revision(p);
	u32 id = prog[0];

	ok(!attach_drive(p), "a point is driven");
	attach_gc(&swept);
	ok(attach_inode(&k) != 0, "gc leaves it, though nothing stands there");
	ok(!attach_change(p, flip, &id) && attach_revision(p) == before + 1,
	   "a change shows in the revision");
	ok(!attach_change(p, clear, NULL) && attach_revision(p) == before + 2, "and so does the next");
	attach_close(p);
	attach_gc(&swept);
	ok(!attach_inode(&k), "without a driver it goes");
}

/* What stands at a target that is gone is let go by gc; at one that is there it stays. */
static void gone(void)
{
	struct attach_key there = { .type = BPF_TCX_INGRESS, .ifindex = 1 }, dead = there;
	struct stat st;
	u32 id = prog[0];

	stat("/proc/self/ns/net", &st);
	there.target = st.st_ino;
	dead.target = 1;
	for (int i = 0; i < 2; i++) {
		struct attach_point *p = attach_open(i ? &there : &dead);

		attach_change(p, flip, &id);
		attach_close(p);
	}
	attach_gc(&swept);
	ok(!attach_inode(&dead), "a namespace that nobody is in takes its attachments along");
	ok(attach_inode(&there) != 0, "our own does not");
}

/* A file that others have written or cut short is an errno. */
static void damage(void)
{
	struct attach_key k = { .type = NO_HOOK, .ifindex = 0, .target = 9 };
	struct attach_point *p = attach_open(&k);
	struct attach_list l;
	char path[700];
	u64 junk = 0;
	int fd, bad = 0;

	snprintf(path, sizeof(path), "%s/attach/k.%u.%u.%x", the_store.path, k.type, k.ifindex, 9);
	fd = open(path, O_RDWR);
	for (u64 i = 0; i < 2000; i++) {
		junk = junk * 6364136223846793005ull + 1442695040888963407ull;
		/* From the word that names the list on: the header itself is looked at when it is opened. */
		bad |= pwrite(fd, &junk, sizeof(junk), 80 + (off_t)(junk >> 33) % 7000) != sizeof(junk);
		attach_list(p, &l);
	}
	ok(!bad, "2000 words of the file overwritten: lists or errnos, no crash");
	bad = ftruncate(fd, 0);
	ok(!bad && attach_list(p, &l) == -EIO, "cut short while it is open: EIO");
	close(fd);
	attach_close(p);
	p = attach_find(&k);
	ok(p == ERR_PTR(-EIO) || !IS_ERR(p), "and when it is opened");
	if (!IS_ERR(p))
		attach_close(p);
}

int main(void)
{
	if (self_open("attach"))
		abort();
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	guard_install();
	make_progs();
	no_change_is_lost();
	kills();
	jumps();
	removal();
	driver();
	gone();
	damage();
	return done();
}
