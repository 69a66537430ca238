// SPDX-License-Identifier: BSD-2-Clause
/*
 * tc filters as loaders attach them with libbpf: the whole life of a hook, each step with what it answered.
 *
 *     libbpf_tc OBJECT PROGRAM OTHER IF        a story, printed
 *     libbpf_tc OBJECT PROGRAM OTHER IF stay   attaches PROGRAM to both sides, and leaves it there
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

static int ifindex;

#define HOOK(h, at) DECLARE_LIBBPF_OPTS(bpf_tc_hook, h, .ifindex = ifindex, .attach_point = at)

static void say(const char *what, int err)
{
	printf("%s: %s\n", what, err ? strerror(-err) : "ok");
}

/* What the kernel, or who answers for it, made of it. */
static void say_opts(const char *what, int err, const struct bpf_tc_opts *o, const char *program)
{
	if (err)
		say(what, err);
	else
		printf("%s: handle %u priority %u %s\n", what, o->handle, o->priority, program);
}

static unsigned id_of(int fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

static int one, two;

static const char *name_of(unsigned id)
{
	return !id ? "none" : id == id_of(one) ? "first" : id == id_of(two) ? "second" : "?";
}

static void attach(enum bpf_tc_attach_point at, int fd, unsigned handle, unsigned prio, unsigned flags)
{
	HOOK(h, at);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, o, .prog_fd = fd, .handle = handle, .priority = prio,
			    .flags = flags);
	int err = bpf_tc_attach(&h, &o);

	say_opts("attach", err, &o, name_of(o.prog_id));
}

static void query(enum bpf_tc_attach_point at, unsigned handle, unsigned prio)
{
	HOOK(h, at);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, o, .handle = handle, .priority = prio);
	int err = bpf_tc_query(&h, &o);

	say_opts("query", err, &o, name_of(o.prog_id));
}

static void detach(enum bpf_tc_attach_point at, unsigned handle, unsigned prio)
{
	HOOK(h, at);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, o, .handle = handle, .priority = prio);

	say("detach", bpf_tc_detach(&h, &o));
}

static void create(enum bpf_tc_attach_point at)
{
	HOOK(h, at);

	say("create", bpf_tc_hook_create(&h));
}

static void destroy(enum bpf_tc_attach_point at)
{
	HOOK(h, at);

	say("destroy", bpf_tc_hook_destroy(&h));
}

static void story(void)
{
	const enum bpf_tc_attach_point both = BPF_TC_INGRESS | BPF_TC_EGRESS;

	attach(BPF_TC_INGRESS, one, 1, 1, 0);
	query(BPF_TC_INGRESS, 1, 1);
	destroy(both);
	create(both);
	create(both);
	create(BPF_TC_INGRESS);
	attach(BPF_TC_INGRESS, one, 1, 1, 0);
	attach(BPF_TC_INGRESS, two, 1, 1, 0);
	attach(BPF_TC_INGRESS, two, 1, 1, BPF_TC_F_REPLACE);
	query(BPF_TC_INGRESS, 1, 1);
	query(BPF_TC_EGRESS, 1, 1);
	attach(BPF_TC_EGRESS, one, 0, 0, 0);
	attach(BPF_TC_EGRESS, two, 0, 0, 0);
	query(BPF_TC_EGRESS, 1, 49152);
	query(BPF_TC_EGRESS, 1, 49151);
	attach(BPF_TC_EGRESS, two, 7, 3, BPF_TC_F_REPLACE);
	query(BPF_TC_EGRESS, 7, 3);
	query(BPF_TC_EGRESS, 8, 3);
	detach(BPF_TC_EGRESS, 8, 3);
	detach(BPF_TC_EGRESS, 7, 3);
	detach(BPF_TC_EGRESS, 7, 3);
	attach(BPF_TC_INGRESS, 900, 1, 5, 0);
	destroy(BPF_TC_INGRESS);
	query(BPF_TC_INGRESS, 1, 1);
	query(BPF_TC_EGRESS, 1, 49152);
	destroy(both);
	query(BPF_TC_EGRESS, 1, 49152);
	destroy(both);
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

int main(int argc, char **argv)
{
	struct bpf_program *p, *q;
	struct bpf_object *obj;

	if (argc < 5)
		return 2;
	libbpf_set_print(quiet);
	ifindex = (int)if_nametoindex(argv[4]);
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || bpf_object__load(obj)) {
		perror(argv[1]);
		return 1;
	}
	p = bpf_object__find_program_by_name(obj, argv[2]);
	q = bpf_object__find_program_by_name(obj, argv[3]);
	if (!p || !q)
		return 1;
	one = bpf_program__fd(p);
	two = bpf_program__fd(q);
	if (argc == 5) {
		story();
		return 0;
	}
	create(BPF_TC_INGRESS | BPF_TC_EGRESS);
	attach(BPF_TC_INGRESS, one, 1, 1, 0);
	attach(BPF_TC_EGRESS, one, 1, 1, 0);
	return 0;
}
