// SPDX-License-Identifier: BSD-2-Clause
/*
 * The link object: a program at a hook, held by descriptors and pins.
 *
 * A link is a file of the store like any object. It holds its program (store/ref.h; link_names.c); what it is
 * attached to is in its header. The last reference detaches it: the store calls the type's release when it
 * dies, which takes its entry out of the attach point.
 *
 * A link type is one file that ends in one const struct link_ops, plus its rows in link_types.c.
 *
 * Which program it runs changes by LINK_UPDATE: one compare-and-swap of prog,
 * after which whoever drives the hook takes the new program from the next packet on.
 *
 *     LINK_CREATE   file made and held by the client's fd -> entry in the attach point
 *     death         entry taken out -> program let go -> name gone
 *
 * Killed in between: a link without an entry dies with its fd; an entry without a link is no entry
 * (attach.c).
 */
#ifndef PINFS_LINK_LINK_H
#define PINFS_LINK_LINK_H

#include "link/attach.h"
#include "prog/prog.h"
#include "store/object.h"
#include "util/err.h"
#include "util/uapi.h"

#define LINK_NAMES    4u /* names of programs: the one that it runs, and those for the way back */
#define LINK_NAME_MAX 128u
#define LINK_TEXT_MAX 512u /* of a type's lines in fdinfo */

#define BPF_LINK_TYPE_NETFILTER_ 10 /* newer than the system's header may be */
#define BPF_LINK_TYPE_TCX_       11
#define BPF_LINK_TYPE_SOCKMAP_   14

struct op;

#define LINK_SLOT_MAP 0xffffffff00000010ull /* a link holds a map */

/* In the object's header; untrusted when read back. o.kind is the link type (BPF_LINK_TYPE_*). */
struct link_hdr {
	struct obj_hdr o;
	union {
		_Atomic u64 prog; /* which program, which names are valid: changed as one (link_names.c) */
		_Atomic u32 prog_id;
	};
	_Atomic u64 names[LINK_NAMES]; /* slots of references on programs; 0: none */
	_Atomic u32 detached;          /* by LINK_DETACH, or because its target went */
	u32 attach_type, flags;
	/* Of its first program. Where one of these must not change (the type's update()), they are those of
	 * all. */
	u32 prog_kind, expected_attach_type, attach_btf_id;
	u64 cookie;
	struct attach_key key; /* where it stands; of no meaning to types without an attach point */
	union {
		struct {
			char name[LINK_NAME_MAX];
		} raw_tp;
		struct {
			u32 pf, hooknum;
			s32 priority;
			u32 flags;
		} netfilter;
		struct {
			char target[32]; /* "bpf_map", "bpf_map_elem", ... */
			u32 map_id;      /* bpf_map_elem and bpf_sk_storage_map; 0: none */
		} iter;
		u64 w[32];
	};
};
_Static_assert(sizeof(struct link_hdr) <= OBJ_HDR_SIZE, "link header fits");

/* What a link is attached to: how LINK_CREATE's target_fd is read. */
enum link_target {
	LINK_AT_NOTHING, /* the type's own check does it all */
	LINK_AT_DEVICE,  /* ifindex */
	LINK_AT_CGROUP,  /* fd of a cgroup v2 directory */
	LINK_AT_NETNS,   /* fd of a network namespace */
	LINK_AT_SOCKMAP, /* fd of a map of sockets */
	LINK_AT_OWN_NS,  /* the client's network namespace; target_fd must be 0 */
};

#define LINK_ITER_INFO 16u /* union bpf_iter_link_info */

/* What LINK_CREATE asks for. Filled by sys/cmd_link.c before check(). */
struct link_req {
	struct op *op;               /* the caller's operation */
	const struct prog_hdr *prog; /* a copy of the program's header */
	u32 prog_id;
	u32 attach_type, flags;
	u32 target;            /* target_fd or ifindex, as it was given */
	u64 words[6];          /* the union from byte 16 on */
	struct attach_key key; /* after check(), by the type's enum link_target */
	bool native;           /* devices: the driver runs XDP itself */
	bool denied;           /* cgroups: one above does not allow it */

	/* The program that relative_fd (or id) of the union names, resolved by BPF_F_ID and BPF_F_LINK: 0:
	 * none. */
	u32 rel_prog, rel_link;
	int rel_err; /* why they could not be found: told by the rules of the place, in their order */
	u64 expected_revision;

