// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a map of maps asks of the maps inside: the template and the comparison.
 *
 * The facts of the template are copied into the outer map's header when it is
 * made; the template itself is not held. A candidate must show the same facts.
 */
#ifndef PINFS_MAP_MAP_IN_MAP_H
#define PINFS_MAP_MAP_IN_MAP_H

#include "map/map.h"

/* May a map with this header be the template of a? Fills nothing. 0, -EINVAL, -ENOTSUPP. */
int map_in_map_template(const struct map_attr *a);

/* Copies the template's facts into the header of the outer map. */
void map_in_map_init(struct bpf_map *outer, const struct map_attr *a);

/* May this object go into outer? 0 or -EINVAL. */
int map_in_map_check(struct bpf_map *outer, const struct obj_hdr *candidate);

#endif
