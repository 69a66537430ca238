// SPDX-License-Identifier: BSD-2-Clause
/*
 * One program for each hook that tools attach to by PROG_ATTACH.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("sk_skb/stream_verdict")
int verdict(struct __sk_buff *skb)
{
	return SK_PASS;
}

SEC("sk_skb/stream_parser")
int parser(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("sk_msg")
int msg(struct sk_msg_md *m)
{
	return SK_PASS;
}

SEC("flow_dissector")
int dissect(struct __sk_buff *skb)
{
	return BPF_OK;
}

SEC("cgroup_skb/egress")
int out(struct __sk_buff *skb)
{
	return 1;
}

SEC("cgroup_skb/egress")
int out2(struct __sk_buff *skb)
{
	return skb->len > 14;
}

char LICENSE[] SEC("license") = "GPL";
