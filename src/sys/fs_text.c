// SPDX-License-Identifier: BSD-2-Clause
/*
 * What /proc says: of fds that are objects, of directories of the store, of mounts.
 *
 *     /proc/PID/fd/N      readlink   anon_inode:bpf-map; an instance's directory by its mounted path
 *                         open       ENXIO for an object
 *     /proc/PID/fdinfo/N  open       the kernel's first four lines and the object's own
 *     /proc/PID/cwd       readlink   as for fd/N; so is getcwd(2)
 *     /proc/PID/mounts, mountinfo    fs_mounts.c
 *     /sys/kernel/tracing/trace_pipe fs_trace.c
 *
 * PID is a number, self or thread-self; /proc/mounts, /etc/mtab and /dev/fd/N
 * are other names of these. Other processes are read with the client's
 * identity, so that it sees no more than the kernel would show.
 *
 * A text is given as a sealed memfd, whose name is the path that was opened:
 * so its own readlink can be answered. Unlike the kernel's files it can be
 * mapped, and lseek works on all of them.
 */
#include "sys/fscalls.h"
#include "sys/iter_run.h"
#include "link/link.h"
#include "map/map.h"
#include "prog/prog.h"
#include "prog/stats.h"
#include "prog/trace.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEXT_NAME "pinfs:" /* of memfds made here */
#define DELETED   " (deleted)"

/* Flags that only a file opened by a path has; an anonymous inode's has not. */
#define PATH_FLAGS (0100000u | O_NOFOLLOW | O_DIRECTORY | O_NOATIME) /* the first is O_LARGEFILE */

enum text_kind { TEXT_NONE, TEXT_FD, TEXT_FDINFO, TEXT_CWD, TEXT_MOUNTS, TEXT_MOUNTINFO };

struct proc_text {
	enum text_kind kind;
	char pid[16];
	u32 fd;
	bool own; /* of the thread that asks */
};

/* "fd/7" behind the process. */
static void parse_entry(const char *p, struct proc_text *t)
{
	const char *end;
	bool info = str_starts(p, "fdinfo/");

	if (info || str_starts(p, "fd/")) {
		p += info ? 7 : 3;
		t->fd = (u32)str_get_u64(p, &end);
		if (end != p && !*end)
			t->kind = info ? TEXT_FDINFO : TEXT_FD;
	} else if (!strcmp(p, "cwd")) {
		t->kind = TEXT_CWD;
	} else if (!strcmp(p, "mounts")) {
		t->kind = TEXT_MOUNTS;
	} else if (!strcmp(p, "mountinfo")) {
		t->kind = TEXT_MOUNTINFO;
	}
}

/* Whoever asks may look into himself: only for others it matters who he is, and that costs to find out. */
static int enter(struct fs_ctx *x, const struct proc_text *t)
{
	return t->own ? 0 : fs_enter(x);
}

static void parse_path(const struct fs_ctx *x, const char *p, struct proc_text *t)
{
	const char *end;
	u64 pid;

	t->kind = TEXT_NONE;
	t->own = str_starts(p, "/proc/self/fd") || str_starts(p, "/dev/fd/");
	snprintf(t->pid, sizeof(t->pid), "%d", x->c->pid);
	if (str_starts(p, "/dev/")) {
		parse_entry(p + 5, t);
		return;
	}
	if (!strcmp(p, "/etc/mtab") || !strcmp(p, "/proc/mounts")) {
		t->kind = TEXT_MOUNTS;
		return;
	}
	if (!str_starts(p, "/proc/"))
		return;
	p += 6;
	if (str_starts(p, "self/")) {
		p += 5;
	} else if (str_starts(p, "thread-self/")) {
		p += 12;
		snprintf(t->pid, sizeof(t->pid), "%d", x->c->tid);
	} else {
		pid = str_get_u64(p, &end);
		if (end == p || *end != '/' || pid > 0x7fffffff)
			return;
		snprintf(t->pid, sizeof(t->pid), "%u", (u32)pid);
		p = end + 1;
	}
	if (str_starts(p, "task/")) {
		pid = str_get_u64(p + 5, &end);
		if (*end != '/' || pid > 0x7fffffff)
			return;
		snprintf(t->pid, sizeof(t->pid), "%u", (u32)pid);
		p = end + 1;
	}
	parse_entry(p, t);
}

