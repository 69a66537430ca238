// SPDX-License-Identifier: BSD-2-Clause
/*
 * Images of programs in this process: see prog_image.h.
 */
#include "sys/prog_image.h"
#include <string.h>
#include <sys/mman.h>
#include "btf/btf_obj.h"
#include "isa/insn.h"
#include "store/store.h"
#include "util/raw.h"

/* One making. Lies in one anonymous mapping with the private copy behind it. */
struct making {
	struct prog_file file;
	const struct obj_view *view;
	struct prog_image *image;
	struct vlog log; /* level 0: nobody reads it */
	struct btf_blob blob;
	struct btf_view btf;
	struct verify_req req;
	struct verify_result res;
	int map_err; /* what a map had to say: it outranks the verifier's verdict */
	struct bpf_func_info func_info[BPF_SUBPROGS_MAX];
	struct bpf_insn *insns;
	size_t insns_size;
};

static int read_file(void *arg)
{
	struct making *k = arg;
	int err = prog_file_open(&k->file, k->view);
	size_t n;

	if (err)
		return err;
	n = (size_t)k->file.h.insn_cnt * sizeof(*k->insns);
	k->insns = raw_mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (IS_ERR(k->insns)) {
		k->insns = NULL;
		return -ENOMEM;
	}
	k->insns_size = n;
	memcpy(k->insns, k->file.insns, n);
	memcpy(k->func_info, k->file.func_info, k->file.h.nr_func * sizeof(*k->func_info));
	return 0;
}

static int read_btf(struct making *k)
{
	int err;

	if (!k->file.h.btf_id)
		return 0;
	err = btf_obj_read(k->file.h.btf_id, BTF_SIZE_MAX, &k->blob);
	if (!err && btf_check(&k->btf, k->blob.raw, k->blob.read, NULL))
		err = -EIO;
	if (!err)
		k->req.btf = &k->btf;
	return err;
}

static int map_by_id(void *arg, s32 id, struct verifier_map *v)
{
	struct making *k = arg;
	struct handle *h = handle_by_id(OBJ_MAP, (u32)id);
	int at;

	if (IS_ERR(h))
		return k->map_err = (int)PTR_ERR(h);
	at = prog_maps_add(&k->image->maps, h);
	handle_put(h);
	if (at < 0)
		return k->map_err = at;
	*v = k->image->maps.map[at].facts;
	return 0;
}

static int no_fd_array(void *arg, u32 idx, s32 *fd)
{
	return -EPROTO;
}

static int set_request(struct making *k)
{
	const struct prog_hdr *h = &k->file.h;
	const struct prog_type *row = prog_type_get(h->o.kind);
	struct verify_req *r = &k->req;

	if (row->kind == PROG_ABSENT || !prog_attach_get(row, h->expected_attach_type))
		return -EIO;
	if (h->attach_btf_id && row->iter_attach && h->expected_attach_type == row->iter_attach) {
		const char *name;

		r->kernel = btf_kernel();
		r->iter = r->kernel ? iter_target_of(r->kernel, h->attach_btf_id, &name) : NULL;
		r->attach_btf_id = h->attach_btf_id;
	}
	/* What attaches to a function of the kernel runs as an iterator or not at all. */
	if ((row->kind == PROG_TRACING || row->kind == PROG_EXT) && !r->iter)
		return -EIO;
	r->type = row;
	r->attach = prog_attach_get(row, h->expected_attach_type);
	r->prog_type = h->o.kind;
	r->expected_attach = h->expected_attach_type;
	r->flags = h->prog_flags;
	r->gpl = h->gpl & 1;
	r->insns = k->insns;
	r->cnt = h->insn_cnt;
	r->log = &k->log;
	r->func_info = k->func_info;
	r->nr_func_info = h->nr_func;
	r->ncpu = the_store.ncpu;
	r->map_get = map_by_id;
	r->fd_by_index = no_fd_array;
	r->arg = k;
	k->image->row = row;
	k->image->type = h->o.kind;
	k->image->attach = h->expected_attach_type;
	k->image->prog_flags = h->prog_flags;
	return 0;
}

