// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random attrs for every command: the same calls on a kernel and under pinfs.
 *
 *     build/fuzz/bpf_attr [-v] [-s SEED] [-b BLOCK]
 *
 * Calls come in blocks of 1000. A block has its own seed (printed) and its own
 * world of maps, so it can be repeated alone; it prints one line: a digest of
 * the errnos. -v prints every call. Two runs with one seed make the very same
 * calls, and what a kernel answers by chance is kept out by construction:
 *
 *  - Fds are those of the world, or numbers that are not open.
 *  - Memory sits at fixed addresses: pages of zeros (restored before each
 *    call), of fd numbers, and of paths; a changed pointer meets one of them or
 *    nothing. So every key of a hash map is 0, and no order matters.
 *  - Sizes of new maps are small: no ENOMEM. Map types, program types and
 *    commands of later stages are left out.
 *  - What is looked up and deleted is written to a good place: elements whose
 *    value cannot be delivered are lost on a kernel.
 *  - Ids are 0, or beyond all ids that exist.
 *
 * Whatever returns an fd has it closed, and a new pin is unlinked at once.
 */
#include <sys/mman.h>
#include <time.h>
#include "../tests/abi/world.h"

#define BLOCK    1000
#define ZEROS    0x10000000ull
#define ZEROS_SZ 16384
#define FDS      0x2aab0000ull /* u32 fds of things that go into maps */
#define PATHS    0x3bbc0000ull
#define INSNS    0x4ccd0000ull
#define NOWHERE  0x5dde0000ull
#define HASH     (FD_MAP + BPF_MAP_TYPE_HASH)
#define DIR_PATH "/sys/fs/bpf/attr-fuzz"

static uint64_t rng;

static uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return n ? (uint32_t)(rng >> 16) % n : 0;
}

/*
 * One letter a 32-bit word of the attr, saying how it may change:
 *   f fd   P h pointer, low and high   K key that is stored   F flags   n small number   t map type
 *   T program type   s log size   i id   x any byte   - not changed
 */
