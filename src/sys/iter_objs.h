// SPDX-License-Identifier: BSD-2-Clause
/*
 * What iterators see of objects: structs of the kernel, made for the purpose.
 *
 * A program compiled against any kernel is fitted by its loader to the structs of the machine that it is
 * loaded on. So these have that machine's layout, taken from its BTF: each
 * member that means something here is looked up by its name and written,
 * wherever it is; members without a counterpart, and such as this kernel does not have,
 * are left out, and read 0. Pointers lead to other structs of the same block or are NULL.
 *
 *     bpf_iter_meta -> seq_file
 *     bpf_map  -> btf, bpf_map (the template of its inner maps)
 *     bpf_prog -> bpf_prog_aux -> btf, bpf_prog, the name of what it is attached to
 *     bpf_link -> bpf_prog
 *
 * All lie in one private mapping of the session, and are filled anew for each object.
 */
#ifndef PINFS_SYS_ITER_OBJS_H
#define PINFS_SYS_ITER_OBJS_H

#include "link/link.h"
#include "map/map.h"
#include "progtype/iter.h"

/* A struct of that type id; size 0: this kernel has none. */
struct kstruct {
	u8 *at;
	u32 id, size;
};

struct iter_objs {
	const struct btf_view *v;
	u8 *mem;
	size_t size;
	struct kstruct meta, seq, map, inner, map_btf, prog, aux, prog_btf, link;
	char *text;
	u8 *nr; /* meta's seq_num, or NULL */
};

/* Room for what a target's function (type id func of v) is given. -EINVAL: v has not its types; -ENOMEM. */
int iter_objs_init(struct iter_objs *o, const struct btf_view *v, u32 func, const struct iter_target *t);
void iter_objs_drop(struct iter_objs *o);

/* Once; then the number of each object. */
void iter_set_meta(struct iter_objs *o, u64 session);
static inline void iter_set_nr(struct iter_objs *o, u64 nr)
{
	if (o->nr)
		*(u64 *)o->nr = nr;
}
/* nlink: of the object's file, for the counts. */
void iter_set_map(struct iter_objs *o, const struct map_hdr *h, u32 nlink);
void iter_set_prog(struct iter_objs *o, const struct prog_hdr *h, u32 nlink);
/* h NULL: a link without a program. */
void iter_set_link(struct iter_objs *o, const struct link_hdr *l, const struct prog_hdr *h, u32 nlink);

#endif