	/* The client's memory and descriptors, for types that need them. -EFAULT; -EBADF, -EINVAL. */
	int (*copy_in)(const struct link_req *r, void *dst, u64 src, size_t n);
	int (*object)(const struct link_req *r, int fd, enum obj_type type, u32 *id);
	void *arg;
};

struct link_ops {
	u32 type;         /* BPF_LINK_TYPE_* */
	const char *name; /* link_type of fdinfo */
	enum link_target target;
	bool relative; /* the union is relative_fd and expected_revision */
	int no_device; /* errno for an unknown ifindex; 0: -EINVAL */
	bool updates, detaches;
	bool same_counts; /* an update to the program that it has is a change of the list, too */

	/* Before the target is looked at; may fill the type's part of h (and h->cookie). NULL: nothing to
	 * check. */
	int (*check)(const struct link_req *r, struct link_hdr *h);

	/* Places the link in the list; 0 or an errno. NULL: no attach point. r: as given to check. */
	int (*place)(const struct link_req *r, u32 link_id, struct attach_list *l);

	/* May the program become another one of the same type? NULL: yes. next: its header; op: the caller's
	 * operation. */
	int (*update)(struct op *op, const struct link_hdr *h, const struct prog_hdr *next);

	/* The type's part of struct bpf_link_info, from byte 16 on. NULL: nothing. */
	void (*info)(const struct link_hdr *h, u8 by_type[48]);

	/* A name that info tells (u64 pointer and u32 length are by_type's first 12 bytes). NULL: none. */
	const char *(*text)(const struct link_hdr *h);

	/* The type's lines of fdinfo, at most LINK_TEXT_MAX with the NUL; returns their end. NULL: none. */
	char *(*fdinfo)(const struct link_hdr *h, char *to);

	/* For people: what it is attached to, "eth0" or "cgroup 12"; at most 350 bytes. NULL: nothing. */
	char *(*where)(const struct link_hdr *h, char *to);

	/* A map that the link holds; 0: none. NULL: none. */
	u32 (*map)(const struct link_hdr *h);
};

/* The type that a program at an attach type makes. NULL: none (EINVAL). */
const struct link_ops *link_ops_for(u32 prog_type, u32 attach_type);
/* By BPF_LINK_TYPE_*. NULL: unknown. */
const struct link_ops *link_ops_get(u32 type);
const char *link_kind_name(u32 type);

/*
 * Makes the link that h describes (all but its common part and prog are the caller's) and holds its program:
 * an fd (O_RDONLY), its id and its stat, or an errno. -EBADF: the program is gone.
 */
int link_make(const struct link_ops *ops, const struct link_hdr *want, u32 prog_id, u32 uid, u32 *id,
	      struct stat *st);

/*
 * The link's program becomes `next`. must: what it has to be now, 0: anything (-EPERM). h: the mapped header;
 * op: the caller's operation. -ENOLINK: detached. 0 also when it is `next` already.
 */
int link_swap_prog(struct op *op, struct link_hdr *h, u32 next, u32 must);

/* Names on the program that a link is made with: 0, or -EBADF: the program is gone; -ENOMEM. */
int link_hold_first(struct link_hdr *h, u32 prog_id);
/* Clears all of them, of a link that was not made after all. */
void link_let_go(const struct link_hdr *h);

/* Does the link with that id live, not detached? *prog_id becomes what it runs. Buries what is dead. */
bool link_stands(u32 id, u32 *prog_id);

/* Rows of sys/obj_types.c. */
bool link_describe(const struct obj_hdr *hdr, size_t file_size, char *to);
void link_release(const struct obj_hdr *hdr, size_t file_size);
bool link_drop_spares(struct obj_hdr *prog, size_t file_size, bool writable); /* of programs */
bool link_is_spare(const struct obj_hdr *hdr, u64 slot);
/* How many names of a program links keep without need. */
u32 link_spares_of(const struct prog_hdr *p);
void link_gc(struct gc_result *r);
void link_each_ref(const struct obj_hdr *hdr, size_t file_size,
		   void (*each)(void *arg, u64 slot, enum obj_type type, u32 id), void *arg);

#endif