/* /etc/mtab may be a file of its own. */
static bool is_link(const char *path)
{
	char to[8];

	return raw_readlinkat(AT_FDCWD, path, to, sizeof(to)) > 0;
}

bool fs_object_text(const char *text, enum obj_type *type, u32 *id)
{
	size_t n = strlen(the_store.path);
	const char *end;

	if (strncmp(text, the_store.path, n) || text[n] != '/')
		return false;
	text += n + 1;
	for (u32 t = 0; t < OBJ_TYPES; t++) {
		const char *dir = store_type(t)->dir;
		size_t len = strlen(dir);
		u64 v;

		if (strncmp(text, dir, len) || text[len] != '/')
			continue;
		v = str_get_u64(text + len + 1, &end);
		*type = t;
		*id = (u32)v;
		return end != text + len + 1 && !*end && v <= 0xffffffffu;
	}
	return false;
}

bool fs_client_path(const char *text, char *buf, size_t size)
{
	size_t n = strlen(the_store.path);
	const char *rest;
	u64 instance;

	if (strncmp(text, the_store.path, n) || !str_starts(text + n, "/fs/"))
		return false;
	instance = str_get_u64(text + n + 4, &rest);
	if (*rest && *rest != '/')
		return false;
	for (u32 i = RUN_MOUNTS; i--;) {
		const struct run_mount *m = &the_run->mounts[i];

		if (atomic_load(&m->state) == RUN_MOUNT_USED && m->instance == instance &&
		    strlen(m->path) + strlen(rest) < size) {
			str_put(str_put(buf, m->path), rest);
			return true;
		}
	}
	return false;
}

/* The link of an entry of /proc/PID, by the client's right to read it. Length or -errno. */
static long proc_link(struct fs_ctx *x, const struct proc_text *t, char *buf, size_t size)
{
	char path[64];
	long n;

	if (t->kind == TEXT_CWD)
		snprintf(path, sizeof(path), "/proc/%s/cwd", t->pid);
	else
		snprintf(path, sizeof(path), "/proc/%s/fd/%u", t->pid, t->fd);
	n = enter(x, t);
	if (n)
		return n;
	n = raw_readlinkat(AT_FDCWD, path, buf, size - 1);
	fs_leave(x);
	if (n >= 0)
		buf[n] = 0;
	return n;
}

/* Which object the entry is an fd of. */
static bool proc_object(struct fs_ctx *x, const struct proc_text *t, enum obj_type *type, u32 *id)
{
	char text[FS_PATH_MAX];

	return proc_link(x, t, text, sizeof(text)) > 0 && fs_object_text(text, type, id);
}

void fs_text_name(char *name, size_t size, const char *path)
{
	snprintf(name, size, TEXT_NAME "%s", path);
}

/* Another description of the same file. */
static int another(int fd, u32 oflags)
{
	char self[40];

	str_put_u64(str_put(self, "/proc/self/fd/"), (u64)fd, 10);
	return raw_openat(AT_FDCWD, self, (int)(oflags & (O_ACCMODE | O_NONBLOCK)) | O_CLOEXEC, 0);
}

int fs_text_reopen(int fd, u32 oflags)
{
	int ret = another(fd, oflags);

	raw_close(fd);
	return ret;
}

