// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rows: maps whose elements are devices, CPUs, sockets, cgroups and tasks.
 *
 * Creation of each type with sizes and flags around its rules; then elements:
 * what may go in, what comes out, what is said where nothing is. Ids and cookies
 * are compared with those that the row's own fd has, so that the lines hold none.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sys/un.h>
#include "kinds_rows.h"

#define AF_XDP_FAMILY 44
#define CGRP_STORAGE  32u

/* ---- creation ---- */

static int create(uint32_t type, uint32_t key, uint32_t value, uint32_t max, uint32_t flags)
{
	union row_attr r = { .a = { .map_type = type,
				    .key_size = key,
				    .value_size = value,
				    .max_entries = max,
				    .map_flags = flags } };

	return raw_bpf(BPF_MAP_CREATE, &r, 72);
}

static int create_btf(uint32_t type, uint32_t key, uint32_t value, uint32_t max, uint32_t flags, uint32_t kid,
		      uint32_t vid)
{
	union row_attr r = { .a = { .map_type = type,
				    .key_size = key,
				    .value_size = value,
				    .max_entries = max,
				    .map_flags = flags,
				    .btf_fd = FD_BTF,
				    .btf_key_type_id = kid,
				    .btf_value_type_id = vid } };

	return raw_bpf(BPF_MAP_CREATE, &r, 72);
}

static const uint32_t kinds[] = {
	14, 25, 16, 17, 15, 18, 20, 8, 19, 21, 24, 28, 29, CGRP_STORAGE, 26, ARENA
};

static void creation_rows(void)
{
	static const uint32_t sizes[] = { 0, 1, 2, 4, 8, 12, 16, 20, 512, 513, 32768, 65000, 70000 };
	static const uint32_t maxes[] = { 0, 1, 2, 4, 9000, 1u << 20, 0x80000001u, 0xffffffffu };

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		uint32_t t = kinds[k];
		uint32_t storage = t == 24 || t == 28 || t == 29 || t == CGRP_STORAGE;
		uint32_t cgroup = t == 19 || t == 21;
		uint32_t flags = storage ? 1 : t == ARENA ? 0x400 : 0;
		uint32_t key = t == ARENA ? 0
			       : cgroup   ? 8
					  : 4,
			 value = t == ARENA ? 0 : 4, max = storage || cgroup ? 0 : 1;

		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			say("create %u key %u", t, sizes[i]);
			result_fd(create(t, sizes[i], value, max, flags));
			say("create %u value %u", t, sizes[i]);
			result_fd(create(t, key, sizes[i], max, flags));
		}
		for (size_t i = 0; i < ARRAY_SIZE(maxes); i++) {
			if ((t != ARENA && t != 25) || maxes[i] <= 9000) {
				if (maxes[i] > 9000 && !storage && !cgroup && t != 16)
					continue;
				say("create %u max %u", t, maxes[i]);
				result_fd(create(t, key, value, maxes[i], flags));
			}
		}
		for (uint32_t bit = 0; bit < 20; bit++) {
			if (bit == 15 || bit == 16)
				continue;
			say("create %u flag %#x", t, 1u << bit);
			result_fd(create(t, key, value, max, flags ^ 1u << bit));
		}
		say("create %u flags both prog", t);
		result_fd(create(t, key, value, max, flags | 0x180));
		say("create %u btf", t);
		result_fd(create_btf(t, key, value, max, flags, BTF_INT, BTF_INT));
		say("create %u btf value alone", t);
		result_fd(create_btf(t, key, value, max, flags, 0, BTF_INT));
		if (storage) {
			say("create %u btf long key", t);
			result_fd(create_btf(t, 8, value, max, flags, BTF_LONG, BTF_INT));
			say("create %u btf pair", t);
			result_fd(create_btf(t, 4, 8, max, flags, BTF_INT, BTF_PAIR));
			say("create %u btf lock", t);
			result_fd(create_btf(t, 4, 8, max, flags, BTF_INT, BTF_LOCKED));
		}
		if (cgroup) {
			say("create %u btf long key", t);
			result_fd(create_btf(t, 8, 4, max, flags, BTF_LONG, BTF_INT));
			say("create %u btf lock", t);
			result_fd(create_btf(t, 8, 8, max, flags, BTF_LONG, BTF_LOCKED));
		}
	}
	say("create 25 max large");
	result_fd(create(25, 4, 4, 0x80000001u, 0));
	say("create 18 key 512 value 8");
	result_fd(create(18, 512, 8, 1, 0));
	say("create 33 max large");
	result_fd(create(33, 0, 0, (1u << 20) + 1, 0x400));
	say("create 33 max largest");
	result_fd(create(33, 0, 0, 1u << 20, 0x400));
}

