// SPDX-License-Identifier: BSD-2-Clause
/* Tells each frame's length. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int tell(struct xdp_md *ctx)
{
	bpf_printk("frame of %d bytes", (int)(ctx->data_end - ctx->data));
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
