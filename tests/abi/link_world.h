// SPDX-License-Identifier: BSD-2-Clause
/*
 * The world of links: programs of every kind at fixed fd numbers, cgroups, interfaces, and rows as data.
 *
 * A row is one call; what it leaves open stands in a slot, so that later rows
 * can name it. Ids are never printed: a query's answer names programs and links by
 * the fds that they are known by.
 */
#ifndef PINFS_TESTS_LINK_WORLD_H
#define PINFS_TESTS_LINK_WORLD_H

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include "rows.h"

#ifndef BPF_F_BEFORE
#define BPF_F_BEFORE (1u << 3)
#define BPF_F_AFTER  (1u << 4)
#define BPF_F_ID     (1u << 5)
#endif
#define F_PREORDER      (1u << 6)
#define F_LINK          (1u << 13)
#define AT_TCX_IN       46
#define AT_TCX_OUT      47
#define AT_NETFILTER    45
#define AT_UPROBE_MULTI 48
#define AT_END          60

/* Programs: type, expected attach type, name, what r0 is. */
struct world_prog {
	const char *name;
	uint32_t type, expected, r0, flags;
};

enum {
	P0 = 100, /* first program's fd */
	P_SOCKFILTER = P0,
	P_KPROBE,
	P_KPROBE_MULTI,
	P_UPROBE_MULTI,
	P_CLS,
	P_CLS2,
	P_CLS3,
	P_TRACEPOINT,
	P_XDP,
	P_XDP2,
	P_XDP_DEVMAP,
	P_XDP_CPUMAP,
	P_PERF,
	P_CGSKB,
	P_CGSKB2,
	P_CGSKB3,
	P_CGSKB_OUT,
	P_CGSOCK,
	P_POSTBIND4,
	P_SOCKOPS,
	P_SOCKOPS2,
	P_SKSKB,
	P_DEVICE,
	P_SKMSG,
	P_RAWTP,
	P_RAWTP2,
	P_CONNECT4,
	P_BIND4,
	P_RAWTPW,
	P_FLOW,
	P_FLOW2,
	P_SYSCTL,
	P_GETSOCKOPT,
	P_SKLOOKUP,
	P_SKLOOKUP2,
	P_NETFILTER,
	P_NETFILTER2,
	P_END,
	FD_CG = 160, /* a cgroup, one below it, one below that */
	FD_CG_SUB,
	FD_CG_SUBSUB,
	FD_CG_FILE,
	FD_NETNS,
	FD_UTSNS,
	FD_MAP,
	FD_NULL,
	FD_SOCKS, /* a map of sockets, where one is made */
	L0 = 180, /* slots of links */
	FD_CLOSED = 199,
	IF_LO = 1,
	IF_NONE = 4711,
};

/* In the order of the numbers above. */
static const struct world_prog world_progs[] = {
#define P(n, ...)                                                                                            \
	{                                                                                                    \
#n, __VA_ARGS__                                                                              \
	}
	P(SOCKFILTER, BPF_PROG_TYPE_SOCKET_FILTER, 0, 0, 0),
	P(KPROBE, BPF_PROG_TYPE_KPROBE, 0, 0, 0),
	P(KPROBE_MULTI, BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, 0, 0),
	P(UPROBE_MULTI, BPF_PROG_TYPE_KPROBE, AT_UPROBE_MULTI, 0, 0),
	P(CLS, BPF_PROG_TYPE_SCHED_CLS, 0, 0, 0),
	P(CLS2, BPF_PROG_TYPE_SCHED_CLS, 0, 0, 0),
	P(CLS3, BPF_PROG_TYPE_SCHED_CLS, 0, 0, 0),
	P(TRACEPOINT, BPF_PROG_TYPE_TRACEPOINT, 0, 0, 0),
	P(XDP, BPF_PROG_TYPE_XDP, 0, 2, 0),
	P(XDP2, BPF_PROG_TYPE_XDP, 0, 2, 0),
	P(XDP_DEVMAP, BPF_PROG_TYPE_XDP, BPF_XDP_DEVMAP, 2, 0),
	P(XDP_CPUMAP, BPF_PROG_TYPE_XDP, BPF_XDP_CPUMAP, 2, 0),
	P(PERF, BPF_PROG_TYPE_PERF_EVENT, 0, 0, 0),
	P(CGSKB, BPF_PROG_TYPE_CGROUP_SKB, 0, 1, 0),
	P(CGSKB2, BPF_PROG_TYPE_CGROUP_SKB, 0, 1, 0),
	P(CGSKB3, BPF_PROG_TYPE_CGROUP_SKB, 0, 1, 0),
	P(CGSKB_OUT, BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, 1, 0),
	P(CGSOCK, BPF_PROG_TYPE_CGROUP_SOCK, 0, 1, 0),
	P(POSTBIND4, BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET4_POST_BIND, 1, 0),
	P(SOCKOPS, BPF_PROG_TYPE_SOCK_OPS, 0, 1, 0),
	P(SOCKOPS2, BPF_PROG_TYPE_SOCK_OPS, 0, 1, 0),
	P(SKSKB, BPF_PROG_TYPE_SK_SKB, 0, 1, 0),
	P(DEVICE, BPF_PROG_TYPE_CGROUP_DEVICE, 0, 1, 0),
	P(SKMSG, BPF_PROG_TYPE_SK_MSG, 0, 1, 0),
	P(RAWTP, BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0, 0),
	P(RAWTP2, BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0, 0),
	P(CONNECT4, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, 1, 0),
	P(BIND4, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_BIND, 1, 0),
	P(RAWTPW, BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, 0, 0, 0),
	P(FLOW, BPF_PROG_TYPE_FLOW_DISSECTOR, 0, 0, 0),
	P(FLOW2, BPF_PROG_TYPE_FLOW_DISSECTOR, 0, 0, 0),
	P(SYSCTL, BPF_PROG_TYPE_CGROUP_SYSCTL, 0, 1, 0),
	P(GETSOCKOPT, BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_GETSOCKOPT, 1, 0),
	P(SKLOOKUP, BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, 1, 0),
	P(SKLOOKUP2, BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, 1, 0),
	P(NETFILTER, 32, AT_NETFILTER, 1, 0),
	P(NETFILTER2, 32, AT_NETFILTER, 1, 0),
#undef P
};

