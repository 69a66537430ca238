// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs at sockets, row by row: SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_EBPF, what takes them away, locks, classic
 * filters beside them, and how long a program is held by a socket.
 */
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>
#include "abi/link_world.h"

enum { P_REUSEPORT = L0, SOCK = L0 + 1, SOCK2, PROG, PROG2 };

struct option_name {
	int opt;
	const char *name;
};

static const struct option_name options[] = {
	{ SO_ATTACH_BPF, "ATTACH_BPF" },
	{ SO_ATTACH_REUSEPORT_EBPF, "ATTACH_REUSEPORT_EBPF" },
	{ SO_DETACH_FILTER, "DETACH_FILTER" },
	{ SO_DETACH_REUSEPORT_BPF, "DETACH_REUSEPORT_BPF" },
	{ SO_LOCK_FILTER, "LOCK_FILTER" },
};

static const char *option_name(int opt)
{
	for (unsigned i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].opt == opt)
			return options[i].name;
	return "?";
}

static void set(int s, int opt, int v, socklen_t len)
{
	int buf[4] = { v, 0, 0, 0 };

	say("%s %s", option_name(opt), opt == SO_LOCK_FILTER || v < 0 ? "" : fd_name(v));
	if (opt == SO_LOCK_FILTER || v < 0)
		say("%d", v);
	if (len != 4)
		say(" length %u", len);
	result(setsockopt(s, SOL_SOCKET, opt, buf, len));
}

static void classic(int s, int opt)
{
	struct sock_filter insn[2] = { { BPF_LD | BPF_IMM, 0, 0, 7 }, { BPF_RET | BPF_K, 0, 0, 0xffff } };
	struct sock_fprog p = { 2, insn };

	say("classic %s", opt == SO_ATTACH_FILTER ? "filter" : "reuseport");
	result(setsockopt(s, SOL_SOCKET, opt, &p, sizeof(p)));
}

static void get_filter(int s)
{
	struct sock_filter insn[16] = { 0 };
	int err;

	for (socklen_t room = 0; room < 16; room += 5) {
		socklen_t n = room;

		say("GET_FILTER room %u", room);
		err = getsockopt(s, SOL_SOCKET, SO_GET_FILTER, room ? insn : NULL, &n);
		say(" -> %u first %#x", n, room && !err ? insn[0].k : 0);
		result(err);
	}
}

static int open_socket(int domain, int type)
{
	int s = socket(domain, type | SOCK_CLOEXEC, 0);

	must(s >= 0 && dup2(s, SOCK) == SOCK, "a socket");
	close(s);
	return SOCK;
}

static void reuse(int s)
{
	int on = 1;

	say("REUSEPORT");
	result(setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)));
}

/* Every fd as a program, every length, at every kind of socket. */
static void sweep(void)
{
	static const struct {
		int domain, type;
		const char *name;
	} kinds[] = {
		{ AF_INET, SOCK_DGRAM, "udp" },     { AF_INET, SOCK_STREAM, "tcp" },
		{ AF_INET6, SOCK_STREAM, "tcp6" },  { AF_UNIX, SOCK_DGRAM, "unix" },
		{ AF_PACKET, SOCK_RAW, "packet" },  { AF_NETLINK, SOCK_RAW, "netlink" },
	};
	const int extra[] = { P_REUSEPORT, FD_MAP, FD_NULL, FD_CLOSED, -1, SOCK };

	for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++)
		for (int shared = 0; shared < 2; shared++) {
			int s = open_socket(kinds[k].domain, kinds[k].type);

			say("-- %s\n", kinds[k].name);
			if (shared)
				reuse(s);
			for (int opt = 0; opt < 2; opt++) {
				for (int p = P0; p < P_END; p++)
					set(s, options[opt].opt, p, 4);
				for (unsigned e = 0; e < ARRAY_SIZE(extra); e++)
					set(s, options[opt].opt, extra[e], 4);
				for (socklen_t len = 0; len < 9; len++)
					set(s, options[opt].opt, P_SOCKFILTER, len);
				get_filter(s);
			}
			for (int i = 0; i < 2; i++) {
				set(s, SO_DETACH_FILTER, 0, 4);
				set(s, SO_DETACH_REUSEPORT_BPF, 0, 4);
			}
			set(s, SO_DETACH_FILTER, 0, 0);
		}
}