static const struct plan {
	const char *name, *words;
	int cmd;
	uint32_t size, weight;
	union bpf_attr a;
} plans[] = {
	{ "map_create",
	  "tnnnFf-xxxxxfnnnnnffPhn",
	  BPF_MAP_CREATE,
	  92,
	  6,
	  { .map_type = 1, .key_size = 4, .value_size = 8, .max_entries = 4 } },
	{ "lookup",
	  "fxPhPhFF",
	  BPF_MAP_LOOKUP_ELEM,
	  32,
	  8,
	  { .map_fd = HASH, .key = ZEROS, .value = ZEROS + 512 } },
	{ "update",
	  "fxKhPhFF",
	  BPF_MAP_UPDATE_ELEM,
	  32,
	  10,
	  { .map_fd = HASH, .key = ZEROS, .value = ZEROS + 512 } },
	{ "delete", "fxPh", BPF_MAP_DELETE_ELEM, 16, 4, { .map_fd = HASH, .key = ZEROS } },
	{ "next_key",
	  "fxPhPh",
	  BPF_MAP_GET_NEXT_KEY,
	  24,
	  4,
	  { .map_fd = HASH, .key = ZEROS, .next_key = ZEROS + 512 } },
	{ "lookup_and_delete",
	  "fxPh--FF",
	  BPF_MAP_LOOKUP_AND_DELETE_ELEM,
	  32,
	  5,
	  { .map_fd = HASH, .key = ZEROS, .value = ZEROS + 512 } },
	{ "freeze", "f", BPF_MAP_FREEZE, 4, 1, { .map_fd = FD_FROZEN } },
	{ "lookup_batch",
	  "PhPhPhPhnfFFFF",
	  BPF_MAP_LOOKUP_BATCH,
	  56,
	  4,
	  { .batch = { .out_batch = ZEROS + 64,
		       .keys = ZEROS + 1024,
		       .values = ZEROS + 2048,
		       .count = 4,
		       .map_fd = HASH } } },
	{ "lookup_and_delete_batch",
	  "Ph------nfFFFF",
	  BPF_MAP_LOOKUP_AND_DELETE_BATCH,
	  56,
	  3,
	  { .batch = { .out_batch = ZEROS + 64,
		       .keys = ZEROS + 1024,
		       .values = ZEROS + 2048,
		       .count = 4,
		       .map_fd = HASH } } },
	{ "update_batch",
	  "PhPhKhPhnfFFFF",
	  BPF_MAP_UPDATE_BATCH,
	  56,
	  4,
	  { .batch = { .keys = ZEROS + 1024, .values = ZEROS + 2048, .count = 2, .map_fd = HASH } } },
	{ "delete_batch",
	  "PhPhPhPhnfFFFF",
	  BPF_MAP_DELETE_BATCH,
	  56,
	  2,
	  { .batch = { .keys = ZEROS + 1024, .count = 1, .map_fd = HASH } } },
	{ "prog_load",
	  "TnPhPh-s--xFxxxx--",
	  BPF_PROG_LOAD,
	  168,
	  3,
	  { .prog_type = 1, .insn_cnt = 2, .insns = INSNS, .license = PATHS + 2048 } },
	{ "obj_pin", "PhfFf", BPF_OBJ_PIN, 20, 2, { .pathname = PATHS, .bpf_fd = HASH } },
	{ "obj_get", "PhfFf", BPF_OBJ_GET, 20, 4, { .pathname = PATHS + 512 } },
	{ "prog_get_next_id", "i-n", BPF_PROG_GET_NEXT_ID, 8, 1, { .start_id = 0 } },
	{ "map_get_next_id", "i-n", BPF_MAP_GET_NEXT_ID, 8, 1, { .start_id = 0 } },
	{ "btf_get_next_id", "i-n", BPF_BTF_GET_NEXT_ID, 8, 1, { .start_id = 0 } },
	{ "prog_get_fd_by_id", "ixx", BPF_PROG_GET_FD_BY_ID, 4, 1, { .prog_id = 0 } },
	{ "map_get_fd_by_id", "ixF", BPF_MAP_GET_FD_BY_ID, 12, 1, { .map_id = 0 } },
	{ "btf_get_fd_by_id", "ixFx", BPF_BTF_GET_FD_BY_ID, 16, 1, { .btf_id = 0 } },
	{ "link_get_fd_by_id", "ixx", BPF_LINK_GET_FD_BY_ID, 4, 1, { .link_id = 0 } },
	{ "get_info",
	  "fnPh",
	  BPF_OBJ_GET_INFO_BY_FD,
	  16,
	  6,
	  { .info = { .bpf_fd = HASH, .info_len = 88, .info = ZEROS } } },
	{ "btf_load", "PhPhns-xFf", BPF_BTF_LOAD, 40, 2, { .btf = ZEROS } },
	{ "test_run",
	  "f-nnPhPhnxnnPhPhFnn",
	  BPF_PROG_TEST_RUN,
	  76,
	  4,
	  { .test = { .prog_fd = FD_PROG, .data_in = ZEROS, .data_size_in = 64 } } },
	{ "prog_bind_map",
	  "ffn",
	  BPF_PROG_BIND_MAP,
	  12,
	  1,
	  { .prog_bind_map = { .prog_fd = FD_PROG, .map_fd = HASH } } },
	{ "iter_create", "ff", BPF_ITER_CREATE, 8, 1, { .iter_create = { .link_fd = HASH, .flags = 0 } } },
	{ "enable_stats", "n", BPF_ENABLE_STATS, 4, 1, { .enable_stats = { .type = 0 } } },
	{ "token_create", "Ff", CMD_TOKEN_CREATE, 8, 1, { .map_fd = 0 } },
	{ "unknown", "xxxxxxxx", 39, 32, 1, { .map_fd = 0 } },
};

static const int fds[] = { FD_CLOSED, -1,        0,           FD_LOCK_HASH,  FD_LOCK_ARRAY, FD_RDONLY,
			   FD_WRONLY, FD_FROZEN, FD_INNER_A,  FD_INNER_HASH, FD_BTF,        FD_PROG,
			   FD_NULL,   FD_DIR,    FD_DIR_PATH, FD_TMP };

static uint32_t a_fd(void)
{
	if (rnd(4))
		return FD_MAP + world_maps[rnd(ARRAY_SIZE(world_maps))].type;
	return fds[rnd(ARRAY_SIZE(fds))];
}

static uint32_t a_pointer(void)
{
	static const uint32_t to[] = { 0,   8,       ZEROS, ZEROS + 4093, ZEROS + ZEROS_SZ - 4,
				       FDS, FDS + 1, PATHS, NOWHERE,      0xffffffff };

	return to[rnd(ARRAY_SIZE(to))];
}

