// SPDX-License-Identifier: BSD-2-Clause
/*
 * Walks over the ids of all maps, while others come and go.
 *
 *     kept       pinned, with no fd
 *     held       with an fd, not pinned
 *     one child  makes maps, pins and unpins them, in all the ways that a pin can go
 *     another    has children that make maps and are killed
 *
 * Every walk must end, name ids in rising order, give by each id that object or
 * ENOENT, and have met all that lived from its beginning to its end.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "abi/world.h"

#define N     40
#define WALKS 60

struct entry {
	uint32_t id;
	int fd;
};

static const char *dir;
static struct entry kept[N], held[N];

static const char *pin_path(const char *what, int i)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s_%d", dir, what, i);
	return path;
}

static int obj_path(int cmd, const char *path, int fd)
{
	union row_attr r = { .w = { 0 } };

	r.a.pathname = ptr(path);
	r.a.bpf_fd = (uint32_t)fd;
	return raw_bpf(cmd, &r, 16);
}

static uint32_t id_of(int fd)
{
	uint32_t info[32] = { 0 };
	union row_attr r = { .w = { 0 } };

	r.a.info.bpf_fd = (uint32_t)fd;
	r.a.info.info_len = sizeof(info);
	r.a.info.info = ptr(info);
	return raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &r, 16) ? 0 : info[1];
}

static int open_id(uint32_t id)
{
	union row_attr r = { .w = { id } };

	return raw_bpf(BPF_MAP_GET_FD_BY_ID, &r, 12);
}

static int next_id(uint32_t id, uint32_t *next)
{
	union row_attr r = { .w = { id } };
	int ret = raw_bpf(BPF_MAP_GET_NEXT_ID, &r, 8);

	*next = r.w[1];
	return ret;
}

struct found {
	int kept, held, disorder, wrong, errors;
	unsigned steps;
};

static int among(const struct entry *e, uint32_t id)
{
	for (int i = 0; i < N; i++)
		if (e[i].id == id)
			return 1;
	return 0;
}

static void walk(struct found *f)
{
	uint32_t id = 0, next;

	memset(f, 0, sizeof(*f));
	while (f->steps < 1000000 && !next_id(id, &next)) {
		int fd = open_id(next);

		f->steps++;
		f->disorder += next <= id;
		id = next;
		if (fd < 0) {
			f->errors += errno != ENOENT;
			continue;
		}
		f->wrong += id_of(fd) != id;
		f->kept += among(kept, id);
		f->held += among(held, id);
		close(fd);
	}
}

static int make(void)
{
	return world_map(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
}

/* A pin goes by unlink, by a rename of another over it, or by another program. */
static void remove_pin(const char *path, int way)
{
	char other[300], cmd[300];
	int fd;

	switch (way % 3) {
	case 0: unlink(path); break;
	case 1:
		snprintf(other, sizeof(other), "%s_other", path);
		fd = make();
		must(!obj_path(BPF_OBJ_PIN, other, fd), "another pin");
		must(!rename(other, path), "rename");
		unlink(path);
		close(fd);
		break;
	default: snprintf(cmd, sizeof(cmd), "rm '%s'", path); must(!system(cmd), "rm");
	}
}

static void come_and_go(void)
{
	for (int i = 0;; i++) {
		const char *path = pin_path("brief", i % 7);
		int fd = make();

		if (fd < 0)
			continue;
		obj_path(BPF_OBJ_PIN, path, fd);
		if (i & 1)
			close(fd);
		usleep(200);
		unlink(path);
		if (!(i & 1))
			close(fd);
	}
}

static void make_and_die(void)
{
	pid_t self = getpid();

	for (int i = 0;; i++) {
		pid_t child = fork();

		if (!child) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != self)
				_exit(0);
			for (int k = 0; k < 3; k++)
				make();
			obj_path(BPF_OBJ_PIN, pin_path("orphan", i % 3), make());
			pause();
		}
		usleep(2000);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		unlink(pin_path("orphan", i % 3));
	}
}

static pid_t run(void (*fn)(void))
{
	pid_t pid = fork();

	if (!pid) {
		fn();
		_exit(0);
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void walks_beside_others(void)
{
	pid_t a = run(come_and_go), b = run(make_and_die);
	struct found f, sum = { 0 };
	int all_kept = 1, all_held = 1, ended = 1;

	for (int i = 0; i < WALKS; i++) {
		walk(&f);
		all_kept &= f.kept == N;
		all_held &= f.held == N;
		ended &= f.steps < 1000000;
		sum.disorder += f.disorder;
		sum.wrong += f.wrong;
		sum.errors += f.errors;
		usleep(1000);
	}
	end(a);
	end(b);
	for (int i = 0; i < 7; i++)
		unlink(pin_path("brief", i));
	for (int i = 0; i < 3; i++)
		unlink(pin_path("orphan", i));
	say("beside others: all walks end %d, all pinned met %d, all held met %d\n", ended, all_kept,
	    all_held);
	say("not rising %d, another object %d, other errnos %d\n", sum.disorder, sum.wrong, sum.errors);
}

/* Gone at once, or, where a grace period or a supervisor is in it, soon. */
static int gone(uint32_t id)
{
	for (int i = 0; i < 300; i++) {
		int fd = open_id(id);
		uint32_t next;

		if (fd < 0 && errno == ENOENT)
			return next_id(id - 1, &next) || next != id;
		if (fd >= 0)
			close(fd);
		usleep(10000);
	}
	return 0;
}

static void ways_to_go(void)
{
	static const char *const ways[] = { "unlink", "rename", "another program" };

	for (int with_fd = 0; with_fd < 2; with_fd++) {
		for (int way = 0; way < 3; way++) {
			const char *path = pin_path("way", way);
			int fd = make(), alive, again;
			uint32_t id = id_of(fd);

			obj_path(BPF_OBJ_PIN, path, fd);
			if (!with_fd)
				close(fd);
			again = open_id(id);
			say("pinned, found %d", again >= 0 && id_of(again) == id);
			close(again);
			remove_pin(path, way);
			again = with_fd ? open_id(id) : -1;
			alive = again >= 0 && id_of(again) == id;
			if (again >= 0)
				close(again);
			if (with_fd)
				close(fd);
			say(", unpinned by %s with%s fd: alive %d, then gone %d\n", ways[way],
			    with_fd ? "" : "out", alive, gone(id));
		}
	}
}

static void all_go(void)
{
	struct found f;
	int left = 0;

	for (int i = 0; i < N; i++) {
		close(held[i].fd);
		if (i % 4 == 3)
			remove_pin(pin_path("kept", i), 2);
		else
			unlink(pin_path("kept", i));
	}
	for (int i = 0; i < N; i++)
		left += !gone(kept[i].id) + !gone(held[i].id);
	walk(&f);
	say("all let go: left %d, met %d\n", left, f.kept + f.held);
}

int main(void)
{
	struct found f;

	setvbuf(stdout, NULL, _IOLBF, 0);
	dir = world_bpffs();
	for (int i = 0; i < N; i++) {
		int fd = make();

		must(fd >= 0, "map");
		kept[i].id = id_of(fd);
		must(!obj_path(BPF_OBJ_PIN, pin_path("kept", i), fd), "pin");
		close(fd);
		held[i].fd = make();
		held[i].id = id_of(held[i].fd);
	}
	walk(&f);
	say("alone: pinned %d, held %d, not rising %d, another object %d, other errnos %d\n", f.kept, f.held,
	    f.disorder, f.wrong, f.errors);
	walks_beside_others();
	ways_to_go();
	all_go();
	world_leave();
	return 0;
}
