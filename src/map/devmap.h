// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the maps that hold XDP programs beside an interface or a CPU share.
 */
#ifndef PINFS_MAP_DEVMAP_H
#define PINFS_MAP_DEVMAP_H

#include "map/outer_slots.h"
#include "map/ref_slots.h"

/* An XDP program of that expected attach type, and like those that were in the map before: 0 or -EINVAL. */
int map_xdp_prog_check(struct bpf_map *m, const struct obj_hdr *prog, u32 attach);

/* The same, of programs for interfaces. */
int dev_prog_check(struct bpf_map *m, const struct obj_hdr *prog);

#endif