static void odd_sockets(void)
{
	for (unsigned o = 0; o < ARRAY_SIZE(options); o++) {
		say("null ");
		set(FD_NULL, options[o].opt, P_SOCKFILTER, 4);
		say("closed ");
		set(FD_CLOSED, options[o].opt, P_SOCKFILTER, 4);
		say("a program ");
		set(P_SOCKFILTER, options[o].opt, P_SOCKFILTER, 4);
		say("bad memory");
		result(setsockopt(open_socket(AF_INET, SOCK_DGRAM), SOL_SOCKET, options[o].opt, (void *)8, 4));
		say("bad memory, closed");
		result(setsockopt(FD_CLOSED, SOL_SOCKET, options[o].opt, (void *)8, 4));
		say("bad memory, short");
		result(setsockopt(SOCK, SOL_SOCKET, options[o].opt, (void *)8, 2));
		say("bad memory, long");
		result(setsockopt(SOCK, SOL_SOCKET, options[o].opt, (void *)8, 8));
		say("another level");
		result(setsockopt(SOCK, IPPROTO_IPV6, options[o].opt, &(int){ P_SOCKFILTER }, 4));
	}
}

/* One place a socket: who is there, who comes, who goes. */
static void one_place(void)
{
	int s = open_socket(AF_INET, SOCK_DGRAM);

	say("-- one place\n");
	get_filter(s);
	classic(s, SO_ATTACH_FILTER);
	get_filter(s);
	set(s, SO_ATTACH_BPF, P_SOCKFILTER, 4);
	get_filter(s);
	set(s, SO_ATTACH_BPF, P_SOCKFILTER, 4);
	classic(s, SO_ATTACH_FILTER);
	get_filter(s);
	set(s, SO_DETACH_FILTER, 0, 4);
	set(s, SO_DETACH_FILTER, 0, 4);
	reuse(s);
	classic(s, SO_ATTACH_REUSEPORT_CBPF);
	set(s, SO_ATTACH_REUSEPORT_EBPF, P_REUSEPORT, 4);
	set(s, SO_ATTACH_REUSEPORT_EBPF, P_SOCKFILTER, 4);
	classic(s, SO_ATTACH_REUSEPORT_CBPF);
	set(s, SO_DETACH_REUSEPORT_BPF, 0, 4);
	set(s, SO_DETACH_REUSEPORT_BPF, 0, 4);
	get_filter(s);
}

static void locks(void)
{
	int s = open_socket(AF_INET, SOCK_DGRAM), v = 0;
	socklen_t n = sizeof(v);

	say("-- locks\n");
	set(s, SO_ATTACH_BPF, P_SOCKFILTER, 4);
	set(s, SO_LOCK_FILTER, 1, 4);
	getsockopt(s, SOL_SOCKET, SO_LOCK_FILTER, &v, &n);
	say("locked: %d\n", v);
	for (int opt = 0; opt < 2; opt++) {
		set(s, options[opt].opt, P_SOCKFILTER, 4);
		set(s, options[opt].opt, P_XDP, 4);
		set(s, options[opt].opt, FD_CLOSED, 4);
		set(s, options[opt].opt, -1, 4);
		set(s, options[opt].opt, P_SOCKFILTER, 3);
		set(s, options[opt].opt, P_SOCKFILTER, 5);
	}
	classic(s, SO_ATTACH_FILTER);
	set(s, SO_DETACH_FILTER, 0, 4);
	set(s, SO_DETACH_REUSEPORT_BPF, 0, 4);
	set(s, SO_LOCK_FILTER, 0, 4);
	set(s, SO_LOCK_FILTER, 1, 4);
	get_filter(s);
}

/* Packets arrive as if nothing stood there: the program says "all of it", like what stands in for it. */
static void packets(void)
{
	int sv[2], got;
	char buf[100];

	say("-- packets\n");
	must(!socketpair(AF_UNIX, SOCK_DGRAM, 0, sv), "a socket pair");
	dup2(sv[0], SOCK);
	dup2(sv[1], SOCK2);
	close(sv[0]);
	close(sv[1]);
	set(SOCK2, SO_ATTACH_BPF, PROG, 4);
	must(send(SOCK, "twenty bytes of text", 20, 0) == 20, "a packet");
	got = (int)recv(SOCK2, buf, sizeof(buf), MSG_DONTWAIT);
	say("received %d\n", got);
	close(SOCK);
	close(SOCK2);
}