static int prog_for(uint32_t type, uint32_t attach)
{
	union row_attr r = { .a = { .prog_type = type,
				    .insns = ptr(prog_return_0),
				    .insn_cnt = 2,
				    .license = ptr("GPL"),
				    .expected_attach_type = attach } };

	return raw_bpf(BPF_PROG_LOAD, &r, 128);
}

static uint32_t prog_id(int fd)
{
	uint32_t i[2] = { 0 };
	union row_attr r = { .a.info = { .bpf_fd = fd, .info_len = sizeof(i), .info = ptr(i) } };

	return raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &r, 16) ? 0 : i[1];
}

/* ---- devices and CPUs ---- */

static void dev_rows(uint32_t type)
{
	uint32_t lo = if_nametoindex("lo"), none = 0x7ffffff0, zero = 0;
	int m = create(type, 4, 4, 4, 0), m8 = create(type, 4, 8, 4, 0);
	int good = prog_for(BPF_PROG_TYPE_XDP, BPF_XDP_DEVMAP),
	    cpu = prog_for(BPF_PROG_TYPE_XDP, BPF_XDP_CPUMAP);
	char what[32];

	snprintf(what, sizeof(what), "dev%u", type);
	must(m >= 0 && m8 >= 0 && good >= 0 && cpu >= 0, "device maps");
	info_row(what, m);
	info_row(what, m8);
	next_row(what, m, NULL);
	get_row(what, m, 0, 1, 0);
	get_row(what, m, 0, 1, 4);
	get_row(what, m, 9, 1, 0);
	put_row(what, m, 0, &none, 0);
	put_row(what, m, 0, &zero, 0);
	put_row(what, m, 9, &none, 0);
	put_row(what, m, 9, &lo, 0);
	put_row(what, m, 0, &none, 5);
	put_row(what, m, 9, &none, 1);
	put_row(what, m, 0, &lo, 2);
	put_row(what, m, 0, &lo, 3);
	put_row(what, m, 0, &lo, 4);
	put_row(what, m, 1, &lo, 0);
	put_row(what, m, 1, &lo, 1);
	put_row(what, m, 1, &none, 1);
	put_row(what, m, 1, &lo, 2);
	get_row(what, m, 1, 1, 0);
	if (type == BPF_MAP_TYPE_DEVMAP) /* a hash map's order is its own */
		next_row(what, m, &zero);
	put_row(what, m, 1, &zero, 0);
	get_row(what, m, 1, 1, 0);
	put_row(what, m, 1, &lo, 0);
	take_row(what, m, 1);
	del_row(what, m, 1);
	get_row(what, m, 1, 1, 0);
	del_row(what, m, 1);
	del_row(what, m, 9);
	if (type == BPF_MAP_TYPE_DEVMAP_HASH)
		for (uint32_t i = 100; i < 105; i++)
			put_row(what, m, i, &lo, 0);
	batch_rows(what, m);
	for (int i = 0; i < 9; i++) {
		const int fds[] = { good, cpu, FD_PROG_XDP, FD_PROG, -1, 0, FD_CLOSED, FD_NULL, m };
		uint32_t v[2] = { lo, (uint32_t)fds[i] }, got[2] = { 0, 0 }, key = 2;

		snprintf(what, sizeof(what), "dev%u with program %d", type, i);
		put_row(what, m8, 2, v, 0);
		v[0] = none;
		put_row(what, m8, 3, v, 0);
		v[0] = 0;
		put_row(what, m8, 3, v, 0);
		if (lookup(m8, &key, got, 0) == 0)
			say("%s: lo %d prog %s\n", what, got[0] == lo,
			    !got[1]                   ? "none"
			    : got[1] == prog_id(good) ? "its id"
						      : "other");
	}
	{
		uint32_t v[2] = { lo, (uint32_t)good }, got[2] = { 0, 0 }, key = 2;

		snprintf(what, sizeof(what), "dev%u program", type);
		put_row(what, m8, 2, v, 0);
		uint32_t id = prog_id(good);
		close(good);
		say("%s held", what);
		result(lookup(m8, &key, got, 0));
		say("%s id %d\n", what, got[1] == id);
		union row_attr r = { .a = { .prog_id = id } };
		say("%s by id", what);
		result_fd(raw_bpf(BPF_PROG_GET_FD_BY_ID, &r, 4));
		del_row(what, m8, 2);
		get_row(what, m8, 2, 2, 0);
	}
	snprintf(what, sizeof(what), "dev%u", type);
	inner_row(what, m);
	freeze_row(what, m);
	put_row(what, m, 0, &lo, 0);
	close(cpu);
	close(m);
	close(m8);
}

