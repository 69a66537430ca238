// SPDX-License-Identifier: BSD-2-Clause
/*
 * Objects as files: create, publish, open by id, identify, map, reap.
 *
 * A BPF object is a file of the store, named by type and id:
 *
 *     bpf-map/25   bpf-prog/7   bpf_link/3   btf/1
 *
 * A BPF fd is an open description of it that holds LOCK_SH. A pin is a hard
 * link to it in an instance directory; another object that uses it holds a
 * hard link in refs/ (store/ref.h). So
 *
 *     user references   = pins + locked descriptions
 *     object references = names in refs/ (but for those that a holder keeps without need: OBJ_F_SPARE)
 *     st_nlink          = 1 (the id) + pins + object references
 *
 * The object is dead when no description is locked and st_nlink is 1. Whoever
 * sees that removes it (obj_reap). No observer ever gets a dead object.
 *
 * Layout of a file (all little-endian, offsets never pointers):
 *
 *     header first                     header last (client mmaps offset 0)
 *     +--------------+ 0               +--------------+ 0
 *     | header 512 B |                 | data, whole  |
 *     +--------------+ 512             | pages        |
 *     | data         |                 +--------------+ size - 512
 *     +--------------+ whole pages     | header 512 B |
 *                                      +--------------+
 * The size tells which: size % 4096 == 512 is "header last".
 *
 * Everything in a file is untrusted: other processes may have written it.
 */
#ifndef PINFS_STORE_OBJECT_H
#define PINFS_STORE_OBJECT_H

#include <stdatomic.h>
#include <sys/stat.h>
#include "util/types.h"

enum obj_type {
	OBJ_MAP,
	OBJ_PROG,
	OBJ_LINK,
	OBJ_BTF,
	OBJ_PERF,   /* a perf event for BPF output */
	OBJ_ATTACH, /* what is attached to one hook of one target; never given to clients */
	OBJ_TYPES
};

#define OBJ_NAME_LEN 16
#define OBJ_HDR_SIZE 512u
#define OBJ_MAGIC    0x006a626f73666e70ull /* "pnfsobj" */

#define OBJ_F_HOLDS 1u /* may hold references on other objects: each_ref is asked when it dies */
#define OBJ_F_UREF  2u /* release_uref must run when the last user reference goes */
#define OBJ_F_WAKE  4u /* clients may wait for it: its FIFO (store/wake.h) goes when it dies */
#define OBJ_F_CLOSED                                                                                         \
	8u /* something belongs to a description of it: type ops' closed runs when one may be gone */
#define OBJ_F_SPARE                                                                                          \
	16u /* others may keep names of it in refs/ that count for nothing: drop_spares runs when no         \
	       description is left */
#define OBJ_F_OWN_SHIFT 8 /* bits from here on are the type's own */

/* The common part of a header; the type's own part follows, up to OBJ_HDR_SIZE. */
struct obj_hdr {
	u64 magic;
	u32 stamp; /* layout stamp of the build: see STORE_STAMP */
	u32 type;  /* enum obj_type */
	u32 id;
	u32 kind;    /* map, program or link type, as in bpf(2) */
	u64 created; /* ns since boot */
	u32 uid;     /* creator */
	u32 flags;   /* OBJ_F_* */
	char name[OBJ_NAME_LEN];
	u64 file_size;
};

struct gc_result;

