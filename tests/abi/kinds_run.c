// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rows: programs that use maps of devices, CPUs and sockets: where a packet is
 * redirected to, with every flag; values read in place; what may not be written;
 * the helpers that know the current cgroup and that look for sockets.
 */
#include <net/if.h>
#include <sys/socket.h>
#include "kinds_rows.h"

#define AF_XDP_FAMILY 44

#define MOV(d, i)    ((struct bpf_insn){ .code = 0xb7, .dst_reg = d, .imm = (int)(i) })
#define MOVR(d, s)   ((struct bpf_insn){ .code = 0xbf, .dst_reg = d, .src_reg = s })
#define ADD(d, i)    ((struct bpf_insn){ .code = 0x07, .dst_reg = d, .imm = i })
#define STW(d, o, i) ((struct bpf_insn){ .code = 0x62, .dst_reg = d, .off = o, .imm = i })
#define LDW(d, s, o) ((struct bpf_insn){ .code = 0x61, .dst_reg = d, .src_reg = s, .off = o })
#define JEQ(d, i, o) ((struct bpf_insn){ .code = 0x15, .dst_reg = d, .imm = i, .off = o })
#define CALL(n)      ((struct bpf_insn){ .code = 0x85, .imm = n })
#define EXIT         ((struct bpf_insn){ .code = 0x95 })
#define MAP_FD(d, fd)                                                                                        \
	((struct bpf_insn){ .code = 0x18, .dst_reg = d, .src_reg = 1, .imm = fd }), ((struct bpf_insn){ 0 })
#define LOAD64(d, lo, hi)                                                                                    \
	((struct bpf_insn){ .code = 0x18, .dst_reg = d, .imm = (int)(lo) }),                                 \
		((struct bpf_insn){ .imm = (int)(hi) })

static int load(uint32_t type, const struct bpf_insn *insns, uint32_t cnt)
{
	union row_attr r = {
		.a = { .prog_type = type, .insns = ptr(insns), .insn_cnt = cnt, .license = ptr("GPL") }
	};

	return raw_bpf(BPF_PROG_LOAD, &r, 128);
}

static void run_row(const char *what, uint32_t type, const struct bpf_insn *insns, uint32_t cnt)
{
	static uint8_t packet[64];
	int fd = load(type, insns, cnt);
	int tp = type == BPF_PROG_TYPE_RAW_TRACEPOINT;
	union row_attr r = { .a.test = { .prog_fd = (uint32_t)fd,
					 .data_in = tp ? 0 : ptr(packet),
					 .data_size_in = tp ? 0 : sizeof(packet) } };

	say("%s", what);
	if (fd < 0) {
		say(" load");
		result(-1);
		return;
	}
	if (raw_bpf(BPF_PROG_TEST_RUN, &r, 80)) {
		say(" run");
		result(-1);
	} else {
		say(" gives %d: ok\n", (int)r.a.test.retval);
	}
	close(fd);
}

#define RUN(what, type, ...)                                                                                 \
	do {                                                                                                 \
		const struct bpf_insn i_[] = { __VA_ARGS__ };                                                \
		run_row(what, type, i_, ARRAY_SIZE(i_));                                                     \
	} while (0)

static int map(uint32_t type, uint32_t value, uint32_t max)
{
	return world_map(type, 4, value, max, 0);
}

static void redirect_rows(const char *name, int m)
{
	static const uint32_t keys[] = { 0, 1, 3, 4, 5, 0xffffffff };
	static const uint64_t flags[] = { 0,      1,     2,          3,    4,           8,          16,
					  8 | 16, 8 | 2, 8 | 16 | 3, 0x20, 0x100000000, 0x100000002 };
	char what[80];

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
		for (size_t f = 0; f < ARRAY_SIZE(flags); f++) {
			snprintf(what, sizeof(what), "%s redirect to %#x flags %#llx", name, keys[k],
				 (unsigned long long)flags[f]);
			RUN(what, BPF_PROG_TYPE_XDP, MAP_FD(1, m), MOV(2, keys[k]),
			    LOAD64(3, flags[f], flags[f] >> 32), CALL(BPF_FUNC_redirect_map), EXIT);
		}
}

/* What a program finds at a key: word 0 of it, 77 when there is nothing. */
static void value_rows(const char *name, int m)
{
	char what[80];

	for (uint32_t key = 0; key < 5; key++) {
		snprintf(what, sizeof(what), "%s value at %u", name, key);
		RUN(what, BPF_PROG_TYPE_XDP, STW(10, -4, (int)key), MAP_FD(1, m), MOVR(2, 10), ADD(2, -4),
		    CALL(BPF_FUNC_map_lookup_elem), JEQ(0, 0, 2), LDW(0, 0, 0), EXIT, MOV(0, 77), EXIT);
	}
	snprintf(what, sizeof(what), "%s value written", name);
	RUN(what, BPF_PROG_TYPE_XDP, STW(10, -4, 1), MAP_FD(1, m), MOVR(2, 10), ADD(2, -4),
	    CALL(BPF_FUNC_map_lookup_elem), JEQ(0, 0, 1), STW(0, 0, 5), MOV(0, 77), EXIT);
	snprintf(what, sizeof(what), "%s updated", name);
	RUN(what, BPF_PROG_TYPE_XDP, STW(10, -4, 1), MAP_FD(1, m), MOVR(2, 10), ADD(2, -4), MOVR(3, 2),
	    MOV(4, 0), CALL(BPF_FUNC_map_update_elem), MOV(0, 0), EXIT);
	snprintf(what, sizeof(what), "%s deleted", name);
	RUN(what, BPF_PROG_TYPE_XDP, STW(10, -4, 1), MAP_FD(1, m), MOVR(2, 10), ADD(2, -4),
	    CALL(BPF_FUNC_map_delete_elem), MOV(0, 0), EXIT);
}

