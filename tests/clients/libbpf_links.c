// SPDX-License-Identifier: BSD-2-Clause
/*
 * A libbpf program that attaches: links made, pinned, found again, updated, detached.
 *
 *     libbpf_links attach OBJECT DIR CGROUP   attaches all, pins the links, and leaves
 *     libbpf_links look DIR                   what is pinned: type, program, attached or not
 *     libbpf_links update OBJECT DIR          the XDP link gets the other program
 *     libbpf_links detach DIR                 detaches all, keeps the pins
 *     libbpf_links conflict OBJECT            what stands in the way of another one
 *     libbpf_links netlink OBJECT             the same by netlink, beside links
 *
 * The output holds no ids, so it is the same on a kernel and under pinfs.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = { "pass", "watch_in", "choose", "enter" };
#define NAMES (sizeof(names) / sizeof(names[0]))

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN && getenv("LINKS_VERBOSE") ? vfprintf(stderr, fmt, ap) : 0;
}

static void say(const char *what, const char *name, int r)
{
	printf("%s %s: %s\n", what, name, r == 0 ? "ok" : strerrorname_np(r < 0 ? -r : errno));
}

static struct bpf_object *load(const char *path)
{
	struct bpf_object *o = bpf_object__open_file(path, NULL);
	int err = o ? bpf_object__load(o) : -errno;

	say("load", "object", err);
	if (err)
		exit(1);
	return o;
}

static struct bpf_link *attach_one(struct bpf_program *p, int cgroup)
{
	int net;
	struct bpf_link *l;

	switch (bpf_program__type(p)) {
	case BPF_PROG_TYPE_XDP: return bpf_program__attach_xdp(p, 1);
	case BPF_PROG_TYPE_CGROUP_SKB: return bpf_program__attach_cgroup(p, cgroup);
	case BPF_PROG_TYPE_SK_LOOKUP:
		net = open("/proc/self/ns/net", O_RDONLY);
		l = bpf_program__attach_netns(p, net);
		close(net);
		return l;
	default: return bpf_program__attach(p);
	}
}

static int cmd_attach(char **argv)
{
	struct bpf_object *o = load(argv[0]);
	int cgroup = open(argv[2], O_RDONLY | O_DIRECTORY);

	for (unsigned i = 0; i < NAMES; i++) {
		struct bpf_link *l = attach_one(bpf_object__find_program_by_name(o, names[i]), cgroup);
		char path[300];

		say("attach", names[i], l ? 0 : -errno);
		if (!l)
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], names[i]);
		say("pin", names[i], bpf_link__pin(l, path));
		say("pin again", names[i], bpf_link__pin(l, path));
		printf("pin path %s\n", bpf_link__pin_path(l) ? names[i] : "none");
	}
	return 0;
}

static int cmd_look(char **argv)
{
	for (unsigned i = 0; i < NAMES; i++) {
		struct bpf_link_info info = { 0 };
		struct bpf_prog_info prog = { 0 };
		__u32 len = sizeof(info), plen = sizeof(prog);
		char path[300], tp[32] = "";
		struct bpf_link *l;
		int err, fd;

		snprintf(path, sizeof(path), "%s/%s", argv[0], names[i]);
		l = bpf_link__open(path);
		say("open", names[i], l ? 0 : -errno);
		if (!l)
			continue;
		if (!strcmp(names[i], "enter")) {
			info.raw_tracepoint.tp_name = (__u64)(unsigned long)tp;
			info.raw_tracepoint.tp_name_len = sizeof(tp);
		}
		err = bpf_obj_get_info_by_fd(bpf_link__fd(l), &info, &len);
		say("info", names[i], err);
		fd = bpf_prog_get_fd_by_id(info.prog_id);
		bpf_obj_get_info_by_fd(fd, &prog, &plen);
		close(fd);
		printf("%s: type %u program %s", names[i], info.type, prog.name);
		if (info.type == BPF_LINK_TYPE_XDP)
			printf(" ifindex %u", info.xdp.ifindex);
		else if (info.type == BPF_LINK_TYPE_CGROUP)
			printf(" cgroup %s type %u", info.cgroup.cgroup_id ? "set" : "none",
			       info.cgroup.attach_type);
		else if (info.type == BPF_LINK_TYPE_NETNS)
			printf(" netns %s type %u", info.netns.netns_ino ? "set" : "none",
			       info.netns.attach_type);
		else if (info.type == BPF_LINK_TYPE_RAW_TRACEPOINT)
			printf(" at %s", tp);
		printf("\n");
		bpf_link__destroy(l); /* closes; the pin stays */
	}
	return 0;
}

static int cmd_update(char **argv)
{
	struct bpf_object *o = load(argv[0]);
	struct bpf_program *other = bpf_object__find_program_by_name(o, "drop_runts");
	struct bpf_program *wrong = bpf_object__find_program_by_name(o, "watch_in");
	char path[300];
	struct bpf_link *l;

	snprintf(path, sizeof(path), "%s/pass", argv[1]);
	l = bpf_link__open(path);
	say("open", "pass", l ? 0 : -errno);
	if (!l)
		return 1;
	say("update to another type", "pass", bpf_link__update_program(l, wrong));
	say("update", "pass", bpf_link__update_program(l, other));
	say("unpin", "pass", bpf_link__unpin(l));
	say("pin", "pass", bpf_link__pin(l, path));
	bpf_link__disconnect(l);
	say("destroy disconnected", "pass", bpf_link__destroy(l));
	return 0;
}

