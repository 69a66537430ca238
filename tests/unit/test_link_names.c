// SPDX-License-Identifier: BSD-2-Clause
/*
 * The names by which a link holds programs: one that it runs always has its own; those that stay for the way
 * back keep no program alive; what the killed leave, and names in whatever state, go with gc or with the
 * link.
 *
 * A front end is played by two functions that say which programs this process has open.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "link/link.h"
#include "shm/actor.h"
#include "store/ref.h"
#include "store/store.h"
#include "tests/lib/selfcall.h"
#include "tests/lib/tap.h"

#define PROGS   8
#define WORKERS 4
#define NO_HOOK 255 /* of no kind whose targets gc looks for */

#define PLACE(head) ((u32)((head) >> 32) & 3)
#define VALID(head) ((u32)((head) >> 34) & 15)

static u32 prog[PROGS];
static int prog_fd[PROGS];
static u64 prog_ino[PROGS];
static struct obj_view prog_view[PROGS];
static u32 link_id;
static int link_fd;
static struct obj_view link_view;
static bool knows;       /* the front end knows what is open, and says so */
static bool changes;     /* between the two questions */
static u32 asked_surely; /* how often a look was asked for */
static struct shared {
	_Atomic long updates, unexpected;
} * sh;

static struct link_hdr *lnk(void)
{
	return (struct link_hdr *)link_view.hdr;
}

static int index_of(u32 id)
{
	for (int i = 0; i < PROGS; i++)
		if (prog[i] == id)
			return i;
	return -1;
}

static bool here_get(enum obj_type type, u32 id, struct obj_here *h)
{
	int i = index_of(id);

	if (!knows || i < 0 || prog_fd[i] < 0)
		return false;
	*h = (struct obj_here){ .hdr = prog_view[i].hdr, .ino = prog_ino[i], .fd = i };
	return true;
}

static bool here_put(struct obj_here *h)
{
	return !changes && prog_fd[h->fd] >= 0;
}

static bool open_here(enum obj_type type, u32 id)
{
	int i = index_of(id);

	asked_surely++;
	return knows && i >= 0 && prog_fd[i] >= 0 && fcntl(prog_fd[i], F_GETFD) >= 0;
}

static void make_prog(int i)
{
	struct obj_new n;

	if (obj_create(OBJ_PROG, 0, 0, false, &n))
		abort();
	obj_fill_header(&n, 1, 0, "", 0);
	prog_fd[i] = obj_publish(&n, O_RDWR);
	prog[i] = n.id;
	prog_ino[i] = n.st.st_ino;
	if (prog_fd[i] < 0 || obj_map(OBJ_PROG, prog[i], true, &prog_view[i]))
		abort();
}

static void drop_prog(int i)
{
	obj_unmap(&prog_view[i]);
	if (prog_fd[i] >= 0)
		obj_close(prog_fd[i], OBJ_PROG, prog[i]);
	prog_fd[i] = -1;
}

static void make_link(int first)
{
	struct link_hdr h = { .attach_type = 0, .key = { .type = NO_HOOK, .target = 77 } };
	struct stat st;

	link_fd = link_make(link_ops_get(BPF_LINK_TYPE_NETNS), &h, prog[first], 0, &link_id, &st);
	if (link_fd < 0 || obj_map(OBJ_LINK, link_id, true, &link_view))
		abort();
}

static void world(bool front_end_knows)
{
	knows = front_end_knows;
	changes = false;
	for (int i = 0; i < PROGS; i++)
		make_prog(i);
	make_link(0);
}

static void close_link(void)
{
	obj_unmap(&link_view);
	obj_close(link_fd, OBJ_LINK, link_id);
}

static bool found(u32 id)
{
	struct obj_hdr h;

	return !obj_look(OBJ_PROG, id, &h, sizeof(h));
}

static bool walked(u32 id)
{
	u32 at = 0;

	while (!obj_next_id(OBJ_PROG, at, &at))
		if (at == id)
			return true;
	return false;
}

static int refs(int i)
{
	return ref_count(prog_ino[i]);
}

static int all_refs(void)
{
	int n = 0;

	for (int i = 0; i < PROGS; i++)
		n += refs(i);
	return n;
}

/* Everything is let go: no program is left, and no name. */
static bool world_end(void)
{
	bool left = false;

	close_link();
	for (int i = 0; i < PROGS; i++)
		drop_prog(i);
	for (int i = 0; i < PROGS; i++)
		left |= found(prog[i]) || refs(i);
	return !left;
}

