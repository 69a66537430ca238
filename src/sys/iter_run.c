// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sessions of iterators: see iter_run.h.
 */
#include "sys/iter_run.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include "prog/stats.h"
#include "store/store.h"
#include "sys/iter_objs.h"
#include "sys/prog_run.h"
#include "util/raw.h"
#include "util/str.h"

#define OBJ_TEXT   (8u * PAGE)
#define TEXT_MAX   (256ull << 20) /* of a session */
#define ITER_STEPS 1000000        /* to the next element */
#define ALIVE_STEP 256u           /* objects between two looks whether the client lives */

struct session {
	struct running run;
	struct iter_objs objs;
	struct bpf_caller *c;
	struct op *op;
	const struct iter_target *t;
	struct prog_image *image;
	const struct obj_view *counted; /* the program, where its runs are to be counted; or NULL */
	u64 words[ITER_ARGS_MAX];       /* the context */
	struct run_seq seq;
	u64 nr; /* seq_num */
	u64 client_word;
	int fd;
	u64 written; /* bytes in fd */
	u64 limit;   /* of the process's files */
	u32 pending; /* at the beginning of buf: not in fd yet */

	/* Elements. */
	struct bpf_map *m;
	struct map_elem e;
	u32 at;
	bool more;
	u8 *copy; /* per-CPU: all values of an element */

	char buf[8 * OBJ_TEXT];
};

/* ---- runs ---- */

static u32 end(struct run_frame *f, u64 r0)
{
	return (u32)r0;
}

static const struct prog_run_ops iter_ops = { .begin = run_begin_nothing, .end = end };

/* The file may have been cut meanwhile. */
static int count(void *arg)
{
	struct session *s = arg;
	struct prog_hdr *h = (struct prog_hdr *)s->counted->hdr;

	atomic_fetch_add(&h->run_cnt, s->run.done);
	atomic_fetch_add(&h->run_time_ns, s->run.ns);
	return 0;
}

/* The program once, for what words[1..] are. 0, 1: it wants to be called again; or an errno. */
static int call(struct session *s)
{
	int err;

	s->seq = (struct run_seq){ .buf = s->buf + s->pending, .room = OBJ_TEXT };
	iter_set_nr(&s->objs, s->nr);
	s->run.done = s->run.ns = 0;
	err = prog_run(&s->run, s->op);
	if (s->run.nr_held)
		memset(s->run.first, 0, sizeof(s->run.first));
	s->run.nr_held = 0;
	if (s->counted)
		op_guarded(s->op, s->counted->base, s->counted->base + s->counted->size, count, s);
	return err ? err : s->run.retval != 0;
}

static int flush(struct session *s)
{
	u32 at = 0;

	if (s->written + s->pending > TEXT_MAX)
		return -ENOMEM;
	/* Else it would be SIGXFSZ; the supervisor has a limit of its own. */
	if (s->written + s->pending > s->limit)
		return -EFBIG;
	while (at < s->pending) {
		long n = raw_pwrite(s->fd, s->buf + at, s->pending - at, (off_t)(s->written + at));

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return -ENOMEM;
		at += (u32)n;
	}
	s->written += s->pending;
	s->pending = 0;
	return 0;
}

/* One object, or what stands for their end. */
static int visit(struct session *s)
{
	u8 byte;
	int ret = call(s);

	/* A reader would come again, but not twice for nothing. */
	if (ret == 1 && s->written + s->pending)
		ret = call(s);
	if (ret < 0)
		return ret;
	if (ret)
		return -EAGAIN;
	if (s->seq.full)
		return -E2BIG;
	s->nr++;
	if (s->nr % ALIVE_STEP == 0 && caller_in(s->c, &byte, s->client_word, 1))
		return -EINTR;
	s->pending += s->seq.len;
	return s->pending > sizeof(s->buf) - OBJ_TEXT ? flush(s) : 0;
}

