// SPDX-License-Identifier: BSD-2-Clause
/*
 * Iterators over maps, programs, links and elements, as clients write them: fitted to the
 * machine's own structs by the loader. They tell of objects with certain names only, so that
 * their text is the same on a machine that has others, too.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id, seq_num;
};

struct btf {
	__u32 id;
};

struct bpf_map {
	struct bpf_map *inner_map_meta;
	enum bpf_map_type map_type;
	__u32 key_size, value_size, max_entries;
	__u64 map_extra;
	__u32 map_flags, id;
	int numa_node;
	__u32 btf_key_type_id, btf_value_type_id;
	struct btf *btf;
	char name[16];
	bool frozen;
};

struct bpf_prog_aux {
	__u32 id, used_map_cnt, attach_btf_id;
	const char *attach_func_name;
	struct bpf_prog *prog;
	char name[16];
	__u32 verified_insns;
};

struct bpf_prog {
	__u16 jited : 1, gpl_compatible : 1;
	enum bpf_prog_type type;
	enum bpf_attach_type expected_attach_type;
	__u32 len;
	__u8 tag[8];
	struct bpf_prog_aux *aux;
};

struct bpf_link {
	__u32 id;
	enum bpf_link_type type;
	struct bpf_prog *prog;
};

struct bpf_iter__bpf_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
};
struct bpf_iter__bpf_prog {
	struct bpf_iter_meta *meta;
	struct bpf_prog *prog;
};
struct bpf_iter__bpf_link {
	struct bpf_iter_meta *meta;
	struct bpf_link *link;
};
struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key, *value;
};

#pragma clang attribute pop

char LICENSE[] SEC("license") = "GPL";

struct point {
	__s32 x, y;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct point);
} it_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u64);
} it_array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} it_percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 100);
	__uint(map_flags, BPF_F_NO_COMMON_LRU);
	__type(key, __u64);
	__type(value, __u64);
} it_lru SEC(".maps");

/* What the programs leave for the client. */
struct {
	__u64 calls, ends, again;
	int change;
} data;

static bool named(const char *name, char a, char b, char c)
{
	return name[0] == a && name[1] == b && name[2] == c;
}

SEC("iter/bpf_map")
int dump_maps(struct bpf_iter__bpf_map *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct bpf_map *map = ctx->map;

	if (!map) {
		data.ends++;
		BPF_SEQ_PRINTF(seq, "no more maps\n");
		return 0;
	}
	if (!named(map->name, 'i', 't', '_'))
		return 0;
	data.calls++;
	BPF_SEQ_PRINTF(seq, "%-16s|%5u|%u|%u|", map->name, map->map_type, map->key_size, map->value_size);
	BPF_SEQ_PRINTF(seq, "%d flags %x extra %llu node %d", map->max_entries, map->map_flags,
		       map->map_extra, map->numa_node);
	BPF_SEQ_PRINTF(seq, " key %u value %u btf %d frozen %d inner %d\n", map->btf_key_type_id != 0,
		       map->btf_value_type_id != 0, map->btf && map->btf->id, map->frozen,
		       map->inner_map_meta ? map->inner_map_meta->value_size : -1);
	return 0;
}

SEC("iter/bpf_prog")
int dump_progs(struct bpf_iter__bpf_prog *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct bpf_prog *prog = ctx->prog;
	struct bpf_prog_aux *aux;

	if (!prog) {
		BPF_SEQ_PRINTF(seq, "no more programs\n");
		return 0;
	}
	aux = prog->aux;
	if (!named(aux->name, 'd', 'u', 'm'))
		return 0;
	BPF_SEQ_PRINTF(seq, "%s type %u at %u tag %02x%02x", aux->name, prog->type,
		       prog->expected_attach_type, prog->tag[0], prog->tag[7]);
	BPF_SEQ_PRINTF(seq, " maps %u on %s gpl %d jited %d self %d", aux->used_map_cnt,
		       aux->attach_func_name, prog->gpl_compatible, prog->jited, aux->prog == prog);
	BPF_SEQ_PRINTF(seq, " id %d insns %d\n", aux->id != 0, prog->len != 0);
	return 0;
}

SEC("iter/bpf_link")
int dump_links(struct bpf_iter__bpf_link *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct bpf_link *link = ctx->link;

	if (!link) {
		BPF_SEQ_PRINTF(seq, "no more links\n");
		return 0;
	}
	if (!link->prog || !named(link->prog->aux->name, 'd', 'u', 'm'))
		return 0;
	BPF_SEQ_PRINTF(seq, "link type %u id %d of %s\n", link->type, link->id != 0, link->prog->aux->name);
	return 0;
}

SEC("iter/bpf_map_elem")
int dump_hash(struct bpf_iter__bpf_map_elem *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	__u32 *key = ctx->key;
	struct point *p = ctx->value;

	if (!key || !p) {
		BPF_SEQ_PRINTF(seq, "%s: end after %llu\n", ctx->map->name, ctx->meta->seq_num);
		return 0;
	}
	BPF_SEQ_PRINTF(seq, "%s: %u = %d,%d\n", ctx->map->name, *key, p->x, p->y);
	if (data.change)
		p->y += data.change;
	return 0;
}

