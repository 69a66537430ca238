// SPDX-License-Identifier: BSD-2-Clause
/*
 * The map object: its header in the store, its process-local side, its type's operations.
 *
 * A map type is one file that ends in one const struct map_ops, plus one row
 * in map_types.c. The row carries every fact about the type; no code outside
 * the type's own file asks for a type number.
 *
 *   struct map_attr   what MAP_CREATE asks for (checked, fds resolved)
 *   struct map_hdr    the same facts in the object's header, untrusted later
 *   struct bpf_map    one process's view: validated copies of the geometry,
 *                     and pointers into the mapping
 *
 * Rules for every operation:
 *  - It publishes by one compare-and-swap, holds no lock, and can be stopped,
 *    killed or jumped out of at every instruction without harm to others.
 *  - key and value may point into a client's memory and may fault: copy what
 *    is needed into private memory before anything is claimed, or claim so
 *    that op->recover can take it back.
 *  - lookup and next_key write nothing into shared memory.
 *  - Sizes and offsets come from struct bpf_map, never from the header again.
 *    Every index read from shared memory is checked before use.
 *  - A walk is bounded by op->budget; when it runs out the answer is EIO.
 */
#ifndef PINFS_MAP_MAP_H
#define PINFS_MAP_MAP_H

#include <linux/bpf.h>
#include "shm/actor.h"
#include "store/object.h"
#include "util/err.h"

#define MAP_KEY_MAX 512u /* longest key that is copied to the stack */

struct map_ops;
struct map_target;

/* Where in a value (or in a struct inside it) BTF put things that need care. */
struct map_record {
	s32 spin_lock_off; /* -1: none */
	s32 timer_off;     /* -1: none */
};

struct map_attr {
	u32 map_type, key_size, value_size, max_entries, map_flags;
	u32 numa_node;
	u64 map_extra;
	char name[OBJ_NAME_LEN];
	u32 btf_id, btf_key_type_id, btf_value_type_id;
	u32 btf_vmlinux_value_type_id; /* STRUCT_OPS */
	struct map_record record;
	u32 inner_id; /* *_OF_MAPS: the template, whose facts are in `inner` */
	const struct map_hdr *inner;
	u32 ncpu; /* possible CPUs */
	u32 uid;  /* creator */
};

/* How much memory a map of these attributes takes; filled by ops->layout. */
struct map_layout {
	size_t data_size; /* bytes of the type's area */
	size_t reserve;   /* of which backed by memory from the start */
	bool header_last; /* data at offset 0, for mmap */
};

/* In the object's header. */
struct map_hdr {
	struct obj_hdr o; /* o.kind is the map type */
	u32 key_size, value_size, max_entries, map_flags;
	u64 map_extra;
	u32 ncpu;
	u32 btf_id, btf_key_type_id, btf_value_type_id;
	struct map_record record;
	/* PROG_ARRAY: set by the first program, both as one word, 0 before; see prog_array.c */
	u32 owner_prog_type __attribute__((aligned(8)));
	u32 owner_flags;
	_Atomic u32 frozen;
	_Atomic u32 pad0;
	/* *_OF_MAPS: what a candidate must look like. */
	struct {
		u32 map_type, key_size, value_size, max_entries, map_flags;
		u32 pad;
		struct map_record record;
	} inner;
	u64 memlock;
	u64 priv[16]
		__attribute__((aligned(16))); /* the type's own words: geometry written by init, atomics */
};
_Static_assert(sizeof(struct map_hdr) <= OBJ_HDR_SIZE, "map header fits");

/* Process-local. One per process and map, shared by all its fds and threads. */
struct bpf_map {
	const struct map_ops *ops;
	struct obj_view view;
	struct map_hdr *hdr;
	u8 *data;
	u32 id, map_type;
	u32 key_size, value_size, max_entries, map_flags; /* validated copies */
	u64 map_extra;
	u32 ncpu;
	u32 value_len; /* bytes that bpf(2) moves per value: per-CPU types ncpu * round_up(value_size, 8) */
	struct map_record record;
	bool plain; /* has keys, and values that are neither objects nor questions, none longer than a page */
	/* The type's own, process-local geometry, set by ops->open from checked header words. */
	union {
		u64 w[24];
		void *p[24];
	} priv __attribute__((aligned(16)));
};

