// SPDX-License-Identifier: BSD-2-Clause
/*
 * unlink(2) of a pin, without the way through the supervisor.
 *
 * Path calls are the notify front end's matter, which sees all of them, also
 * those that libc makes inside. Unpinning is worth a way of its own: it is
 * what a client does most to a bpffs by a path. Only the plain case is served:
 * an absolute path below a mount of the run, a pin at its end, a thread that
 * has called bpf(2) before. Everything else, and every error but the kernel's
 * own for the unlink, is left to the system call.
 */
#include "frontend/preload/preload.h"
#include "store/object.h"
#include "sys/fs_walk.h"
#include <unistd.h>

#define NOT_HERE (-EAGAIN)

/* The name is gone; does the object go, too? An fd of this process keeps it, and then nobody needs to look.
 */
static void settle(const struct stat *st, enum obj_type type, u32 id)
{
	/* First, since the look may fail, as at the limit of fds. */
	if (st->st_nlink == 2)
		obj_links_gone(st->st_ino, type, id);
	if (obj_hint_flags(st) & (OBJ_F_UREF | OBJ_F_SPARE) ||
	    (st->st_nlink == 2 && !handle_known(st->st_ino)))
		obj_reap(type, id);
}

static long unlink_at(const struct fs_at *at)
{
	enum obj_type type;
	struct stat st;
	long err;
	u32 id;

	if (at->is_root || at->dir_wanted || at->m->read_only || !at->name[0] ||
	    raw_fstatat(at->dirfd, at->name, &st, AT_SYMLINK_NOFOLLOW) || st.st_nlink < 2 ||
	    !obj_hint(&st, &type, &id))
		return NOT_HERE;
	err = raw_unlinkat(at->dirfd, at->name, 0);
	if (!err)
		settle(&st, type, id);
	return err;
}

static noinline long unlink_guarded(struct pre_thread *t, struct op *op, const char *path)
{
	struct fs_at at;
	long ret;

	if (guard_set(&op->guard))
		return NOT_HERE; /* a bad pointer: the kernel says so */
	if (!fs_straight(&t->c, path, 0, &at) &&
	    (*path != '/' || !run_find_mount(path, NULL) || fs_walk(&t->c, AT_FDCWD, path, 0, &at)))
		return NOT_HERE;
	op->guard.armed = 0; /* from here on nothing is the client's */
	ret = unlink_at(&at);
	fs_put(&at);
	return ret;
}

static long try_unlink(const char *path)
{
	struct pre_thread *t = &pre_self;
	struct op *op;
	long ret;

	if (t->state != THREAD_READY || !pre_process->pid)
		return NOT_HERE;
	op = op_enter(NULL, __builtin_frame_address(0));
	if (!op)
		return NOT_HERE;
	ret = unlink_guarded(t, op, path);
	op_leave(op);
	return ret;
}

EXPORT int unlink(const char *path)
{
	long ret = try_unlink(path);

	return (int)ret_errno(ret == NOT_HERE ? raw6(SYS_unlink, (long)path, 0, 0, 0, 0, 0) : ret);
}

EXPORT int unlinkat(int dirfd, const char *path, int flags)
{
	long ret = flags ? NOT_HERE : try_unlink(path);

	return (int)ret_errno(ret == NOT_HERE ? raw6(SYS_unlinkat, dirfd, (long)path, flags, 0, 0, 0) : ret);
}
