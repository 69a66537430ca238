// SPDX-License-Identifier: BSD-2-Clause
/*
 * The first opener of a store after a reboot: see recover.h.
 *
 * Several processes can come first at once; all do the same, and each step may
 * be done twice.
 */
#include "store/recover.h"
#include "store/store.h"
#include "util/raw.h"
#include <string.h>

void store_recover(const char boot[40])
{
	struct gc_result r;

	store_gc(&r);
	memcpy(the_store.super->boot_id, boot, sizeof(the_store.super->boot_id));
}
