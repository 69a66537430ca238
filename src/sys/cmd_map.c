// SPDX-License-Identifier: BSD-2-Clause
/*
 * Element commands: lookup, update, delete, next key, lookup and delete, freeze.
 *
 * Order of the checks, as in the kernel: flags, fd, access mode and freeze,
 * F_LOCK, key, value, then the type's operation.
 *
 * A direct caller's addresses go straight to the type's operation, which may
 * fault on them: the guard of the operation turns that into EFAULT. For others
 * key and value pass through scratch memory of the front end.
 */
#include "sys/cmd_map.h"
#include "map/perf_event_array.h"
#include "sys/fs_mmap.h"
#include "sys/map_values.h"
#include "util/raw.h"
#include <fcntl.h>
#include <string.h>

static int check_access(const struct bpf_file *f, const struct bpf_map *m, int want)
{
	if ((want & READS) && f->acc == O_WRONLY)
		return -EPERM;
	if (!(want & WRITES))
		return 0;
	if (f->acc == O_RDONLY || atomic_load_explicit(&m->hdr->frozen, memory_order_relaxed))
		return -EPERM;
	/* The fd allows it, but this user could not map the object's file for writing. */
	return m->view.writable ? 0 : -EPERM;
}

static int map_ref_try(struct cmd_ctx *x, u32 fd, int want, struct map_ref *r)
{
	struct opened *o;
	int err = cmd_get_fd(x, (int)fd, OBJ_MAP, &r->f);

	if (unlikely(err))
		return err;
	o = handle_open(r->f.h);
	if (unlikely(IS_ERR(o))) {
		err = (int)PTR_ERR(o);
		goto put;
	}
	r->m = &o->map;
	x->op->guard.lo = o->view.base;
	x->op->guard.hi = o->view.base + o->view.size;
	err = check_access(&r->f, r->m, want);
	if (likely(!err))
		return 0;
put:
	put_fd(&r->f);
	return err;
}

int map_ref_get(struct cmd_ctx *x, u32 fd, int want, struct map_ref *r)
{
	int err = map_ref_try(x, fd, want, r);

	/*
	 * An fd holds its object: one that is gone was closed, or replaced by
	 * another thread, after we had looked the number up.
	 */
	for (int tries = 0; unlikely(err == -ENOENT) && tries < 16; tries++)
		err = map_ref_try(x, fd, want, r);
	return unlikely(err == -ENOENT) ? -EBADF : err;
}

bool map_lock_missing(const struct bpf_map *m, u64 flags)
{
	return unlikely(flags & BPF_F_LOCK) && m->record.spin_lock_off < 0;
}

/*
 * Reads a byte of every page: what cannot be read faults here, before the
 * type has looked at anything else, as a copy into the kernel would.
 */
static inline void touch(const void *p, size_t n)
{
	const volatile u8 *at = p;

	if (!n)
		return;
	(void)at[0];
	if (unlikely(n > PAGE))
		for (size_t i = PAGE; i < n; i += PAGE)
			(void)at[i];
	(void)at[n - 1];
}

/* Where the type finds n bytes of the client's: there, or copied. */
int map_bring_in(struct cmd_ctx *x, u64 addr, size_t n, const void **p)
{
	void *buf;
	int err;

	if (likely(x->c->direct)) {
		*p = u64_to_ptr(addr);
		touch(*p, n);
		return 0;
	}
	buf = x->c->ops->scratch(x->c, n);
	if (!buf)
		return -ENOMEM;
	err = caller_in(x->c, buf, addr, n);
	*p = buf;
	return err;
}

/* The key of an element command. Types without one want NULL. */
static int bring_key(struct cmd_ctx *x, const struct bpf_map *m, u64 addr, const void **key)
{
	*key = NULL;
	if (!m->key_size)
		return addr ? -EINVAL : 0;
	return map_bring_in(x, addr, m->key_size, key);
}

/* A key that is an fd gives way to the identity behind it. */
static inline int own_key(struct cmd_ctx *x, const struct bpf_map *m, const void **key, struct map_owner *o)
{
	int err;

	if (likely(!m->ops->key_kind))
		return 0;
	err = map_owner_of(x, m, *key, o);
	*key = o;
	return err;
}

/* Where the type writes n bytes for the client. */
static int out_begin(struct cmd_ctx *x, u64 addr, size_t n, void **p)
{
	*p = x->c->direct ? u64_to_ptr(addr) : x->c->ops->scratch(x->c, n);
	return *p || x->c->direct ? 0 : -ENOMEM;
}

