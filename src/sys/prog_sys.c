// SPDX-License-Identifier: BSD-2-Clause
/*
 * bpf(2) that programs call: see prog_sys.h.
 *
 * The commands are those that a kernel lets programs make. A command runs in an operation of its own inside
 * the run's, with a guard of its own.
 */
#include "sys/prog_sys.h"
#include <string.h>
#include <sys/mman.h>
#include "sys/prog_run.h"
#include "sys/sys.h"
#include "sys/uapi_new.h"
#include "util/raw.h"
#include "util/str.h"

#define KEPT_MAX    512u /* descriptors that a run keeps for its caller at once */
#define SCRATCH_MAX 8u

/* A description that the caller shall have under that number. */
struct kept {
	int number, fd, oflags;
	struct handle *h;
};

struct prog_sys {
	struct bpf_caller c;
	struct running *p;
	/* The command that is being made. */
	u32 cmd, size;
	u64 attr;
	u32 nr_scratch;
	struct {
		void *at;
		size_t size;
	} scratch[SCRATCH_MAX];
	u32 nr;
	struct kept kept[KEPT_MAX];
};

static struct prog_sys *sys_of(struct bpf_caller *c)
{
	return container_of(c, struct prog_sys, c);
}

static struct bpf_caller *outer_of(struct bpf_caller *c)
{
	return sys_of(c)->p->c;
}

/* ---- memory ---- */

/* How many of n bytes from `at` on are in [base, base + size). */
static size_t extent(u64 at, size_t n, const void *base, size_t size)
{
	u64 off = at - ptr_to_u64(base);

	return at >= ptr_to_u64(base) && off < size ? MIN(n, size - off) : 0;
}

static size_t in_map(u64 at, size_t n, const struct bpf_map *m)
{
	return extent(at, n, m->view.data, m->view.data_size);
}

static size_t in_maps_of(u64 at, size_t n, const struct prog_image *i)
{
	size_t got = 0;

	for (u32 k = 0; !got && k < i->maps.nr; k++) {
		const struct prog_map *pm = &i->maps.map[k];

		/* Of constants the program has a copy. */
		got = pm->copy ? extent(at, n, pm->m->data, pm->m->value_size) : in_map(at, n, pm->m);
	}
	return got;
}

/*
 * How many of n bytes from `at` on are memory of the program's own. Of the stack that is all between here and
 * where the run began: beside the program's frames only what it could find in a slot that it has
 * not written.
 */
static size_t own(const struct running *p, u64 at, size_t n)
{
	const u8 *here = __builtin_frame_address(0);
	size_t got = extent(at, n, here, (size_t)((const u8 *)p->stack_top - here));

	if (!got)
		got = extent(at, n, p->frame.mem, p->frame.size);
	if (!got)
		got = in_maps_of(at, n, p->image);
	for (u32 i = 0; !got && i < p->room; i++) {
		const struct held *e = &p->held[i];

		if (!e->h || e->type == OBJ_PERF)
			continue;
		got = e->type == OBJ_PROG ? in_maps_of(at, n, e->image) : in_map(at, n, e->map);
	}
	return got;
}

static bool owns(const struct running *p, u64 at, size_t n)
{
	return own(p, at, n) == n;
}

/* Iterators are shown structs that are made for them; frames that are driven are nobody's. */
s64 prog_sys_own(struct run *r, u64 at, u32 n)
{
	struct running *p = container_of(r, struct running, r);

	return !p->stack_top || p->image->iter ? -1 : (s64)own(p, at, n);
}

static bool in_attr(const struct prog_sys *s, u64 at, size_t n)
{
	return extent(at, n, u64_to_ptr(s->attr), s->size) == n;
}

/* Reads for which a kernel, too, goes to the user's memory, whoever makes the command. */
static bool reads_user(const struct prog_sys *s)
{
	return s->cmd == BPF_RAW_TRACEPOINT_OPEN;
}

static int sys_in(struct bpf_caller *c, void *dst, u64 src, size_t n)
{
	struct prog_sys *s = sys_of(c);
	bool own = in_attr(s, src, n) || owns(s->p, src, n);

	if (reads_user(s) && !in_attr(s, src, n))
		return own ? -EFAULT : s->p->c->ops->copy_in(s->p->c, dst, src, n);
	return own && !guard_copy(dst, u64_to_ptr(src), n) ? 0 : -EFAULT;
}

