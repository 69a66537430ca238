// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pins: hard links to objects in an instance directory.
 */
#ifndef PINFS_STORE_PIN_H
#define PINFS_STORE_PIN_H

#include "store/object.h"

/*
 * Links the object as `name` in dirfd (a directory below STORE/fs). umask is
 * the pinner's. -EEXIST, -EACCES, -EPERM (somebody else's object under
 * protected_hardlinks), -ENOENT (the object is dead), -ENOSPC.
 */
int pin_set(enum obj_type type, u32 id, int dirfd, const char *name, u32 umask);

#endif