static bool calls_nothing(const struct vprog *p)
{
	for (u32 i = 0; i < p->cnt; i++) {
		u8 code = p->insns[i].code;

		if ((code == (BPF_JMP | BPF_CALL) && p->insns[i].src_reg != BPF_PSEUDO_CALL) ||
		    code == (BPF_JMP | BPF_TAIL_CALL) || code == (BPF_JMP | BPF_JCOND) ||
		    (BPF_CLASS(code) == BPF_LD && BPF_MODE(code) != BPF_IMM))
			return false;
	}
	return true;
}

/* The CPU numbers that every per-CPU map of the program has room for. */
static u32 common_cpus(const struct prog_maps *s)
{
	u32 n = possible_cpus();

	for (u32 i = 0; i < s->nr; i++)
		if (map_type_get(s->map[i].m->map_type)->percpu)
			n = MIN(n, s->map[i].m->ncpu);
	return n;
}

static int link_image(struct making *k)
{
	struct bpf_map *maps[VERIFIER_MAPS_MAX];
	void *values[VERIFIER_MAPS_MAX];
	struct prog_image *i = k->image;

	for (u32 n = 0; n < k->res.nr_maps; n++) {
		int at = prog_maps_find(&i->maps, k->res.maps[n].id);

		if (at < 0)
			return -EIO;
		maps[n] = i->maps.map[at].m;
		values[n] = prog_map_value(&i->maps.map[at]);
	}
	i->max_ctx = k->res.max_ctx;
	i->iter = k->req.iter;
	i->iter_func = k->req.attach_btf_id;
	i->max_rdonly = k->res.max_rdonly;
	i->max_rdwr = k->res.max_rdwr;
	i->plain = calls_nothing(&k->res.prog);
	i->ncpu = common_cpus(&i->maps);
	return image_make(&i->im, &k->res.prog, maps, values, k->res.nr_maps, jit_available());
}

static int verify_again(struct making *k)
{
	int err = set_request(k);

	if (!err)
		err = read_btf(k);
	if (err)
		return err == -ENOMEM ? err : -EIO;
	err = verify(&k->req, &k->res);
	if (!err)
		err = link_image(k);
	if (k->map_err)
		return k->map_err;
	return !err || err == -ENOMEM ? err : -EIO;
}

static int make(struct op *op, struct making *k)
{
	int err;

	k->image = raw_mmap(NULL, sizeof(*k->image), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
	if (IS_ERR(k->image)) {
		k->image = NULL;
		return -ENOMEM;
	}
	err = op_guarded(op, k->view->base, k->view->base + k->view->size, read_file, k);
	if (!err)
		err = verify_again(k);
	if (k->insns)
		raw_munmap(k->insns, k->insns_size);
	verify_free(&k->res);
	btf_drop(&k->btf);
	btf_blob_drop(&k->blob);
	if (err)
		prog_image_free(k->image);
	return err;
}

static struct prog_image *image_new(struct op *op, const struct obj_view *v)
{
	struct making *k = raw_mmap(NULL, sizeof(*k), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
				    0);
	struct prog_image *i;
	int err;

	if (IS_ERR(k))
		return ERR_PTR(-ENOMEM);
	k->view = v;
	err = make(op, k);
	i = k->image;
	raw_munmap(k, sizeof(*k));
	return err ? ERR_PTR(err) : i;
}

void prog_image_free(struct prog_image *i)
{
	if (!i)
		return;
	image_free(&i->im);
	prog_maps_drop(&i->maps);
	raw_munmap(i, sizeof(*i));
}

struct prog_image *prog_image_get(struct op *op, struct handle *h)
{
	struct opened *o = handle_open(h);
	struct prog_image *i, *none = NULL;

	if (IS_ERR(o))
		return ERR_PTR(PTR_ERR(o));
	i = atomic_load_explicit(&o->image, memory_order_acquire);
	if (likely(i))
		return i;
	i = image_new(op, &o->view);
	if (IS_ERR(i))
		return i;
	if (!atomic_compare_exchange_strong(&o->image, &none, i)) {
		prog_image_free(i); /* another thread, or a handler in this one, was first */
		i = none;
	}
	return i;
}