/* An element as a program's walk meets it. */
struct map_elem {
	u64 word;        /* where a short key is copied to */
	const void *key; /* word, or shared memory */
	void *value;     /* shared */
};

struct map_batch {
	const void *in; /* cursor or NULL */
	void *out;      /* next cursor */
	void *keys, *values;
	u32 count; /* in: room; out: done */
	u64 elem_flags, flags;
};

/*
 * All return 0 or a negative errno. Those a type does not have point to the
 * stub of map_stubs.h that gives the kernel's errno for it, never NULL,
 * unless said otherwise. Flags and permissions common to all types (fd mode,
 * frozen, F_LOCK without a lock, key pointer of key-less maps) are checked by
 * the caller (sys/cmd_map.c) before.
 */
struct map_ops {
	const char *name; /* as in the kernel: "hash" */

	/* Creation rules of the type, in the kernel's order and errnos. May round attributes (LRU). */
	int (*alloc_check)(struct map_attr *a);
	int (*layout)(const struct map_attr *a, struct map_layout *l);
	/* Fresh zeroed data; geometry of bpf_map set except priv. Writes hdr->priv and the data. */
	int (*init)(struct bpf_map *m, const struct map_attr *a);
	/* Sets m->priv from hdr->priv after checking it against the file's size. -EIO. No access to data. */
	int (*open)(struct bpf_map *m);

	int (*lookup)(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags);
	int (*update)(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags);
	int (*delete)(struct op *op, struct bpf_map *m, const void *key);
	int (*lookup_and_delete)(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags);
	int (*next_key)(struct op *op, struct bpf_map *m, const void *key, void *next);

	int (*lookup_batch)(struct op *op, struct bpf_map *m, struct map_batch *b);
	int (*lookup_and_delete_batch)(struct op *op, struct bpf_map *m, struct map_batch *b);
	int (*update_batch)(struct op *op, struct bpf_map *m, struct map_batch *b);
	int (*delete_batch)(struct op *op, struct bpf_map *m, struct map_batch *b);

	/*
	 * Maps that hold objects: bpf(2) passes an fd in and gets an id out.
	 * The caller resolves the fd; obj_check says whether the object may go
	 * in (candidate is its mapped header); update then gets the object's id
	 * as its 4-byte value, for a perf event a struct perf_value
	 * (map/perf_event_array.h). obj_value: which type (an enum obj_type) or MAP_VALUE_PLAIN.
	 */
	int obj_value;
	int (*obj_check)(struct bpf_map *m, const struct obj_hdr *candidate);
	/* Whose fd the 4-byte key is (enum map_key): the operations then get a struct map_owner in its place.
	 */
	int key_kind;
	/* What the kernel checks of an update before it looks at the fd. NULL: nothing. */
	int (*update_check)(const struct bpf_map *m, const void *key, u64 flags);
	void (*each_ref)(const struct bpf_map *m, void (*each)(void *arg, u64 slot, enum obj_type t, u32 id),
			 void *arg);
	void (*release_uref)(struct bpf_map *m);
	/* See struct obj_type_ops. May be NULL. */
	bool (*closed)(struct bpf_map *m, int fd, bool writable);

