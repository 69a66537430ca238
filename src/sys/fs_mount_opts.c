// SPDX-License-Identifier: BSD-2-Clause
/*
 * The options of a mount of type bpf, as mount(2) gets them and /proc/mounts shows them.
 *
 *     mode=OCTAL uid=N gid=N
 *     delegate_cmds= delegate_maps= delegate_progs= delegate_attachs=
 *         any, a mask, or names of the ABI's enums with ':' between
 *
 * Unknown options are taken and forgotten, as the kernel does.
 */
#include "sys/fscalls.h"
#include <stdio.h>
#include <stdlib.h>

/* Names in the order of their numbers, without prefix and in lower case. */
static const char cmd_names[] =
	"map_create map_lookup_elem map_update_elem map_delete_elem map_get_next_key prog_load obj_pin "
	"obj_get prog_attach prog_detach prog_test_run prog_get_next_id map_get_next_id prog_get_fd_by_id "
	"map_get_fd_by_id obj_get_info_by_fd prog_query raw_tracepoint_open btf_load btf_get_fd_by_id "
	"task_fd_query map_lookup_and_delete_elem map_freeze btf_get_next_id map_lookup_batch "
	"map_lookup_and_delete_batch map_update_batch map_delete_batch link_create link_update "
	"link_get_fd_by_id link_get_next_id enable_stats iter_create link_detach prog_bind_map token_create "
	"prog_stream_read_by_fd";
static const char map_names[] =
	"unspec hash array prog_array perf_event_array percpu_hash percpu_array stack_trace cgroup_array "
	"lru_hash lru_percpu_hash lpm_trie array_of_maps hash_of_maps devmap sockmap cpumap xskmap sockhash "
	"cgroup_storage reuseport_sockarray percpu_cgroup_storage queue stack sk_storage devmap_hash "
	"struct_ops ringbuf inode_storage task_storage bloom_filter user_ringbuf cgrp_storage arena";
static const char prog_names[] =
	"unspec socket_filter kprobe sched_cls sched_act tracepoint xdp perf_event cgroup_skb cgroup_sock "
	"lwt_in lwt_out lwt_xmit sock_ops sk_skb cgroup_device sk_msg raw_tracepoint cgroup_sock_addr "
	"lwt_seg6local lirc_mode2 sk_reuseport flow_dissector cgroup_sysctl raw_tracepoint_writable "
	"cgroup_sockopt tracing struct_ops ext lsm sk_lookup syscall netfilter";
static const char attach_names[] =
	"cgroup_inet_ingress cgroup_inet_egress cgroup_inet_sock_create cgroup_sock_ops sk_skb_stream_parser "
	"sk_skb_stream_verdict cgroup_device sk_msg_verdict cgroup_inet4_bind cgroup_inet6_bind "
	"cgroup_inet4_connect cgroup_inet6_connect cgroup_inet4_post_bind cgroup_inet6_post_bind "
	"cgroup_udp4_sendmsg cgroup_udp6_sendmsg lirc_mode2 flow_dissector cgroup_sysctl cgroup_udp4_recvmsg "
	"cgroup_udp6_recvmsg cgroup_getsockopt cgroup_setsockopt trace_raw_tp trace_fentry trace_fexit "
	"modify_return lsm_mac trace_iter cgroup_inet4_getpeername cgroup_inet6_getpeername "
	"cgroup_inet4_getsockname cgroup_inet6_getsockname xdp_devmap cgroup_inet_sock_release xdp_cpumap "
	"sk_lookup xdp sk_skb_verdict sk_reuseport_select sk_reuseport_select_or_migrate perf_event "
	"trace_kprobe_multi lsm_cgroup struct_ops netfilter tcx_ingress tcx_egress trace_uprobe_multi "
	"cgroup_unix_connect cgroup_unix_sendmsg cgroup_unix_recvmsg cgroup_unix_getpeername "
	"cgroup_unix_getsockname netkit_primary netkit_peer trace_kprobe_session trace_uprobe_session";