_Static_assert(ARRAY_SIZE(world_progs) == P_END - P0, "one row a number");

static uint32_t known_id[256]; /* of the object at an fd, as long as it is that one */

static inline uint32_t object_id(int fd)
{
	uint32_t info[64] = { 0 };
	union row_attr a = { .a.info = { .bpf_fd = (uint32_t)fd, .info_len = 64, .info = ptr(info) } };

	return raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, 16) ? 0 : info[1];
}

/* Puts fd at a number of its own. */
static inline void place_fd(int fd, int at)
{
	must(fd >= 0 && dup3(fd, at, O_CLOEXEC) == at, "an fd");
	close(fd);
}

static inline int load_prog(const struct world_prog *p)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = (int)p->r0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union row_attr a = { .a = { .prog_type = p->type,
				    .insns = ptr(insns),
				    .insn_cnt = 2,
				    .license = ptr("GPL"),
				    .prog_flags = p->flags,
				    .expected_attach_type = p->expected } };

	return raw_bpf(BPF_PROG_LOAD, &a, 128);
}

static inline void world_progs_make(void)
{
	for (int i = 0; i < P_END - P0; i++) {
		int fd = load_prog(&world_progs[i]);

		must(fd >= 0, world_progs[i].name);
		place_fd(fd, P0 + i);
		known_id[P0 + i] = object_id(P0 + i);
	}
}

static inline const char *fd_name(int fd)
{
	static char buf[4][32];
	static int at;
	char *b = buf[at++ & 3];

	if (fd >= P0 && fd < P_END)
		return world_progs[fd - P0].name;
	switch (fd) {
	case 0: return "0";
	case -1: return "-1";
	case FD_CG: return "cgroup";
	case FD_CG_SUB: return "sub";
	case FD_CG_SUBSUB: return "subsub";
	case FD_CG_FILE: return "cgroup.file";
	case FD_NETNS: return "netns";
	case FD_UTSNS: return "utsns";
	case FD_MAP: return "map";
	case FD_SOCKS: return "sockmap";
	case FD_NULL: return "null";
	case FD_CLOSED: return "closed";
	}
	if (fd >= L0 && fd < FD_CLOSED)
		snprintf(b, 32, "link%d", fd - L0);
	else
		snprintf(b, 32, "%d", fd);
	return b;
}

static inline const char *id_name(uint32_t id, int from, int to)
{
	for (int fd = from; fd < to; fd++)
		if (known_id[fd] == id && id)
			return fd_name(fd);
	return id ? "?" : "0";
}

/* ---- cgroups and interfaces ---- */

static char cg_path[200];

static inline int is_cgroup2(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == 0x63677270;
}

static inline void cgroups_remove(void)
{
	char path[300];

	if (!cg_path[0])
		return;
	snprintf(path, sizeof(path), "%s/sub/sub", cg_path);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/sub", cg_path);
	rmdir(path);
	rmdir(cg_path);
}

