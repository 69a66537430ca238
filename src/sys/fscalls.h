// SPDX-License-Identifier: BSD-2-Clause
/*
 * System calls that must see a bpffs: what the files fs_*.c share.
 *
 * A call is one row: number, name, handler, which arguments are paths and
 * whether they follow a symlink. The dispatcher reads the paths, finds out
 * whether they lie in a bpffs, and calls the handler only then:
 *
 *     sys_fs -> row -> prepare (open flags) -> text of /proc? -> locate -> handler
 *
 * Most calls are no matter of ours and leave at `locate` with SYS_CONTINUE:
 * one look at the mount table by text, and one stat(2).
 *
 * Handlers run in a supervisor, never in a client: malloc and the C library
 * are allowed. What changes or reads a directory is done between fs_enter and
 * fs_leave, with the client's identity, so that the kernel checks modes.
 */
#ifndef PINFS_SYS_FSCALLS_H
#define PINFS_SYS_FSCALLS_H

#include "store/store.h"
#include "sys/fs_walk.h"
#include "sys/sys.h"
#include "util/raw.h"
#include "util/str.h"

#define FS_PATH_MAX (2 * PATH_MAX)

/* One path of a call. */
struct fs_arg {
	char path[PATH_MAX];    /* as given */
	char full[FS_PATH_MAX]; /* absolute, as the client sees it, not normalized */
	struct fs_at at;
	bool inside; /* at is filled */
};

struct fs_ctx {
	struct bpf_caller *c;
	const u64 *a;
	const struct fs_row *row;
	u32 oflags, mode; /* of the open family */
	struct fs_arg one, two;
};

typedef long (*fs_fn)(struct fs_ctx *x);

enum fs_follow {
	FOLLOW_NEVER,
	FOLLOW_ALWAYS,
	FOLLOW_UNLESS_FLAG, /* AT_SYMLINK_NOFOLLOW is set in the flags argument */
	FOLLOW_IF_FLAG,     /* AT_SYMLINK_FOLLOW is */
	FOLLOW_PREPARED,    /* prepare() says */
};

/* Argument numbers; NO_ARG: there is none (no dirfd: AT_FDCWD). */
#define NO_ARG (-1)

struct fs_spec {
	s8 dirfd, path;
};

struct fs_row {
	int nr;
	const char *name;
	fs_fn fn;
	struct fs_spec one, two; /* two.path 0: the call has one path (no call has its second first) */
	enum fs_follow follow;   /* of path one; a second path names an entry and is never followed */
	s8 flags;                /* argument with AT_* flags */
	bool writes;             /* EROFS on a read-only mount */
	bool outside;            /* the handler wants to see calls outside, too */
	int (*prepare)(struct fs_ctx *x); /* FS_FOLLOW or 0, or -errno */
	fs_fn text;                       /* for paths under /proc; SYS_CONTINUE: none of ours */
};

extern const struct fs_row fs_rows[];
extern const u32 fs_rows_nr;

/* The client's string: -EFAULT, -ENAMETOOLONG. */
int fs_read_string(struct bpf_caller *c, u64 addr, char *buf, size_t size);

/* Reads the path and finds its place: 0 inside, 1 outside, -errno. Sets arg->inside; to be put if it is. */
int fs_locate(struct fs_ctx *x, int dirfd, u64 addr, unsigned flags, struct fs_arg *arg);
/* The same of a path that is in arg already. */
int fs_locate_read(struct fs_ctx *x, int dirfd, unsigned flags, struct fs_arg *arg);

/* The client's root and identity around a call of the kernel. */
static inline int fs_enter(struct fs_ctx *x)
{
	return x->c->ops->as_client(x->c);
}

static inline void fs_leave(struct fs_ctx *x)
{
	x->c->ops->as_self(x->c);
}

/* For an *at(2) call on the place itself. */
static inline const char *fs_name(const struct fs_at *at)
{
	return at->name[0] ? at->name : ".";
}

/* With at->name: the directory itself is reached without the right to search it. */
static inline int fs_empty(const struct fs_at *at)
{
	return at->name[0] ? 0 : AT_EMPTY_PATH;
}

/* stat(2) of the place as the store has it, by the client's permission to search. */
int fs_look(struct fs_ctx *x, const struct fs_at *at, struct stat *st);

/* Is it a pin, and of what? */
bool fs_pin(const struct fs_at *at, const struct stat *st, enum obj_type *type, u32 *id);

/* Turns the store's stat into that of a bpffs. */
void fs_fix_stat(const struct fs_at *at, struct stat *st);