/* Beside words of the attributes only logs are written, and those are the user's. */
static int sys_out(struct bpf_caller *c, u64 dst, const void *src, size_t n)
{
	struct prog_sys *s = sys_of(c);

	if (in_attr(s, dst, n))
		return guard_copy(u64_to_ptr(dst), src, n) ? -EFAULT : 0;
	return owns(s->p, dst, n) ? -EFAULT : s->p->c->ops->copy_out(s->p->c, dst, src, n);
}

static void *sys_scratch(struct bpf_caller *c, size_t n)
{
	struct prog_sys *s = sys_of(c);
	void *at;

	if (s->nr_scratch == SCRATCH_MAX)
		return NULL;
	at = raw_mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (IS_ERR(at))
		return NULL;
	s->scratch[s->nr_scratch].at = at;
	s->scratch[s->nr_scratch++].size = n;
	return at;
}

static void drop_scratch(struct prog_sys *s)
{
	while (s->nr_scratch) {
		s->nr_scratch--;
		raw_munmap(s->scratch[s->nr_scratch].at, s->scratch[s->nr_scratch].size);
	}
}

/* ---- descriptors ---- */

static struct kept *find_kept(struct prog_sys *s, int number)
{
	for (u32 i = 0; i < s->nr; i++)
		if (s->kept[i].number == number)
			return &s->kept[i];
	return NULL;
}

static void close_kept(struct kept *k)
{
	if (k->h)
		obj_close(k->fd, k->h->type, k->h->id);
	else
		raw_close(k->fd);
	if (k->h)
		handle_put(k->h);
}

static int next_number(struct prog_sys *s)
{
	struct bpf_caller *o = s->p->c;
	int n = -1;

	if (!o->ops->next_fd || !o->ops->place_fd)
		return -EOPNOTSUPP;
	if (s->nr == KEPT_MAX)
		return -EMFILE;
	do
		n = o->ops->next_fd(o, n + 1);
	while (n >= 0 && find_kept(s, n));
	return n;
}

static int sys_install_fd(struct bpf_caller *c, int fd, struct handle *h, int oflags)
{
	struct prog_sys *s = sys_of(c);
	struct bpf_caller *o = outer_of(c);
	struct kept k = { .fd = fd, .oflags = oflags, .h = h };

	/* One that can also close takes and gives numbers as a kernel does. */
	if (o->ops->close_fd)
		return o->ops->install_fd(o, fd, h, oflags);
	if (h)
		handle_ref(h);
	k.number = next_number(s);
	if (k.number < 0)
		close_kept(&k);
	else
		s->kept[s->nr++] = k;
	return k.number;
}

static int sys_get_fd(struct bpf_caller *c, struct op *op, int fd, struct bpf_file *f)
{
	struct kept *k = find_kept(sys_of(c), fd);
	struct bpf_caller *o = outer_of(c);

	if (!k)
		return o->ops->get_fd(o, op, fd, f);
	if (!k->h)
		return -EINVAL;
	handle_ref(k->h);
	*f = (struct bpf_file){ .h = k->h, .acc = (u32)k->oflags & O_ACCMODE, .counted = true };
	return 0;
}

/* A copy of what the run keeps under that number, or -ENOENT: nothing. */
static int copy_kept(struct bpf_caller *c, int fd)
{
	struct kept *k = find_kept(sys_of(c), fd);

	return k ? raw_fcntl(k->fd, F_DUPFD_CLOEXEC, 0) : -ENOENT;
}

static int sys_dup_fd(struct bpf_caller *c, int fd)
{
	int copy = copy_kept(c, fd);

	return copy == -ENOENT ? outer_of(c)->ops->dup_fd(outer_of(c), fd) : copy;
}

static int sys_copy_fd(struct bpf_caller *c, int fd)
{
	int copy = copy_kept(c, fd);

	return copy == -ENOENT ? caller_copy_fd(outer_of(c), fd) : copy;
}

static int sys_share_fd(struct bpf_caller *c, int fd)
{
	struct bpf_caller *o = outer_of(c);
	int copy = copy_kept(c, fd);

	if (copy != -ENOENT)
		return copy;
	return o->ops->share_fd ? o->ops->share_fd(o, fd) : -EOPNOTSUPP;
}

static int sys_fd_text(struct bpf_caller *c, int fd, char *buf, size_t size)
{
	struct kept *k = find_kept(sys_of(c), fd);
	struct bpf_caller *o = outer_of(c);
	char link[40];

	if (!k)
		return o->ops->fd_text(o, fd, buf, size);
	str_put_u64(str_put(link, "/proc/self/fd/"), (u32)k->fd, 10);
	return (int)raw_readlinkat(AT_FDCWD, link, buf, size);
}

/* ---- who it is ---- */

