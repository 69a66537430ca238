// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hooks of maps of sockets, by links and by PROG_ATTACH.
 */
#ifndef PINFS_LINK_SOCKMAP_H
#define PINFS_LINK_SOCKMAP_H

#include "link/attach.h"

/*
 * A map has a verdict for whole packets or one for streams, not both: -EBUSY if the other of the two has a
 * program. Looked at before the hook itself is changed, so that two clients at the same moment can get both.
 */
int sockmap_rival(const struct attach_key *k);

#endif
