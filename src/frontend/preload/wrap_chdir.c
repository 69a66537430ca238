// SPDX-License-Identifier: BSD-2-Clause
/*
 * chdir(2) into a bpffs that is only redirected.
 *
 * Nobody but the process itself can change its cwd, so the supervisor refuses
 * (EACCES) what lies below a redirected mount. It does open directories there:
 * the store's own, which fchdir(2) takes. From then on the supervisor knows
 * the cwd by its text, and getcwd(2) shows the client's path.
 */
#include "frontend/preload/preload.h"

/* Calls of the client's, not of the library: no cookie. */
static long chdir_by_fd(const char *path)
{
	long ret, fd = raw6(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);

	if (fd < 0)
		return fd;
	ret = raw6(SYS_fchdir, fd, 0, 0, 0, 0, 0);
	raw_close((int)fd);
	return ret;
}

EXPORT int chdir(const char *path)
{
	long ret = raw6(SYS_chdir, (long)path, 0, 0, 0, 0, 0);

	/* What cannot be opened either keeps the first answer. */
	if (ret == -EACCES && pre_attached && the_run->notify && !chdir_by_fd(path))
		ret = 0;
	return (int)ret_errno(ret);
}
