// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a directory of the store without malloc: see dirscan.h.
 */
#include "store/dirscan.h"
#include "store/store.h"
#include "util/raw.h"
#include <string.h>

int dirscan_open(struct dirscan *d, const char *dir)
{
	d->have = d->at = 0;
	d->fd = raw_openat(the_store.dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	return d->fd < 0 ? d->fd : 0;
}

const struct dirscan_entry *dirscan_next(struct dirscan *d)
{
	for (;;) {
		const struct dirscan_entry *e;

		if (d->at >= d->have) {
			d->at = 0;
			d->have = raw3(SYS_getdents64, d->fd, d->buf, sizeof(d->buf));
			if (d->have <= 0)
				return NULL;
		}
		e = (const struct dirscan_entry *)(d->buf + d->at);
		d->at += e->len;
		if (strcmp(e->name, ".") && strcmp(e->name, ".."))
			return e;
	}
}

void dirscan_close(struct dirscan *d)
{
	if (d->fd >= 0)
		raw_close(d->fd);
	d->fd = -1;
}