/* The last call has the number of the object before it. */
static int visit_end(struct session *s)
{
	int err;

	s->nr -= s->nr > 0;
	err = visit(s);
	return err ? err : flush(s);
}

/* ---- objects by id ---- */

struct any_hdr {
	u8 bytes[OBJ_HDR_SIZE] __attribute__((aligned(64)));
};

/* A copy of its header, read and not mapped: the file may be cut meanwhile. -ENOENT: it went, or is damaged.
 */
static int read_hdr(enum obj_type type, u32 id, struct any_hdr *h)
{
	return obj_read_header(type, id, (struct obj_hdr *)h->bytes, sizeof(h->bytes)) ? -ENOENT : 0;
}

static void set_link(struct session *s, const struct any_hdr *h, u32 nlink)
{
	const struct link_hdr *l = (const void *)h;
	u32 prog = atomic_load(&l->prog_id);
	struct any_hdr p;

	iter_set_link(&s->objs, l, prog && !read_hdr(OBJ_PROG, prog, &p) ? (const void *)&p : NULL, nlink);
}

static void set_object(struct session *s, enum obj_type type, const struct any_hdr *h, u32 nlink)
{
	const struct kstruct *k = type == OBJ_MAP    ? &s->objs.map
				  : type == OBJ_PROG ? &s->objs.prog
						     : &s->objs.link;

	switch (type) {
	case OBJ_MAP: iter_set_map(&s->objs, (const void *)h, nlink); break;
	case OBJ_PROG:
		iter_set_prog(&s->objs, (const void *)h, nlink - link_spares_of((const void *)h));
		break;
	default: set_link(s, h, nlink);
	}
	s->words[1] = ptr_to_u64(k->at);
}

/* It stays while it is visited; one that is dead already is nothing to be seen. */
static int visit_id(struct session *s, enum obj_type type, u32 id)
{
	struct any_hdr h;
	struct stat st;
	int fd = obj_open(type, id, O_RDONLY, &st), err = 0;

	if (fd < 0)
		return fd == -EMFILE || fd == -ENFILE ? fd : 0;
	if (!read_hdr(type, id, &h)) {
		set_object(s, type, &h, (u32)st.st_nlink);
		err = visit(s);
	}
	obj_close(fd, type, id);
	return err;
}

static int over_ids(struct session *s, enum obj_type type)
{
	u32 id = 0;
	int err = 0;

	while (!err && !obj_next_id(type, id, &id))
		err = visit_id(s, type, id);
	s->words[1] = 0;
	return err ? err : visit_end(s);
}

/* ---- elements ---- */

int iter_map_fits(const struct prog_image *i, const struct bpf_map *m)
{
	if (!m->ops->next_elem)
		return -EINVAL;
	return i->max_rdonly > m->key_size || i->max_rdwr > m->value_len ? -EACCES : 0;
}

static int next_elem(void *arg)
{
	struct session *s = arg;
	struct map_elem *e = &s->e;

	s->op->budget = ITER_STEPS;
	while ((s->more = s->m->ops->next_elem(s->op, s->m, &s->at, 0, e))) {
		if (!s->copy)
			return 0;
		/* All CPUs' values, as bpf(2) reads them; an element that went is passed over. */
		if (!s->m->ops->lookup(s->op, s->m, e->key, s->copy, 0)) {
			e->value = s->copy;
			return 0;
		}
	}
	return 0;
}

static int over_elems(struct session *s)
{
	struct any_hdr h;
	int err = read_hdr(OBJ_MAP, s->m->id, &h);

	if (err)
		return -EIO;
	iter_set_map(&s->objs, (const void *)&h, 2);
	s->words[1] = ptr_to_u64(s->objs.map.at);
	while (!err) {
		err = op_guarded(s->op, s->m->view.base, s->m->view.base + s->m->view.size, next_elem, s);
		if (err || !s->more)
			break;
		s->words[2] = ptr_to_u64(s->e.key);
		s->words[3] = ptr_to_u64(s->e.value);
		err = visit(s);
	}
	s->words[2] = s->words[3] = 0;
	return err ? err : visit_end(s);
}