static void cpu_rows(void)
{
	int m = create(BPF_MAP_TYPE_CPUMAP, 4, 4, 4, 0), m8 = create(BPF_MAP_TYPE_CPUMAP, 4, 8, 64, 0);
	int good = prog_for(BPF_PROG_TYPE_XDP, BPF_XDP_CPUMAP),
	    dev = prog_for(BPF_PROG_TYPE_XDP, BPF_XDP_DEVMAP);
	static const uint32_t sizes[] = { 0, 1, 192, 16384, 16385, 0xffffffff };
	uint32_t q = 192;

	must(m >= 0 && m8 >= 0 && good >= 0, "cpu maps");
	info_row("cpu", m);
	info_row("cpu8", m8);
	get_row("cpu", m, 0, 1, 0);
	get_row("cpu", m, 4, 1, 0);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		say("cpu qsize %u ", sizes[i]);
		put_row("", m, 0, &sizes[i], 0);
		get_row("cpu", m, 0, 1, 0);
	}
	put_row("cpu", m, 0, &q, 1);
	put_row("cpu", m, 0, &q, 2);
	put_row("cpu", m, 0, &q, 3);
	put_row("cpu", m, 0, &q, 4);
	put_row("cpu", m, 4, &q, 0);
	put_row("cpu", m, 4, &q, 1);
	q = 20000;
	put_row("cpu", m, 0, &q, 1);
	put_row("cpu", m, 4, &q, 0);
	put_row("cpu", m8, 63, &q, 0);
	q = 8;
	put_row("cpu impossible", m8, 63, &q, 0);
	q = 0;
	put_row("cpu impossible", m8, 63, &q, 0);
	next_row("cpu", m, NULL);
	take_row("cpu", m, 0);
	put_row("cpu", m, 1, &sizes[2], 0);
	del_row("cpu", m, 1);
	del_row("cpu", m, 1);
	del_row("cpu", m, 4);
	get_row("cpu", m, 1, 1, 0);
	for (int i = 0; i < 9; i++) {
		const int fds[] = { good, dev, FD_PROG_XDP, FD_PROG, -1, 0, FD_CLOSED, FD_NULL, m };
		uint32_t v[2] = { 192, (uint32_t)fds[i] }, got[2] = { 0, 0 }, key = 0;

		say("cpu program %d ", i);
		put_row("", m8, 0, v, 0);
		if (lookup(m8, &key, got, 0) == 0)
			say("cpu program %d: size %u prog %s\n", i, got[0],
			    !got[1]                   ? "none"
			    : got[1] == prog_id(good) ? "its id"
						      : "other");
		v[0] = 0;
		say("cpu program %d size 0 ", i);
		put_row("", m8, 0, v, 0);
	}
	batch_rows("cpu", m);
	inner_row("cpu", m);
	freeze_row("cpu", m);
	close(m);
	close(m8);
	close(good);
	close(dev);
}

/* ---- sockets ---- */

static int tcp_pair(int fd[3])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);

	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fd[0], (struct sockaddr *)&a, sizeof(a)) || listen(fd[0], 4) ||
	    getsockname(fd[0], (struct sockaddr *)&a, &n))
		return -1;
	fd[1] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd[1], (struct sockaddr *)&a, sizeof(a)))
		return -1;
	fd[2] = accept(fd[0], NULL, NULL);
	return fd[2];
}

static int udp_bound(int reuse)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_DGRAM, 0), one = 1;

	if (reuse)
		setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	must(bind(s, (struct sockaddr *)&a, sizeof(a)) == 0, "a bound socket");
	return s;
}

struct sock_kind {
	const char *name;
	int fd;
};

static struct sock_kind socks[40];
static int nr_socks;

