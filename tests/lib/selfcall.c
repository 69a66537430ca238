// SPDX-License-Identifier: BSD-2-Clause
/*
 * See selfcall.h.
 */
#include "tests/lib/selfcall.h"
#include <errno.h>
#include <ftw.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "btf/btf_obj.h"
#include "shm/guard.h"
#include "store/store.h"
#include "sys/sys.h"
#include "util/raw.h"

static char dir[128];
static int here;

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

static int get_fd(struct bpf_caller *c, struct op *op, int fd, struct bpf_file *f)
{
	enum obj_type type;
	struct stat st;
	int flags, err;
	u32 id;

	flags = raw_fcntl(fd, F_GETFL, 0);
	if (flags < 0)
		return -EBADF;
	err = obj_identify(fd, &type, &id, &st);
	if (err || raw_fstat(fd, &st))
		return -EINVAL;
	f->h = handle_get(type, id, st.st_ino);
	f->acc = (u32)flags & O_ACCMODE;
	f->counted = true;
	return 0;
}

static int fd_text(struct bpf_caller *c, int fd, char *buf, size_t size)
{
	return raw_fcntl(fd, F_GETFD, 0) < 0 ? -EBADF : 0;
}

static int privileged(struct bpf_caller *c)
{
	return 1;
}

static int fs_creds(struct bpf_caller *c, u32 *fsuid, u32 *fsgid, u32 *umask)
{
	if (fsuid)
		*fsuid = geteuid();
	if (fsgid)
		*fsgid = getegid();
	if (umask)
		*umask = 022;
	return 0;
}

static const struct bpf_caller_ops ops = {
	.copy_in = copy_in,
	.copy_out = copy_out,
	.install_fd = install_fd,
	.get_fd = get_fd,
	.fd_text = fd_text,
	.privileged = privileged,
	.fs_creds = fs_creds,
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void remove_store(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int self_open(const char *name)
{
	int err;

	snprintf(dir, sizeof(dir), "/dev/shm/pinfs-%s-%d", name, getpid());
	sys_init();
	guard_install();
	err = store_open(dir, STORE_CREATE);
	if (!err) {
		atexit(remove_store);
		btf_vmlinux_ensure();
	}
	return err;
}

long self_bpf(int cmd, void *attr, u32 size)
{
	struct bpf_caller c = {
		.ops = &ops, .direct = true, .root_prefix = "", .pid = getpid(), .tid = gettid()
	};

	return sys_bpf(&c, cmd, ptr_to_u64(attr), size);
}

long rows_bpf(int cmd, void *attr, u32 size)
{
	long ret;

	if (!here)
		return syscall(SYS_bpf, cmd, attr, size);
	ret = self_bpf(cmd, attr, size);
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

/* What the program prints, NUL-terminated. */
static char *output(int (*program)(void), int where)
{
	int fd = memfd_create("rows", 0), out;
	off_t size;
	char *text;

	fflush(stdout);
	out = dup(1);
	dup2(fd, 1);
	here = where;
	program();
	fflush(stdout);
	dup2(out, 1);
	close(out);
	size = lseek(fd, 0, SEEK_END);
	text = calloc(1, (size_t)size + 1);
	if (pread(fd, text, (size_t)size, 0) != size)
		text[0] = 0;
	close(fd);
	return text;
}

#include "tests/lib/tap.h"

/* A pair of lines that tests/abi/differences_like has a pattern for. */
static bool documented(const char *kernel, const char *ours)
{
	FILE *f = fopen("tests/abi/differences_like", "r");
	char line[4096], pair[1024];
	bool found = false;

	if (!f)
		return false;
	snprintf(pair, sizeof(pair), "%s => %s", kernel, ours);
	while (!found && fgets(line, sizeof(line), f)) {
		regex_t re;

		line[strcspn(line, "\n")] = 0;
		if (!*line || regcomp(&re, line, REG_EXTENDED))
			continue;
		found = !regexec(&re, pair, 0, NULL, 0);
		regfree(&re);
	}
	fclose(f);
	return found;
}

void rows_compare(const char *name, int (*program)(void))
{
	char *kernel = output(program, 0), *ours = output(program, 1);
	char *ks, *os, *k = strtok_r(kernel, "\n", &ks), *o = strtok_r(ours, "\n", &os);
	long n = 0, bad = 0;

	for (; k && o; k = strtok_r(NULL, "\n", &ks), o = strtok_r(NULL, "\n", &os), n++) {
		if (!strcmp(k, o) || documented(k, o))
			continue;
		if (bad++ < 400) {
			diag("kernel: %s", k);
			diag("here:   %s", o);
		}
	}
	ok(!bad && n && !k && !o, "%s: %ld lines equal, %ld not", name, n - bad, bad);
	free(kernel);
	free(ours);
}
