// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the passes of the BTF check share; private to btf_check.c, btf_kind.c, btf_resolve.c, btf_members.c.
 *
 *   pass 1, meta      each type alone: flags, names, counts, ids in range   (btf_kind.c)
 *   pass 2, resolve   what each type leads to, depth first, bounded         (btf_resolve.c)
 *   pass 3            type tags before other modifiers                      (btf_check.c)
 *
 * Pass 1 fills view->off and nr; pass 2 fills res_id, res_size and state. Until
 * then only btf_type and btf_str may be asked.
 */
#ifndef PINFS_BTF_BTF_ENV_H
#define PINFS_BTF_BTF_ENV_H

#include "btf/btf.h"

#define BTF_DEPTH 32 /* of resolution */

enum { BTF_NOT_VISITED, BTF_VISITED, BTF_RESOLVED };

/* Where the search may stop: see stops_at() in btf_resolve.c. */
enum btf_mode { BTF_MODE_TBD, BTF_MODE_PTR, BTF_MODE_SIZED };

struct btf_vertex {
	const struct btf_type *t;
	u32 id;
	u32 next; /* member or variable to go on with */
};

struct btf_env {
	struct btf_view *v;
	struct vlog *log;
	u32 id;       /* the type that the log speaks of */
	bool in_meta; /* pass 1 */
	enum btf_mode mode;
	u32 depth;
	struct btf_vertex stack[BTF_DEPTH];
};

/* One kind: all its rules. */
struct btf_kind_ops {
	const char *name;
	/* Pass 1. Bytes behind struct btf_type, or an errno. left: bytes there are. */
	s32 (*meta)(struct btf_env *e, const struct btf_type *t, u32 left);
	/* Pass 2. Pushes what must be resolved first, or pops. NULL: nothing to resolve. */
	int (*resolve)(struct btf_env *e, struct btf_vertex *x);
	/* May a struct hold this as that member? kmember: the struct has bit sizes in its members. */
	int (*member)(struct btf_env *e, const struct btf_type *s, const struct btf_member *m,
		      const struct btf_type *t);
	int (*kmember)(struct btf_env *e, const struct btf_type *s, const struct btf_member *m,
		       const struct btf_type *t);
	void (*details)(struct btf_env *e, const struct btf_type *t);
};

extern const struct btf_kind_ops btf_kinds[BTF_KINDS];

/* The log's lines; each returns -EINVAL, so that a rule is one line. */
int btf_bad(struct btf_env *e, const struct btf_type *t, const char *msg);      /* "[7] STRUCT foo msg" */
int btf_bad_type(struct btf_env *e, const struct btf_type *t, const char *msg); /* with the kind's details */
int btf_bad_member(struct btf_env *e, const struct btf_type *s, const struct btf_member *m, const char *msg);
int btf_bad_member_name(struct btf_env *e, const struct btf_type *s, const struct btf_member *m);
int btf_bad_var(struct btf_env *e, const struct btf_type *s, const struct btf_var_secinfo *i,
		const char *msg);
int btf_bad_left(struct btf_env *e, const struct btf_type *t, u32 left, u32 needed);
int btf_bad_arg(struct btf_env *e, const struct btf_type *t, u32 i);
const char *btf_log_name(const struct btf_view *v, u32 off);
void btf_log_type(struct btf_env *e, const struct btf_type *t);

/* Names. */
bool btf_name_ok(const struct btf_view *v, u32 off);    /* an identifier; dots count as letters */
bool btf_section_ok(const struct btf_view *v, u32 off); /* printable */

/* Pass 2. */
int btf_resolve(struct btf_env *e, const struct btf_type *t, u32 id);
int btf_check_proto(struct btf_env *e, const struct btf_type *t);
int btf_push(struct btf_env *e, const struct btf_type *t, u32 id);
void btf_pop(struct btf_env *e, u32 res_id, u32 res_size);

int btf_resolve_mod(struct btf_env *e, struct btf_vertex *x);
int btf_resolve_ptr(struct btf_env *e, struct btf_vertex *x);
int btf_resolve_array(struct btf_env *e, struct btf_vertex *x);
int btf_resolve_struct(struct btf_env *e, struct btf_vertex *x);
int btf_resolve_var(struct btf_env *e, struct btf_vertex *x);
int btf_resolve_datasec(struct btf_env *e, struct btf_vertex *x);
int btf_resolve_func(struct btf_env *e, struct btf_vertex *x);
int btf_resolve_decl_tag(struct btf_env *e, struct btf_vertex *x);

/* Members, by the kind of what they are (btf_members.c). */
int btf_member_int(struct btf_env *, const struct btf_type *, const struct btf_member *,
		   const struct btf_type *);
int btf_kmember_int(struct btf_env *, const struct btf_type *, const struct btf_member *,
		    const struct btf_type *);
int btf_member_mod(struct btf_env *, const struct btf_type *, const struct btf_member *,
		   const struct btf_type *);
int btf_kmember_mod(struct btf_env *, const struct btf_type *, const struct btf_member *,
		    const struct btf_type *);
int btf_member_ptr(struct btf_env *, const struct btf_type *, const struct btf_member *,
		   const struct btf_type *);
int btf_member_array(struct btf_env *, const struct btf_type *, const struct btf_member *,
		     const struct btf_type *);
int btf_member_sized(struct btf_env *, const struct btf_type *, const struct btf_member *,
		     const struct btf_type *);
int btf_kmember_enum(struct btf_env *, const struct btf_type *, const struct btf_member *,
		     const struct btf_type *);
int btf_member_float(struct btf_env *, const struct btf_type *, const struct btf_member *,
		     const struct btf_type *);
int btf_kmember_plain(struct btf_env *, const struct btf_type *, const struct btf_member *,
		      const struct btf_type *);
int btf_member_never(struct btf_env *, const struct btf_type *, const struct btf_member *,
		     const struct btf_type *);
int btf_kmember_never(struct btf_env *, const struct btf_type *, const struct btf_member *,
		      const struct btf_type *);

#endif
