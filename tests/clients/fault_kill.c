// SPDX-License-Identifier: BSD-2-Clause
/*
 * Clients killed and stopped at random instants inside map, pin and create operations.
 *
 * A child works on the victims in an endless loop; after a random time, mostly
 * in the middle of a call, it gets SIGKILL or SIGSTOP. While it is stopped the
 * parent works on the same map, and each of its operations must end at once.
 * Afterwards every map is whole, no pin is half-made and no object is left.
 *
 *     fault_kill kill|stop|namespaces
 */
#include <dirent.h>
#include "clients/faults.h"
#include "clients/worker.h"

enum work { ON_MAP, ON_PINS, ON_CREATION, WORKS };
static const char *const work_name[] = { "map operations", "pin operations", "creations" };

static void pin_once(const struct victim *v, uint32_t r)
{
	char a[200], b[200];
	int fd;

	snprintf(a, sizeof(a), "%s/p%u", world_dir, r >> 8 & 3);
	snprintf(b, sizeof(b), "%s/q%u", world_dir, r >> 10 & 3);
	switch (r & 7) {
	case 0:
	case 1:
	case 2: victim_pin(v->fd, a); break;
	case 3: unlink(a); break;
	case 4: rename(a, b); break;
	case 5: unlink(b); break;
	case 6: link(a, b); break;
	default:
		fd = victim_get(a);
		if (fd >= 0)
			close(fd);
	}
}

/* A map made, perhaps pinned, perhaps with an inner map or a program in it, and let go of. */
static void create_once(const struct victim *v, uint32_t r)
{
	char a[200];
	int fd = victim_make(v, own_name("created"));

	if (fd < 0) {
		progress->bad = errno;
		return;
	}
	put(v, fd, 1);
	snprintf(a, sizeof(a), "%s/p%u", world_dir, r >> 8 & 3);
	if (r & 1)
		victim_pin(fd, a);
	close(fd);
	if (r & 1)
		unlink(a);
}

struct job {
	enum work work;
	const struct victim *on;
};

static void once(void *arg, uint32_t r)
{
	const struct job *j = arg;
	int bad = 0;

	if (j->work == ON_MAP)
		bad = operate(j->on, j->on->fd, r);
	else if (j->work == ON_PINS)
		pin_once(j->on, r);
	else
		create_once(j->on, r);
	if (bad)
		progress->bad = bad;
}

static pid_t start(enum work w, const struct victim *v)
{
	return worker_start(once, &(struct job){ w, v });
}

/* Names that killed children left; each must lead to an object or be none. */
static int clear_pins(void)
{
	DIR *d = opendir(world_dir);
	struct dirent *e;
	int bad = 0;

	while ((e = readdir(d))) {
		char path[600];
		int fd;

		if ((e->d_name[0] != 'p' && e->d_name[0] != 'q') || e->d_name[2])
			continue;
		snprintf(path, sizeof(path), "%s/%s", world_dir, e->d_name);
		fd = victim_get(path);
		bad += fd < 0;
		if (fd >= 0)
			close(fd);
		unlink(path);
	}
	closedir(d);
	return bad;
}

static void kills(long n)
{
	int half = 0, broken = 0;

	for (long i = 0; i < n; i++) {
		const struct victim *v = &victims[i % NR_VICTIMS];
		pid_t pid = start(i / NR_VICTIMS % WORKS, v);

		spin_us(rnd(300));
		worker_end(pid);
		if (i % 50 == 49) {
			half += clear_pins();
			broken += not_whole(v, v->fd);
		}
	}
	half += clear_pins();
	ok(progress->bad == 0, "no operation fails unexpectedly beside %ld kills (%s)", n,
	   progress->bad ? errno_name(progress->bad) : "none");
	ok(!half, "no pin is half-made after %ld kills", n);
	ok(!broken, "every map is whole between kills");
	all_whole("kills");
	ok(maps_left(own_name("created")) == 0, "no map is left of %ld kills, %d found", n,
	   maps_named(own_name("created")));
}

/* The parent's own operations beside a stopped child: how long the slowest took. */
static uint64_t work_beside(const struct victim *v)
{
	uint64_t slowest = 0;

	for (int i = 0; i < 20; i++) {
		uint64_t t = now_us();
		int bad = operate(v, v->fd, rnd(0x7fffffff));

		if (bad)
			progress->bad = bad;
		t = now_us() - t;
		slowest = t > slowest ? t : slowest;
	}
	return slowest;
}

static void stops(long n)
{
	uint64_t slowest = 0;
	int status;

	for (long i = 0; i < n;) {
		const struct victim *v = &victims[i % NR_VICTIMS];
		enum work w = i / NR_VICTIMS % WORKS;
		pid_t pid = start(w, v);

		for (int k = 0; k < 5 && i < n; k++, i++) {
			uint64_t t;

			spin_us(rnd(200));
			kill(pid, SIGSTOP);
			waitpid(pid, &status, WUNTRACED);
			t = work_beside(v);
			slowest = t > slowest ? t : slowest;
			if (w == ON_PINS)
				clear_pins();
			kill(pid, SIGCONT);
		}
		worker_end(pid);
	}
	clear_pins();
	diag("slowest operation beside %ld stopped clients: %llu us", n, (unsigned long long)slowest);
	ok(slowest < SLOW_US, "nobody waits for a stopped client (%ld stops)", n);
	ok(progress->bad == 0, "no operation fails unexpectedly beside %ld stops (%s)", n,
	   progress->bad ? errno_name(progress->bad) : "none");
	all_whole("stops");
	ok(maps_left(own_name("created")) == 0, "no map is left of %ld stops", n);
}

/* The same kills from a pid namespace of its own, while this one works on. */
static void namespaces(long n)
{
	pid_t pid;
	int status = -1;

	fflush(stdout);
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		if (unshare(CLONE_NEWPID))
			_exit(77);
		pid = fork();
		if (pid == 0) {
			for (long i = 0; i < n; i++) {
				const struct victim *v = &victims[i % NR_VICTIMS];
				pid_t c = start(ON_MAP, v);

				spin_us(rnd(300));
				worker_end(c);
			}
			_exit(0);
		}
		waitpid(pid, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		work_beside(&victims[rnd(NR_VICTIMS)]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		skip("no pid namespaces here");
		return;
	}
	ok(status == 0, "%ld kills in another pid namespace, status %d", n, status);
	ok(progress->bad == 0, "no operation fails unexpectedly in two pid namespaces (%s)",
	   progress->bad ? errno_name(progress->bad) : "none");
	all_whole("work from two pid namespaces");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	victims_make();
	worker_setup();
	diag("children work on: %s, %s, %s", work_name[0], work_name[1], work_name[2]);
	if (!strcmp(what, "kill"))
		kills(test_scale(5000));
	else if (!strcmp(what, "stop"))
		stops(test_scale(1000));
	else if (!strcmp(what, "namespaces"))
		namespaces(test_scale(1000));
	else
		return 2;
	victims_unmake();
	return done();
}