/* ---- the session ---- */

static int run_over(struct session *s, u32 map_id)
{
	struct handle *h;
	struct opened *o;
	int err;

	switch (s->t->over) {
	case ITER_MAPS: return over_ids(s, OBJ_MAP);
	case ITER_PROGS: return over_ids(s, OBJ_PROG);
	case ITER_LINKS: return over_ids(s, OBJ_LINK);
	case ITER_MAP_ELEMS: break;
	}
	h = handle_by_id(OBJ_MAP, map_id);
	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	o = handle_open(h);
	err = IS_ERR(o) ? (int)PTR_ERR(o) : iter_map_fits(s->image, &o->map);
	if (!err) {
		s->m = &o->map;
		if (map_type_get(s->m->map_type)->percpu) {
			s->copy = raw_mmap(NULL, s->m->value_len, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			err = IS_ERR(s->copy) ? -ENOMEM : 0;
		}
		if (!err)
			err = over_elems(s);
		if (!IS_ERR(s->copy) && s->copy)
			raw_munmap(s->copy, s->m->value_len);
	}
	handle_put(h);
	return err;
}

static void begin(struct session *s)
{
	struct timespec ts = { 0, 0 };
	struct rlimit lim;

	s->limit = raw4(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, &lim) ? UINT64_MAX : lim.rlim_cur;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	iter_set_meta(&s->objs, (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec);
	s->words[0] = ptr_to_u64(s->objs.meta.at);
	s->run = (struct running){
		.c = s->c,
		.client_word = s->client_word,
		.image = s->image,
		.ops = &iter_ops,
		.frame = { .ctx = s->words },
		.repeat = 1,
		.ctx_size = UINT32_MAX,
		.prefer_cpu = -1,
	};
	s->run.r.seq = &s->seq;
}

static int with_prog(struct session *s, const struct iter_spec *spec)
{
	struct handle *h = handle_by_id(OBJ_PROG, spec->prog_id);
	struct opened *o;
	int err;

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	s->image = prog_image_get(s->op, h);
	err = IS_ERR(s->image) ? (int)PTR_ERR(s->image) : 0;
	/* What runs must be of the kind that the link says: its context would be another one. */
	if (!err && (!s->image->iter || strcmp(s->image->iter->name, spec->target)))
		err = -EIO;
	if (!err) {
		s->t = s->image->iter;
		o = handle_open(h);
		if (stats_wanted() && !IS_ERR(o) && o->view.writable)
			s->counted = &o->view;
		err = iter_objs_init(&s->objs, btf_kernel(), s->image->iter_func, s->t);
	}
	if (!err) {
		begin(s);
		err = run_over(s, spec->map_id);
	}
	iter_objs_drop(&s->objs);
	handle_put(h);
	return err;
}

/* The same file, for reading only. */
static int finish_text(int fd)
{
	char self[40];
	int ret;

	raw_fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	str_put_u64(str_put(self, "/proc/self/fd/"), (u64)fd, 10);
	ret = raw_openat(AT_FDCWD, self, O_RDONLY | O_CLOEXEC, 0);
	if (ret == -ENOENT)
		return fd; /* without /proc: it is sealed, after all */
	raw_close(fd);
	return ret;
}

int iter_session(struct bpf_caller *c, struct op *op, u64 client_word, const struct iter_spec *spec,
		 const char *name)
{
	struct session *s;
	int fd = (int)raw2(SYS_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING), err;

	if (fd < 0)
		return fd;
	s = raw_mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (IS_ERR(s)) {
		raw_close(fd);
		return -ENOMEM;
	}
	s->c = c;
	s->op = op;
	s->client_word = client_word;
	s->fd = fd;
	err = with_prog(s, spec);
	raw_munmap(s, sizeof(*s));
	if (!err)
		return finish_text(fd);
	raw_close(fd);
	return err;
}
