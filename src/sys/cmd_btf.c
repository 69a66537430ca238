// SPDX-License-Identifier: BSD-2-Clause
/*
 * BTF: BTF_LOAD, what a BTF object says of itself, and what MAP_CREATE asks of it.
 */
#include <fcntl.h>
#include <string.h>
#include "btf/btf_obj.h"
#include "btf/btf_record.h"
#include "map/map.h"
#include "sys/cmds.h"

/* 0, or -EFAULT: the client's buffer, the true size. Overrides the verdict, as ENOSPC does. */
static int put_log(struct cmd_ctx *x, struct vlog *l, u64 ubuf, u32 true_off)
{
	u32 n, true_size;
	int err = vlog_finish(l, &n, &true_size);

	/* The size is told even where the buffer is none. */
	if (caller_out(x->c, ubuf, l->buf, n))
		err = -EFAULT;
	return cmd_put_u32_if(x, true_off, true_size) ? -EFAULT : err;
}

int cmd_log_end(struct cmd_ctx *x, struct vlog *l, u64 ubuf, u32 true_off)
{
	int err = put_log(x, l, ubuf, true_off);

	vlog_free(l);
	return err;
}

int cmd_check_token(struct cmd_ctx *x, int fd)
{
	char text[64];
	int n = x->c->ops->fd_text(x->c, fd, text, sizeof(text));

	return n < 0 ? n : -EINVAL;
}

static int check(struct cmd_ctx *x, struct btf_blob *b, struct vlog *l)
{
	const union bpf_attr_new *u = x->attr;
	struct btf_view v;
	int err;

	err = btf_blob_alloc(b, u->btf_load.btf_size);
	if (!err)
		err = caller_in(x->c, b->raw, u->btf_load.btf, b->read);
	if (err)
		return err;
	err = btf_check(&v, b->raw, b->size, l);
	if (err)
		return err;
	err = btf_check_structs(&v);
	btf_drop(&v);
	return err;
}

long cmd_btf_load(struct cmd_ctx *x)
{
	const union bpf_attr_new *u = x->attr;
	u32 id, uid = 0;
	struct btf_blob b = { 0 };
	struct stat st;
	struct vlog l;
	int err, ret;

	if (u->btf_load.flags & ~BPF_F_TOKEN_FD)
		return -EINVAL;
	if (u->btf_load.flags & BPF_F_TOKEN_FD)
		return cmd_check_token(x, u->btf_load.token_fd);
	err = cmd_need_cap(x);
	if (!err && u->btf_load.btf_size > BTF_SIZE_MAX)
		err = -E2BIG;
	if (!err)
		err = vlog_init(&l, u->btf_load.log_level, u->btf_load.log_buf, u->btf_load.log_size);
	if (err)
		return err;
	ret = check(x, &b, &l);
	err = cmd_log_end(x, &l, u->btf_load.log_buf, BPF_ATTR_OFF(btf_load.log_true_size));
	if (err)
		ret = err;
	if (!ret) {
		x->c->ops->fs_creds(x->c, &uid, NULL, NULL);
		ret = btf_obj_make(b.raw, b.size, uid, &id, &st);
	}
	btf_blob_drop(&b);
	return ret < 0 ? ret : cmd_install(x, ret, O_RDONLY, OBJ_BTF, id, &st);
}

/* The name, NUL-terminated, into the client's buffer of that length: 0, -ENOSPC, -EFAULT. */
static int put_name(struct cmd_ctx *x, u64 ubuf, u32 room, const char *name)
{
	u32 n = (u32)strlen(name);

	if (room > n)
		return caller_out(x->c, ubuf, name, n + 1);
	if (caller_out(x->c, ubuf, name, room - 1) || caller_out(x->c, ubuf + room - 1, "", 1))
		return -EFAULT;
	return -ENOSPC;
}