static void add_sock(const char *name, int fd)
{
	socks[nr_socks].name = name;
	socks[nr_socks++].fd = fd;
}

/* Where the second version's cgroups are: alone, or beside those of the first. */
static const char *cgroup2(void)
{
	struct statfs s;

	return statfs("/sys/fs/cgroup/unified", &s) == 0 && s.f_type == 0x63677270 ? "/sys/fs/cgroup/unified"
										   : "/sys/fs/cgroup";
}

static void make_socks(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "\0kinds" };
	int t[3], u[2], one = 1, s;
	socklen_t n = sizeof(a);

	must(tcp_pair(t) >= 0, "tcp sockets");
	add_sock("tcp listening", t[0]);
	add_sock("tcp connected", t[1]);
	add_sock("tcp accepted", t[2]);
	add_sock("tcp new", socket(AF_INET, SOCK_STREAM, 0));
	s = socket(AF_INET, SOCK_STREAM, 0);
	must(bind(s, (struct sockaddr *)&a, sizeof(a)) == 0, "bind");
	add_sock("tcp bound", s);
	add_sock("udp new", socket(AF_INET, SOCK_DGRAM, 0));
	add_sock("udp bound", udp_bound(0));
	s = udp_bound(0);
	must(getsockname(s, (struct sockaddr *)&a, &n) == 0 && connect(s, (struct sockaddr *)&a, n) == 0,
	     "connected");
	add_sock("udp connected", s);
	add_sock("udp reuse", udp_bound(1));
	s = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	add_sock("udp reuse unbound", s);
	s = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	a.sin_port = 0;
	must(bind(s, (struct sockaddr *)&a, sizeof(a)) == 0, "bind");
	add_sock("tcp reuse bound", dup(s));
	s = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	a.sin_port = 0;
	must(bind(s, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(s, 1) == 0, "bind");
	add_sock("tcp reuse listening", s);
	add_sock("tcp6 new", socket(AF_INET6, SOCK_STREAM, 0));
	add_sock("udp6 new", socket(AF_INET6, SOCK_DGRAM, 0));
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, u) == 0, "a pair");
	add_sock("unix stream pair", u[0]);
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, u) == 0, "a pair");
	add_sock("unix dgram pair", u[0]);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, u) == 0, "a pair");
	add_sock("unix seqpacket pair", u[0]);
	add_sock("unix stream new", socket(AF_UNIX, SOCK_STREAM, 0));
	add_sock("unix dgram new", socket(AF_UNIX, SOCK_DGRAM, 0));
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	must(bind(s, (struct sockaddr *)&un, 8) == 0 && listen(s, 1) == 0, "a unix listener");
	add_sock("unix listening", s);
	add_sock("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
	add_sock("packet", socket(AF_PACKET, SOCK_RAW, 0));
	add_sock("raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	add_sock("xdp", socket(AF_XDP_FAMILY, SOCK_RAW, 0));
	add_sock("closed", FD_CLOSED);
	add_sock("negative", -1);
	add_sock("null", FD_NULL);
	add_sock("map", FD_MAP + 1);
	add_sock("dir", open("/", O_RDONLY | O_DIRECTORY));
	add_sock("cgroup", open(cgroup2(), O_RDONLY | O_DIRECTORY));
}

static uint64_t cookie_of(int fd)
{
	uint64_t c = 0;
	socklen_t n = sizeof(c);

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &c, &n);
	return c;
}