/* ---- how long a program is held ---- */

static uint32_t held;

static void load_held(int at)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 0xffff },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union row_attr a = { .a = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				    .insns = ptr(insns),
				    .insn_cnt = 2,
				    .license = ptr("GPL") } };

	close(at);
	place_fd(raw_bpf(BPF_PROG_LOAD, &a, 128), at);
}

static bool alive(void)
{
	union row_attr a = { .w = { held } };
	int fd = raw_bpf(BPF_PROG_GET_FD_BY_ID, &a, 12);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* A kernel frees a socket's program a moment after the socket. */
static void tell(const char *what, bool wanted)
{
	for (int i = 0; i < 400 && alive() != wanted; i++)
		nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
	say("%s: %s\n", what, alive() ? "held" : "gone");
}

static void attach_held(int domain, int opt)
{
	int s = open_socket(domain, SOCK_DGRAM), on = 1;

	setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	load_held(PROG);
	held = object_id(PROG);
	set(s, opt, PROG, 4);
	close(PROG);
	tell("its fd is closed", true);
}

static void in_child(int what)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (what == 1)
			close(SOCK);
		if (what == 2)
			setsockopt(SOCK, SOL_SOCKET, SO_DETACH_FILTER, &what, 4);
		_exit(0);
	}
	waitpid(pid, &status, 0);
}

static void holds(int opt)
{
	int detach = opt == SO_ATTACH_BPF ? SO_DETACH_FILTER : SO_DETACH_REUSEPORT_BPF;
	int domain = AF_INET;

	say("-- held by %s\n", option_name(opt));
	attach_held(domain, opt);
	close(SOCK);
	tell("close", false);
	attach_held(domain, opt);
	set(SOCK, detach, 0, 4);
	tell("detached", false);
	attach_held(domain, opt);
	load_held(PROG2);
	set(SOCK, opt, PROG2, 4);
	tell("another program", false);
	attach_held(domain, opt);
	classic(SOCK, opt == SO_ATTACH_BPF ? SO_ATTACH_FILTER : SO_ATTACH_REUSEPORT_CBPF);
	tell("a classic one", false);
	attach_held(domain, opt);
	dup2(SOCK, SOCK2);
	close(SOCK);
	tell("a copy of the socket is left", true);
	close(SOCK2);
	tell("no copy is left", false);
	attach_held(domain, opt);
	dup2(FD_NULL, SOCK);
	tell("another file at its number", false);
	attach_held(domain, opt);
	close_range(SOCK, SOCK, 0);
	tell("close_range", false);
	attach_held(domain, opt);
	in_child(0);
	tell("a child has ended", true);
	in_child(1);
	tell("a child has closed it", true);
	if (opt == SO_ATTACH_BPF) {
		attach_held(domain, opt);
		set(SOCK, SO_LOCK_FILTER, 1, 4);
		set(SOCK, detach, 0, 4);
		tell("locked", true);
	}
	close(SOCK);
	tell("close at last", false);
}

int main(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union row_attr a = { .a = { .prog_type = BPF_PROG_TYPE_SK_REUSEPORT,
				    .insns = ptr(insns),
				    .insn_cnt = 2,
				    .license = ptr("GPL") } };

	setvbuf(stdout, NULL, _IOLBF, 0);
	world_netns();
	place_fd(open("/dev/null", O_RDWR), FD_NULL);
	place_fd(raw_bpf(BPF_MAP_CREATE, &(union row_attr){ .a = { .map_type = 1, .key_size = 4, .value_size = 4,
								   .max_entries = 1 } },
			 72),
		 FD_MAP);
	world_progs_make();
	place_fd(raw_bpf(BPF_PROG_LOAD, &a, 128), P_REUSEPORT);
	sweep();
	odd_sockets();
	one_place();
	locks();
	load_held(PROG);
	packets();
	holds(SO_ATTACH_BPF);
	holds(SO_ATTACH_REUSEPORT_EBPF);
	return 0;
}