/* Only 0 becomes a key of a hash. */
static uint32_t a_key(void)
{
	static const uint32_t to[] = { 0, 8, ZEROS, ZEROS + 4093, ZEROS + ZEROS_SZ - 4, NOWHERE, 0xffffffff };

	return to[rnd(ARRAY_SIZE(to))];
}

/* Types of this stage, and numbers that no kernel knows. */
static uint32_t a_type(void)
{
	static const uint32_t none[] = { 0, 34, 35, 36, 100, 0x10000, 0xffffffff };
	uint32_t i = rnd(ARRAY_SIZE(world_maps) + 2);

	return i < ARRAY_SIZE(world_maps) ? world_maps[i].type : none[rnd(ARRAY_SIZE(none))];
}

static uint32_t a_number(void)
{
	static const uint32_t edge[] = {
		0, 1, 2, 3, 4, 5, 8, 16, 31, 32, 88, 104, 105, 232, 233, 4096, 4097
	};

	return rnd(8) ? edge[rnd(ARRAY_SIZE(edge))] : rnd(5000);
}

static uint32_t flags_of(uint32_t w)
{
	return rnd(3) ? w ^ 1u << rnd(32) : rnd(2) ? rnd(16) : w ^ (1u << rnd(13) | 1u << rnd(8));
}

/* A high word that makes the address one of nothing: never where programs and libraries are mapped. */
static uint32_t a_high(void)
{
	static const uint32_t high[] = { 1,          0x100,      0x4000,     0x8000,
					 0xffff8000, 0xffffffff, 0xdead0000, 0x01000000 };

	return high[rnd(ARRAY_SIZE(high))];
}

static void change(union row_attr *r, uint32_t i, char kind)
{
	static const uint32_t log_sizes[] = { 0, 4096, 0x40000000, 0xffffffff },
			      ids[] = { 0, 0x7ffffff0, 0x7fffffff, 0x80000000, 0xffffffff },
			      prog_types[] = { 0, 1, 1, 6, 33, 1000, 0xffffffff };

	switch (kind) {
	case 'f': r->w[i] = a_fd(); break;
	case 'P': r->w[i] = a_pointer(); break;
	case 'K': r->w[i] = a_key(); break;
	case 'h': r->w[i] = a_high(); break;
	case 'F': r->w[i] = flags_of(r->w[i]); break;
	case 'n': r->w[i] = a_number(); break;
	case 't': r->w[i] = a_type(); break;
	case 'T': r->w[i] = prog_types[rnd(ARRAY_SIZE(prog_types))]; break;
	case 's': r->w[i] = log_sizes[rnd(ARRAY_SIZE(log_sizes))]; break;
	case 'i': r->w[i] = ids[rnd(ARRAY_SIZE(ids))]; break;
	case 'x': r->b[i * 4 + rnd(4)] = rnd(256); break;
	default: break;
	}
}

static int holds_fds(uint32_t fd)
{
	return fd == FD_MAP + BPF_MAP_TYPE_ARRAY_OF_MAPS || fd == FD_MAP + BPF_MAP_TYPE_HASH_OF_MAPS ||
	       fd == FD_MAP + BPF_MAP_TYPE_PROG_ARRAY;
}

/* A map fd picked at random gets the pointers that such a map wants, most of the time. */
static void suit_map(const struct plan *p, union row_attr *r)
{
	uint32_t batch = p->words[0] == 'P' && p->size == 56, fd = batch ? r->a.batch.map_fd : r->a.map_fd;

	if (fd == FD_MAP + BPF_MAP_TYPE_QUEUE || fd == FD_MAP + BPF_MAP_TYPE_STACK ||
	    fd == FD_MAP + BPF_MAP_TYPE_BLOOM_FILTER || fd == FD_MAP + BPF_MAP_TYPE_RINGBUF ||
	    fd == FD_MAP + BPF_MAP_TYPE_USER_RINGBUF)
		r->a.key = batch ? r->a.key : 0;
	if (!holds_fds(fd) || rnd(4) == 0)
		return;
	if (p->cmd == BPF_MAP_UPDATE_ELEM)
		r->a.value = fd == FD_MAP + BPF_MAP_TYPE_PROG_ARRAY ? FDS + 2048 : FDS;
	if (p->cmd == BPF_MAP_UPDATE_BATCH)
		r->a.batch.values = fd == FD_MAP + BPF_MAP_TYPE_PROG_ARRAY ? FDS + 2048 : FDS;
}