static int out_end(struct cmd_ctx *x, u64 addr, const void *p, size_t n)
{
	return likely(x->c->direct) ? 0 : caller_out(x->c, addr, p, n);
}

long cmd_map_lookup(struct cmd_ctx *x)
{
	u64 flags = x->attr->elem.flags, at = x->attr->elem.value;
	struct map_owner owner;
	const void *key;
	struct map_ref r;
	void *value;
	bool asks;
	int err;

	if (unlikely(flags & ~(u64)BPF_F_LOCK))
		return -EINVAL;
	err = map_ref_get(x, x->attr->elem.map_fd, READS, &r);
	if (unlikely(err))
		return err;
	err = map_lock_missing(r.m, flags) ? -EINVAL : bring_key(x, r.m, x->attr->elem.key, &key);
	if (likely(!err))
		err = out_begin(x, at, r.m->value_len, &value);
	/* A bloom filter's value is the question, and nothing comes back. */
	asks = map_type_get(r.m->map_type)->value_asks;
	if (!err && unlikely(asks))
		err = map_bring_in(x, at, r.m->value_len, (const void **)&value);
	if (likely(!err))
		err = own_key(x, r.m, &key, &owner);
	if (likely(!err))
		err = r.m->ops->lookup(x->op, r.m, key, value, flags);
	if (likely(!err) && !asks)
		err = out_end(x, at, value, r.m->value_len);
	put_fd(&r.f);
	return err;
}

/* An element that stands for something outside of the store. */
static int update_thing(struct cmd_ctx *x, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	struct map_thing t;
	struct bpf_file f;
	int err = m->ops->update_check ? m->ops->update_check(m, key, flags) : 0;

	if (!err)
		err = map_thing_of(x, m, value, &t, &f);
	if (err)
		return err;
	err = m->ops->update(x->op, m, key, &t, flags);
	put_fd(&f);
	return err;
}

/*
 * What an fd-valued map is to hold: the client's fd in *value becomes the
 * object's id. The client's fd keeps the object alive meanwhile.
 */
static int resolve_value(struct cmd_ctx *x, struct bpf_map *m, const void *value, u32 *id, struct bpf_file *f)
{
	struct opened *o;
	u32 fd;
	int err;

	memcpy(&fd, value, sizeof(fd));
	err = cmd_get_fd(x, (int)fd, m->ops->obj_value, f);
	if (err)
		return err;
	o = handle_open(f->h);
	err = IS_ERR(o) ? (int)PTR_ERR(o) : m->ops->obj_check(m, o->view.hdr);
	*id = f->h->id;
	if (err) {
		put_fd(f);
		f->counted = false;
	}
	return err;
}

/* An event of the kernel's own is taken, too. */
static int resolve_event(struct cmd_ctx *x, struct bpf_map *m, const void *value, u32 *id, struct bpf_file *f)
{
	struct opened *o;
	char text[64] = "";
	u32 fd;
	int n;

	memcpy(&fd, value, sizeof(fd));
	if (!cmd_get_fd(x, (int)fd, OBJ_PERF, f)) {
		*id = f->h->id;
		o = handle_open(f->h);
		return IS_ERR(o) ? (int)PTR_ERR(o) : m->ops->obj_check(m, o->view.hdr);
	}
	n = x->c->ops->fd_text(x->c, (int)fd, text, sizeof(text) - 1);
	*id = REF_FOREIGN;
	return n < 0 ? n : strcmp(text, "anon_inode:[perf_event]") ? -EBADF : 0;
}

/* The map's own fd is asked for its description: the entry goes when that is closed. */
static int update_event(struct cmd_ctx *x, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	struct perf_value v = { .desc = -1 };
	struct bpf_file f = { .counted = false };
	int err = resolve_event(x, m, value, &v.id, &f);

	if (err) {
		put_fd(&f);
		return err;
	}
	if (!(m->map_flags & BPF_F_PRESERVE_ELEMS) && x->c->ops->share_fd)
		v.desc = x->c->ops->share_fd(x->c, (int)x->attr->elem.map_fd);
	err = m->ops->update(x->op, m, key, &v, flags);
	if (v.desc >= 0)
		raw_close(v.desc);
	put_fd(&f);
	return err;
}

