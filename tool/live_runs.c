// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading the run files of a store: see live_runs.h.
 */
#include "tool/live_runs.h"
#include "store/dirscan.h"
#include "store/store.h"
#include "util/raw.h"
#include <sys/mman.h>

static bool is_live(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return !raw_fcntl(fd, F_OFD_GETLK, (long)&l) && l.l_type != F_UNLCK;
}

static int each_of_file(int fd, int (*each)(void *arg, const struct run_mount *m), void *arg)
{
	const struct run_file *r;
	struct stat st;
	int ret = 0;

	if (raw_fstat(fd, &st) || st.st_size < (off_t)sizeof(*r) || !is_live(fd))
		return 0;
	r = raw_mmap(NULL, sizeof(*r), PROT_READ, MAP_SHARED, fd, 0);
	if (IS_ERR(r))
		return 0;
	for (u32 i = 0; !ret && r->magic == RUN_MAGIC && i < RUN_MOUNTS; i++) {
		struct run_mount m = r->mounts[i];

		m.path[sizeof(m.path) - 1] = 0;
		if (m.state == RUN_MOUNT_USED)
			ret = each(arg, &m);
	}
	raw_munmap((void *)r, sizeof(*r));
	return ret;
}

int live_runs_each_mount(int (*each)(void *arg, const struct run_mount *m), void *arg)
{
	const struct dirscan_entry *e;
	struct dirscan d;
	int fd, ret = dirscan_open(&d, "runs");

	if (ret)
		return ret;
	while (!ret && (e = dirscan_next(&d))) {
		fd = raw_openat(d.fd, e->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
		if (fd < 0)
			continue;
		ret = each_of_file(fd, each, arg);
		raw_close(fd);
	}
	dirscan_close(&d);
	return ret;
}