static void sock_map_rows(uint32_t type, uint32_t value_size)
{
	int m = create(type, 4, value_size, 4, 0);
	uint32_t key;
	uint64_t v;
	char what[80];

	snprintf(what, sizeof(what), "sock%u/%u", type, value_size);
	must(m >= 0, what);
	info_row(what, m);
	next_row(what, m, NULL);
	get_row(what, m, 0, 2, 0);
	get_row(what, m, 9, 2, 0);
	del_row(what, m, 0);
	del_row(what, m, 9);
	take_row(what, m, 0);
	for (int i = 0; i < nr_socks; i++) {
		uint64_t got = 0;

		v = (uint32_t)socks[i].fd;
		snprintf(what, sizeof(what), "sock%u/%u %s", type, value_size, socks[i].name);
		put_row(what, m, 0, &v, 0);
		key = 0;
		if (lookup(m, &key, &got, 0) == 0)
			say("%s: cookie %d\n", what, got == cookie_of(socks[i].fd));
		else
			say("%s: lookup %s\n", what, errno_name(errno));
		put_row(what, m, 0, &v, 1);
		put_row(what, m, 0, &v, 2);
		put_row(what, m, 9, &v, 0);
		put_row(what, m, 2, &v, 2);
		del_row(what, m, 0);
	}
	v = (uint32_t)socks[2].fd;
	put_row(what, m, 1, &v, 3);
	put_row(what, m, 1, &v, 4);
	put_row(what, m, 0, &v, 0);
	put_row(what, m, 1, &v, 0);
	put_row(what, m, 1, &v, 1);
	v = (uint32_t)socks[1].fd;
	put_row(what, m, 1, &v, 0);
	v = value_size == 8 ? 0x100000005 : 5;
	put_row(what, m, 3, &v, 0);
	take_row(what, m, 0);
	batch_rows(what, m);
	for (uint32_t i = 0; i < 4; i++)
		del_row(what, m, i);
	inner_row(what, m);
	freeze_row(what, m);
	close(m);
}

/* An element goes with its socket. */
static void sock_gone_rows(uint32_t type)
{
	int m = create(type, 4, 8, 4, 0), t[3];
	uint32_t key = 1;
	uint64_t v;
	char what[40];

	must(m >= 0 && tcp_pair(t) >= 0, "sockets to be closed");
	snprintf(what, sizeof(what), "sock%u then gone", type);
	v = (uint32_t)t[2];
	put_row(what, m, key, &v, 0);
	say("%s: %s\n", what, lookup(m, &key, &v, 0) ? errno_name(errno) : "there");
	close(t[2]);
	say("%s: closed, %s\n", what, lookup(m, &key, &v, 0) ? errno_name(errno) : "there");
	next_row(what, m, NULL);
	del_row(what, m, key);
	close(t[0]);
	close(t[1]);
	close(m);
}

/* ---- cgroups ---- */

static void cgroup_rows(void)
{
	int m = create(BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 4, 0);
	uint32_t v = 0;

	must(m >= 0, "a cgroup array");
	info_row("cgroup", m);
	get_row("cgroup", m, 0, 1, 0);
	get_row("cgroup", m, 9, 1, 0);
	next_row("cgroup", m, NULL);
	for (int i = nr_socks - 7; i < nr_socks; i++) {
		char what[64];

		v = (uint32_t)socks[i].fd;
		snprintf(what, sizeof(what), "cgroup %s", socks[i].name);
		put_row(what, m, 0, &v, 0);
		put_row(what, m, 0, &v, 1);
		put_row(what, m, 0, &v, 2);
		put_row(what, m, 9, &v, 0);
		get_row(what, m, 0, 1, 0);
		del_row(what, m, 0);
		del_row(what, m, 0);
	}
	char path[64];

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup2());
	v = (uint32_t)open(path, O_RDONLY);
	put_row("cgroup file", m, 0, &v, 0);
	close((int)v);
	v = (uint32_t)open(cgroup2(), O_PATH);
	put_row("cgroup O_PATH", m, 0, &v, 0);
	close((int)v);
	del_row("cgroup", m, 9);
	take_row("cgroup", m, 0);
	batch_rows("cgroup", m);
	inner_row("cgroup", m);
	freeze_row("cgroup", m);
	close(m);
}

/* The maps of a cgroup program: nothing is in them before one is attached. */
static void cgroup_storage_rows(uint32_t type, uint32_t key_size)
{
	int m = create(type, key_size, 8, 0, 0);
	uint64_t key[2] = { 1, 0 }, v[64] = { 7 }, next[2];
	char what[40];

	snprintf(what, sizeof(what), "cgroup storage %u/%u", type, key_size);
	must(m >= 0, what);
	info_row(what, m);
	for (uint64_t f = 0; f < 6; f++) {
		say("%s update %llu", what, (unsigned long long)f);
		result(update(m, key, v, f));
	}
	say("%s lookup", what);
	result(lookup(m, key, v, 0));
	say("%s next", what);
	result(next_key(m, NULL, next));
	say("%s next of", what);
	result(next_key(m, key, next));
	say("%s delete", what);
	result(delete (m, key));
	say("%s take", what);
	result(take(m, key, v));
	batch_rows(what, m);
	inner_row(what, m);
	freeze_row(what, m);
	close(m);
}