long btf_info(struct cmd_ctx *x, struct bpf_file *f)
{
	struct bpf_btf_info_new info;
	const char *name = "";
	struct btf_blob b;
	u32 len, room;
	int err, ret = 0;
	u64 uname;

	err = cmd_info_begin(x, &info, sizeof(info), &len);
	if (err)
		return err;
	err = btf_obj_read(f->h->id, info.btf_size, &b);
	if (err)
		return err;
	err = caller_out(x->c, info.btf, b.raw, b.read);
	if (b.kernel)
		name = "vmlinux";
	uname = info.name;
	room = info.name_len;
	info.id = f->h->id;
	info.btf_size = b.size;
	info.kernel_btf = b.kernel;
	info.name_len = (u32)strlen(name);
	btf_blob_drop(&b);
	if (!err && !uname != !room)
		err = -EINVAL;
	if (!err && uname) {
		ret = put_name(x, uname, room, name);
		err = ret == -ENOSPC ? 0 : ret;
	}
	if (!err)
		err = cmd_info_end(x, &info, len);
	return err ? err : ret;
}

/* What the type wants of its keys; NULL-free. */
static int check_key(const struct map_type *t, const struct map_attr *a, const struct btf_type *key,
		     const struct btf_type *value)
{
	bool none = btf_is(key, BTF_K(UNKN));

	switch (t->btf_key) {
	case MAP_BTF_KEY_ARRAY:
		if (none)
			return a->max_entries == 1 && btf_is(value, BTF_K(DATASEC)) ? 0 : -EINVAL;
		/* fallthrough */
	case MAP_BTF_KEY_U32:
		return !none && btf_is(key, BTF_K(INT)) && btf_int_regular(key) && key->size == 4 ? 0
												  : -EINVAL;
	case MAP_BTF_KEY_STRUCT: return btf_is(key, BTF_K(STRUCT)) ? 0 : -EINVAL;
	case MAP_BTF_KEY_CGROUP:
		if (a->key_size == sizeof(u64))
			return btf_is(key, BTF_K(INT)) && btf_int_regular(key) && key->size == 8 ? 0
												 : -EINVAL;
		return btf_is(key, BTF_K(STRUCT)) ? 0 : -EINVAL;
	case MAP_BTF_KEY_NONE: return none ? 0 : -EINVAL;
	default: return none ? -EINVAL : 0;
	}
}

#define LOCKS  (BTF_FIELD_SPIN_LOCK | BTF_FIELD_RES_SPIN_LOCK)
#define TIMERS (BTF_FIELD_TIMER | BTF_FIELD_WORKQUEUE | BTF_FIELD_TASK_WORK)

/* Which special fields a type's values may hold. */
static int check_fields(const struct map_type *t, const struct map_attr *a, const struct btf_record *r)
{
	if (!r->mask)
		return 0;
	if (a->map_flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG))
		return -EACCES;
	if (r->mask & LOCKS && !t->spin_lock)
		return -EOPNOTSUPP;
	if (r->mask & TIMERS && !t->timer)
		return -EOPNOTSUPP;
	return r->mask & BTF_FIELD_UPTR ? -EOPNOTSUPP : 0;
}

static int check_types(const struct btf_view *v, struct map_attr *a)
{
	const struct map_type *t = map_type_get(a->map_type);
	const struct btf_type *key, *value;
	struct btf_record r;
	int err;

	err = btf_map_types(v, a->btf_key_type_id, a->btf_value_type_id, a->key_size, a->value_size, &key,
			    &value, &r);
	/* Types that do not look at BTF themselves want a key, before anything else. */
	if (!err && !a->btf_key_type_id &&
	    (t->btf_errno == -EINVAL || (!t->btf_errno && t->btf_key == MAP_BTF_KEY_ANY)))
		err = -EINVAL;
	if (!err)
		err = check_fields(t, a, &r);
	if (!err)
		err = t->btf_errno ? t->btf_errno : check_key(t, a, key, value);
	if (err)
		return err;
	a->record.spin_lock_off = btf_field_off(&r, BTF_FIELD_SPIN_LOCK);
	a->record.timer_off = btf_field_off(&r, BTF_FIELD_TIMER);
	return 0;
}

int btf_for_map(struct handle *btf, struct map_attr *a)
{
	struct btf_view v;
	struct btf_blob b;
	int err;

	err = btf_obj_read(btf->id, BTF_SIZE_MAX, &b);
	if (err)
		return err;
	err = b.kernel ? -EACCES : 0;
	if (!err) {
		err = btf_check(&v, b.raw, b.read, NULL);
		if (err)
			err = -EIO; /* it was good when it was loaded */
	}
	if (!err) {
		err = check_types(&v, a);
		btf_drop(&v);
	}
	btf_blob_drop(&b);
	return err;
}