static const struct {
	const char *option, *names;
} delegates[] = {
	{ "delegate_cmds", cmd_names },
	{ "delegate_maps", map_names },
	{ "delegate_progs", prog_names },
	{ "delegate_attachs", attach_names },
};

/* The number of a name in a list, or -1. */
static int name_number(const char *names, const char *name, size_t n)
{
	for (int i = 0; *names; i++) {
		size_t len = strcspn(names, " ");

		if (len == n && !memcmp(names, name, n))
			return i;
		names += len + (names[len] != 0);
	}
	return -1;
}

/* "any", a number, or names: bits are added to *mask. */
static int parse_mask(const char *names, const char *value, u64 *mask)
{
	char *end;
	u64 v;
	int bit;

	while (*value) {
		size_t n = strcspn(value, ":");

		bit = name_number(names, value, n);
		v = strtoull(value, &end, 0);
		if (n == 3 && !memcmp(value, "any", 3))
			*mask = ~0ull;
		else if (bit >= 0)
			*mask |= 1ull << bit;
		else if (n && end == value + n && *value >= '0' && *value <= '9')
			*mask |= v;
		else
			return -EINVAL;
		value += n + (value[n] != 0);
	}
	return 0;
}

/* As the kernel shows a mask: known names, and what has none as one number. */
static void show_mask(const char *names, u64 mask, char *buf, size_t size)
{
	size_t at = 0;

	*buf = 0;
	if (mask == ~0ull) {
		snprintf(buf, size, "any");
		return;
	}
	for (int i = 0; *names; i++) {
		size_t len = strcspn(names, " ");

		if ((mask >> i & 1) && at < size)
			at += (size_t)snprintf(buf + at, size - at, "%s%.*s", at ? ":" : "", (int)len, names);
		mask &= ~(1ull << i);
		names += len + (names[len] != 0);
	}
	if (mask && at < size)
		snprintf(buf + at, size - at, "%s%#llx", at ? ":" : "", (unsigned long long)mask);
}

static int parse_number(const char *value, int base, u32 *to)
{
	char *end;
	unsigned long long v;

	if (!value || *value < '0' || *value > '9')
		return -EINVAL;
	v = strtoull(value, &end, base);
	if (*end || v > 0xffffffffull)
		return -EINVAL;
	*to = (u32)v;
	return 0;
}

static int parse_id(const char *value, u32 *to)
{
	int err = parse_number(value, 0, to);

	return err ? err : *to == ~0u ? -EINVAL : 0;
}

static int parse_one(struct run_mount *m, u64 masks[4], const char *key, const char *value)
{
	int err;

	if (!strcmp(key, "mode")) {
		err = parse_number(value, 8, &m->mode);
		m->mode &= 07777;
		m->has |= 1;
		return err;
	}
	if (!strcmp(key, "uid")) {
		m->has |= 2;
		return parse_id(value, &m->uid);
	}
	if (!strcmp(key, "gid")) {
		m->has |= 4;
		return parse_id(value, &m->gid);
	}
	for (u32 i = 0; i < ARRAY_SIZE(delegates); i++)
		if (!strcmp(key, delegates[i].option))
			return value ? parse_mask(delegates[i].names, value, &masks[i]) : -EINVAL;
	return 0;
}

int fs_parse_options(char *data, struct run_mount *m)
{
	u64 masks[4] = { 0 };
	char *save = NULL;
	int err = 0;

	for (char *o = strtok_r(data, ",", &save); o && !err; o = strtok_r(NULL, ",", &save)) {
		char *value = strchr(o, '=');

		if (value)
			*value++ = 0;
		err = parse_one(m, masks, o, value);
	}
	for (u32 i = 0; i < ARRAY_SIZE(delegates) && !err; i++)
		if (masks[i])
			show_mask(delegates[i].names, masks[i], m->delegate[i], sizeof(m->delegate[i]));
	return err;
}