/* The size truncate(2) has given to an inode in this run. */
void fs_set_size(u64 ino, u64 size);

/* The last component of the path as given: ".", ".." or neither (0, 1, 2 dots). */
int fs_last_dots(const char *path);

/*
 * The path that a client knows for a text of /proc/PID/fd: STORE/fs/N/x is
 * MOUNT/x. False: the text is no place of an instance that is mounted.
 */
bool fs_client_path(const char *text, char *buf, size_t size);

/* STORE/bpf-map/25: which object. False: no object. */
bool fs_object_text(const char *text, enum obj_type *type, u32 *id);

/* The name of a memfd that is shown as path; the same memfd with another access mode (fd is closed). */
void fs_text_name(char *name, size_t size, const char *path);
int fs_text_reopen(int fd, u32 oflags);
/* An fd with that text, and `path` as its name, for a client. */
int fs_text_fd(const char *path, const char *text, size_t n, u32 oflags);

/* fs_open.c, fs_stat.c, fs_dirent.c, fs_attr.c, fs_mount.c, fs_text.c, fs_poll.c */
int fs_open_prepare(struct fs_ctx *x);
int fs_inotify_prepare(struct fs_ctx *x);
int fs_umount_prepare(struct fs_ctx *x);
long fs_open(struct fs_ctx *x);
long fs_chdir(struct fs_ctx *x);
long fs_stat(struct fs_ctx *x);
long fs_statx(struct fs_ctx *x);
long fs_access(struct fs_ctx *x);
long fs_statfs(struct fs_ctx *x);
long fs_fstatfs(struct fs_ctx *x);
long fs_mkdir(struct fs_ctx *x);
long fs_mknod(struct fs_ctx *x);
long fs_bind(struct fs_ctx *x);
long fs_unlink(struct fs_ctx *x);
long fs_rename(struct fs_ctx *x);
long fs_link(struct fs_ctx *x);
long fs_symlink(struct fs_ctx *x);
long fs_readlink(struct fs_ctx *x);
long fs_chmod(struct fs_ctx *x);
long fs_chown(struct fs_ctx *x);
long fs_utimes(struct fs_ctx *x);
long fs_truncate(struct fs_ctx *x);
long fs_object_attr(struct fs_ctx *x);
long fs_xattr(struct fs_ctx *x);
long fs_listxattr(struct fs_ctx *x);
long fs_inotify(struct fs_ctx *x);
long fs_epoll_ctl(struct fs_ctx *x);
long fs_mount(struct fs_ctx *x);
long fs_umount(struct fs_ctx *x);
long fs_fsopen(struct fs_ctx *x);
long fs_getcwd(struct fs_ctx *x);
long fs_text_open(struct fs_ctx *x);
long fs_text_readlink(struct fs_ctx *x);
long fs_text_stat(struct fs_ctx *x);

/* fs_trace.c: is it the directory of tracefs, or the trace pipe in it? */
bool fs_trace_path(const char *path);
long fs_trace_open(struct fs_ctx *x);
long fs_trace_statfs(struct fs_ctx *x);

/* A call whose path leads out of a redirected mount by "..": done on the true path. Else SYS_CONTINUE. */
long fs_outside(struct fs_ctx *x);

/* A pinned map as text; -EIO: it has none. */
/* Which of the two files of text an instance's plain file is, if any (fs_debug.c); and its text, as
 * fs_map_text. */
enum fs_debug { FS_DEBUG_NONE, FS_DEBUG_MAPS, FS_DEBUG_PROGS };
enum fs_debug fs_debug_file(const struct fs_at *at, const struct stat *st);
int fs_debug_text(enum fs_debug kind, const char *path, u32 oflags);

int fs_map_text(u32 map_id, const char *path, u32 oflags);

/* /proc/PID/mounts or mountinfo with the run's mounts in it: an fd, or -errno. */
int fs_mounts_text(struct fs_ctx *x, const char *pid, bool info, const char *path, u32 oflags);

/* The i-th directory that a redirected run has bound on itself; false: none at i. */
#define FS_SELF_BINDS 64
bool fs_self_bind(u32 i, char path[RUN_PATH_MAX]);

/* The options of a mount as /proc/mounts shows them, behind "rw": ",uid=1" or "". */
void fs_mount_options(const struct run_mount *m, char *buf, size_t size);

/* Parses the data of mount(2) into m. -EINVAL. */
int fs_parse_options(char *data, struct run_mount *m);

#endif
