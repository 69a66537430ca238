// SPDX-License-Identifier: BSD-2-Clause
/*
 * One iterator over elements, as `bpftool iter pin` takes it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id, seq_num;
};

struct bpf_map {
	char name[16];
};

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key, *value;
};
#pragma clang attribute pop

char LICENSE[] SEC("license") = "GPL";

SEC("iter/bpf_map_elem")
int one(struct bpf_iter__bpf_map_elem *ctx)
{
	__u32 *key = ctx->key;
	__u64 *value = ctx->value;

	if (key && value)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%s %u %llu\n", ctx->map->name, *key, *value);
	return 0;
}