/* One update whose value is in reach. */
int map_update_one(struct cmd_ctx *x, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	struct bpf_file f;
	u32 id;
	int err;

	if (likely(m->ops->obj_value == MAP_VALUE_PLAIN))
		return m->ops->update(x->op, m, key, value, flags);
	if (m->ops->obj_value <= MAP_VALUE_THING)
		return update_thing(x, m, key, value, flags);
	err = m->ops->update_check ? m->ops->update_check(m, key, flags) : 0;
	if (!err && m->ops->obj_value == OBJ_PERF)
		return update_event(x, m, key, value, flags);
	if (!err)
		err = resolve_value(x, m, value, &id, &f);
	if (err)
		return err;
	err = m->ops->update(x->op, m, key, &id, flags);
	put_fd(&f);
	return err;
}

long cmd_map_update(struct cmd_ctx *x)
{
	u64 flags = x->attr->elem.flags;
	const void *key, *value;
	struct map_owner owner;
	struct map_ref r;
	int err;

	err = map_ref_get(x, x->attr->elem.map_fd, WRITES, &r);
	if (unlikely(err))
		return err;
	err = map_lock_missing(r.m, flags) ? -EINVAL : bring_key(x, r.m, x->attr->elem.key, &key);
	if (likely(!err))
		err = map_bring_in(x, x->attr->elem.value, r.m->value_len, &value);
	if (likely(!err))
		err = own_key(x, r.m, &key, &owner);
	if (likely(!err))
		err = map_update_one(x, r.m, key, value, flags);
	put_fd(&r.f);
	return err;
}

long cmd_map_delete(struct cmd_ctx *x)
{
	struct map_owner owner;
	const void *key;
	struct map_ref r;
	int err;

	err = map_ref_get(x, x->attr->elem.map_fd, WRITES, &r);
	if (err)
		return err;
	err = bring_key(x, r.m, x->attr->elem.key, &key);
	if (!err)
		err = own_key(x, r.m, &key, &owner);
	if (!err)
		err = r.m->ops->delete (x->op, r.m, key);
	put_fd(&r.f);
	return err;
}

long cmd_map_next_key(struct cmd_ctx *x)
{
	u64 from = x->attr->elem.key, at = x->attr->elem.value;
	const void *key = NULL;
	struct map_ref r;
	void *next;
	int err;

	err = map_ref_get(x, x->attr->elem.map_fd, READS, &r);
	if (err)
		return err;
	if (from)
		err = bring_key(x, r.m, from, &key);
	if (!err)
		err = out_begin(x, at, r.m->key_size, &next);
	if (!err)
		err = r.m->ops->next_key(x->op, r.m, key, next);
	if (!err)
		err = out_end(x, at, next, r.m->key_size);
	put_fd(&r.f);
	return err;
}

long cmd_map_lookup_and_delete(struct cmd_ctx *x)
{
	u64 flags = x->attr->elem.flags, at = x->attr->elem.value;
	const void *key;
	struct map_ref r;
	void *value;
	int err;

	if (flags & ~(u64)BPF_F_LOCK)
		return -EINVAL;
	err = map_ref_get(x, x->attr->elem.map_fd, READS | WRITES, &r);
	if (err)
		return err;
	err = map_lock_missing(r.m, flags) ? -EINVAL : bring_key(x, r.m, x->attr->elem.key, &key);
	if (!err)
		err = out_begin(x, at, r.m->value_len, &value);
	if (!err)
		err = r.m->ops->lookup_and_delete(x->op, r.m, key, value, flags);
	if (!err)
		err = out_end(x, at, value, r.m->value_len);
	put_fd(&r.f);
	return err;
}

long cmd_map_freeze(struct cmd_ctx *x)
{
	int err, lock = -1;
	struct map_ref r;

	err = map_ref_get(x, x->attr->elem.map_fd, 0, &r);
	if (err)
		return err;
	if (!map_type_get(r.m->map_type)->may_freeze || r.m->record.spin_lock_off >= 0 ||
	    r.m->record.timer_off >= 0)
		err = -ENOTSUPP;
	if (!err)
		err = check_access(&r.f, r.m, WRITES);
	if (!err && r.m->ops->mmap_size && r.m->ops->mmap_size(r.m)) {
		lock = map_freeze_begin(x->c, (int)x->attr->elem.map_fd, r.m->id);
		err = lock < 0 ? lock : 0;
	}
	if (!err)
		atomic_store(&r.m->hdr->frozen, 1);
	if (lock >= 0)
		raw_close(lock);
	put_fd(&r.f);
	return err;
}
