// SPDX-License-Identifier: BSD-2-Clause
/*
 * The first opener of a store after a reboot.
 *
 * What no pin holds died with the machine; the rest was written by processes
 * that are gone, so every actor id is dead and its claims can be taken back as
 * always. Only the objects without a pin have to be dropped.
 */
#ifndef PINFS_STORE_RECOVER_H
#define PINFS_STORE_RECOVER_H

/* boot: the id of this boot, 40 bytes. Runs under the store's own flock on "super". */
void store_recover(const char boot[40]);

#endif
