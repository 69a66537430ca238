// SPDX-License-Identifier: BSD-2-Clause
/*
 * An element's bytes, shown as what type the client wants: bpf_seq_printf_btf and bpf_snprintf_btf.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define VALUE 4096

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id, seq_num;
};

struct bpf_map;

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key, *value;
};
#pragma clang attribute pop

char LICENSE[] SEC("license") = "GPL";

struct many {
	char b[VALUE];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct many);
} bytes SEC(".maps");

struct {
	__u64 flags;
	__u32 type_id, size;
	__s64 result;
} ask;

SEC("iter/bpf_map_elem")
int typed(struct bpf_iter__bpf_map_elem *ctx)
{
	struct btf_ptr p = { .type_id = ask.type_id };
	char *value = ctx->value;

	if (!ctx->key || !value)
		return 0;
	value[VALUE - 1] = 0;
	p.ptr = value;
	/* Sizes are constants to the verifier. */
	if (ask.size == sizeof(p))
		ask.result = bpf_seq_printf_btf(ctx->meta->seq, &p, sizeof(p), ask.flags);
	else
		ask.result = bpf_seq_printf_btf(ctx->meta->seq, &p, sizeof(p) - 1, ask.flags);
	return 0;
}

SEC("iter/bpf_map_elem")
int text(struct bpf_iter__bpf_map_elem *ctx)
{
	struct btf_ptr p = { .type_id = ask.type_id };
	char *value = ctx->value, shown[200] = "";

	if (!ctx->key || !value)
		return 0;
	value[VALUE - 1] = 0;
	p.ptr = value;
	if (ask.size == sizeof(p))
		ask.result = bpf_snprintf_btf(shown, sizeof(shown), &p, sizeof(p), ask.flags);
	else
		ask.result = bpf_snprintf_btf(shown, sizeof(shown), &p, sizeof(p) - 1, ask.flags);
	bpf_seq_write(ctx->meta->seq, shown, sizeof(shown));
	return 0;
}