/* ---- storages ---- */

static void storage_rows(uint32_t type)
{
	int m = create_btf(type, 4, 8, 0, 1, BTF_INT, BTF_PAIR),
	    pid = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct sock_kind owners[48];
	int n = 0;
	char what[80];

	must(m >= 0 && pid >= 0, "a storage");
	snprintf(what, sizeof(what), "storage%u", type);
	info_row(what, m);
	for (int i = 0; i < nr_socks; i++)
		owners[n++] = socks[i];
	owners[n++] = (struct sock_kind){ "pidfd", pid };
	owners[n++] = (struct sock_kind){ "file", open("/proc/self/exe", O_RDONLY) };
	owners[n++] = (struct sock_kind){ "path", open("/", O_PATH) };
	owners[n++] = (struct sock_kind){ "eventfd", eventfd(0, 0) };
	for (int i = 0; i < n; i++) {
		uint32_t key = (uint32_t)owners[i].fd, v[2] = { 5, (uint32_t)i };

		snprintf(what, sizeof(what), "storage%u %s", type, owners[i].name);
		say("%s lookup", what);
		result(lookup(m, &key, v, 0));
		v[0] = 5;
		v[1] = (uint32_t)i;
		say("%s delete", what);
		result(delete (m, &key));
		for (uint64_t f = 0; f < 6; f++) {
			v[1]++;
			say("%s update %llu", what, (unsigned long long)f);
			result(update(m, &key, v, f));
			v[0] = v[1] = 0;
			say("%s lookup %s", what, lookup(m, &key, v, 0) ? errno_name(errno) : "ok");
			say(" %u %d\n", v[0], v[1] ? (int)v[1] - i : 0);
			v[0] = 5;
			v[1] = (uint32_t)i + (uint32_t)f;
			if (f == 1 || f == 2) {
				say("%s delete", what);
				result(delete (m, &key));
			}
		}
		say("%s next", what);
		result(next_key(m, NULL, &key));
		say("%s next of", what);
		result(next_key(m, &key, &key));
		say("%s take", what);
		result(take(m, &key, v));
	}
	snprintf(what, sizeof(what), "storage%u", type);
	batch_rows(what, m);
	inner_row(what, m);
	freeze_row(what, m);
	close(pid);
	close(m);
}

/* A file's value goes with the file: one that comes after, maybe under its number, has none. */
static void inode_gone_rows(void)
{
	int m = create_btf(BPF_MAP_TYPE_INODE_STORAGE, 4, 8, 0, 1, BTF_INT, BTF_PAIR);
	char path[] = "/tmp/kinds-XXXXXX";

	must(m >= 0, "a storage");
	close(mkstemp(path));
	for (int i = 0; i < 4; i++) {
		uint32_t key = (uint32_t)open(path, O_RDWR | O_CREAT, 0600), v[2] = { 1, 2 };

		say("file %d lookup", i);
		result(lookup(m, &key, v, 0));
		say("file %d update", i);
		result(update(m, &key, v, 1));
		close((int)key);
		key = (uint32_t)open(path, O_RDONLY);
		say("file %d opened again", i);
		result(lookup(m, &key, v, 0));
		close((int)key);
		unlink(path);
	}
	close(m);
}

/* A process that has been waited for is nobody. */
static void task_gone_rows(void)
{
	int m = create_btf(BPF_MAP_TYPE_TASK_STORAGE, 4, 8, 0, 1, BTF_INT, BTF_PAIR), pid = fork();
	uint32_t key, v[2] = { 1, 2 };

	if (!pid) {
		pause();
		_exit(0);
	}
	key = (uint32_t)syscall(SYS_pidfd_open, pid, 0);
	must(m >= 0 && pid > 0 && (int)key >= 0, "a child");
	say("task update");
	result(update(m, &key, v, 0));
	kill(pid, SIGKILL);
	usleep(20000);
	say("task dead");
	result(lookup(m, &key, v, 0));
	waitpid(pid, NULL, 0);
	say("task waited for");
	result(lookup(m, &key, v, 0));
	say("task waited for: update");
	result(update(m, &key, v, 0));
	say("task waited for: delete");
	result(delete (m, &key));
	close((int)key);
	close(m);
}

