// SPDX-License-Identifier: BSD-2-Clause
/*
 * Finding and opening the store that a command works on: see where.h.
 */
#include "tool/where.h"
#include "store/store.h"
#include "sys/run.h"
#include "sys/sys.h"
#include "tool/out.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *where_store;

int where_own_store(char *path, size_t size)
{
	const char *base = access("/dev/shm", W_OK | X_OK) ? "/tmp" : "/dev/shm";
	struct stat st;

	if (snprintf(path, size, "%s/pinfs-%u", base, (unsigned)geteuid()) >= (int)size)
		return -ENAMETOOLONG;
	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() ? 0 : -EPERM;
}

bool where_in_a_run(void)
{
	const char *run = getenv(RUN_ENV);

	return run && *run;
}

int where_open(unsigned flags)
{
	const char *run = getenv(RUN_ENV);
	char own[64];
	int err;

	sys_init();
	if (!where_store && run && *run) {
		err = run_attach(run);
		return err ? out_error(err, "the store of this run (%s)", run) : 0;
	}
	if (!where_store) {
		err = where_own_store(own, sizeof(own));
		if (err)
			return out_error(err, "%s is not yours to use", own);
		where_store = own;
	}
	err = store_open(where_store, flags);
	if (err == -EINVAL)
		err = out_error(0, "%s: not a store, or one of another version", where_store);
	else if (err)
		err = out_error(err, "%s", where_store);
	if (where_store == own)
		where_store = NULL;
	return err;
}
