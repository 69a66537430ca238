// SPDX-License-Identifier: BSD-2-Clause
/*
 * pinfs attach, pinfs detach: a program at a hook of an interface, by a link that is pinned.
 *
 *     pinfs attach xdp|xdpgeneric|xdpdrv|tcx-ingress|tcx-egress PROG dev IF
 *                  [pin PATH] [first|last] [before|after prog PATH|link PATH|prog-id N|link-id N]
 *     pinfs detach LINK
 *
 * PROG, LINK and the PATHs are pins. Without "pin" the link lives as long as
 * the command does, which then waits to be interrupted. The verbs speak bpf(2) and nothing else: inside a
 * run to pinfs, with --kernel to the kernel. Outside a run they first make themselves one.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tool/cmd.h"
#include "tool/netdev.h"
#include "tool/out.h"
#include "tool/where.h"
#include "util/uapi.h"
#include <linux/bpf.h>

static bool use_kernel, help;

const struct opt attach_opts[] = {
	{ "kernel", 'K', NULL, "ask the kernel's own bpf(2)", &use_kernel },
	{ "store", 's', "DIR", "the store (default: the run's, or the user's own)", &where_store },
	{ "json", 'j', NULL, "print JSON", &out_json },
	{ "help", 'h', NULL, "this text", &help },
	{ .name = NULL },
};

/* What the words of the command line come to; the layout is bpf(2)'s. */
struct link_create {
	u32 prog_fd, ifindex, attach_type, flags;
	u32 relative;
	u32 pad;
	u64 revision;
};

#define WORDS 16

static const struct hook {
	const char *word;
	u32 type, flags;
	bool ordered;
} hooks[] = {
	{ "xdp", BPF_XDP, 0, false },
	{ "xdpgeneric", BPF_XDP, XDP_FLAGS_SKB_MODE, false },
	{ "xdpdrv", BPF_XDP, XDP_FLAGS_DRV_MODE, false },
	{ "tcx-ingress", BPF_TCX_INGRESS, 0, true },
	{ "tcx-egress", BPF_TCX_EGRESS, 0, true },
};

static long bpf(int cmd, void *attr, unsigned size)
{
	return syscall(SYS_bpf, cmd, attr, size);
}

/* A pin's fd, or -1: an error was printed. */
static int pin_open(const char *path)
{
	union bpf_attr a = { 0 };
	int fd;

	a.pathname = (uintptr_t)path;
	fd = (int)bpf(BPF_OBJ_GET, &a, sizeof(a));
	if (fd < 0)
		out_error(errno, "%s", path);
	return fd;
}

static int id_of(const char *text, u32 *id)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!*text || *end || !n || n > UINT32_MAX)
		return out_error(0, "%s is no id", text);
	*id = (u32)n;
	return 0;
}

/* What "before" and "after" may be followed by. */
static const struct {
	const char *word;
	u32 flags;
	bool is_id;
} anchors[] = {
	{ "prog", 0, false },
	{ "link", BPF_F_LINK, false },
	{ "prog-id", BPF_F_ID, true },
	{ "link-id", BPF_F_LINK | BPF_F_ID, true },
};

static int anchor(struct link_create *l, const char *word, const char *what)
{
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(anchors); i++) {
		if (strcmp(anchors[i].word, word))
			continue;
		l->flags |= anchors[i].flags;
		if (anchors[i].is_id)
			return id_of(what, &l->relative);
		fd = pin_open(what);
		l->relative = (u32)fd;
		return fd < 0;
	}
	return out_error(0, "before and after want prog, link, prog-id or link-id, not %s", word);
}

/* The words behind the interface. 0, or 1: an error was printed. */
static int parse_rest(struct link_create *l, const struct hook *h, const char **w, int n, const char **pin)
{
	for (int i = 0; i < n; i++) {
		bool before = !strcmp(w[i], "before"), after = !strcmp(w[i], "after");

		if (!strcmp(w[i], "pin") && i + 1 < n) {
			*pin = w[++i];
			continue;
		}
		if (!before && !after && strcmp(w[i], "first") && strcmp(w[i], "last"))
			return out_error(0, "attach: %s is not understood here (pinfs attach --help)", w[i]);
		if (!h->ordered)
			return out_error(0, "%s has no order: %s means nothing there", h->word, w[i]);
		if (l->flags & (BPF_F_BEFORE | BPF_F_AFTER))
			return out_error(0, "attach: one place in the order only");
		l->flags |= before || !strcmp(w[i], "first") ? BPF_F_BEFORE : BPF_F_AFTER;
		if (!before && !after)
			continue;
		if (i + 2 >= n)
			return out_error(0, "%s wants what: prog PATH, link PATH, prog-id N or link-id N",
					 w[i]);
		if (anchor(l, w[i + 1], w[i + 2]))
			return 1;
		i += 2;
	}
	return 0;
}