static void storage_lock_rows(uint32_t type)
{
	int m = create_btf(type, 4, 8, 0, 1, BTF_INT, BTF_LOCKED),
	    pid = (int)syscall(SYS_pidfd_open, getpid(), 0);
	uint32_t key = type == BPF_MAP_TYPE_TASK_STORAGE ? (uint32_t)pid
		       : type == BPF_MAP_TYPE_SK_STORAGE ? (uint32_t)socks[0].fd
							 : (uint32_t)socks[nr_socks - 1].fd;
	char what[40];

	snprintf(what, sizeof(what), "storage%u lock", type);
	must(m >= 0, what);
	for (uint64_t f = 0; f < 9; f++) {
		uint32_t v[2] = { 0xffffffff, (uint32_t)f }, got[2] = { 9, 9 };

		say("%s update %llu", what, (unsigned long long)f);
		result(update(m, &key, v, f));
		say("%s", what);
		result(lookup(m, &key, got, f & 4));
		say("%s is %x %u\n", what, got[0], got[1]);
	}
	say("%s delete", what);
	result(delete (m, &key));
	for (uint64_t f = 3; f < 8; f++) {
		uint32_t v[2] = { 0, (uint32_t)f };

		say("%s update %llu of none", what, (unsigned long long)f);
		result(update(m, &key, v, f));
		say("%s delete", what);
		result(delete (m, &key));
	}
	freeze_row(what, m);
	close(pid);
	close(m);
}

/* ---- the rest ---- */

static void struct_ops_rows(void)
{
	union row_attr r = { .a = { .map_type = 26, .key_size = 4, .value_size = 64, .max_entries = 1 } };

	say("struct_ops no id");
	result_fd(raw_bpf(BPF_MAP_CREATE, &r, 72));
	r.a.btf_vmlinux_value_type_id = 1;
	say("struct_ops id of an int");
	result_fd(raw_bpf(BPF_MAP_CREATE, &r, 72));
	r.a.btf_vmlinux_value_type_id = 0x7fffffff;
	say("struct_ops id of nothing");
	result_fd(raw_bpf(BPF_MAP_CREATE, &r, 72));
	r.a.map_flags = 4;
	say("struct_ops flags");
	result_fd(raw_bpf(BPF_MAP_CREATE, &r, 72));
	r.a.map_flags = 0;
	r.a.max_entries = 2;
	say("struct_ops two");
	result_fd(raw_bpf(BPF_MAP_CREATE, &r, 72));
	r.a.max_entries = 1;
	r.a.btf_key_type_id = 1;
	say("struct_ops key type");
	result_fd(raw_bpf(BPF_MAP_CREATE, &r, 72));
}

int main(void)
{
	world_enter();
	make_socks();
	creation_rows();
	dev_rows(BPF_MAP_TYPE_DEVMAP);
	dev_rows(BPF_MAP_TYPE_DEVMAP_HASH);
	cpu_rows();
	sock_map_rows(BPF_MAP_TYPE_XSKMAP, 4);
	sock_map_rows(BPF_MAP_TYPE_SOCKMAP, 4);
	sock_map_rows(BPF_MAP_TYPE_SOCKMAP, 8);
	sock_map_rows(BPF_MAP_TYPE_SOCKHASH, 4);
	sock_map_rows(BPF_MAP_TYPE_SOCKHASH, 8);
	sock_map_rows(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4);
	sock_map_rows(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 8);
	sock_gone_rows(BPF_MAP_TYPE_SOCKMAP);
	sock_gone_rows(BPF_MAP_TYPE_SOCKHASH);
	cgroup_rows();
	for (uint32_t key = 8; key <= 16; key += 8) {
		cgroup_storage_rows(BPF_MAP_TYPE_CGROUP_STORAGE, key);
		cgroup_storage_rows(BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, key);
	}
	storage_rows(BPF_MAP_TYPE_SK_STORAGE);
	storage_rows(BPF_MAP_TYPE_INODE_STORAGE);
	storage_rows(BPF_MAP_TYPE_TASK_STORAGE);
	storage_rows(CGRP_STORAGE);
	inode_gone_rows();
	task_gone_rows();
	storage_lock_rows(BPF_MAP_TYPE_SK_STORAGE);
	storage_lock_rows(BPF_MAP_TYPE_INODE_STORAGE);
	storage_lock_rows(BPF_MAP_TYPE_TASK_STORAGE);
	storage_lock_rows(CGRP_STORAGE);
	struct_ops_rows();
	return 0;
}