	/*
	 * For programs that run (helper/map_helpers.c). cpu is the run's slot.
	 * An address stays memory of a value of this map as long as the map is
	 * mapped, whatever becomes of the element. Each may be NULL: the type has none.
	 *
	 * value_ptr: the value in the mapping, or NULL; sets an LRU map's
	 * reference bit. On a damaged map NULL. next_elem: the next element at
	 * or behind *at, which begins at 0: 1, or 0 when there is none.
	 * update_cpu: an update of that CPU's value alone, all others of a new
	 * element are zero; where NULL, programs update as bpf(2) does.
	 */
	void *(*value_ptr)(struct op *op, struct bpf_map *m, const void *key, u32 cpu);
	int (*next_elem)(struct op *op, struct bpf_map *m, u32 *at, u32 cpu, struct map_elem *e);
	int (*update_cpu)(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags,
			  u32 cpu);

	/*
	 * bpf_redirect_map: where the packet of a program goes that names this
	 * slot; -ENOENT when nothing is there. redirect_flags: which of the flags
	 * beside the verdict the map's type knows. NULL: not such a map.
	 */
	int (*redirect)(struct op *op, struct bpf_map *m, u32 key, struct map_target *t);
	u64 redirect_flags;

	/*
	 * What poll(2) of the fd says now, EPOLL* bits, by the words in shared
	 * memory; called in a guarded operation. That they may have changed is
	 * told through the object's FIFO (store/wake.h). NULL: an error, always.
	 */
	u32 (*poll)(struct op *op, struct bpf_map *m);
	u32 poll_bits; /* all that it may ever say */

	/* mmap of the fd: how many bytes from offset 0 a client may map, 0: not at all (May be NULL.) */
	size_t (*mmap_size)(const struct bpf_map *m);
	/*
	 * Where all mappings must be at one address. mmap_place: may it be mapped
	 * at `at` (0: anywhere)? 0: there and nowhere else; 1: where it has one upper
	 * half of addresses; or an errno. mmap_settle: it is mapped at `at` now, which
	 * holds for all that follow; -EBUSY: another one was first. Both NULL: no such rule.
	 */
	int (*mmap_place)(const struct bpf_map *m, u64 at, size_t len, u64 off);
	int (*mmap_settle)(struct bpf_map *m, u64 at, size_t len);
	/* What else the type asks of a mapping of [off, off + len), whose length has not been checked yet:
	 * -EPERM. May be NULL. */
	int (*mmap_check)(const struct bpf_map *m, bool write, u64 off, size_t len);
	/* Gives back what dead processes hold in the map; how many things. May be NULL. */
	u32 (*gc)(struct op *op, struct bpf_map *m);
	/* This process has done with the map: what m->priv holds of the process goes. May be NULL. */
	void (*close)(struct bpf_map *m);
	/* Bytes that bpftool shows as memlock. */
	u64 (*memlock)(const struct map_attr *a);
};

#define MAP_VALUE_PLAIN (-1)
/*
 * What stands for something outside of the store: update gets a struct
 * map_thing, which sys/map_values.c makes of the client's value. Elements of
 * such maps have value_size bytes for bpf(2), not 4.
 */
#define MAP_VALUE_DEV    (-3)          /* ifindex, maybe an XDP program's fd */
#define MAP_VALUE_CPU    (-4)          /* queue size, maybe an XDP program's fd */
#define MAP_VALUE_XSK    (-5)          /* fd of an AF_XDP socket */
#define MAP_VALUE_SOCK   (-6)          /* fd of a socket that may be in a sockmap */
#define MAP_VALUE_REUSE  (-7)          /* fd of a socket of a reuseport group */
#define MAP_VALUE_CGROUP (-8)          /* fd of a cgroup's directory */
#define MAP_VALUE_THING  MAP_VALUE_DEV /* this, and all below */

enum map_key { MAP_KEY_PLAIN, MAP_KEY_SOCK, MAP_KEY_INODE, MAP_KEY_TASK, MAP_KEY_CGROUP };

/* Which kernel object a storage belongs to: never the same for two that live at different times. */
struct map_owner {
	u64 a, b;
};

/* What kind a socket is, as far as it matters for finding out whether it is still there. */
enum map_sock { SK_UNIX = 1, SK_TCP4, SK_TCP6, SK_UDP4, SK_UDP6, SK_XDP };

