// SPDX-License-Identifier: BSD-2-Clause
/*
 * The store alone: objects, pins, references, death, leftovers; with rows of its own for the types.
 */
#include "shm/actor.h"
#include "store/dirscan.h"
#include "store/pin.h"
#include "store/ref.h"
#include "store/store.h"
#include "tests/lib/tap.h"
#include "util/err.h"
#include "util/raw.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static int released;

/* A toy map: its data area starts with the id of a program it holds, or 0. */
static void toy_each(const struct obj_hdr *hdr, size_t size, void (*each)(void *, u64, enum obj_type, u32),
		     void *arg)
{
	u32 held = *(const u32 *)((const u8 *)hdr + OBJ_HDR_SIZE);

	if (held)
		each(arg, 7, OBJ_PROG, held);
}

static void toy_uref(struct obj_hdr *hdr, size_t size)
{
	released++;
}

static const struct obj_type_ops map_row = { .dir = "bpf-map",
					     .each_ref = toy_each,
					     .release_uref = toy_uref };
static const struct obj_type_ops prog_row = { .dir = "bpf-prog" };
static const struct obj_type_ops link_row = { .dir = "bpf_link" };
static const struct obj_type_ops btf_row = { .dir = "btf" };
static const struct obj_type_ops perf_row = { .dir = "perf_event" };
static const struct obj_type_ops attach_row = { .dir = "attach" };
static const struct obj_type_ops *const rows[OBJ_TYPES] = { &map_row, &prog_row, &link_row,
							    &btf_row, &perf_row, &attach_row };

static int make(enum obj_type t, u32 flags, u32 holds, size_t size, u32 *id)
{
	struct obj_new n;
	int err = obj_create(t, size, size, false, &n);

	if (err)
		return err;
	obj_fill_header(&n, 1, 0, "toy", flags);
	*(u32 *)n.view.data = holds;
	*id = obj_take_id(&n);
	if (holds && ref_set(t, *id, 7, OBJ_PROG, holds))
		return -1;
	return obj_publish(&n, O_RDWR);
}

static bool alive(enum obj_type t, u32 id)
{
	u32 next;

	return !obj_next_id(t, id - 1, &next) && next == id;
}

static void life_of_an_fd(void)
{
	struct stat st;
	enum obj_type t;
	u32 id, id2;
	int fd = make(OBJ_MAP, 0, 0, 64, &id), dup_fd;
	char text[600] = "", link[64];

	ok(fd >= 0 && alive(OBJ_MAP, id), "an object lives as long as its fd");
	ok(!obj_identify(fd, &t, &id2, &st) && t == OBJ_MAP && id2 == id,
	   "an fd is known by its text and inode");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ok(readlink(link, text, sizeof(text) - 1) > 0 && strstr(text, "bpf-map"),
	   "its text names the type: %s", text);
	dup_fd = dup(fd);
	obj_close(fd, OBJ_MAP, id);
	ok(alive(OBJ_MAP, id), "a dup keeps it");
	obj_close(dup_fd, OBJ_MAP, id);
	ok(!alive(OBJ_MAP, id), "the last close ends it");
	ok(obj_open(OBJ_MAP, id, O_RDWR, &st) == -ENOENT, "and its id is free for ever");
}

static void life_of_a_pin(void)
{
	int root = raw_openat(the_store.dirfd, "fs/1", O_PATH | O_DIRECTORY, 0), fd;
	struct stat st;
	u32 id;

	fd = make(OBJ_MAP, 0, 0, 64, &id);
	ok(!pin_set(OBJ_MAP, id, root, "p", 022), "pin");
	ok(pin_set(OBJ_MAP, id, root, "p", 022) == -EEXIST, "the name is taken");
	obj_close(fd, OBJ_MAP, id);
	ok(alive(OBJ_MAP, id), "a pin keeps the object without an fd");
	fd = obj_open(OBJ_MAP, id, O_RDONLY, &st);
	ok(fd >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY, "opened by id, read only");
	raw_unlinkat(root, "p", 0);
	ok(alive(OBJ_MAP, id), "unpinned, the fd keeps it");
	obj_close(fd, OBJ_MAP, id);
	ok(!alive(OBJ_MAP, id), "then it is gone");
	close(root);
}

