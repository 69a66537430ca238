// SPDX-License-Identifier: BSD-2-Clause
/*
 * Joining a run, and looking paths up in its mount table: see run.h.
 *
 * The run file is mapped read-only and shared, so that a mount made later in
 * the run is seen. Nothing in it is believed to be a terminated string.
 */
#include "sys/run.h"
#include "store/store.h"
#include "util/raw.h"
#include "util/str.h"
#include <stdatomic.h>
#include <sys/mman.h>

const struct run_file *the_run;

static const struct run_file *run_map(const char *path)
{
	const struct run_file *r;
	struct stat st;
	int fd, err;

	fd = raw_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0)
		return ERR_PTR(fd);
	err = raw_fstat(fd, &st);
	if (!err && (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(*r)))
		err = -EINVAL;
	r = err ? ERR_PTR(err) : raw_mmap(NULL, sizeof(*r), PROT_READ, MAP_SHARED, fd, 0);
	raw_close(fd);
	return r;
}

int run_attach(const char *run_path)
{
	const struct run_file *r = run_map(run_path);
	char store[RUN_PATH_MAX];
	int err;

	if (IS_ERR(r))
		return (int)PTR_ERR(r);
	err = r->magic == RUN_MAGIC ? 0 : -EINVAL;
	if (!err) {
		memcpy(store, r->store, sizeof(store));
		if (store[0] != '/' || store[sizeof(store) - 1])
			err = -EINVAL;
	}
	if (!err) {
		/* From here on the filter lets our own calls pass. */
		raw_cookie = r->cookie;
		err = store_open(store, 0);
	}
	if (err) {
		raw_cookie = 0;
		raw_munmap((void *)r, sizeof(*r));
		return err;
	}
	the_run = r;
	return 0;
}

void run_mount_use(struct run_file *r, struct run_mount *m)
{
	atomic_fetch_or(&r->used, 1ull << (m - r->mounts));
	atomic_store(&m->state, RUN_MOUNT_USED);
}

/* The part of path behind the mount's, or NULL if it does not lead below it. */
static const char *below(const struct run_mount *m, const char *path)
{
	const char *dir = m->path;
	size_t i = 0;

	while (i < RUN_PATH_MAX - 1 && dir[i] == path[i] && dir[i])
		i++;
	if (dir[i])
		return NULL;
	/* A mount on "/" itself ends in the slash that others have behind them. */
	if (i && dir[i - 1] == '/')
		return path + i;
	if (path[i] == '/')
		return path + i + 1;
	return path[i] ? NULL : path + i;
}

const struct run_mount *run_find_mount(const char *path, const char **rest)
{
	const char *r;

	if (!the_run)
		return NULL;
	/* A later mount hides earlier ones, at its own path and below it. */
	for (u64 used = atomic_load(&the_run->used); used;) {
		u32 i = 63 - (u32)__builtin_clzll(used);
		const struct run_mount *m = &the_run->mounts[i];

		used &= ~(1ull << i);
		if (atomic_load(&m->state) != RUN_MOUNT_USED || !m->path[0])
			continue;
		r = below(m, path);
		if (r) {
			if (rest)
				*rest = r;
			return m;
		}
	}
	return NULL;
}
