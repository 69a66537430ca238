// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pins: see pin.h. One linkat(2): atomic, and safe against being killed.
 */
#include "store/pin.h"
#include "store/store.h"
#include "util/raw.h"

int pin_set(enum obj_type type, u32 id, int dirfd, const char *name, u32 umask)
{
	char obj[32];
	int err;

	store_id_name(obj, type, id);
	/* The pin and the object are one inode, which was made with 0600; only an unusual umask takes more.
	 */
	if (umask & 0600) {
		err = (int)raw3(SYS_fchmodat, the_store.dirfd, obj, 0600 & ~umask);
		if (err)
			return err;
	}
	return raw_linkat(the_store.dirfd, obj, dirfd, name, 0);
}
