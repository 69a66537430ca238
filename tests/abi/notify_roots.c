// SPDX-License-Identifier: BSD-2-Clause
/*
 * Processes that see other paths than the rest: after chroot, in a mount
 * namespace of their own, with something mounted over the bpffs.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/tap.h"

#define BPFFS     "/sys/fs/bpf"
#define BPF_MAGIC 0xcafe4a11u

static char top[64];

static unsigned fs_type(const char *path)
{
	struct statfs st;

	return statfs(path, &st) ? 0 : (unsigned)st.f_type;
}

/* A name with a dot: no bpffs has one. */
static int plain_dir(const char *dir)
{
	char name[128];

	snprintf(name, sizeof(name), "%s/a.b", dir);
	return !mkdir(name, 0700) && !rmdir(name);
}

static int rooted(void)
{
	return chroot(top) || chdir("/") ? 77 : 0;
}

static int chroot_plain(void)
{
	return rooted() ?: fs_type(BPFFS) == BPF_MAGIC || !plain_dir(BPFFS);
}

static int chroot_relative(void)
{
	return rooted() ?: chdir("sys/fs") || fs_type("bpf") == BPF_MAGIC || !plain_dir("bpf");
}

static int own_mounts(void)
{
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ? 77 : 0;
}

static int ns_same(void)
{
	return own_mounts() ?: fs_type(BPFFS) != BPF_MAGIC || plain_dir(BPFFS);
}

static int ns_covered(void)
{
	int err = own_mounts();

	if (err)
		return err;
	if (mount("tmpfs", BPFFS, "tmpfs", 0, NULL))
		return 77;
	if (fs_type(BPFFS) == BPF_MAGIC || !plain_dir(BPFFS))
		return 1;
	if (umount2(BPFFS, 0))
		return 2;
	return fs_type(BPFFS) != BPF_MAGIC || plain_dir(BPFFS);
}

static int ns_removed(void)
{
	int err = own_mounts();

	if (err)
		return err;
	for (int i = 0; i < 8 && fs_type(BPFFS) == BPF_MAGIC; i++)
		if (umount2(BPFFS, MNT_DETACH))
			return 77;
	return fs_type(BPFFS) == BPF_MAGIC;
}

static void in_child(int (*f)(void), const char *text)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(f());
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip("not allowed here");
	else
		ok(!status, "%s (%#x)", text, (unsigned)status);
}

static void make_root(void)
{
	char path[128];
	static const char *const dirs[] = { "", "/sys", "/sys/fs", BPFFS };

	snprintf(top, sizeof(top), "/tmp/notify_roots.%d", (int)getpid());
	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", top, dirs[i]);
		mkdir(path, 0755);
	}
}

static void remove_root(void)
{
	char path[128];
	static const char *const dirs[] = { BPFFS, "/sys/fs", "/sys", "" };

	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", top, dirs[i]);
		rmdir(path);
	}
}

int main(void)
{
	make_root();
	ok(fs_type(BPFFS) == BPF_MAGIC, "a bpffs");
	in_child(chroot_plain, "after chroot the same path is another directory");
	in_child(chroot_relative, "also by a relative path");
	in_child(ns_same, "a copy of the mounts shows it");
	in_child(ns_covered, "what is mounted over it there is seen, and then not");
	in_child(ns_removed, "where it is unmounted it is gone");
	ok(fs_type(BPFFS) == BPF_MAGIC && !plain_dir(BPFFS), "and here it still is");
	remove_root();
	return done();
}