static inline void cgroups_make(void)
{
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char path[300];

	for (unsigned i = 0; i < ARRAY_SIZE(roots); i++)
		if (is_cgroup2(roots[i]))
			snprintf(cg_path, sizeof(cg_path), "%s/pinfs-rows-%d", roots[i], getpid());
	must(cg_path[0] && !mkdir(cg_path, 0755), "a cgroup");
	atexit(cgroups_remove);
	place_fd(open(cg_path, O_RDONLY | O_DIRECTORY), FD_CG);
	snprintf(path, sizeof(path), "%s/sub", cg_path);
	must(!mkdir(path, 0755), "a cgroup");
	place_fd(open(path, O_RDONLY | O_DIRECTORY), FD_CG_SUB);
	snprintf(path, sizeof(path), "%s/sub/sub", cg_path);
	must(!mkdir(path, 0755), "a cgroup");
	place_fd(open(path, O_RDONLY | O_DIRECTORY), FD_CG_SUBSUB);
	snprintf(path, sizeof(path), "%s/cgroup.procs", cg_path);
	place_fd(open(path, O_RDONLY), FD_CG_FILE);
}

/* A network namespace of our own: there is nothing in it but lo. */
static inline void world_netns(void)
{
	must(!unshare(CLONE_NEWNET), "a network namespace");
	place_fd(open("/proc/thread-self/ns/net", O_RDONLY), FD_NETNS);
	place_fd(open("/proc/thread-self/ns/uts", O_RDONLY), FD_UTSNS);
}

/* Without cgroups. */
static inline void world_make_net(void)
{
	union row_attr a = { .a = { .map_type = 1, .key_size = 4, .value_size = 4, .max_entries = 1 } };

	world_netns();
	place_fd(raw_bpf(BPF_MAP_CREATE, &a, 72), FD_MAP);
	place_fd(open("/dev/null", O_RDWR), FD_NULL);
	world_progs_make();
}

static inline void world_make(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	cgroups_make();
	world_make_net();
}

/* ---- rows ---- */

enum row_op { END, LINK, CLOSE, UPDATE, DETACHL, ATTACH, DETACH, QUERY, INFO, FDINFO, TITLE };

struct row {
	enum row_op op;
	int prog;    /* fd; UPDATE: the new one */
	int target;  /* fd or ifindex; of operations on links: the link's fd */
	uint32_t at; /* attach type */
	uint32_t flags;
	int rel; /* relative_fd; with BPF_F_ID the id of what that fd is; UPDATE: old_prog_fd */
	uint64_t rev;
	int old; /* ATTACH: replace_bpf_fd; LINK: slot */
};

static inline void say_flags(uint32_t f)
{
	if (f)
		say(" flags %#x", f);
}

static inline uint32_t relative(const struct row *r)
{
	return r->flags & BPF_F_ID && r->rel > 0 ? known_id[r->rel] : (uint32_t)r->rel;
}

static inline void row_link(const struct row *r)
{
	union row_attr a = { .w = { (uint32_t)r->prog, (uint32_t)r->target, r->at, r->flags, relative(r) } };
	int fd, slot = r->old ? r->old : L0;

	memcpy(&a.w[6], &r->rev, 8);
	say("link %s at %u of %s", fd_name(r->prog), r->at, fd_name(r->target));
	say_flags(r->flags);
	if (r->rel)
		say(" rel %s", fd_name(r->rel));
	if (r->rev)
		say(" rev %d", (int)r->rev);
	fd = result(raw_bpf(BPF_LINK_CREATE, &a, 64));
	if (fd >= 0) {
		place_fd(fd, slot);
		known_id[slot] = object_id(slot);
	}
}

static inline void row_update(const struct row *r)
{
	union row_attr a = { .w = { (uint32_t)r->target, (uint32_t)r->prog, r->flags, (uint32_t)r->rel } };

	say("update %s to %s old %s", fd_name(r->target), fd_name(r->prog), fd_name(r->rel));
	say_flags(r->flags);
	result(raw_bpf(BPF_LINK_UPDATE, &a, 16));
}

static inline void row_attach(const struct row *r)
{
	union row_attr a = { .w = { (uint32_t)r->target, (uint32_t)r->prog, r->at, r->flags, (uint32_t)r->old,
				    relative(r) } };
	int cmd = r->op == ATTACH ? BPF_PROG_ATTACH : BPF_PROG_DETACH;

	memcpy(&a.w[6], &r->rev, 8);
	say("%s %s at %u of %s", r->op == ATTACH ? "attach" : "detach", fd_name(r->prog), r->at,
	    fd_name(r->target));
	say_flags(r->flags);
	if (r->old)
		say(" replacing %s", fd_name(r->old));
	if (r->rel)
		say(" rel %s", fd_name(r->rel));
	if (r->rev)
		say(" rev %d", (int)r->rev);
	result(raw_bpf(cmd, &a, 32));
}