/* Keeps new maps small, and their needs met now and then. */
static void suit_create(union row_attr *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(world_maps) && rnd(4); i++)
		if (world_maps[i].type == r->a.map_type) {
			r->a.key_size = world_maps[i].key;
			r->a.value_size = world_maps[i].value;
			r->a.map_flags |= world_maps[i].flags;
			r->a.inner_map_fd = FD_INNER_A;
		}
	r->a.max_entries %= 64;
	if ((r->a.map_type == BPF_MAP_TYPE_RINGBUF || r->a.map_type == BPF_MAP_TYPE_USER_RINGBUF) && rnd(2))
		r->a.max_entries = 4096; /* bytes */
	r->a.value_size %= 5000;
	r->a.key_size %= 5000;
}

struct call {
	const struct plan *p;
	int cmd;
	union row_attr r;
	uint32_t size;
	uint64_t attr; /* where the attr is: 0 means r */
};

static uint32_t a_size(uint32_t size)
{
	static const uint32_t odd[] = { 0,  4,  8,  12,  15,  16,  20,  24,  28,   32,   40,  56,
					64, 72, 92, 120, 144, 168, 169, 200, 4095, 4096, 4097 };

	return rnd(6) ? size : odd[rnd(ARRAY_SIZE(odd))];
}

static const struct plan *a_plan(void)
{
	static uint32_t total;
	uint32_t at;

	if (!total)
		for (size_t i = 0; i < ARRAY_SIZE(plans); i++)
			total += plans[i].weight;
	at = rnd(total);
	for (const struct plan *p = plans;; p++) {
		if (at < p->weight)
			return p;
		at -= p->weight;
	}
}

static void make_call(struct call *c)
{
	const struct plan *p = a_plan();
	uint32_t changes = rnd(4);

	memset(c, 0, sizeof(*c));
	c->p = p;
	c->cmd = p->cmd == 39 ? (int)(rnd(2) ? 39 + rnd(1000) : 0u - 1 - rnd(1000)) : p->cmd;
	c->r.a = p->a;
	if (p->words[0] == 'f' && p->cmd != BPF_PROG_TEST_RUN && rnd(2))
		c->r.w[0] = a_fd();
	if (p->size == 56 && rnd(2))
		c->r.a.batch.map_fd = a_fd();
	if (p->cmd == BPF_MAP_CREATE)
		c->r.a.map_type = a_type();
	suit_map(p, &c->r);
	while (changes--) {
		uint32_t w = rnd(strlen(p->words));

		change(&c->r, w, p->words[w]);
	}
	if (p->cmd == BPF_PROG_TEST_RUN)
		c->r.a.test.flags &= ~4u; /* complete checksums: refused here, docs/ABI.md */
	if (p->cmd == BPF_MAP_CREATE)
		suit_create(&c->r);
	c->size = p->cmd == BPF_MAP_LOOKUP_AND_DELETE_ELEM ? p->size : a_size(p->size);
	if (rnd(16) == 0)
		c->r.b[rnd(4) ? p->size + rnd(200) : rnd(4096)] |= p->size <= 20 ? 1 : 0;
	if (rnd(64) == 0) /* an fd's number read as an id may be one that exists */
		c->attr = p->words[0] == 'i' ? a_key() : a_pointer();
}

static int returns_fd(int cmd)
{
	return cmd == BPF_MAP_CREATE || cmd == BPF_PROG_LOAD || cmd == BPF_OBJ_GET || cmd == BPF_BTF_LOAD ||
	       cmd == BPF_MAP_GET_FD_BY_ID || cmd == BPF_PROG_GET_FD_BY_ID || cmd == BPF_BTF_GET_FD_BY_ID ||
	       cmd == BPF_LINK_GET_FD_BY_ID || cmd == CMD_TOKEN_CREATE || cmd == BPF_ENABLE_STATS;
}

static int do_call(const struct call *c)
{
	union row_attr r = c->r; /* answers go here, not into what -v prints */
	int ret, e;

	memset((void *)ZEROS, 0, ZEROS_SZ);
	ret = raw_bpf(c->cmd, c->attr ? (void *)c->attr : &r, c->size);
	e = ret < 0 ? errno : 0;
	if (ret >= 0 && returns_fd(c->cmd))
		close(ret);
	if (ret >= 0 && c->cmd == BPF_OBJ_PIN)
		unlink(DIR_PATH "/new");
	return e;
}