/* Each valid name is there, leads to the program that it tells, and one of them is that of what is run. */
static bool whole(void)
{
	u64 head = atomic_load(&lnk()->prog), w;
	int valid = 0;

	for (u32 i = 0; i < LINK_NAMES; i++) {
		char path[64];
		struct stat st;
		int p;

		w = atomic_load(&lnk()->names[i]);
		if (!(VALID(head) >> i & 1))
			continue;
		valid++;
		p = index_of((u32)w);
		snprintf(path, sizeof(path), "refs/bpf_link.%u.%lx", link_id, (unsigned long)w);
		if (p < 0 || fstatat(the_store.dirfd, path, &st, 0) || st.st_ino != prog_ino[p])
			return false;
	}
	w = atomic_load(&lnk()->names[PLACE(head)]);
	return valid && VALID(head) >> PLACE(head) & 1 && (u32)w == (u32)head;
}

static int update(int i)
{
	return link_swap_prog(NULL, lnk(), prog[i], 0);
}

static void nobody_knows(void)
{
	int bad = 0;

	world(false);
	for (int i = 0; i < 100; i++)
		bad += update(i % PROGS) != 0 || !whole() || all_refs() != 1;
	ok(!bad, "where nobody knows what is open, a link has one name, that of its program");
	ok(link_swap_prog(NULL, lnk(), prog[1], prog[0]) == -EPERM &&
		   link_swap_prog(NULL, lnk(), prog[1], prog[3]) == 0,
	   "what has to be there before is compared");
	atomic_store(&lnk()->detached, 1);
	ok(update(2) == -ENOLINK && whole(), "a detached link is not updated");
	ok(world_end(), "all is gone");
}

static void to_and_fro(void)
{
	u64 names[LINK_NAMES], head;
	struct gc_result r;
	int bad = 0;

	world(true);
	bad += update(1) != 0 || update(0) != 0;
	memcpy(names, (void *)lnk()->names, sizeof(names));
	head = atomic_load(&lnk()->prog);
	asked_surely = 0;
	for (int i = 0; i < 1000; i++)
		bad += update(!(i & 1)) != 0;
	ok(!bad && whole() && refs(0) == 1 && refs(1) == 1 &&
		   !memcmp(names, (void *)lnk()->names, sizeof(names)),
	   "1000 updates between two programs make no name and remove none");
	ok(!asked_surely && atomic_load(&lnk()->prog) == head, "and ask for nothing");
	ok(store_gc(&r) == 0 && !r.refs && !r.objects && refs(1) == 1, "gc finds nothing");
	ok(link_is_spare(&lnk()->o, lnk()->names[!PLACE(head)]) &&
		   !link_is_spare(&lnk()->o, lnk()->names[PLACE(head)]),
	   "one of the two names counts for nothing");
	ok(link_spares_of((const struct prog_hdr *)prog_view[1].hdr) == 1 &&
		   link_spares_of((const struct prog_hdr *)prog_view[0].hdr) == 0,
	   "and is counted at its program");
	obj_close(prog_fd[1], OBJ_PROG, prog[1]);
	prog_fd[1] = -1;
	ok(!walked(prog[1]) && !found(prog[1]) && refs(1) == 0 && whole(),
	   "the one that is not run dies with its fd");
	obj_close(prog_fd[0], OBJ_PROG, prog[0]);
	prog_fd[0] = -1;
	ok(found(prog[0]) && walked(prog[0]) && refs(0) == 1 && whole(),
	   "the one that is run lives without one");
	ok(update(2) == 0 && !found(prog[0]) && whole(), "until it is updated away");
	ok(world_end(), "all is gone");
}

/* Closed by nobody who would look, as by a kill. */
static void unlooked(void)
{
	for (int how = 0; how < 3; how++) {
		static const char *const name[] = { "walks past", "opens no more", "looks for in vain" };
		struct stat st;
		int fd;
		bool gone;

		world(true);
		update(1);
		close(prog_fd[0]);
		prog_fd[0] = -1;
		if (how == 1) {
			fd = obj_open(OBJ_PROG, prog[0], O_RDWR, &st);
			gone = fd == -ENOENT;
		} else {
			gone = how ? !found(prog[0]) : !walked(prog[0]);
		}
		ok(gone && refs(0) == 0 && whole(),
		   "a program that has a spare name alone is one that everybody %s", name[how]);
		ok(world_end(), "all is gone");
	}
}