/* One row a type: what the store must know of it. The table is set once, at start (store_init). */
struct obj_type_ops {
	const char *dir; /* directory of the ids, and text of the fd */
	/* What the type calls a kind (of its header), for people. NULL: nothing to tell. May be NULL. */
	const char *(*kind_name)(u32 kind);
	/* What it is and does, for people: at most 400 bytes with the NUL; false: nothing to tell. May be
	 * NULL. */
	bool (*describe)(const struct obj_hdr *hdr, size_t file_size, char *to);
	/*
	 * The last user reference is gone while object references remain.
	 * May be NULL. Called with the object mapped.
	 */
	void (*release_uref)(struct obj_hdr *hdr, size_t file_size);
	/*
	 * Nobody has a description of the object (OBJ_F_SPARE): names of it in refs/ that its holders keep
	 * without need are to go. True: there may be some; called again then with the object mapped for
	 * writing. Whoever is killed in it leaves the rest to the next. May be NULL.
	 */
	bool (*drop_spares)(struct obj_hdr *hdr, size_t file_size, bool writable);
	/* Of a holder: is the reference of that slot one that counts for nothing? NULL: there are none. */
	bool (*is_spare)(const struct obj_hdr *hdr, u64 slot);
	/*
	 * A description of the object may have been closed (OBJ_F_CLOSED), so
	 * that what belongs to it is to go: fd is a description of one's own, for
	 * reading, to ask for the locks of others. True: something is to be
	 * changed; called again then with the object mapped for writing. May be NULL.
	 */
	bool (*closed)(struct obj_hdr *hdr, size_t file_size, int fd, bool writable);
	/* Of the object, release and each_ref (below) look at the header alone: then nothing need be mapped.
	 */
	bool header_tells;
	/*
	 * The object is dead and goes, before its references do: what else it stands for is undone. Called
	 * for objects with OBJ_F_HOLDS, with the object mapped for reading; again, if who did it was killed.
	 * May be NULL.
	 */
	void (*release)(const struct obj_hdr *hdr, size_t file_size);
	/* Part of gc: removes what the type keeps and has no use for any more, and counts it. May be NULL. */
	void (*gc)(struct gc_result *r);
	/* Calls each(arg, slot, type, id) for every reference the object holds on others. May be NULL. */
	void (*each_ref)(const struct obj_hdr *hdr, size_t file_size,
			 void (*each)(void *arg, u64 slot, enum obj_type type, u32 id), void *arg);
};

/* A mapped object file. */
struct obj_view {
	struct obj_hdr *hdr;
	u8 *data;         /* the type's own area */
	size_t data_size; /* bytes of it in the file */
	u8 *base;         /* mapping */
	size_t size;
	bool writable;
};

/*
 * An object in the making: private until obj_publish. The view of one that
 * fits a page is the buffer here, written by one pwrite(2); a larger one is mapped.
 */
struct obj_new {
	struct obj_view view;
	int fd;
	enum obj_type type;
	char tmp[48];
	u32 id;
	struct stat st; /* after obj_publish */
	bool small;
	u8 page[PAGE] __attribute__((aligned(64)));
};

/*
 * Makes a private file with data_size bytes of zeroed data; `reserve` of them
 * are backed by memory now, the rest is sparse (obj_reserve). header_last: data at offset 0, whole pages.
 * -ENOMEM when the filesystem is full, -EMFILE, -EACCES (store not writable).
 */
int obj_create(enum obj_type type, size_t data_size, size_t reserve, bool header_last, struct obj_new *n);

/* Takes the object's id, so that references can be set in its name before it is visible. */
u32 obj_take_id(struct obj_new *n);

/*
 * Makes it visible under its id (taken now if not before). Returns an fd
 * (O_CLOEXEC, opened with access mode oflags, locked shared, its /proc text the
 * id name), >= 0; n->st is what fstat(2) says. The view is gone after it, whatever the result. On error
 * nothing is left but references set in its name, which the caller clears.
 */
int obj_publish(struct obj_new *n, int oflags);
void obj_discard(struct obj_new *n);

/* Fills the common header; type-specific fields are the caller's. kind: map or program type. name: at most 15
 * bytes. */
void obj_fill_header(struct obj_new *n, u32 kind, u32 uid, const char *name, u32 flags);

/*
 * A locked fd by id with access mode oflags, and what fstat(2) says of it. O_NOATIME counts where it is
 * allowed. -ENOENT: no such object, or dead (then reaped). -EACCES by file mode.
 */
int obj_open(enum obj_type type, u32 id, int oflags, struct stat *st);

/*
 * The same for an object that a pin leads to: pin is what stat(2) has just said
 * of that, type and id are by obj_hint. Needs no look at the file opened: the
 * name of an id leads to one inode for ever, and who removes an object takes
 * it out of the living before he gives his lock back. -ENOENT: it is another object.
 */
int obj_open_pinned(enum obj_type type, u32 id, int oflags, const struct stat *pin);

/*
 * Which object an inode is, as the store remembers it (a shared table, direct
 * mapped, never the truth): true when there is something to try. Whoever opens
 * it must compare the inode.
 */
