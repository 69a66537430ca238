// SPDX-License-Identifier: BSD-2-Clause
/*
 * fs_walk() and sys_fs() in this process, over a store of its own and a mount table made by hand.
 *
 * The caller is this process: its memory is reached by plain copies, its cwd and
 * fds are its own. /pinfs-test/a and /b lead to two instances; nothing is there.
 */
#include "store/instance.h"
#include "store/pin.h"
#include "store/store.h"
#include "sys/fs_walk.h"
#include "sys/sys.h"
#include "tests/lib/tap.h"
#include "util/raw.h"
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NOBODY 65534

static char dir[64];
static struct run_file run;
static bool unprivileged;
static u32 as_uid;

static int copy_in(struct bpf_caller *c, void *dst, u64 src, size_t n)
{
	return guard_copy(dst, u64_to_ptr(src), n);
}

static int copy_out(struct bpf_caller *c, u64 dst, const void *src, size_t n)
{
	return guard_copy(u64_to_ptr(dst), src, n);
}

static int install_fd(struct bpf_caller *c, int fd, struct handle *h, int oflags)
{
	return fd;
}

static int link_of(const char *entry, char *buf, size_t size)
{
	ssize_t n = readlink(entry, buf, size - 1);

	if (n < 0)
		return -EBADF;
	buf[n] = 0;
	return (int)n;
}

static int fd_text(struct bpf_caller *c, int fd, char *buf, size_t size)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return link_of(path, buf, size);
}

static int base_path(struct bpf_caller *c, int dirfd, char *buf, size_t size)
{
	return dirfd == AT_FDCWD ? link_of("/proc/self/cwd", buf, size) : fd_text(c, dirfd, buf, size);
}

static int privileged(struct bpf_caller *c)
{
	return !unprivileged;
}

static int fs_creds(struct bpf_caller *c, u32 *fsuid, u32 *fsgid, u32 *umask)
{
	if (fsuid)
		*fsuid = as_uid;
	if (fsgid)
		*fsgid = as_uid;
	if (umask)
		*umask = 022;
	return 0;
}

static int as_client(struct bpf_caller *c)
{
	if (as_uid)
		syscall(SYS_setfsuid, as_uid);
	return 0;
}

static void as_self(struct bpf_caller *c)
{
	if (as_uid)
		syscall(SYS_setfsuid, 0);
}

static const struct bpf_caller_ops ops = {
	.copy_in = copy_in,
	.copy_out = copy_out,
	.install_fd = install_fd,
	.fd_text = fd_text,
	.base_path = base_path,
	.privileged = privileged,
	.fs_creds = fs_creds,
	.as_client = as_client,
	.as_self = as_self,
};

static struct bpf_caller caller = { .ops = &ops, .root_prefix = "" };

static long call(int nr, u64 a, u64 b, u64 c, u64 d, u64 e)
{
	const u64 args[6] = { a, b, c, d, e };

	return sys_fs(&caller, nr, args);
}

#define CALL2(nr, a, b)       call(nr, (u64)(a), (u64)(b), 0, 0, 0)
#define CALL3(nr, a, b, c)    call(nr, (u64)(a), (u64)(b), (u64)(c), 0, 0)
#define CALL4(nr, a, b, c, d) call(nr, (u64)(a), (u64)(b), (u64)(c), (u64)(d), 0)

static void add_mount(u32 i, u32 instance, const char *path)
{
	struct run_mount *m = &run.mounts[i];

	m->instance = instance;
	snprintf(m->path, sizeof(m->path), "%s", path);
	snprintf(m->source, sizeof(m->source), "test");
	run_mount_use(&run, m);
}

/* An object that is pinned at that place, and nowhere open. */
static u32 pin_object(const char *path)
{
	struct obj_new n;
	struct fs_at at;
	int fd;

	if (obj_create(OBJ_PROG, 64, 64, false, &n))
		return 0;
	obj_fill_header(&n, 1, 0, "toy", 0);
	fd = obj_publish(&n, O_RDWR);
	if (fd < 0 || fs_walk(&caller, AT_FDCWD, path, FS_PARENT, &at))
		return 0;
	ok(!pin_set(OBJ_PROG, n.id, at.dirfd, at.name, 0), "a pin at %s", path);
	fs_put(&at);
	obj_close(fd, OBJ_PROG, n.id);
	return n.id;
}

static bool alive(u32 id)
{
	u32 next;

	return !obj_next_id(OBJ_PROG, id - 1, &next) && next == id;
}

static int walk(const char *path, unsigned flags)
{
	struct fs_at at;
	int ret = fs_walk(&caller, AT_FDCWD, path, flags, &at);

	if (!ret)
		fs_put(&at);
	return ret;
}