static void rotation(void)
{
	int bad = 0;

	world(true);
	for (int i = 0; i < 200; i++)
		bad += update((i + 1) % PROGS) != 0 || !whole() || all_refs() > (int)LINK_NAMES;
	ok(!bad, "a link that goes through %d programs keeps no more than %u names", PROGS, LINK_NAMES);
	ok(world_end(), "all is gone");
}

static void second_thoughts(void)
{
	world(true);
	changes = true;
	ok(update(1) == 0 && refs(0) == 0 && whole(), "a descriptor that goes meanwhile: the name goes");
	changes = false;
	close(prog_fd[1]);
	ok(update(2) == 0 && !found(prog[1]) && whole(),
	   "one that was closed behind the front end's back: nothing stays");
	prog_fd[1] = -1;
	ok(world_end(), "all is gone");
}

/* More links than a program has room to note. */
static void many_links(void)
{
	const int n = PROG_SPARE_LINKS + 4;
	struct obj_view views[PROG_SPARE_LINKS + 4], first;
	int fds[PROG_SPARE_LINKS + 4], bad = 0;
	u32 ids[PROG_SPARE_LINKS + 4];

	world(true);
	first = link_view;
	for (int i = 0; i < n; i++) {
		u32 kept_id = link_id;
		int kept_fd = link_fd;

		make_link(0);
		fds[i] = link_fd;
		ids[i] = link_id;
		views[i] = link_view;
		link_fd = kept_fd;
		link_id = kept_id;
		bad += link_swap_prog(NULL, (struct link_hdr *)views[i].hdr, prog[1], 0) != 0;
	}
	link_view = first;
	ok(!bad && refs(0) == 1 + (int)PROG_SPARE_LINKS, "of %d links %u keep a name", n, PROG_SPARE_LINKS);
	for (int i = 0; i < n / 2; i++) {
		obj_unmap(&views[i]);
		obj_close(fds[i], OBJ_LINK, ids[i]);
	}
	bad += link_swap_prog(NULL, (struct link_hdr *)views[n - 1].hdr, prog[0], 0) != 0;
	bad += link_swap_prog(NULL, (struct link_hdr *)views[n - 1].hdr, prog[1], 0) != 0;
	ok(!bad && refs(0) == 1 + (int)PROG_SPARE_LINKS - n / 2 + 1,
	   "notes of links that are gone make room");
	bad += link_swap_prog(NULL, lnk(), prog[2], 0) != 0;
	obj_close(prog_fd[0], OBJ_PROG, prog[0]);
	prog_fd[0] = -1;
	ok(!bad && !found(prog[0]) && refs(0) == 0, "all of them go when the program's last descriptor does");
	for (int i = n / 2; i < n; i++) {
		obj_unmap(&views[i]);
		obj_close(fds[i], OBJ_LINK, ids[i]);
	}
	ok(world_end(), "all is gone");
}

/* As somebody leaves it who is killed: a name that is not valid, and one that nobody has noted. */
static void leftovers(void)
{
	const u64 word = 0x12345ull << 32 | prog[3];
	struct gc_result r;

	for (int with_gc = 0; with_gc < 2; with_gc++) {
		u64 w;

		world(true);
		w = (word & ~0xffffffffull) | prog[3];
		atomic_store(&lnk()->names[2], w);
		ref_set(OBJ_LINK, link_id, w, OBJ_PROG, prog[3]);
		update(1);
		for (u32 i = 0; i < PROG_SPARE_LINKS; i++)
			((struct prog_hdr *)prog_view[0].hdr)->spare_links[i] = 0;
		obj_close(prog_fd[3], OBJ_PROG, prog[3]);
		prog_fd[3] = -1;
		ok(found(prog[3]) && refs(3) == 1 && refs(0) == 1, "what the killed have left holds");
		if (with_gc) {
			store_gc(&r);
			ok(r.refs == 2 && !found(prog[3]) && refs(0) == 0 && whole(),
			   "until gc (%u references)", r.refs);
		}
		ok(world_end(), "or the link's end");
	}
}

static void churn(unsigned seed, long n)
{
	for (long i = 0; n < 0 || i < n; i++) {
		unsigned r = (unsigned)rand_r(&seed);
		int err;

		knows = r & 3;
		changes = !(r >> 2 & 7);
		if (!(r >> 5 & 31)) {
			int p = (int)(r >> 10) % PROGS;

			link_drop_spares(prog_view[p].hdr, prog_view[p].size, true);
		} else if (!(r >> 16 & 127)) {
			struct gc_result g = { 0 };

			link_gc(&g);
		}
		err = link_swap_prog(NULL, lnk(), prog[(r >> 10) % PROGS], 0);
		sh->updates++;
		sh->unexpected += err != 0;
	}
}

