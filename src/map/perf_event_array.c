// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_PERF_EVENT_ARRAY: slots that hold perf events (ref_slots.h), to which programs put records
 * out.
 *
 * An event that is none of the store's (REF_FOREIGN) stands in its slot and
 * does nothing: the kernel's own cannot be written from here.
 *
 * Without BPF_F_PRESERVE_ELEMS an entry belongs to the description of the map
 * through which it was put in, and goes with it. The kernel tells when that is: the
 * description holds an OFD write lock on a byte of the map's file that is the
 * entry's own by its number,
 *
 *     OWNER_BYTES + number        far behind any data
 *
 * set before the entry stands in its slot; a number with REF_MARK has none, and its entry stays. When a
 * description of the map may have been closed, by whomever, entries whose byte nobody holds are dropped.
 */
#include "map/array_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "map/perf_event_array.h"
#include "map/perf_ring.h"
#include "map/ref_slots.h"
#include "util/raw.h"

#define OWNER_BYTES ((off_t)1 << 60)

static int perf_event_array_init(struct bpf_map *m, const struct map_attr *a)
{
	return 0;
}

static int owner_lock(int fd, int cmd, u32 number)
{
	struct flock fl = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = OWNER_BYTES + number, .l_len = 1
	};
	int err = raw_fcntl(fd, cmd, (long)&fl);

	return err ? err : fl.l_type;
}

static int set_owner(void *arg, u32 number)
{
	const struct perf_value *v = arg;
	int err = number & REF_MARK ? 0 : owner_lock(v->desc, F_OFD_SETLK, number);

	return err < 0 ? err : 0;
}

static int perf_event_array_update(struct op *op, struct bpf_map *m, const void *key, const void *value,
				   u64 flags)
{
	int err = ref_slots_update_check(m, key, flags);
	struct perf_value v;
	u32 i = array_index(key);

	if (err || i >= m->max_entries) /* (the client may change its key meanwhile) */
		return err ? err : -E2BIG;
	memcpy(&v, value, sizeof(v));
	/* Without a way to the client's description the entry stays. */
	return ref_slots_put(op, m, i, v.id, v.desc < 0 ? REF_MARK : 0, set_owner, &v);
}

/* What cannot be read by a program is not taken: one that children inherit. */
static int perf_event_array_check(struct bpf_map *m, const struct obj_hdr *event)
{
	return ((const struct perf_hdr *)event)->bits & PERF_BIT_INHERIT ? -EOPNOTSUPP : 0;
}

bool perf_event_array_closed(struct bpf_map *m, int fd, bool writable)
{
	u64 word;

	if (m->map_flags & BPF_F_PRESERVE_ELEMS)
		return false;
	for (u32 i = 0; i < m->max_entries; i++) {
		if (!ref_slots_word(m, i, &word) || word >> 32 & REF_MARK ||
		    owner_lock(fd, F_OFD_GETLK, (u32)(word >> 32)) != F_UNLCK)
			continue;
		if (!writable)
			return true;
		ref_slots_take(m, i, word);
	}
	return false;
}

u32 perf_event_array_get(const struct bpf_map *m, u32 i)
{
	u64 word;

	return ref_slots_word(m, i, &word) ? (u32)word : 0;
}

const struct map_ops perf_event_array_ops = {
	.name = "perf_event_array",
	.alloc_check = ref_slots_alloc_check,
	.layout = ref_slots_layout,
	.init = perf_event_array_init,
	.open = ref_slots_open,
	.lookup = map_no_lookup_ENOTSUPP,
	.update = perf_event_array_update,
	.delete = ref_slots_delete,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = array_next_key,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = OBJ_PERF,
	.obj_check = perf_event_array_check,
	.update_check = ref_slots_update_check,
	.each_ref = ref_slots_each,
	.closed = perf_event_array_closed,
	.memlock = ref_slots_memlock,
};