static void show(uint64_t n, const struct call *c, int e)
{
	printf("%llu %s(%d) size=%u", (unsigned long long)n, c->p->name, c->cmd, c->size);
	if (c->attr)
		printf(" attr=%#llx", (unsigned long long)c->attr);
	for (uint32_t i = 0; i < 42; i++)
		if (c->r.w[i])
			printf(" [%u]=%#x", i * 4, c->r.w[i]);
	printf(": %s\n", e ? errno_name(e) : "ok");
}

static void block(uint64_t seed, uint64_t b, uint64_t calls, int verbose)
{
	uint64_t digest = 0xcbf29ce484222325ull;
	uint32_t good = 0;
	struct call c;

	rng = (seed + 1) * 0x9e3779b97f4a7c15ull ^ (b + 1) * 0xd1342543de82ef95ull;
	world_maps_make();
	place(world_prog(BPF_PROG_TYPE_SOCKET_FILTER), FD_PROG,
	      "a socket filter"); /* with no map bound to it */
	for (uint64_t i = 0; i < calls; i++) {
		int e;

		make_call(&c);
		e = do_call(&c);
		good += !e;
		digest = (digest ^ (uint32_t)e) * 0x100000001b3ull;
		if (verbose)
			show(b * BLOCK + i, &c, e);
	}
	printf("block %llu of seed %llu: %u of %llu succeed, errnos %016llx\n", (unsigned long long)b,
	       (unsigned long long)seed, good, (unsigned long long)calls, (unsigned long long)digest);
	fflush(stdout);
}

static void *page(uint64_t at, size_t size)
{
	void *p = mmap((void *)at, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	must(p == (void *)at, "memory at a fixed address");
	return p;
}

/* Pages of text and fds are read-only: what a call writes there is EFAULT. */
static void memory(void)
{
	uint32_t *f = page(FDS, 4096);
	char *paths = page(PATHS, 4096);

	page(ZEROS, ZEROS_SZ);
	for (int i = 0; i < 1024; i++)
		f[i] = i < 512 ? FD_INNER_A : FD_PROG;
	strcpy(paths, DIR_PATH "/new");
	strcpy(paths + 512, DIR_PATH "/map");
	strcpy(paths + 2048, "GPL");
	memcpy(page(INSNS, 4096), prog_return_0, sizeof(prog_return_0));
	mprotect(f, 4096, PROT_READ);
	mprotect(paths, 4096, PROT_READ);
	mprotect((void *)INSNS, 4096, PROT_READ);
}

static void pin_first(void)
{
	union row_attr r = { .a = { .pathname = PATHS + 512, .bpf_fd = HASH } };

	(void)world_bpffs();
	world_leave();
	must(mkdir(DIR_PATH, 0700) == 0 || errno == EEXIST, "a directory");
	unlink(DIR_PATH "/map");
	must(raw_bpf(BPF_OBJ_PIN, &r, 12) == 0, "a pin");
	place(open(DIR_PATH, O_RDONLY | O_DIRECTORY), FD_DIR, "a bpffs directory");
	place(open(DIR_PATH, O_PATH), FD_DIR_PATH, "a bpffs directory");
	place(open("/", O_RDONLY | O_DIRECTORY), FD_TMP, "another directory");
}

int main(int argc, char **argv)
{
	const char *n = getenv("PINFS_FUZZ_CALLS");
	uint64_t calls = n ? strtoull(n, NULL, 0) : 1000000, seed = 1, only = UINT64_MAX;
	int verbose = 0, opt;

	while ((opt = getopt(argc, argv, "vs:b:")) != -1)
		switch (opt) {
		case 'v': verbose = 1; break;
		case 's':
			seed = strcmp(optarg, "now") ? strtoull(optarg, NULL, 0) : (uint64_t)time(NULL);
			break;
		case 'b': only = strtoull(optarg, NULL, 0); break;
		default: return 2;
		}
	must(chdir("/") == 0, "/");
	world_enter();
	memory();
	pin_first();
	printf("%llu calls of seed %llu\n", (unsigned long long)calls, (unsigned long long)seed);
	for (uint64_t b = 0; b * BLOCK < calls; b++)
		if (only == UINT64_MAX || b == only)
			block(seed, b, calls - b * BLOCK < BLOCK ? calls - b * BLOCK : BLOCK, verbose);
	unlink(DIR_PATH "/map");
	rmdir(DIR_PATH);
	return 0;
}