static inline void row_query(const struct row *r)
{
	uint32_t ids[70] = { 0 }, pflags[70] = { 0 }, links[70] = { 0 }, lflags[70] = { 0 };
	uint32_t cnt = r->rev ? (uint32_t)r->rev - 1 : 70;
	union row_attr a = { .w = { (uint32_t)r->target, r->at, r->flags, 0 } };
	uint64_t v;
	int err;

	a.w[6] = cnt;
	v = ptr(ids), memcpy(&a.w[4], &v, 8);
	if (!(r->flags & BPF_F_QUERY_EFFECTIVE)) {
		v = ptr(pflags), memcpy(&a.w[8], &v, 8);
		v = ptr(links), memcpy(&a.w[10], &v, 8);
		v = ptr(lflags), memcpy(&a.w[12], &v, 8);
	}
	say("query %u of %s room %u", r->at, fd_name(r->target), cnt);
	say_flags(r->flags);
	err = raw_bpf(BPF_PROG_QUERY, &a, 64);
	say(" -> %u flags %u rev %u", a.w[6], a.w[3], a.w[14]);
	for (uint32_t i = 0; i < a.w[6] && i < cnt && i < 70; i++) {
		say(" %s/%u", id_name(ids[i], P0, P_END), pflags[i]);
		if (links[i] || lflags[i])
			say("/%s/%u", id_name(links[i], L0, FD_CLOSED), lflags[i]);
	}
	result(err);
}

/* The fields that are the same in two runs. */
static inline void row_info(const struct row *r)
{
	uint32_t w[16] = { 0 };
	union row_attr a = { .a.info = { .bpf_fd = (uint32_t)r->target, .info_len = 64, .info = ptr(w) } };
	uint32_t inode, cgid;
	struct stat st;
	int err;

	fstat(FD_NETNS, &st);
	inode = (uint32_t)st.st_ino;
	fstat(FD_CG, &st);
	cgid = (uint32_t)st.st_ino;
	err = raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, 16);
	say("info %s len %u type %u prog %s:", fd_name(r->target), a.a.info.info_len, w[0],
	    id_name(w[2], P0, P_END));
	for (int i = 4; i < 16; i++)
		if (w[i] == inode)
			say(" netns");
		else if (w[i] == cgid)
			say(" cgroup");
		else
			say(" %u", w[i]);
	result(err);
}

static inline void row_fdinfo(const struct row *r)
{
	char path[64], line[200];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", r->target);
	f = fopen(path, "r");
	say("fdinfo %s:", fd_name(r->target));
	while (f && fgets(line, sizeof(line), f)) {
		char *v = strchr(line, '\t');

		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "pos", 3) || !strncmp(line, "flags", 5) || !strncmp(line, "mnt_id", 6) ||
		    !strncmp(line, "ino", 3) || strstr(line, "memlock"))
			continue;
		if (v && (!strncmp(line, "link_id", 7) || !strncmp(line, "prog_id", 7) ||
			  !strncmp(line, "cgroup_id", 9) || !strncmp(line, "netns_ino", 9)))
			strcpy(v, atoi(v + 1) ? " N" : " 0");
		say(" [%s]", line);
	}
	if (f)
		fclose(f);
	say("\n");
}

static inline void row_run(const struct row *r)
{
	union row_attr a = { .w = { (uint32_t)r->target } };

	switch (r->op) {
	case LINK: row_link(r); break;
	case CLOSE:
		close(r->target);
		known_id[r->target] = 0;
		break;
	case UPDATE: row_update(r); break;
	case DETACHL:
		say("detach %s", fd_name(r->target));
		result(raw_bpf(BPF_LINK_DETACH, &a, 4));
		break;
	case ATTACH:
	case DETACH: row_attach(r); break;
	case QUERY: row_query(r); break;
	case INFO: row_info(r); break;
	case FDINFO: row_fdinfo(r); break;
	default: break;
	}
}

static inline void rows_run(const char *title, const struct row *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		say("%s %zu: ", title, i);
		row_run(&r[i]);
		if (r[i].op == CLOSE)
			say("close %s\n", fd_name(r[i].target));
	}
	for (int fd = L0; fd < FD_CLOSED; fd++)
		if (known_id[fd]) {
			close(fd);
			known_id[fd] = 0;
		}
}
#define ROWS(title, rows) rows_run(title, rows, ARRAY_SIZE(rows))

#endif
