// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs at sockets: how long one is held by a socket, and that its filter cannot be read.
 */
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>
#include "abi/sockopt_world.h"

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

/* What can be read back of who stands there. */
static void read_back(void)
{
	int s = open_socket(AF_INET, SOCK_DGRAM);

	say("-- read back\n");
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

/* ---- how long a program is held ---- */

static uint32_t held;

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
	say("dup3 over it that fails: %d\n", dup3(FD_NULL, SOCK, 1));
	tell("dup3 has failed", true);
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
	sockopt_world();
	read_back();
	holds(SO_ATTACH_BPF);
	holds(SO_ATTACH_REUSEPORT_EBPF);
	return 0;
}