static void life_of_a_holder(void)
{
	u32 prog, map;
	int p = make(OBJ_PROG, 0, 0, 64, &prog), m;
	struct stat st;

	m = make(OBJ_MAP, OBJ_F_HOLDS | OBJ_F_UREF, prog, 64, &map);
	fstat(p, &st);
	ok(ref_count(st.st_ino) == 1, "one reference on the program");
	obj_close(p, OBJ_PROG, prog);
	ok(alive(OBJ_PROG, prog), "the map keeps the program");
	obj_close(m, OBJ_MAP, map);
	ok(!alive(OBJ_MAP, map) && !alive(OBJ_PROG, prog), "both are gone with the map");
	/* A map that is itself held: its last user reference goes, the map stays. */
	m = make(OBJ_MAP, OBJ_F_UREF, 0, 64, &map);
	ok(!ref_set(OBJ_PROG, 99, 1, OBJ_MAP, map), "held by something else");
	released = 0;
	obj_close(m, OBJ_MAP, map);
	ok(released == 1 && alive(OBJ_MAP, map), "release_uref ran once, the object lives");
	ref_clear(OBJ_PROG, 99, 1, OBJ_MAP, map);
	ok(!alive(OBJ_MAP, map), "the last reference of any kind ends it");
}

static void killed_holder(void)
{
	int sync[2];
	char c;
	u32 id = 0, last;
	pid_t pid;

	ok(!pipe(sync), "pipe");
	pid = fork();
	if (!pid) {
		make(OBJ_MAP, 0, 0, 64, &id);
		if (write(sync[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	if (read(sync[0], &c, 1) != 1)
		abort();
	last = atomic_load(&the_store.super->next_id[OBJ_MAP]) - 1;
	ok(alive(OBJ_MAP, last), "the child's object is there");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(!alive(OBJ_MAP, last), "and gone at the first look after kill -9");
	close(sync[0]);
	close(sync[1]);
}

static void in_flight(void)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = u.buf, .msg_controllen = sizeof(u.buf)
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int s[2], fd;
	u32 id;

	fd = make(OBJ_MAP, 0, 0, 64, &id);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		abort();
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(s[0], &msg, 0) != 1)
		abort();
	obj_close(fd, OBJ_MAP, id);
	ok(alive(OBJ_MAP, id), "an fd in flight keeps its object");
	close(s[0]);
	close(s[1]);
	ok(!alive(OBJ_MAP, id), "both ends closed: gone");
}

static void leftovers(void)
{
	struct gc_result r;
	struct obj_new n;
	pid_t pid = fork();

	if (!pid) {
		if (obj_create(OBJ_MAP, 9000, 9000, false, &n))
			_exit(1);
		raise(SIGKILL);
	}
	waitpid(pid, NULL, 0);
	store_gc(&r);
	ok(r.temps == 1, "gc removes the temporary of a killed maker, got %u", r.temps);
	ok(ref_set(OBJ_PROG, 4711, 5, OBJ_BTF, 0) == -ENOENT, "no object, no reference");
	store_gc(&r);
	ok(!r.temps && !r.objects && !r.refs, "and then there is nothing to do");
}

static const char *id_path(enum obj_type t, u32 id)
{
	static char path[128];
	char name[32];

	snprintf(path, sizeof(path), "%s/%s", dir, store_id_name(name, t, id));
	return path;
}

/* A look says what an opener would find, and leaves nothing behind. */
static void looks(void)
{
	int root = raw_openat(the_store.dirfd, "fs/1", O_PATH | O_DIRECTORY, 0), fd, other;
	struct obj_hdr h;
	u32 id;

	fd = make(OBJ_LINK, 0, 0, 64, &id);
	ok(!obj_look(OBJ_LINK, id, &h, sizeof(h)) && h.id == id, "a look at what an fd keeps");
	ok(obj_look(OBJ_LINK, id + 1, &h, sizeof(h)) == -ENOENT, "at what there is not: ENOENT");
	other = open(id_path(OBJ_LINK, id), O_RDONLY);
	ok(flock(other, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK, "the fd has its lock still");
	ok(!pin_set(OBJ_LINK, id, root, "look", 022), "pinned");
	raw_close(fd);
	ok(!obj_look(OBJ_LINK, id, &h, sizeof(h)), "at what a pin keeps");
	ok(!flock(other, LOCK_EX | LOCK_NB), "no lock is left there");
	raw_unlinkat(root, "look", 0);
	ok(obj_look(OBJ_LINK, id, &h, sizeof(h)) == -ENOENT,
	   "at what its reaper has: ENOENT, without waiting");
	ok(!access(id_path(OBJ_LINK, id), F_OK), "and the reaper still has it");
	close(other);
	ok(obj_look(OBJ_LINK, id, &h, sizeof(h)) == -ENOENT, "at what nobody has: ENOENT");
	ok(access(id_path(OBJ_LINK, id), F_OK) && errno == ENOENT, "and it is gone");
	fd = make(OBJ_LINK, 0, 0, 64, &id);
	ok(!truncate(id_path(OBJ_LINK, id), 100), "cut short");
	ok(obj_look(OBJ_LINK, id, &h, sizeof(h)) == -EIO, "at what is damaged: EIO");
	obj_close(fd, OBJ_LINK, id);
	raw_close(root);
}

static bool here; /* what a front end says */
static int asked;

static bool say_here(enum obj_type type, u32 id)
{
	asked++;
	return here;
}

/* Who has it open himself does not look when he lets it go. */
static void let_go_here(void)
{
	u32 prog, map;
	int pfd = make(OBJ_PROG, 0, 0, 64, &prog), mfd = make(OBJ_MAP, OBJ_F_HOLDS, prog, 64, &map);

	raw_close(pfd);
	obj_open_here = say_here;
	ref_clear(OBJ_MAP, map, 7, OBJ_PROG, prog);
	ok(asked == 1 && access(id_path(OBJ_PROG, prog), F_OK) && errno == ENOENT,
	   "not open here: who lets it go removes it");
	obj_close(mfd, OBJ_MAP, map);
	pfd = make(OBJ_PROG, 0, 0, 64, &prog);
	mfd = make(OBJ_MAP, OBJ_F_HOLDS, prog, 64, &map);
	here = true;
	ref_clear(OBJ_MAP, map, 7, OBJ_PROG, prog);
	ok(alive(OBJ_PROG, prog), "open here: it lives");
	obj_close(pfd, OBJ_PROG, prog);
	ok(access(id_path(OBJ_PROG, prog), F_OK) && errno == ENOENT, "and the close removes it");
	obj_close(mfd, OBJ_MAP, map);
	obj_open_here = NULL;
}

static void damaged_files(void)
{
	struct obj_view v;
	char name[32];
	u32 id;
	int fd = make(OBJ_MAP, 0, 0, 9000, &id), raw;

	ok(!obj_map(OBJ_MAP, id, true, &v) && v.data_size >= 9000, "maps");
	obj_unmap(&v);
	raw = raw_openat(the_store.dirfd, store_id_name(name, OBJ_MAP, id), O_RDWR, 0);
	raw_pwrite(raw, "garbage", 7, 0);
	ok(obj_map(OBJ_MAP, id, true, &v) == -EIO, "a header overwritten: EIO");
	raw_ftruncate(raw, 100);
	ok(obj_map(OBJ_MAP, id, true, &v) == -EIO, "truncated: EIO");
	raw_ftruncate(raw, 0);
	ok(obj_map(OBJ_MAP, id, true, &v) == -EIO, "empty: EIO");
	close(raw);
	obj_close(fd, OBJ_MAP, id);
	ok(!alive(OBJ_MAP, id), "it can still be reaped");
}

static bool named(u32 id)
{
	u32 next;

	return !obj_next_id_hinted(OBJ_MAP, id - 1, &next) && next == id;
}

/* A map that is pinned as `name` and remembered to be: its inode. */
static u64 make_pinned(int root, const char *name, u32 *id)
{
	struct stat st;
	int fd = make(OBJ_MAP, 0, 0, 64, id);
	u64 links;

	fstat(fd, &st);
	links = obj_links_begin(st.st_ino, OBJ_MAP, *id);
	if (pin_set(OBJ_MAP, *id, root, name, 022))
		return 0;
	obj_links_seen(st.st_ino, links);
	obj_close_known(fd, OBJ_MAP, *id, st.st_ino);
	return st.st_ino;
}

static void marked_pins(void)
{
	int root = raw_openat(the_store.dirfd, "fs/1", O_PATH | O_DIRECTORY, 0), fd;
	u32 id, other, next;
	struct stat st;
	u64 ino;

	ino = make_pinned(root, "m", &id);
	ok(obj_marked(OBJ_MAP, id) && named(id), "a pinned object is marked, and named");
	ok(obj_next_unmarked(OBJ_MAP, id - 1, &next) || next != id, "and not among the unmarked");
	raw_unlinkat(root, "m", 0);
	obj_links_gone(ino, OBJ_MAP, id);
	ok(!obj_marked(OBJ_MAP, id) && !named(id), "its mark goes with the pin, and so does the object");

	make_pinned(root, "m", &id);
	make_pinned(root, "n", &other);
	raw_unlinkat(root, "m", 0); /* by somebody who tells nobody */
	ok(named(id), "an unseen removal: the id is named still");
	ok(alive(OBJ_MAP, other) && obj_open(OBJ_MAP, id, O_RDWR, &st) == -ENOENT,
	   "who opens it gets ENOENT");
	ok(access(id_path(OBJ_MAP, id), F_OK) && errno == ENOENT && !named(id), "and it is gone by that");
	make_pinned(root, "m", &id);
	raw_unlinkat(root, "m", 0);
	ok(named(id) && !alive(OBJ_MAP, id) && !named(id), "who looks at ids exactly removes it, too");

	/* Pinned by somebody who tells nobody: the close that finds the link leaves the mark. */
	fd = make(OBJ_MAP, 0, 0, 64, &id);
	fstat(fd, &st);
	pin_set(OBJ_MAP, id, root, "u", 022);
	ok(!obj_marked(OBJ_MAP, id) && !obj_close_known(fd, OBJ_MAP, id, st.st_ino) && alive(OBJ_MAP, id),
	   "an unseen pin keeps the object");
	ok(obj_marked(OBJ_MAP, id), "and is seen by the close");
	raw_unlinkat(root, "u", 0);
	ok(obj_reap(OBJ_MAP, id) == 1, "and a look finds it gone");

	/* The id's name itself is taken away: the bit goes with the first who wants it. */
	make_pinned(root, "m", &id);
	unlink(id_path(OBJ_MAP, id));
	ok(named(id) && obj_open(OBJ_MAP, id, O_RDWR, &st) == -ENOENT && !named(id),
	   "an id without a file is named once");

	fd = make(OBJ_MAP, 0, 0, 64, &id);
	ok(!obj_marked(OBJ_MAP, id) && named(id), "an fd alone makes no mark");
	close(fd);
	ok(!named(id), "closed by somebody who tells nobody: it is not named");
	make_pinned(root, "o", &id);
	fd = obj_open(OBJ_MAP, id, O_RDWR, &st);
	raw_unlinkat(root, "o", 0);
	ok(fd >= 0 && named(id), "pin gone unseen, the fd keeps it");
	obj_close(fd, OBJ_MAP, id);
	ok(!named(id), "until it is closed with a look");
	close(root);
}

/* All that super remembers of inodes is noise: ids may be named in vain, but who opens one gets that object.
 */
static void noise_in_super(void)
{
	int root = raw_openat(the_store.dirfd, "fs/1", O_PATH | O_DIRECTORY, 0), fd;
	u32 kept[8], id, seen = 0, wrong = 0, bad = 0;
	u64 state = 88172645463325252ull;
	struct super *s = the_store.super;
	char name[16];
	struct stat st;

	for (u32 i = 0; i < ARRAY_SIZE(kept); i++) {
		snprintf(name, sizeof(name), "k%u", i);
		make_pinned(root, name, &kept[i]);
	}
	for (int round = 0; round < 50; round++) {
		for (u32 i = 0; i < 4096 * 8; i++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			if (round & 1)
				s->ino_of[OBJ_MAP][i] = (u32)state;
			else
				s->by_ino[state % STORE_INO_HINTS] = state;
			if (i < 64)
				s->live[OBJ_MAP][i] |= state;
		}
		/* Words that fit: marks of other objects, under inodes that are another's. */
		for (u32 i = 0; i < ARRAY_SIZE(kept); i++) {
			s->ino_of[OBJ_MAP][kept[i]] = kept[i] * 3;
			s->by_ino[kept[i] * 3] = 1ull << 40 | (u64)OBJ_MAP << 32 | kept[i ^ 1];
		}
		seen = 0;
		for (id = 0; !obj_next_id_hinted(OBJ_MAP, id, &id);) {
			struct obj_hdr h;

			fd = obj_open(OBJ_MAP, id, O_RDWR, &st);
			if (fd == -ENOENT)
				continue;
			bad += fd < 0 || pread(fd, &h, sizeof(h), 0) != sizeof(h);
			wrong += h.id != id || h.type != OBJ_MAP;
			for (u32 i = 0; i < ARRAY_SIZE(kept); i++)
				seen += kept[i] == id;
			obj_close(fd, OBJ_MAP, id);
		}
		if (seen != ARRAY_SIZE(kept))
			break;
	}
	ok(!wrong && !bad, "noise: never another object (%u, %u)", wrong, bad);
	ok(seen == ARRAY_SIZE(kept), "and the pinned ones are in each walk (%u)", seen);
	memset((void *)s->by_ino, 0, sizeof(s->by_ino));
	memset((void *)s->ino_of, 0, sizeof(s->ino_of));
	for (u32 i = 0; i < ARRAY_SIZE(kept); i++) {
		snprintf(name, sizeof(name), "k%u", i);
		raw_unlinkat(root, name, 0);
		ok(!named(kept[i]), "nothing is remembered: map %u is looked at", i);
	}
	close(root);
}

static void copied_store(void)
{
	int root = raw_openat(the_store.dirfd, "fs/1", O_PATH | O_DIRECTORY, 0), fd;
	char copy[96], cmd[600];
	enum obj_type t;
	struct stat pin;
	u32 id[4], got;
	u64 ino = 0;

	for (u32 i = 0; i < 4; i++)
		ino = make_pinned(root, (char[2]){ (char)('a' + i) }, &id[i]);
	ok(obj_marked(OBJ_MAP, id[3]), "marked where it was made");
	close(root);
	store_close();
	snprintf(copy, sizeof(copy), "%s.copy", dir);
	/* Made in another order, so that no inode can be what it was. */
	snprintf(cmd, sizeof(cmd), "mkdir %s && cp -a %s/super %s/ && cp -a %s/fs %s/[!fs]* %s/", copy, dir,
		 copy, dir, dir, copy);
	ok(!system(cmd) && !store_open(copy, 0), "a copy of the store opens");
	ok(!obj_marked(OBJ_MAP, id[3]) && named(id[3]), "no mark of the original's inodes is believed");
	root = raw_openat(the_store.dirfd, "fs/1", O_PATH | O_DIRECTORY, 0);
	fstatat(root, "d", &pin, 0);
	ok(!obj_hint(&pin, &t, &got), "nor is an inode taken for what it was there (%lu, %lu)",
	   (unsigned long)pin.st_ino, (unsigned long)ino);
	ok(!obj_identify_path(root, "d", &t, &got, &pin) && got == id[3], "a look tells");
	fd = obj_open_pinned(OBJ_MAP, got, O_RDWR, &pin);
	ok(fd >= 0, "and it opens");
	obj_close(fd, OBJ_MAP, got);
	store_close();
	ok(!store_open(copy, 0) && obj_hint(&pin, &t, &got) && got == id[3], "opened again it is remembered");
	close(root);
	store_close();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", copy);
	ok(!system(cmd) && !store_open(dir, 0) && obj_marked(OBJ_MAP, id[3]), "the original keeps its marks");
}

static void look_on(const _Atomic u32 *what, _Atomic u32 *idle)
{
	struct obj_hdr h;

	for (bool look = false;; look = !look) {
		u32 id = *what;

		*idle = !id;
		if (id && look)
			obj_look(OBJ_MAP, id, &h, sizeof(h));
		else if (id)
			obj_reap(OBJ_MAP, id);
	}
}

/* Who looks at an object has its lock for a moment, in which another may take its last pin. */
static void looks_beside_unpins(void)
{
	static struct {
		_Atomic u32 id; /* to be looked at */
		_Atomic u32 idle;
	} * sh;
	int root = raw_openat(the_store.dirfd, "fs/1", O_PATH | O_DIRECTORY, 0), left = 0;
	char name[32];
	pid_t pid;
	u32 id;

	sh = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (!pid)
		look_on(&sh->id, &sh->idle);
	for (int i = 0; i < 20000; i++) {
		make_pinned(root, "looked", &id);
		sh->id = id;
		for (volatile int k = 0; k < i % 2000; k++)
			;
		unlinkat(root, "looked", 0);
		obj_reap(OBJ_MAP, id);
		sh->id = 0;
		while (!sh->idle)
			;
		left += !faccessat(the_store.dirfd, store_id_name(name, OBJ_MAP, id), F_OK, 0);
		sh->idle = 0;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(root);
	ok(!left, "no look keeps an object whose last pin goes meanwhile (%d)", left);
}

int main(void)
{
	char cmd[128];

	snprintf(dir, sizeof(dir), "/dev/shm/pinfs-test-store.%d", getpid());
	store_set_types(rows);
	ok(store_open(dir, 0) == -ENOENT, "no store: ENOENT");
	ok(!store_open(dir, STORE_CREATE), "made");
	life_of_an_fd();
	life_of_a_pin();
	life_of_a_holder();
	killed_holder();
	in_flight();
	leftovers();
	looks();
	let_go_here();
	damaged_files();
	marked_pins();
	noise_in_super();
	copied_store();
	looks_beside_unpins();
	store_close();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd))
		return 1;
	return done();
}