static pid_t start(unsigned seed, long n)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	churn(seed, n);
	_exit(0);
}

static void at_once(void)
{
	long n = test_scale(20000);
	pid_t pid[WORKERS];

	world(true);
	sh->updates = sh->unexpected = 0;
	for (unsigned w = 0; w < WORKERS; w++)
		pid[w] = start(w * 7919 + 1, n);
	for (int w = 0; w < WORKERS; w++)
		waitpid(pid[w], NULL, 0);
	ok(sh->updates == WORKERS * n && !sh->unexpected && whole(),
	   "%d processes, %ld updates beside cleaners and gc: none fails, the link holds what it runs",
	   WORKERS, (long)sh->updates);
	ok(all_refs() <= (int)LINK_NAMES, "it has no more names than it tells (%d)", all_refs());
	ok(world_end(), "all is gone");
}

static void kills(void)
{
	long n = test_scale(1000), bad = 0;
	struct gc_result r;

	world(true);
	sh->unexpected = 0;
	for (long i = 0; i < n; i++) {
		pid_t p1 = start((unsigned)i, -1), p2 = start((unsigned)i + 500000, -1);

		usleep((useconds_t)(rand() % 1500));
		kill(p1, SIGKILL);
		kill(p2, i % 2 ? SIGSTOP : SIGKILL);
		waitpid(p1, NULL, 0);
		knows = true;
		changes = false;
		bad += update((int)i % PROGS) != 0 || !whole();
		kill(p2, SIGKILL);
		waitpid(p2, NULL, 0);
		bad += !whole();
	}
	store_gc(&r);
	bad += !whole() || all_refs() > (int)LINK_NAMES;
	ok(!bad && !sh->unexpected,
	   "%ld processes killed or stopped: the link holds what it runs, and can be updated", 2 * n);
	ok(world_end(), "all is gone (gc has found %u names)", r.refs);
}

static noinline int update_in(struct op *op, int i)
{
	int err = guard_set(&op->guard);

	if (!err)
		err = link_swap_prog(op, lnk(), prog[i], 0);
	else
		op_fault(op);
	return err;
}

/* The file of the program that is left is no page long any more. */
static void cut_short(void)
{
	struct op *op;
	int err, cut;

	world(true);
	update(1);
	cut = ftruncate(prog_fd[1], 0);
	op = op_enter(NULL, __builtin_frame_address(0));
	err = update_in(op, 2);
	op_leave(op);
	ok(!cut && !err && (u32)atomic_load(&lnk()->prog) == prog[2] && refs(1) == 0 && whole(),
	   "a program whose file was cut short is left by a link like any other");
	close_link();
	for (int i = 0; i < PROGS; i++)
		drop_prog(i);
}

/* A file that others have written: an errno, or a link that names something, and no crash. */
static void damage(void)
{
	u64 junk = 1;

	world(true);
	for (int i = 0; i < 3000; i++) {
		struct gc_result r = { 0 };

		junk = junk * 6364136223846793005ull + 1442695040888963407ull;
		atomic_store(&lnk()->prog, junk >> 8 | junk << 50);
		for (u32 k = 0; k < LINK_NAMES; k++)
			if (junk >> (40 + k) & 1)
				atomic_store(&lnk()->names[k], junk >> (8 * k) & 0xff0000ffffull);
		for (u32 k = 0; k < PROG_SPARE_LINKS; k++)
			((struct prog_hdr *)prog_view[junk >> 61].hdr)->spare_links[k] = (u32)(junk >> k) &
											 0x800000ffu;
		link_swap_prog(NULL, lnk(), prog[junk >> 60 & 7], 0);
		link_drop_spares(prog_view[junk >> 61].hdr, prog_view[junk >> 61].size, true);
		if (i % 16 == 0)
			link_gc(&r);
	}
	ok(true, "3000 links and notes of random words");
}

int main(void)
{
	if (self_open("link-names"))
		return 1;
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	guard_install();
	obj_here_get = here_get;
	obj_here_put = here_put;
	obj_open_here = open_here;
	nobody_knows();
	to_and_fro();
	unlooked();
	rotation();
	second_thoughts();
	many_links();
	leftovers();
	at_once();
	kills();
	cut_short();
	damage();
	return done();
}
