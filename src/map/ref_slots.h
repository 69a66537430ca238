// SPDX-License-Identifier: BSD-2-Clause
/*
 * Arrays whose elements are references on objects: PROG_ARRAY, ARRAY_OF_MAPS, PERF_EVENT_ARRAY.
 *
 *     data: one word a slot,  0 or (number << 32 | object's id)
 *
 * The number is taken from a counter of the map, is never used twice and names
 * the reference in refs/ (store/ref.h). So a word that has left its slot never
 * comes back, and whoever sees it gone may drop its reference:
 *
 *     set:    take a number, ref_set, swap the word in, ref_clear what was there
 *     clear:  swap 0 in, ref_clear what was there
 *
 * Both words of an update are in op->claim before the swap. An operation that
 * was left is settled by looking at the slot: what does not stand there is
 * dropped. A process killed between two steps leaves a reference too many,
 * never one too few; gc drops it, since each_ref does not name it.
 */
#ifndef PINFS_MAP_REF_SLOTS_H
#define PINFS_MAP_REF_SLOTS_H

#include "map/map.h"

/* Rows for struct map_ops. */
int ref_slots_alloc_check(struct map_attr *a);
int ref_slots_layout(const struct map_attr *a, struct map_layout *l);
int ref_slots_open(struct bpf_map *m);
u64 ref_slots_memlock(const struct map_attr *a);

int ref_slots_lookup(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags);
int ref_slots_update_check(const struct bpf_map *m, const void *key, u64 flags);
int ref_slots_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags);
int ref_slots_delete(struct op *op, struct bpf_map *m, const void *key);
void ref_slots_each(const struct bpf_map *m, void (*each)(void *arg, u64 slot, enum obj_type t, u32 id),
		    void *arg);

/* An id that stands for something that is no object of the store: a slot says that it is there, and holds
 * nothing. */
#define REF_FOREIGN 0xffffffffu

/*
 * Puts object id into slot i (below max_entries), under a number with mark (0 or REF_MARK, a bit that no
 * number has by itself). before, if not NULL, runs when the reference has its
 * number and before it stands in the slot; its error undoes all.
 */
#define REF_MARK 0x80000000u
int ref_slots_put(struct op *op, struct bpf_map *m, u32 i, u32 id, u32 mark,
		  int (*before)(void *arg, u32 number), void *arg);

/* What stands in slot i: number << 32 | id; false: nothing. */
bool ref_slots_word(const struct bpf_map *m, u32 i, u64 *word);

/* Empties slot i if that word still stands there. */
void ref_slots_take(struct bpf_map *m, u32 i, u64 word);

/* May this program go in beside those that are, or were, in the map? The first one decides. -EINVAL.
 * (prog_array.c) */
int ref_slots_owner_check(struct bpf_map *m, const struct obj_hdr *prog);

/* Empties every slot. */
void ref_slots_clear(struct bpf_map *m);

#endif