static void device_rows(void)
{
	uint32_t lo = if_nametoindex("lo"), q = 192, key = 1,
		 xsk = (uint32_t)socket(AF_XDP_FAMILY, SOCK_RAW, 0);
	int dev = map(BPF_MAP_TYPE_DEVMAP, 4, 4), hash = map(BPF_MAP_TYPE_DEVMAP_HASH, 8, 4);
	int cpu = map(BPF_MAP_TYPE_CPUMAP, 4, 4), xm = map(BPF_MAP_TYPE_XSKMAP, 4, 4);
	uint32_t v[2] = { lo, 0 };

	must(dev >= 0 && hash >= 0 && cpu >= 0 && xm >= 0, "maps");
	must(!update(dev, &key, &lo, 0) && !update(cpu, &key, &q, 0), "elements");
	must(!update(xm, &key, &xsk, 0), "an AF_XDP socket");
	must(!update(hash, &key, v, 0), "elements of the hash");
	key = 5;
	must(!update(hash, &key, v, 0), "elements of the hash");
	redirect_rows("devmap", dev);
	redirect_rows("devmap_hash", hash);
	redirect_rows("cpumap", cpu);
	redirect_rows("xskmap", xm);
	value_rows("devmap", dev);
	value_rows("devmap_hash", hash);
	value_rows("cpumap", cpu);
	close((int)xsk);
	close(dev);
	close(hash);
	close(cpu);
	close(xm);
}

static void cgroup_rows(void)
{
	int m = map(BPF_MAP_TYPE_CGROUP_ARRAY, 4, 2), fd = open("/sys/fs/cgroup/unified", O_RDONLY);
	uint32_t key = 0, v;
	char what[80];

	if (fd < 0)
		fd = open("/sys/fs/cgroup", O_RDONLY);
	v = (uint32_t)fd;
	must(m >= 0 && !update(m, &key, &v, 0), "a cgroup");
	for (uint32_t i = 0; i < 3; i++) {
		snprintf(what, sizeof(what), "task under cgroup %u", i);
		RUN(what, BPF_PROG_TYPE_RAW_TRACEPOINT, MAP_FD(1, m), MOV(2, i),
		    CALL(BPF_FUNC_current_task_under_cgroup), EXIT);
	}
	for (int level = -1; level < 4; level++) {
		snprintf(what, sizeof(what), "ancestor %d", level);
		RUN(what, BPF_PROG_TYPE_RAW_TRACEPOINT, MOV(1, level),
		    CALL(BPF_FUNC_get_current_ancestor_cgroup_id), EXIT);
	}
	RUN("own cgroup", BPF_PROG_TYPE_RAW_TRACEPOINT, CALL(BPF_FUNC_get_current_cgroup_id), EXIT);
	close(fd);
	close(m);
}

/* Sockets of a packet in a test run, and looked for where none is. */
static void socket_rows(void)
{
	static const int askers[] = { BPF_FUNC_sk_fullsock, BPF_FUNC_tcp_sock, BPF_FUNC_get_listener_sock };
	static const int lookups[] = { BPF_FUNC_sk_lookup_tcp, BPF_FUNC_sk_lookup_udp,
				       BPF_FUNC_skc_lookup_tcp };
	static const uint32_t sizes[] = { 12, 36, 4 };
	char what[80];

	for (size_t i = 0; i < ARRAY_SIZE(askers); i++) {
		snprintf(what, sizeof(what), "helper %d of the packet's socket", askers[i]);
		RUN(what, BPF_PROG_TYPE_SCHED_CLS, MOV(0, 0),
		    ((struct bpf_insn){ .code = 0x79, .dst_reg = 1, .src_reg = 1, .off = 168 }), JEQ(1, 0, 3),
		    CALL(askers[i]), JEQ(0, 0, 1), MOV(0, 1), EXIT);
	}
	for (size_t i = 0; i < ARRAY_SIZE(lookups); i++)
		for (size_t n = 0; n < ARRAY_SIZE(sizes); n++) {
			snprintf(what, sizeof(what), "helper %d with %u bytes", lookups[i], sizes[n]);
			RUN(what, BPF_PROG_TYPE_SCHED_CLS, MOV(2, 0),
			    ((struct bpf_insn){ .code = 0x7b, .dst_reg = 10, .src_reg = 2, .off = -8 }),
			    ((struct bpf_insn){ .code = 0x7b, .dst_reg = 10, .src_reg = 2, .off = -16 }),
			    ((struct bpf_insn){ .code = 0x7b, .dst_reg = 10, .src_reg = 2, .off = -24 }),
			    ((struct bpf_insn){ .code = 0x7b, .dst_reg = 10, .src_reg = 2, .off = -32 }),
			    ((struct bpf_insn){ .code = 0x7b, .dst_reg = 10, .src_reg = 2, .off = -40 }),
			    MOVR(2, 10), ADD(2, -40), MOV(3, sizes[n]), MOV(4, -1), MOV(5, 0),
			    CALL(lookups[i]), JEQ(0, 0, 4), MOVR(1, 0), CALL(BPF_FUNC_sk_release), MOV(0, 1),
			    EXIT, MOV(0, 0), EXIT);
		}
}

int main(void)
{
	world_enter();
	device_rows();
	cgroup_rows();
	socket_rows();
	return 0;
}