static int sys_base_path(struct bpf_caller *c, int dirfd, char *buf, size_t size)
{
	return outer_of(c)->ops->base_path(outer_of(c), dirfd, buf, size);
}

static int sys_privileged(struct bpf_caller *c)
{
	return outer_of(c)->ops->privileged(outer_of(c));
}

static int sys_fs_creds(struct bpf_caller *c, u32 *fsuid, u32 *fsgid, u32 *umask)
{
	return outer_of(c)->ops->fs_creds(outer_of(c), fsuid, fsgid, umask);
}

static int sys_as_client(struct bpf_caller *c)
{
	return outer_of(c)->ops->as_client(outer_of(c));
}

static void sys_as_self(struct bpf_caller *c)
{
	outer_of(c)->ops->as_self(outer_of(c));
}

static const struct bpf_caller_ops sys_ops = {
	.copy_in = sys_in,
	.copy_out = sys_out,
	.install_fd = sys_install_fd,
	.get_fd = sys_get_fd,
	.dup_fd = sys_dup_fd,
	.copy_fd = sys_copy_fd,
	.share_fd = sys_share_fd,
	.fd_text = sys_fd_text,
	.base_path = sys_base_path,
	.privileged = sys_privileged,
	.fs_creds = sys_fs_creds,
	.as_client = sys_as_client,
	.as_self = sys_as_self,
	.scratch = sys_scratch,
};

/* ---- the helpers ---- */

static struct prog_sys *sys_get(struct running *p)
{
	struct prog_sys *s = p->sys;

	if (s)
		return s;
	s = raw_mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (IS_ERR(s))
		return NULL;
	s->p = p;
	s->c = (struct bpf_caller){
		.ops = &sys_ops,
		.root_prefix = p->c->root_prefix,
		.pid = p->c->pid,
		.tid = p->c->tid,
	};
	return p->sys = s;
}

/* What a kernel lets programs do. */
static bool allowed(u32 cmd)
{
	switch (cmd) {
	case BPF_MAP_CREATE:
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_FREEZE:
	case BPF_MAP_GET_FD_BY_ID:
	case BPF_PROG_LOAD:
	case BPF_BTF_LOAD:
	case BPF_RAW_TRACEPOINT_OPEN:
	case BPF_LINK_CREATE: return true;
	default: return false;
	}
}

long prog_sys_bpf(struct run *r, u32 cmd, u64 attr, u32 size)
{
	struct running *p = container_of(r, struct running, r);
	struct prog_sys *s;
	long ret;

	if (!allowed(cmd))
		return -EINVAL;
	if (!p->c)
		return -EOPNOTSUPP;
	s = sys_get(p);
	if (!s)
		return -ENOMEM;
	s->cmd = cmd;
	s->attr = attr;
	s->size = size;
	ret = sys_bpf(&s->c, (int)cmd, attr, size);
	drop_scratch(s);
	/* The object's file would break RLIMIT_FSIZE: whoever stands behind this process has limits of its
	 * own, and the program's memory is the process's. */
	if (ret == -EFBIG && p->c->direct && p->c->ops->close_fd)
		ret = raw6(SYS_bpf, cmd, (long)attr, size, 0, 0, 0);
	return ret;
}

long prog_sys_close(struct run *r, u32 fd)
{
	struct running *p = container_of(r, struct running, r);
	struct bpf_caller *o = p->c;
	struct kept *k;
	char text[64];

	if (!o)
		return -EOPNOTSUPP;
	if (o->ops->close_fd)
		return o->ops->close_fd(o, (int)fd);
	k = p->sys ? find_kept(p->sys, (int)fd) : NULL;
	if (k) {
		close_kept(k);
		*k = p->sys->kept[--p->sys->nr];
		return 0;
	}
	/* The caller's own, which only it can close. */
	return o->ops->fd_text(o, (int)fd, text, sizeof(text)) < 0 ? -EBADF : -EOPNOTSUPP;
}

int prog_sys_settle(struct running *p)
{
	struct prog_sys *s = p->sys;
	int got = 0;

	while (s && s->nr && got >= 0) {
		struct kept *k = &s->kept[--s->nr];

		got = p->c->ops->place_fd(p->c, k->fd, k->h, k->oflags, k->number);
		if (k->h)
			handle_put(k->h);
	}
	return got < 0 ? got : 0;
}

void prog_sys_free(struct running *p)
{
	struct prog_sys *s = p->sys;

	if (!s)
		return;
	while (s->nr)
		close_kept(&s->kept[--s->nr]);
	p->sys = NULL;
	raw_munmap(s, sizeof(*s));
}