/* The file, as it is made. */
static int text_file(const char *path, const char *text, size_t n)
{
	char name[240];
	int fd;

	fs_text_name(name, sizeof(name), path);
	fd = (int)raw2(SYS_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return fd;
	for (size_t at = 0; at < n;) {
		long w = raw_pwrite(fd, text + at, n - at, (off_t)at);

		if (w <= 0) {
			raw_close(fd);
			return -ENOMEM;
		}
		at += (size_t)w;
	}
	raw_fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	return fd;
}

int fs_text_fd(const char *path, const char *text, size_t n, u32 oflags)
{
	int fd = text_file(path, text, n);

	return fd < 0 ? fd : fs_text_reopen(fd, oflags);
}

/*
 * Texts of fdinfo that were asked for lately, for who asks again: a library
 * that tells of a map asks each time. They are sealed, so what is here is what
 * others hold, too; each asker gets a description of his own.
 */
#define KEPT 16

static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept_text {
	size_t n; /* 0: none */
	int fd;
	char path[48], text[464];
} kept[KEPT];

static int kept_another(const char *path, const char *text, size_t n)
{
	int fd = -ENOENT;

	pthread_mutex_lock(&kept_lock);
	for (u32 i = 0; i < KEPT && fd == -ENOENT; i++) {
		const struct kept_text *k = &kept[i];

		if (k->n == n && !memcmp(k->text, text, n) && !strcmp(k->path, path))
			fd = another(k->fd, O_RDONLY);
	}
	pthread_mutex_unlock(&kept_lock);
	return fd;
}

/* Takes fd over. */
static void keep_text(const char *path, const char *text, size_t n, int fd)
{
	static u32 next;
	struct kept_text *k;
	int old = fd;

	pthread_mutex_lock(&kept_lock);
	k = &kept[next++ % KEPT];
	if (n <= sizeof(k->text) && strlen(path) < sizeof(k->path)) {
		old = k->n ? k->fd : -1;
		k->fd = fd;
		k->n = n;
		memcpy(k->text, text, n);
		strcpy(k->path, path);
	}
	pthread_mutex_unlock(&kept_lock);
	if (old >= 0)
		raw_close(old);
}

/* For a front end that is a process of its own: in a client there is no room for what we keep. */
static int kept_text_fd(const char *path, const char *text, size_t n)
{
	int fd = kept_another(path, text, n), file;

	if (fd >= 0)
		return fd;
	file = text_file(path, text, n);
	if (file < 0)
		return file;
	fd = another(file, O_RDONLY);
	keep_text(path, text, n, file);
	return fd;
}

/* fdinfo. */

static void map_lines(FILE *f, const struct map_hdr *h)
{
	fprintf(f, "map_type:\t%u\nkey_size:\t%u\nvalue_size:\t%u\nmax_entries:\t%u\n", h->o.kind,
		h->key_size, h->value_size, h->max_entries);
	fprintf(f, "map_flags:\t%#x\nmap_extra:\t%#llx\nmemlock:\t%llu\nmap_id:\t%u\nfrozen:\t%u\n",
		h->map_flags & ~(u32)(BPF_F_RDONLY | BPF_F_WRONLY), (unsigned long long)h->map_extra,
		(unsigned long long)h->memlock, h->o.id, h->frozen);
	if (h->owner_prog_type)
		fprintf(f, "owner_prog_type:\t%u\nowner_jited:\t%u\n", h->owner_prog_type,
			h->owner_flags & 1);
}

#define PROG_STRUCT 72u /* what the kernel's struct bpf_prog has before the instructions */

static void prog_lines(FILE *f, const struct prog_hdr *h)
{
	u64 mem = ROUND_UP(PROG_STRUCT + (u64)h->xlated_cnt * sizeof(struct bpf_insn), PAGE);

	fprintf(f, "prog_type:\t%u\nprog_jited:\t1\nprog_tag:\t", h->o.kind);
	for (u32 i = 0; i < sizeof(h->tag); i++)
		fprintf(f, "%02x", h->tag[i]);
	fprintf(f, "\nmemlock:\t%llu\nprog_id:\t%u\n", (unsigned long long)mem, h->o.id);
	fprintf(f, "run_time_ns:\t%llu\nrun_cnt:\t%llu\nrecursion_misses:\t0\n",
		(unsigned long long)h->run_time_ns, (unsigned long long)h->run_cnt);
	fprintf(f, "verified_insns:\t%u\n", h->verified_insns);
}

/* "0x0" as the kernel writes a zero: printf's %#x does not. */
static void fix_zero(char *text)
{
	static const char *const keys[] = { "\nmap_flags:\t0\n", "\nmap_extra:\t0\n" };

	for (u32 i = 0; i < ARRAY_SIZE(keys); i++) {
		char *p = strstr(text, keys[i]);

		if (!p)
			continue;
		p += strlen(keys[i]) - 1;
		memmove(p + 2, p, strlen(p) + 1);
		memcpy(p, "x0", 2);
	}
}

static void link_lines(FILE *f, const struct link_hdr *mapped)
{
	char text[LINK_TEXT_MAX];
	const struct link_ops *ops;
	struct link_hdr h = *mapped;
	struct prog_hdr prog;

	((char *)h.w)[sizeof(h.w) - 1] = 0;
	ops = link_ops_get(h.o.kind);
	if (!ops)
		return;
	fprintf(f, "link_type:\t%s\nlink_id:\t%u\n", ops->name, h.o.id);
	if (!obj_read_header(OBJ_PROG, h.prog_id, &prog.o, sizeof(prog))) {
		fputs("prog_tag:\t", f);
		for (u32 i = 0; i < sizeof(prog.tag); i++)
			fprintf(f, "%02x", prog.tag[i]);
		fprintf(f, "\nprog_id:\t%u\n", prog.o.id);
	}
	if (ops->fdinfo)
		fwrite(text, 1, (size_t)(ops->fdinfo(&h, text) - text), f);
}

static int object_lines(FILE *f, enum obj_type type, u32 id)
{
	static const size_t size[] = {
		[OBJ_MAP] = sizeof(struct map_hdr),
		[OBJ_PROG] = sizeof(struct prog_hdr),
		[OBJ_LINK] = sizeof(struct link_hdr),
	};
	union {
		struct obj_hdr o;
		struct map_hdr map;
		struct prog_hdr prog;
		struct link_hdr link;
	} h;
	size_t n = (u32)type < ARRAY_SIZE(size) ? size[type] : 0;
	int err = obj_read_header(type, id, &h.o, n ? n : sizeof(h.o));

	if (err)
		return err;
	switch (type) {
	case OBJ_MAP: map_lines(f, &h.map); break;
	case OBJ_PROG: prog_lines(f, &h.prog); break;
	case OBJ_LINK: link_lines(f, &h.link); break;
	case OBJ_BTF: fprintf(f, "btf_id:\t%u\n", h.o.id); break;
	default: break;
	}
	return 0;
}

/* pos, flags, mnt_id and ino; not the lock that keeps the object alive. */
static int generic_lines(struct fs_ctx *x, const struct proc_text *t, FILE *f)
{
	char path[64], text[512], *line, *save = NULL;
	long n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo/%u", t->pid, t->fd);
	n = enter(x, t);
	if (n)
		return (int)n;
	fd = raw_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	fs_leave(x);
	if (fd < 0)
		return fd;
	n = raw_read(fd, text, sizeof(text) - 1);
	raw_close(fd);
	if (n <= 0)
		return -ENOENT;
	text[n] = 0;
	line = strtok_r(text, "\n", &save);
	for (int i = 0; line && i < 4; i++, line = strtok_r(NULL, "\n", &save)) {
		unsigned flags;

		if (sscanf(line, "flags:\t%o", &flags) == 1)
			fprintf(f, "flags:\t0%o\n", flags & ~PATH_FLAGS);
		else
			fprintf(f, "%s\n", line);
	}
	return 0;
}

static long open_fdinfo(struct fs_ctx *x, const struct proc_text *t)
{
	enum obj_type type;
	char *text = NULL;
	size_t n = 0;
	u32 id;
	int fd;
	FILE *f;

	if (!proc_object(x, t, &type, &id))
		return SYS_CONTINUE;
	f = open_memstream(&text, &n);
	if (!f)
		return -ENOMEM;
	fd = generic_lines(x, t, f);
	if (!fd)
		fd = object_lines(f, type, id);
	fputs("\n\n\n\n", f); /* room for fix_zero */
	fclose(f);
	if (!fd) {
		text[n - 4] = 0;
		fix_zero(text);
		n = strlen(text);
		fd = x->c->direct ? fs_text_fd(x->one.full, text, n, O_RDONLY)
				  : kept_text_fd(x->one.full, text, n);
	}
	free(text);
	return fd < 0 ? fd : x->c->ops->install_fd(x->c, fd, NULL, (int)x->oflags & O_CLOEXEC);
}

static long open_mounts(struct fs_ctx *x, const struct proc_text *t)
{
	int fd = fs_mounts_text(x, t->pid, t->kind == TEXT_MOUNTINFO, x->one.full, O_RDONLY);

	if (fd < 0)
		return SYS_CONTINUE; /* let the kernel say why */
	return x->c->ops->install_fd(x->c, fd, NULL, (int)x->oflags & O_CLOEXEC);
}

long fs_text_open(struct fs_ctx *x)
{
	struct proc_text t;
	enum obj_type type;
	u32 id;

	if (fs_trace_path(x->one.full))
		return fs_trace_open(x);
	parse_path(x, x->one.full, &t);
	if ((x->oflags & O_PATH) || ((x->oflags & O_ACCMODE) != O_RDONLY && t.kind != TEXT_FD))
		return SYS_CONTINUE;
	switch (t.kind) {
	case TEXT_FD:
		if ((x->oflags & O_NOFOLLOW) || !proc_object(x, &t, &type, &id))
			return SYS_CONTINUE;
		return x->oflags & O_DIRECTORY ? -ENOTDIR : -ENXIO;
	case TEXT_FDINFO: return open_fdinfo(x, &t);
	case TEXT_MOUNTS:
		if (x->one.full[1] == 'e' && !is_link(x->one.full))
			return SYS_CONTINUE;
		return open_mounts(x, &t);
	case TEXT_MOUNTINFO: return open_mounts(x, &t);
	default: return SYS_CONTINUE;
	}
}

static bool store_file(const char *text, const char *name)
{
	size_t n = strlen(the_store.path);

	return !strncmp(text, the_store.path, n) && text[n] == '/' && !strcmp(text + n + 1, name);
}

/*
 * Is it the fd that the object was made with, or a copy? Those that were opened later have O_NOFOLLOW
 * (store/object.c). Only links are told apart by that.
 */
static bool made_with(struct fs_ctx *x, const struct proc_text *t)
{
	unsigned flags = O_NOFOLLOW;
	char path[64], text[256];
	const char *at;
	long n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo/%u", t->pid, t->fd);
	if (enter(x, t))
		return false;
	fd = raw_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	fs_leave(x);
	if (fd < 0)
		return false;
	n = raw_read(fd, text, sizeof(text) - 1);
	raw_close(fd);
	text[MAX(n, 0)] = 0;
	at = strstr(text, "flags:\t");
	return at && sscanf(at, "flags:\t%o", &flags) == 1 && !(flags & O_NOFOLLOW);
}

/* The text that a client is to see for a link of /proc, in place; false: it stays. */
static bool shown_text(struct fs_ctx *x, const struct proc_text *t, char *text, size_t size)
{
	static const char *const anon[OBJ_TYPES] = {
		[OBJ_MAP] = "anon_inode:bpf-map",       [OBJ_PROG] = "anon_inode:bpf-prog",
		[OBJ_LINK] = "anon_inode:bpf_link",     [OBJ_BTF] = "anon_inode:btf",
		[OBJ_PERF] = "anon_inode:[perf_event]", [OBJ_ATTACH] = "",
	};
	const size_t name = strlen("/memfd:" TEXT_NAME), del = strlen(DELETED), n = strlen(text);
	char path[FS_PATH_MAX];
	enum obj_type type;
	u32 id;

	if (fs_object_text(text, &type, &id)) {
		bool later = type == OBJ_LINK && !made_with(x, t);

		str_put(text, later ? "anon_inode:bpf-link" : anon[type]);
		return true;
	}
	if (store_file(text, STATS_FILE)) {
		str_put(text, "anon_inode:bpf-stats");
		return true;
	}
	if (store_file(text, TRACE_FILE)) {
		str_put(text, "/sys/kernel/tracing/trace_pipe");
		return true;
	}
	if (fs_client_path(text, path, MIN(size, sizeof(path)))) {
		str_put(text, path);
		return true;
	}
	if (!strcmp(text, "/memfd:" ITER_TEXT_NAME DELETED)) {
		str_put(text, "anon_inode:bpf_iter");
		return true;
	}
	if (str_starts(text, "/memfd:" TEXT_NAME) && n > name + del && !strcmp(text + n - del, DELETED)) {
		text[n - del] = 0;
		memmove(text, text + name, n - del - name + 1);
		return true;
	}
	return false;
}

long fs_text_readlink(struct fs_ctx *x)
{
	int arg = x->row->one.path;
	s32 size = (s32)x->a[arg + 2];
	char text[FS_PATH_MAX];
	struct proc_text t;
	long n, err;

	parse_path(x, x->one.full, &t);
	if ((t.kind != TEXT_FD && t.kind != TEXT_CWD) || size <= 0)
		return SYS_CONTINUE;
	if (proc_link(x, &t, text, sizeof(text)) <= 0 || !shown_text(x, &t, text, sizeof(text)))
		return SYS_CONTINUE;
	n = MIN((long)strlen(text), (long)size);
	err = caller_out(x->c, x->a[arg + 1], text, (size_t)n);
	return err ? err : n;
}

/* stat(2) through the link of an object's fd: an anonymous inode. */
long fs_text_stat(struct fs_ctx *x)
{
	int arg = x->row->one.path;
	struct proc_text t;
	enum obj_type type;
	struct stat st;
	char name[32];
	long err;
	u32 id;

	if (x->row->follow == FOLLOW_UNLESS_FLAG && (x->a[(int)x->row->flags] & AT_SYMLINK_NOFOLLOW))
		return SYS_CONTINUE;
	parse_path(x, x->one.full, &t);
	if (t.kind != TEXT_FD || !proc_object(x, &t, &type, &id))
		return SYS_CONTINUE;
	err = raw_fstatat(the_store.dirfd, store_id_name(name, type, id), &st, AT_SYMLINK_NOFOLLOW);
	if (err)
		return SYS_CONTINUE;
	st.st_mode = 0600;
	st.st_nlink = 1;
	st.st_size = st.st_blocks = 0;
	return caller_out(x->c, x->a[arg + 1], &st, sizeof(st));
}

long fs_getcwd(struct fs_ctx *x)
{
	char text[FS_PATH_MAX], path[FS_PATH_MAX];
	size_t n;
	long err;

	if (x->c->ops->base_path(x->c, AT_FDCWD, text, sizeof(text)) < 0 ||
	    !fs_client_path(text, path, sizeof(path)))
		return SYS_CONTINUE;
	n = strlen(path) + 1;
	if (n > x->a[1])
		return -ERANGE;
	err = caller_out(x->c, x->a[0], path, n);
	return err ? err : (long)n;
}