/* Something outside of the store. */
struct map_thing {
	u64 id;      /* ifindex, queue size, socket cookie, cgroup id; 0: nothing */
	u32 prog_id; /* the program that goes with it; 0: none */
	int refused; /* an errno that only comes when all else is right */
	u32 ino;     /* sockets: their inode, */
	u16 netns;   /* the lower half of their namespace's inode, */
	u8 sock;     /* enum map_sock */
};

/* Where a redirected packet goes. */
struct map_target {
	u32 ifindex; /* DEVMAP: the interface; CPUMAP: 0 */
	u32 prog_id; /* to be run there; 0: none */
	u64 id;      /* CPUMAP: queue size; XSKMAP: the socket's cookie */
};

/* What BTF a map type wants for its keys; sizes agree in any case. */
enum map_btf_key {
	MAP_BTF_KEY_ANY,    /* any type of key_size */
	MAP_BTF_KEY_U32,    /* a 32-bit integer */
	MAP_BTF_KEY_ARRAY,  /* the same, or none when the one value is a section of global data */
	MAP_BTF_KEY_STRUCT, /* prefix length and data */
	MAP_BTF_KEY_NONE,   /* key-less */
	MAP_BTF_KEY_CGROUP, /* a 64-bit integer, or a struct of it and an attach type */
};

/* One row a type (map_types.c). A type number without a row is unknown: EINVAL. */
struct map_type {
	const struct map_ops *ops;
	u32 flags_allowed;
	u32 flags_added; /* which every map of the type has, though nobody may ask for them */
	bool percpu;     /* value_len = ncpu * round_up(value_size, 8) */
	bool no_key;     /* key_size is 0, key pointers must be NULL where the kernel wants it */
	bool btf_seq;    /* a pin can be read as text when the map has BTF */
	bool spin_lock;  /* values may hold bpf_spin_lock */
	bool timer;      /* values may hold bpf_timer and the like */
	int btf_errno;   /* 0: takes BTF; else the errno for key/value BTF (-ENOTSUPP, -EINVAL) */
	enum map_btf_key btf_key;
	bool cap_bpf;        /* creation wants CAP_BPF where HASH would not */
	bool direct_value;   /* ld_imm64 of a program may point into its values */
	bool takes_extra;    /* map_extra may be other than 0; alloc_check says what */
	bool inner_ok;       /* may be the template of a map-in-map */
	bool inner_same_max; /* inside another map max_entries must match, unless made with BPF_F_INNER_MAP */
	bool may_freeze;
	bool offload; /* map_ifindex is understood: EOPNOTSUPP, not EINVAL, for a device that offloads nothing
		       */
	bool late_size;     /* E2BIG comes after the look at map_ifindex */
	bool value_asks;    /* lookup reads the value buffer: it is the question (bloom filter) */
	bool wakes;         /* clients may wait for it (store/wake.h) */
	bool bucket_cursor; /* batch cursor is a u32 bucket number, not a key */
};

extern const struct map_type map_types[];
extern const u32 map_types_nr;

/* The row of a type number, or NULL. */
const struct map_type *map_type_get(u32 type);

/* The checks of a type's row and of its alloc_check; may round attributes. -EINVAL: no such type. */
int map_check(struct map_attr *a);

/* Makes a private, complete map of checked attributes. The caller publishes. */
int map_create(struct map_attr *a, struct obj_new *n, u64 *memlock);

/* Fills m from a mapped object: validates all geometry. -EIO for a damaged header. Takes over the view. */
int map_open(struct bpf_map *m, const struct obj_view *v);

/* Memory for [from, to) of the data: 0, or -ENOMEM when the filesystem is full. Async-signal-safe. */
int map_back(const struct bpf_map *m, const void *from, const void *to);

/* Could a map have such a header? For who only wants to read it. */
bool map_header_valid(const struct map_hdr *h);

/* Size that bpf(2) moves for one value. */
u32 map_value_len(const struct map_type *t, u32 value_size, u32 ncpu);

#endif