static int pin(int fd, const char *path)
{
	union bpf_attr a = { 0 };

	a.pathname = (uintptr_t)path;
	a.bpf_fd = (u32)fd;
	return bpf(BPF_OBJ_PIN, &a, sizeof(a)) ? out_error(errno, "%s", path) : 0;
}

static u32 link_id(int fd)
{
	struct bpf_link_info info = { 0 };
	union bpf_attr a = { 0 };

	a.info.bpf_fd = (u32)fd;
	a.info.info_len = sizeof(info);
	a.info.info = (uintptr_t)&info;
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a)) ? 0 : info.id;
}

/* Until somebody interrupts. */
static void wait_here(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigwait(&set, &sig);
}

static int attach(const struct hook *h, const char **w, int n)
{
	struct link_create l = { .attach_type = h->type, .flags = h->flags };
	const char *path = NULL;
	struct json_object *o;
	int fd;

	if (strcmp(w[1], "dev"))
		return out_error(0, "attach: \"dev IF\" is wanted, not %s", w[1]);
	l.ifindex = netdev_index(w[2]);
	if (!l.ifindex)
		return out_error(0, "%s: no such interface", w[2]);
	if (parse_rest(&l, h, w + 3, n - 3, &path))
		return 1;
	fd = pin_open(w[0]);
	if (fd < 0)
		return 1;
	l.prog_fd = (u32)fd;
	fd = (int)bpf(BPF_LINK_CREATE, &l, sizeof(l));
	if (fd < 0)
		return out_error(errno, "%s at %s of %s", w[0], h->word, w[2]);
	if (path && pin(fd, path))
		return 1;
	o = json_object_new_object();
	out_int(o, "link", link_id(fd));
	out_record(o);
	fflush(stdout);
	if (!path)
		wait_here();
	return 0;
}

/* The words of a command line without its options; -1: an error was printed or help was. */
static int words(int argc, char **argv, const char **w, const char *usage)
{
	int n = opt_operands(attach_opts, argc, argv, w, WORDS);

	if (n >= 0 && help) {
		printf("usage: %s\n\n", usage);
		opt_help(attach_opts);
		return -1;
	}
	return n;
}

int cmd_attach(int argc, char **argv)
{
	const char *w[WORDS];
	int n = words(argc, argv, w,
		      "pinfs attach xdp|xdpgeneric|xdpdrv|tcx-ingress|tcx-egress PROG dev IF\n"
		      "                    [pin PATH] [first|last]\n"
		      "                    [before|after prog PATH|link PATH|prog-id N|link-id N]");

	if (n < 0)
		return !help;
	if (n < 4 || n > WORDS)
		return out_error(0, "attach wants: HOOK PROG dev IF (pinfs attach --help tells more)");
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		if (strcmp(hooks[i].word, w[0]))
			continue;
		return use_kernel || where_in_a_run() ? attach(&hooks[i], w + 1, n - 1)
						      : cmd_in_a_run(argc, argv);
	}
	return out_error(0, "no such hook: %s", w[0]);
}

static int detach(const char *path)
{
	u32 fd = (u32)pin_open(path);

	if ((int)fd < 0)
		return 1;
	if (bpf(BPF_LINK_DETACH, &fd, sizeof(fd)))
		return out_error(errno, "%s", path);
	return unlink(path) ? out_error(errno, "%s", path) : 0;
}

int cmd_detach(int argc, char **argv)
{
	const char *w[WORDS];
	int n = words(argc, argv, w, "pinfs detach LINK");

	if (n < 0)
		return !help;
	if (n != 1)
		return out_error(0, "detach wants: LINK, a pin");
	return use_kernel || where_in_a_run() ? detach(w[0]) : cmd_in_a_run(argc, argv);
}