static int cmd_detach(char **argv)
{
	for (unsigned i = 0; i < NAMES; i++) {
		struct bpf_link *l;
		char path[300];

		snprintf(path, sizeof(path), "%s/%s", argv[0], names[i]);
		l = bpf_link__open(path);
		say("open", names[i], l ? 0 : -errno);
		if (l)
			say("detach", names[i], bpf_link__detach(l));
		bpf_link__destroy(l);
	}
	return 0;
}

static int cmd_conflict(char **argv)
{
	struct bpf_object *o = load(argv[0]);
	struct bpf_program *p = bpf_object__find_program_by_name(o, "drop_runts");
	struct bpf_link *l = bpf_program__attach_xdp(p, 1);

	say("attach", "drop_runts", l ? 0 : -errno);
	bpf_link__destroy(l);
	l = bpf_program__attach_xdp(p, 4711);
	say("attach to no interface", "drop_runts", l ? 0 : -errno);
	bpf_link__destroy(l);
	return 0;
}

static void query(void)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, o);
	int err = bpf_xdp_query(1, 0, &o);

	printf("query: %s mode %d, program %d skb %d drv %d hw %d\n", err ? strerrorname_np(-err) : "ok",
	       o.attach_mode, o.prog_id != 0, o.skb_prog_id != 0, o.drv_prog_id != 0, o.hw_prog_id != 0);
}

/* Each row a message, and what is there after it. */
static int cmd_netlink(char **argv)
{
	struct bpf_object *o = load(argv[0]);
	int a = bpf_program__fd(bpf_object__find_program_by_name(o, "pass"));
	int b = bpf_program__fd(bpf_object__find_program_by_name(o, "drop_runts"));
	int other = bpf_program__fd(bpf_object__find_program_by_name(o, "watch_in"));
	enum { LINK = -100, UNLINK };
	const struct {
		int fd, ifindex;
		unsigned flags;
		int old;
	} rows[] = {
		{ -1, 1, 0, 0 },
		{ a, 1, 0, 0 },
		{ a, 1, XDP_FLAGS_UPDATE_IF_NOEXIST, 0 },
		{ a, 1, 0, 0 },
		{ b, 1, XDP_FLAGS_DRV_MODE, 0 },
		{ b, 1, XDP_FLAGS_HW_MODE, 0 },
		{ b, 1, XDP_FLAGS_SKB_MODE, 0 },
		{ b, 1, 1u << 9, 0 },
		{ b, 1, XDP_FLAGS_DRV_MODE | XDP_FLAGS_SKB_MODE, 0 },
		{ other, 1, 0, 0 },
		{ 199, 1, 0, 0 },
		{ a, 4711, 0, 0 },
		{ -1, 4711, 0, 0 },
		{ b, 1, XDP_FLAGS_REPLACE, a },
		{ a, 1, XDP_FLAGS_REPLACE, b },
		{ a, 1, XDP_FLAGS_REPLACE, other },
		{ a, 1, XDP_FLAGS_REPLACE, 199 },
		{ -1, 1, XDP_FLAGS_REPLACE, b },
		{ -1, 1, XDP_FLAGS_DRV_MODE, 0 },
		{ LINK, 1, 0, 0 },
		{ -1, 1, XDP_FLAGS_REPLACE, a },
		{ -1, 1, 0, 0 },
		{ LINK, 1, 0, 0 },
		{ a, 1, 0, 0 },
		{ a, 1, XDP_FLAGS_DRV_MODE, 0 },
		{ -1, 1, 0, 0 },
		{ UNLINK, 1, 0, 0 },
		{ a, 1, XDP_FLAGS_DRV_MODE, 0 },
		{ a, 1, XDP_FLAGS_SKB_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST, 0 },
	};
	int link = -1;

	query();
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = rows[i].old);
		char what[40];
		int err = 0;

		if (rows[i].fd == LINK) {
			link = bpf_link_create(b, 1, BPF_XDP, NULL);
			err = link < 0 ? -errno : 0;
		} else if (rows[i].fd == UNLINK) {
			close(link);
		} else {
			err = bpf_xdp_attach(rows[i].ifindex, rows[i].fd, rows[i].flags,
					     rows[i].old ? &opts : NULL);
		}
		snprintf(what, sizeof(what), "%u flags %#x", i, rows[i].flags);
		say("netlink", what, err);
		query();
	}
	return 0; /* what is attached stays */
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args, (*fn)(char **argv);
	} cmds[] = {
		{ "attach", 3, cmd_attach }, { "look", 1, cmd_look },         { "update", 2, cmd_update },
		{ "detach", 1, cmd_detach }, { "conflict", 1, cmd_conflict }, { "netlink", 1, cmd_netlink },
	};

	libbpf_set_print(quiet);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned i = 0; argc > 1 && i < sizeof(cmds) / sizeof(cmds[0]); i++)
		if (!strcmp(argv[1], cmds[i].name) && argc == cmds[i].args + 2)
			return cmds[i].fn(argv + 2);
	return 2;
}