static void walks(void)
{
	char name[NAME_MAX + 2], deep[PATH_MAX + 10];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = 0;
	memset(deep, '/', sizeof(deep));
	deep[sizeof(deep) - 1] = 0;
	ok(walk("/pinfs-test/a", 0) == 0, "a mount's own path is inside");
	ok(walk("/pinfs-test/a/x", 0) == 0, "a name below it is inside");
	ok(walk("//pinfs-test/./a//x", 0) == 0, "slashes and dots do not matter");
	ok(walk("/pinfs-test/ax", 0) == 1, "a longer name is outside");
	ok(walk("/pinfs-test/a/..", 0) == 1, ".. leads out");
	ok(walk("/pinfs-test/a/../b/x", 0) == 0, ".. and into the other one");
	ok(walk("/pinfs-test/a/x.y", 0) == -EPERM, "a dot in a name: EPERM");
	ok(walk("/pinfs-test/a/none/x", 0) == -ENOENT, "a directory that is not there: ENOENT");
	ok(walk("/etc/passwd", FS_FOLLOW) == 1, "a file of the machine is outside");
	ok(walk("", 0) == -ENOENT, "an empty path: ENOENT");
	ok(walk(deep, 0) == -ENAMETOOLONG, "a path too long");
	snprintf(deep, sizeof(deep), "/pinfs-test/a/%s", name);
	ok(walk(deep, 0) == -ENAMETOOLONG, "a name too long");
}

static void outside(void)
{
	struct stat st;

	ok(CALL2(SYS_stat, "/etc/passwd", &st) == SYS_CONTINUE, "stat outside is the kernel's");
	ok(CALL2(SYS_stat, "/none/such", &st) == SYS_CONTINUE, "also of nothing");
	ok(CALL2(SYS_stat, 8, &st) == SYS_CONTINUE, "also of a bad pointer");
	ok(CALL2(SYS_open, "relative", O_RDONLY) == SYS_CONTINUE, "also of a relative path");
	ok(CALL2(SYS_getpid, 0, 0) == SYS_CONTINUE, "also a call without a row");
	ok(CALL4(SYS_newfstatat, 9999, "x", &st, 0) == SYS_CONTINUE, "also a bad dirfd");
}

static void names(void)
{
	u32 id = pin_object("/pinfs-test/a/p"), other = pin_object("/pinfs-test/a/q");
	struct stat st;

	ok(!CALL2(SYS_stat, "/pinfs-test/a/p", &st) && st.st_size == 0 && st.st_nlink == 1,
	   "stat of a pin: size 0, one link");
	ok(CALL2(SYS_stat, "/pinfs-test/a/p", 8) == -EFAULT, "stat to a bad pointer");
	ok(CALL2(SYS_open, "/pinfs-test/a/p", O_RDONLY) == -EIO, "open of a pin: EIO");
	ok(CALL3(SYS_open, "/pinfs-test/a/n", O_CREAT | O_RDWR, 0600) == -EACCES, "creat: EACCES");
	ok(CALL2(SYS_mkdir, "/pinfs-test/a/d", 0777) == 0, "mkdir");
	ok(!CALL2(SYS_stat, "/pinfs-test/a/d", &st) && st.st_mode == (S_IFDIR | 0755), "mode by the umask");
	ok(CALL2(SYS_rename, "/pinfs-test/a/p", "/pinfs-test/a/d/p") == 0 && alive(id), "rename");
	ok(CALL2(SYS_rename, "/pinfs-test/a/d/p", "/pinfs-test/b/p") == -EXDEV, "not across instances");
	ok(CALL2(SYS_link, "/pinfs-test/a/d/p", "/pinfs-test/a/l") == 0, "link");
	ok(!CALL2(SYS_stat, "/pinfs-test/a/l", &st) && st.st_nlink == 2, "two links");
	ok(CALL2(SYS_unlink, "/pinfs-test/a/l", 0) == 0 && alive(id), "one goes, the object stays");
	ok(CALL2(SYS_rename, "/pinfs-test/a/q", "/pinfs-test/a/d/p") == 0 && !alive(id) && alive(other),
	   "rename over a pin drops its object");
	ok(CALL2(SYS_truncate, "/pinfs-test/a/d/p", 77) == 0 && !CALL2(SYS_stat, "/pinfs-test/a/d/p", &st) &&
		   st.st_size == 77,
	   "a size is remembered");
	ok(CALL2(SYS_rmdir, "/pinfs-test/a/d", 0) == -ENOTEMPTY, "rmdir of what is not empty");
	ok(CALL2(SYS_unlink, "/pinfs-test/a/d/p", 0) == 0 && !alive(other), "unlink drops the object");
	ok(CALL2(SYS_rmdir, "/pinfs-test/a/d", 0) == 0, "rmdir");
	ok(CALL2(SYS_rmdir, "/pinfs-test/a", 0) == -EBUSY, "not of a mount point");
}

