// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs at sockets, row by row: SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_EBPF, what takes them away, locks,
 * classic filters beside them, packets.
 */
#include "abi/sockopt_world.h"

/* Every fd as a program, every length, at every kind of socket. */
static void sweep(void)
{
	static const struct {
		int domain, type;
		const char *name;
	} kinds[] = {
		{ AF_INET, SOCK_DGRAM, "udp" },    { AF_INET, SOCK_STREAM, "tcp" },
		{ AF_INET6, SOCK_STREAM, "tcp6" }, { AF_UNIX, SOCK_DGRAM, "unix" },
		{ AF_PACKET, SOCK_RAW, "packet" }, { AF_NETLINK, SOCK_RAW, "netlink" },
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
		say("a map ");
		set(FD_MAP, options[o].opt, P_SOCKFILTER, 4);
		say("a program ");
		set(P_SOCKFILTER, options[o].opt, P_SOCKFILTER, 4);
		say("bad memory");
		result(setsockopt(open_socket(AF_INET, SOCK_DGRAM), SOL_SOCKET, options[o].opt, (void *)8,
				  4));
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
	classic(s, SO_ATTACH_FILTER);
	set(s, SO_ATTACH_BPF, P_SOCKFILTER, 4);
	set(s, SO_ATTACH_BPF, P_SOCKFILTER, 4);
	classic(s, SO_ATTACH_FILTER);
	set(s, SO_DETACH_FILTER, 0, 4);
	set(s, SO_DETACH_FILTER, 0, 4);
	reuse(s);
	classic(s, SO_ATTACH_REUSEPORT_CBPF);
	set(s, SO_ATTACH_REUSEPORT_EBPF, P_REUSEPORT, 4);
	set(s, SO_ATTACH_REUSEPORT_EBPF, P_SOCKFILTER, 4);
	classic(s, SO_ATTACH_REUSEPORT_CBPF);
	set(s, SO_DETACH_REUSEPORT_BPF, 0, 4);
	set(s, SO_DETACH_REUSEPORT_BPF, 0, 4);
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

int main(void)
{
	sockopt_world();
	sweep();
	odd_sockets();
	one_place();
	locks();
	load_held(PROG);
	packets();
	return 0;
}