bool obj_hint(const struct stat *st, enum obj_type *type, u32 *id);
/* Its OBJ_F_* flags, as remembered at the same place. */
u32 obj_hint_flags(const struct stat *st);
void obj_set_hint(const struct stat *st, enum obj_type type, u32 id, u32 flags);
/* Flags that an object has got since it was made; its header says so already, and those that it had before.
 */
void obj_add_hint(u64 ino, enum obj_type type, u32 id, u32 flags);

/*
 * The store also remembers that an object has links beside its id. begin, then
 * make or see one, then seen, with what begin has given; gone after none was seen.
 */
u64 obj_links_begin(u64 ino, enum obj_type type, u32 id);
void obj_links_seen(u64 ino, u64 before);
void obj_links_gone(u64 ino, enum obj_type type, u32 id);

/*
 * Which object an fd is a description of, and the stat that proves it: the
 * number may mean something else a moment later. -EBADF: closed; -EINVAL: none
 * of this store.
 */
int obj_identify(int fd, enum obj_type *type, u32 *id, struct stat *st);

/* Which object a file is, by device and inode of st, if it is one: by a look at the header through fd (any
 * mode, O_PATH included). */
int obj_identify_path(int dirfd, const char *name, enum obj_type *type, u32 *id, struct stat *st);

/*
 * The first `size` bytes of its header, if it lives; -ENOENT: dead, then reaped, or in its reaper's hands. As
 * obj_open and obj_close around a read, at less cost. -EIO, -EACCES.
 */
int obj_look(enum obj_type type, u32 id, struct obj_hdr *h, size_t size);

/* Maps an object through an unlocked description of its own. -ENOENT, -EIO (not a valid object file),
 * -EACCES, -ENOMEM. */
int obj_map(enum obj_type type, u32 id, bool writable, struct obj_view *v);
/* The same through an fd that is there, with its access mode; the mapping keeps the object alive then. */
int obj_map_fd(int fd, enum obj_type type, u32 id, struct obj_view *v);
void obj_unmap(struct obj_view *v);

/* The first `size` bytes of an object's header, without mapping it. -ENOENT, -EIO, -EACCES. */
int obj_read_header(enum obj_type type, u32 id, struct obj_hdr *h, size_t size);

/* Does a header read from somewhere belong to that object? (But for the file's size.) */
bool obj_header_of(const struct obj_hdr *h, enum obj_type type, u32 id);

/* Backs [0, upto) of the data with memory. -ENOMEM when the filesystem is full. Async-signal-safe,
 * idempotent. */
int obj_reserve(const struct obj_view *v, size_t upto);

/* Smallest id of a living object above start; -ENOENT. */
int obj_next_id(enum obj_type type, u32 start, u32 *next);
/*
 * The same for who opens it then: of an object that is remembered to have links beside its id there is no
 * look. If the last of them went in a way that nobody saw, the id is named until somebody opens it, who gets
 * -ENOENT.
 */
int obj_next_id_hinted(enum obj_type type, u32 start, u32 *next);
/* The next of those that may be alive and are not obj_marked. No system call. */
int obj_next_unmarked(enum obj_type type, u32 start, u32 *next);

/* Removes the object if it is dead, and what only it held. 1: it is gone, 0: it lives. Also runs
 * release_uref. */
int obj_reap(enum obj_type type, u32 id);

/* Is it remembered to have links beside its id, and in need of no look for another reason? No system call. */
bool obj_marked(enum obj_type type, u32 id);

/*
 * Has it links beside its id, that do not count for nothing? Then a description that was closed matters to
 * nobody, unless it cares: obj_reap is to be called all the same. By one system call.
 */
bool obj_linked(enum obj_type type, u32 id, bool *cares);

/*
 * Around the making of a link to an object by its id: begin, make it, then end with what begin has given.
 * False: nobody has a descriptor of it any more, or it is just being removed; so the link holds nothing, and
 * is to go.
 */
u32 obj_hold_begin(u32 id);
bool obj_hold_end(enum obj_type type, u32 id, u32 ended);

/* Closes a client's fd of that object and reaps the object if it was the last reference. 1: it is gone, 0: it
 * lives, -EBADF: closed before. */
int obj_close(int fd, enum obj_type type, u32 id);
/* The same by who knows the inode, with no look at a file that is remembered to have links. */
int obj_close_known(int fd, enum obj_type type, u32 id, u64 ino);

#endif
