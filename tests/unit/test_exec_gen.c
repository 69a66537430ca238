// SPDX-License-Identifier: BSD-2-Clause
/*
 * Generated programs, verified and run here, interpreted and translated, beside the kernel's TEST_RUN: the
 * same result, packet and value.
 *
 * What they may touch lies between canaries:
 *
 *     | AAAAAAAA value | no page        | AAAAAAAA context, room, packet | no page
 *
 * and of the run's own memory only the context and the packet may have changed (and the room around the
 * packet, if the program moves its ends). Programs of the generator call no map's functions here;
 * with them they are run by fuzz/prog_gen.c. The hard ones (prog_gen.h), which may tell addresses, run too;
 * of them only the canaries are looked at.
 */
#include <inttypes.h>
#include <sys/mman.h>
#include "fuzz/prog_gen.h"
#undef ARRAY_SIZE
#undef ENOTSUPP
#include "helper/run_ctx.h"
#include "progtype/ctx.h"
#include "tests/lib/exectest.h"
#include "tests/lib/tap.h"
#include "tests/lib/verifytest.h"

#define VALUE  64u
#define ROOM   (64u << 10)
#define CANARY 0xa5
#define OUT    2048u

static struct gen prog;
static char text[1 << 16];
static u8 *value, *room; /* a page of canaries before, none behind */
static u64 ran, wrong_result, wrong_data, wrong_value, faults, canaries, unsafe, stray;
static int shown;

struct result {
	u32 retval, size;
	u8 data[OUT], value[VALUE];
};

/* size bytes whose end is the end of what is mapped. */
static u8 *fenced(size_t size)
{
	size_t pages = ROUND_UP(size, PAGE) + PAGE;
	u8 *p = mmap(NULL, pages + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(p != MAP_FAILED && mprotect(p + pages, PAGE, PROT_NONE) == 0, "fenced memory");
	memset(p, CANARY, pages);
	return p + pages - size;
}

static bool whole(const u8 *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != CANARY)
			return false;
	return true;
}

static void first_value(u8 v[VALUE])
{
	for (u32 i = 0; i < VALUE; i++)
		v[i] = (u8)(i * 13);
}

static int map_cmd(int cmd, void *v)
{
	u32 key = 0;
	union row_attr r = { .a = { .map_fd = M_ARRAY, .key = ptr(&key), .value = ptr(v) } };

	return raw_bpf(cmd, &r, 32);
}

static int load_there(void)
{
	union row_attr r = { .a = { .prog_type = (u32)prog.type,
				    .insns = ptr(prog.insn),
				    .insn_cnt = prog.cnt,
				    .license = ptr("GPL") } };

	return raw_bpf(BPF_PROG_LOAD, &r, 120);
}

static bool run_there(int fd, const u8 *in, u32 size, struct result *res)
{
	union row_attr r = { .a = { .test = { .prog_fd = (u32)fd,
					      .data_size_in = size,
					      .data_in = ptr(in),
					      .data_size_out = OUT,
					      .data_out = ptr(res->data) } } };

	memset(res, 0, sizeof(*res));
	first_value(res->value);
	must(map_cmd(BPF_MAP_UPDATE_ELEM, res->value) == 0, "a value");
	if (raw_bpf(BPF_PROG_TEST_RUN, &r, 80))
		return false;
	res->retval = r.a.test.retval;
	res->size = r.a.test.data_size_out;
	return map_cmd(BPF_MAP_LOOKUP_ELEM, res->value) == 0;
}

static s64 ld_abs(struct run *r, void *ctx, s32 off, u32 size)
{
	const struct run_skb *skb = ctx;
	const u8 *p = skb->data + off;

	(void)r;
	if (off < 0 || (u64)off + size > skb->len)
		return -1;
	return size == 1   ? p[0]
	       : size == 2 ? p[0] << 8 | p[1]
			   : (s64)((u32)p[0] << 24 | (u32)p[1] << 16 | p[2] << 8 | p[3]);
}

static const struct run_ops ops = { .callback = image_callback, .ld_abs = ld_abs };

/* Bytes of the run's memory that are neither context nor packet and have changed. */
static bool strayed(const struct run_frame *f, const u8 *before)
{
	bool xdp = prog.type == BPF_PROG_TYPE_XDP;
	const struct run_xdp *x = f->ctx;
	const struct run_skb *s = f->ctx;
	const u8 *mem = f->mem, *ctx = f->ctx, *from = xdp ? x->head : s->head, *to = xdp ? x->end : s->end;
	size_t ctx_size = xdp ? sizeof(*x) : sizeof(*s);

	for (size_t i = 0; i < f->size; i++)
		if (mem[i] != before[i] && !(mem + i >= ctx && mem + i < ctx + ctx_size) &&
		    !(mem + i >= from && mem + i < to))
			return true;
	return false;
}

