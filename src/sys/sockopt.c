// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs at sockets: see sockopt.h. The checks come in the kernel's order: the socket, the length, the
 * value, the lock, the program, and then what the kernel says of the filter.
 */
#include "sys/sockopt.h"
#include <netinet/in.h>
#include "sys/cmd_link.h"
#include "util/raw.h"

#define MARK 0x70696e66u /* "pinf" */

static int option(int sock, int name, int *v)
{
	socklen_t len = sizeof(*v);

	return (int)raw5(SYS_getsockopt, sock, SOL_SOCKET, name, v, &len);
}

static bool has_groups(int sock)
{
	int domain = 0, protocol = 0, type = 0;

	option(sock, SO_DOMAIN, &domain);
	option(sock, SO_PROTOCOL, &protocol);
	option(sock, SO_TYPE, &type);
	return (domain == AF_INET || domain == AF_INET6) &&
	       (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) &&
	       (type == SOCK_STREAM || type == SOCK_DGRAM);
}

static int check_prog(int sock, int name, u32 kind)
{
	if (kind == BPF_PROG_TYPE_SOCKET_FILTER)
		return 0;
	if (name != SO_ATTACH_REUSEPORT_EBPF || kind != BPF_PROG_TYPE_SK_REUSEPORT)
		return -EINVAL;
	return has_groups(sock) ? 0 : -ENOTSUPP;
}

static int put_filter(int sock, int name, u32 id)
{
	struct sock_filter insn[SOCKOPT_INSNS] = {
		{ .code = BPF_LD | BPF_IMM, .k = MARK },
		{ .code = BPF_LD | BPF_IMM, .k = id },
		{ .code = BPF_RET | BPF_K, .k = ~0u },
	};
	struct sock_fprog prog = { SOCKOPT_INSNS, insn };
	int classic = name == SO_ATTACH_BPF ? SO_ATTACH_FILTER : SO_ATTACH_REUSEPORT_CBPF;

	return (int)raw5(SYS_setsockopt, sock, SOL_SOCKET, classic, &prog, sizeof(prog));
}

static int attach(struct cmd_ctx *x, int sock, int name, u64 val, u32 len, u32 *id, int *fd)
{
	struct link_prog p;
	int locked, err = option(sock, SO_LOCK_FILTER, &locked);

	if (!err && len < sizeof(int))
		err = -EINVAL; /* of all options */
	if (!err)
		err = caller_in(x->c, fd, val, sizeof(*fd));
	if (!err && len != sizeof(int))
		err = -EINVAL;
	if (!err && locked)
		err = -EPERM;
	if (!err)
		err = link_prog_get(x, *fd, &p);
	if (err)
		return err;
	*id = p.f.h->id;
	err = check_prog(sock, name, p.h.o.kind);
	if (!err)
		err = put_filter(sock, name, *id);
	link_prog_put(&p);
	return err;
}

static noinline int run_guarded(struct cmd_ctx *x, int sock, int name, u64 val, u32 len, u32 *id, int *fd)
{
	int err = guard_set(&x->op->guard);

	if (unlikely(err)) {
		op_fault(x->op);
		return err;
	}
	return attach(x, sock, name, val, len, id, fd);
}

int sockopt_attach(struct bpf_caller *c, int sock, int name, u64 val, u32 len, u32 *id, int *fd)
{
	struct cmd_ctx x = { .c = c, .op = op_enter(NULL, __builtin_frame_address(0)) };
	int err;

	if (!x.op)
		return -EAGAIN;
	err = run_guarded(&x, sock, name, val, len, id, fd);
	op_leave(x.op);
	return err;
}

u32 sockopt_prog_of(const struct sock_filter *f, u32 n)
{
	if (n != SOCKOPT_INSNS || f[0].code != (BPF_LD | BPF_IMM) || f[0].k != MARK ||
	    f[1].code != (BPF_LD | BPF_IMM) || f[2].code != (BPF_RET | BPF_K) || f[2].k != ~0u)
		return 0;
	return f[1].k;
}