SEC("iter/bpf_map_elem")
int dump_u64(struct bpf_iter__bpf_map_elem *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	__u32 *key = ctx->key;
	__u64 *value = ctx->value;

	if (!key || !value) {
		BPF_SEQ_PRINTF(seq, "%s: end after %llu\n", ctx->map->name, ctx->meta->seq_num);
		return 0;
	}
	BPF_SEQ_PRINTF(seq, "%s: %llu: %u = %llu\n", ctx->map->name, ctx->meta->seq_num, *key, *value);
	if (data.change)
		*value += data.change;
	return 0;
}

/* Without numbers: for maps that promise no order. */
SEC("iter/bpf_map_elem")
int dump_plain(struct bpf_iter__bpf_map_elem *ctx)
{
	__u32 *key = ctx->key;
	__u64 *value = ctx->value;

	if (key && value)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%s: %u = %llu\n", ctx->map->name, *key, *value);
	return 0;
}

/* Binary: key and value as they are. */
SEC("iter/bpf_map_elem")
int dump_raw(struct bpf_iter__bpf_map_elem *ctx)
{
	void *key = ctx->key, *value = ctx->value;

	if (!key || !value)
		return 0;
	bpf_seq_write(ctx->meta->seq, key, 4);
	bpf_seq_write(ctx->meta->seq, value, 8);
	return 0;
}

/* More than an object may write. */
static const char line[] = "................................................................\n";

SEC("iter/bpf_map_elem")
int dump_much(struct bpf_iter__bpf_map_elem *ctx)
{
	long r = 0;

	if (!ctx->key)
		return 0;
	for (int i = 0; i < 600 && !r; i++)
		r = bpf_seq_write(ctx->meta->seq, line, sizeof(line) - 1);
	data.calls = -r;
	return 0;
}

/* As much as one may, for each. */
SEC("iter/bpf_map_elem")
int dump_large(struct bpf_iter__bpf_map_elem *ctx)
{
	if (!ctx->key)
		return 0;
	for (int i = 0; i < 500; i++)
		bpf_seq_write(ctx->meta->seq, line, sizeof(line) - 1);
	return 0;
}

/* Wants to be called again, as often as `again` says. */
SEC("iter/bpf_map_elem")
int dump_again(struct bpf_iter__bpf_map_elem *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	__u32 *key = ctx->key;

	if (!key)
		return 0;
	data.calls++;
	BPF_SEQ_PRINTF(seq, "%u\n", *key);
	if (*key == 1 && data.again) {
		data.again--;
		return 1;
	}
	return 0;
}

/* Other helpers on the way: reads by address, maps, text of its own, a callback. */
static long count_one(struct bpf_map *map, __u32 *key, struct point *p, long *n)
{
	*n += p->x;
	return 0;
}

SEC("iter/bpf_map_elem")
int dump_helpers(struct bpf_iter__bpf_map_elem *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	__u32 *key = ctx->key, k, id = 0, wanted;
	__u64 *value = ctx->value;
	char name[16] = "", text[32] = "";
	struct point p = { 7, 8 }, *found;
	long n = 0;

	if (!key || !value)
		return 0;
	k = *key;
	bpf_probe_read_kernel_str(name, sizeof(name), ctx->map->name);
	bpf_probe_read_kernel(&id, sizeof(id), __builtin_preserve_access_index(&ctx->map->id));
	wanted = ctx->map->id;
	found = bpf_map_lookup_elem(&it_hash, &k);
	BPF_SEQ_PRINTF(seq, "%s %d found %d", name, id == wanted, found ? found->x : -1);
	k += 100;
	bpf_map_update_elem(&it_hash, &k, &p, BPF_ANY);
	bpf_for_each_map_elem(&it_hash, count_one, &n, 0);
	BPF_SNPRINTF(text, sizeof(text), "<%llu>", *value);
	BPF_SEQ_PRINTF(seq, " sum %ld %s", n, text);
	BPF_SEQ_PRINTF(seq, " left %ld pid %d\n", bpf_map_delete_elem(&it_hash, &k),
		       bpf_get_current_pid_tgid() != 0);
	return 0;
}

SEC("iter/bpf_map")
int dump_formats(struct bpf_iter__bpf_map *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	char text[] = "text";
	__u32 ip = __builtin_bswap32(0x7f000001);

	if (ctx->map)
		return 0;
	BPF_SEQ_PRINTF(seq, "%d|%5d|%-5d|%05d|%x|%X|%lld|%llu|%c|%%\n", -1, 42, 42, 42, 255, 255, -5ll, 7ull,
		       'c');
	BPF_SEQ_PRINTF(seq, "%s|%10s|%-10s|%pI4|%px\n", text, text, text, &ip, (void *)0x1234);
	/* One that the kernel does not know. */
	data.again = -(long)BPF_SEQ_PRINTF(seq, "%q\n", 1);
	return 0;
}