static bool run_here(const struct image *im, const u8 *in, u32 size, struct result *res)
{
	static u8 before[ROOM];
	const struct prog_run_ops *type = prog_run_ops_get(prog_type_get((u32)prog.type)->run);
	struct test_run_args a = { .prog_type = (u32)prog.type,
				   .max_ctx = 192,
				   .has_data_in = true,
				   .has_data_out = true,
				   .data_size_in = size,
				   .data_size_out = OUT,
				   .data_in = in };
	struct run_frame f = { .size = 0 };
	struct test_run_out out;
	struct run r;
	u64 r0 = 0;
	int err;

	memset(res, 0, sizeof(*res));
	must(type->check(&a) == 0, "arguments of a run");
	f.size = ROUND_UP(type->mem_size(&a), 64);
	must(f.size <= ROOM, "room for a run");
	f.mem = room + ROOM - f.size;
	memset(f.mem, 0, f.size);
	must(type->setup(&f, &a) == 0, "a run");
	memset(&r, 0, sizeof(r));
	r.ops = &ops;
	first_value(value);
	type->begin(&f);
	memcpy(before, f.mem, f.size);
	err = xt_run(im, f.ctx, &r, &r0);
	stray += strayed(&f, before);
	res->retval = type->end(&f, r0);
	type->finish(&f, &out);
	res->size = out.size;
	memcpy(res->data, out.data, MIN(out.size, OUT));
	memcpy(res->value, value, VALUE);
	canaries += !whole(value - (PAGE - VALUE), PAGE - VALUE) || !whole(room - PAGE, ROOM + PAGE - f.size);
	memset(room, CANARY, ROOM);
	faults += err < 0;
	return err == 0;
}

static void tell(u64 n, const char *how, const struct result *here, const struct result *there)
{
	if (shown++ < 10)
		diag("program %" PRIu64 " %s: result %u size %u, the kernel %u size %u, data %s, value %s", n,
		     how, here->retval, here->size, there->retval, there->size,
		     memcmp(here->data, there->data, OUT) ? "differs" : "same",
		     memcmp(here->value, there->value, VALUE) ? "differs" : "same");
}

static void compare(u64 n, const char *how, const struct result *here, const struct result *there)
{
	bool bad_result = here->retval != there->retval || here->size != there->size;
	bool bad_data = memcmp(here->data, there->data, OUT),
	     bad_value = memcmp(here->value, there->value, VALUE);

	wrong_result += bad_result;
	wrong_data += bad_data;
	wrong_value += bad_value;
	if (bad_result || bad_data || bad_value)
		tell(n, how, here, there);
}

static void run_both(u64 n, int fd, const struct vprog *p)
{
	static struct bpf_map *maps[VERIFIER_MAPS_MAX];
	static u64 no_map[64];
	static void *values[VERIFIER_MAPS_MAX];
	static struct result there, here;
	u8 in[128];
	u32 size = 64 + rnd(65);

	for (u32 i = 0; i < VERIFIER_MAPS_MAX; i++) {
		maps[i] = (struct bpf_map *)no_map;
		values[i] = value;
	}
	for (u32 i = 0; i < size; i++)
		in[i] = (u8)rnd(256);
	in[12] = 8;
	in[13] = 0;
	if (!run_there(fd, in, size, &there))
		return;
	for (int jit = 0; jit < 2; jit++) {
		struct image im;
		int err = image_make(&im, p, maps, values, VERIFIER_MAPS_MAX, jit);

		if (err) {
			faults += !prog.hard; /* a helper that is known, but not here */
			diag("program %" PRIu64 ": no image: %s", n, strerror(-err));
			continue;
		}
		if (run_here(&im, in, size, &here) && !prog.hard)
			compare(n, jit ? "translated" : "interpreted", &here, &there);
		else if (!prog.hard)
			tell(n, "faulted", &here, &there);
		image_free(&im);
	}
	ran++;
}

static void one(u64 seed, u64 n)
{
	static struct verify_result res;
	struct vt_prog p = { .gpl = true, .log_level = 4 };
	int fd, err;

	gen_program(&prog, seed, n);
	p.insns = prog.insn;
	p.cnt = prog.cnt;
	p.type = prog.type;
	fd = load_there();
	err = vt_verify_to(&p, text, sizeof(text), &res);
	unsafe += fd < 0 && !err;
	if (fd >= 0 && !err)
		run_both(n, fd, &res.prog);
	if (fd >= 0)
		close(fd);
	verify_free(&res);
}

static void world(void)
{
	union row_attr r = {
		.a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = VALUE, .max_entries = 1 }
	};
	int fd = raw_bpf(BPF_MAP_CREATE, &r, 72);

	must(fd >= 0 && dup3(fd, M_ARRAY, O_CLOEXEC) == M_ARRAY, "a map");
	close(fd);
	value = fenced(VALUE);
	room = fenced(ROOM);
}

int main(void)
{
	const char *env = getenv("PINFS_SEED");
	u64 seed = env ? strtoull(env, NULL, 0) : 1;
	long n = test_scale(20000);

	gen_plain = 1;
	world();
	diag("%ld programs from seed %" PRIu64, n, seed);
	for (long i = 0; i < n; i++)
		one(seed, (u64)i);
	ok(ran * 3 > (u64)n, "%" PRIu64 " are accepted on both sides and run", ran);
	ok(!unsafe, "accepted here and refused there: %" PRIu64, unsafe);
	ok(!wrong_result, "another result: %" PRIu64, wrong_result);
	ok(!wrong_data, "another packet: %" PRIu64, wrong_data);
	ok(!wrong_value, "another value: %" PRIu64, wrong_value);
	ok(!faults, "faults: %" PRIu64, faults);
	ok(!canaries, "canaries: %" PRIu64, canaries);
	ok(!stray, "changes beside context and packet: %" PRIu64, stray);
	return done();
}