static void links(void)
{
	char text[64] = "", link[100];
	struct stat st;
	int fd;

	ok(CALL2(SYS_symlink, "/pinfs-test/b", "/pinfs-test/a/s") == 0, "symlink to another instance");
	ok(CALL3(SYS_readlink, "/pinfs-test/a/s", text, sizeof(text)) == 13 && !strcmp(text, "/pinfs-test/b"),
	   "readlink");
	ok(CALL2(SYS_mkdir, "/pinfs-test/a/s/in-b", 0700) == 0, "mkdir through it");
	ok(CALL2(SYS_stat, "/pinfs-test/b/in-b", &st) == 0, "is in the other one");
	snprintf(link, sizeof(link), "%s/out", dir);
	ok(!symlink("/pinfs-test/b/in-b", link) && CALL2(SYS_stat, link, &st) == 0,
	   "a symlink from outside leads in");
	fd = (int)CALL2(SYS_open, "/pinfs-test/b", O_RDONLY | O_DIRECTORY);
	ok(fd >= 0 && CALL4(SYS_newfstatat, fd, "in-b", &st, 0) == 0,
	   "a redirected directory's fd is inside");
	ok(CALL3(SYS_unlinkat, fd, "in-b", AT_REMOVEDIR) == 0, "unlinkat by it");
	close(fd);
	ok(CALL2(SYS_symlink, "loop", "/pinfs-test/a/loop") == 0 &&
		   CALL2(SYS_stat, "/pinfs-test/a/loop", &st) == -ELOOP,
	   "a loop ends");
	ok(CALL2(SYS_unlink, "/pinfs-test/a/loop", 0) == 0 && CALL2(SYS_unlink, "/pinfs-test/a/s", 0) == 0,
	   "symlinks go");
	unlink(link);
}

static void mounts(void)
{
	struct statfs s;
	char target[100];
	u32 id;

	snprintf(target, sizeof(target), "%s/runs", dir);
	unprivileged = true;
	ok(call(SYS_mount, (u64) "x", (u64)target, (u64) "bpf", 0, 0) == -EPERM, "mount wants privilege");
	unprivileged = false;
	ok(call(SYS_mount, (u64) "x", (u64)target, (u64) "bpf", 0, (u64) "mode=9") == -EINVAL, "a bad mode");
	ok(call(SYS_mount, (u64) "x", (u64)target, (u64) "bpf", 0, (u64) "mode=0711") == 0, "mount");
	ok(!CALL2(SYS_statfs, target, &s) && (u32)s.f_type == 0xcafe4a11, "statfs knows it");
	ok(CALL2(SYS_statfs, dir, &s) == SYS_CONTINUE, "and not its parent");
	strcat(target, "/pin");
	id = pin_object(target);
	*strrchr(target, '/') = 0;
	ok(alive(id), "a pin in it");
	ok(CALL2(SYS_umount2, target, 0) == 0 && !alive(id), "umount drops what was pinned");
	ok(CALL2(SYS_umount2, target, 0) != 0, "once");
	ok(call(SYS_mount, (u64) "x", (u64)target, (u64) "tmpfs", 0, 0) == SYS_CONTINUE,
	   "other types are not ours");
}

/* Another user meets the modes of the directories and the sticky root. */
static void other_user(void)
{
	u32 id = pin_object("/pinfs-test/a/mine");
	struct stat st;

	as_uid = NOBODY;
	ok(CALL2(SYS_unlink, "/pinfs-test/a/mine", 0) == -EPERM && alive(id), "the root is sticky");
	ok(CALL2(SYS_chmod, "/pinfs-test/a/mine", 0666) == -EPERM, "chmod of another's pin");
	ok(CALL2(SYS_access, "/pinfs-test/a/mine", R_OK) == -EACCES, "access by mode");
	ok(CALL2(SYS_open, "/pinfs-test/a/mine", O_RDONLY) == -EACCES, "open by mode");
	ok(CALL2(SYS_mkdir, "/pinfs-test/a/theirs", 0700) == 0, "mkdir is allowed");
	as_uid = 0;
	ok(!CALL2(SYS_stat, "/pinfs-test/a/theirs", &st) && st.st_uid == NOBODY, "and is theirs");
	ok(CALL2(SYS_rmdir, "/pinfs-test/a/theirs", 0) == 0 &&
		   CALL2(SYS_unlink, "/pinfs-test/a/mine", 0) == 0,
	   "the owner of all may");
}

int main(void)
{
	char cmd[100];
	u32 n;

	/* As root the mounts below are real ones. */
	if (geteuid() == 0 && !unshare(CLONE_NEWNS))
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	snprintf(dir, sizeof(dir), "/dev/shm/pinfs-test-fs.%d", getpid());
	sys_init();
	if (mkdir(dir, 0711) || store_open(dir, STORE_CREATE)) {
		ok(0, "a store in %s", dir);
		return done();
	}
	caller.pid = caller.tid = getpid();
	the_run = &run;
	add_mount(0, INSTANCE_MAIN, "/pinfs-test/a");
	ok(!instance_new(0777, &n), "a second instance");
	add_mount(1, n, "/pinfs-test/b");
	walks();
	outside();
	names();
	links();
	mounts();
	if (geteuid() == 0)
		other_user();
	else
		skip("another user: not root");
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	ok(!system(cmd), "the store is removed");
	return done();
}
