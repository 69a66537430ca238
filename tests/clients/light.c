// SPDX-License-Identifier: BSD-2-Clause
/*
 * A program made with `bpftool gen skeleton -L`: a program in the kernel, or here in the process, loads
 * bpf/progs.c.
 *
 *     light run      loads it, runs what was loaded, lets go of it
 *     light fails    loaders that do not come to their end leave nothing
 *     light thread   loads it in a process of two threads
 *
 * The output holds no ids, times and addresses, so it is the same on a kernel and under pinfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "light.skel.h"

static char log_text[1 << 23];

static const char *name(int r)
{
	return r >= 0 ? "ok" : strerrorname_np(-r) ? strerrorname_np(-r) : "?";
}

static int bpf_call(int cmd, union bpf_attr *a)
{
	int r = syscall(SYS_bpf, cmd, a, sizeof(*a));

	return r < 0 ? -errno : r;
}

static int lowest_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* ---- what was loaded ---- */

static unsigned char packet[128];

static void run_packet(const char *what, int fd, unsigned proto, unsigned len)
{
	union bpf_attr a = { .test = {
				     .prog_fd = fd, .data_in = (unsigned long)packet, .data_size_in = len } };
	int r;

	memset(packet, 0x11, sizeof(packet));
	packet[12] = 8;
	packet[13] = proto ? 0 : 6;
	packet[14] = 0x45;
	packet[23] = (unsigned char)proto;
	r = bpf_call(BPF_PROG_TEST_RUN, &a);
	printf("%s, proto %u, %u bytes: %s retval %u\n", what, proto, len, name(r), a.test.retval);
}

static void run_ctx(const char *what, int fd)
{
	__u64 ctx[2] = { 6, 7 };
	union bpf_attr a = {
		.test = { .prog_fd = fd, .ctx_in = (unsigned long)ctx, .ctx_size_in = sizeof(ctx) }
	};
	int r = bpf_call(BPF_PROG_TEST_RUN, &a);

	printf("%s: %s retval %u, %llu\n", what, name(r), a.test.retval, ctx[1]);
}

static __u32 id_of(int fd, char *text)
{
	/* Type and id come first in both, and the name somewhere. */
	union {
		struct bpf_map_info map;
		struct bpf_prog_info prog;
		__u32 w[2];
	} info = { .w = { 0 } };
	union bpf_attr a = { .info = { fd, sizeof(info), (unsigned long)&info } };
	char link[64], kind[64];
	ssize_t n;
	bool map;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, kind, sizeof(kind) - 1);
	kind[n > 0 ? n : 0] = 0;
	map = strstr(kind, "bpf-map");
	if (bpf_call(BPF_OBJ_GET_INFO_BY_FD, &a))
		return 0;
	if (map)
		sprintf(text, "map %s, type %u, %u entries, btf %s", info.map.name, info.w[0],
			info.map.max_entries, info.map.btf_id ? "there" : "none");
	else
		sprintf(text, "program %s, type %u, %u maps, btf %s", info.prog.name, info.w[0],
			info.prog.nr_map_ids, info.prog.btf_id ? "there" : "none");
	return info.w[1];
}

struct object {
	int fd;
	bool map;
	__u32 id;
};

/* Objects go when the last one lets go of them, on a kernel somewhat later. */
static bool is_gone(const struct object *o)
{
	union bpf_attr a = { .map_id = o->id };
	int fd = 0;

	for (int tries = 0; tries < 500; tries++) {
		fd = bpf_call(o->map ? BPF_MAP_GET_FD_BY_ID : BPF_PROG_GET_FD_BY_ID, &a);
		if (fd < 0)
			break;
		close(fd);
		usleep(10000);
	}
	return fd == -ENOENT;
}

#define OBJECTS 16

static unsigned objects_of(struct light *l, struct object *o)
{
	const struct bpf_map_desc *m = (void *)&l->maps;
	const struct bpf_prog_desc *p = (void *)&l->progs;
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof(l->maps) / sizeof(*m); i++)
		o[n++] = (struct object){ m[i].map_fd, true, 0 };
	for (unsigned i = 0; i < sizeof(l->progs) / sizeof(*p); i++)
		o[n++] = (struct object){ p[i].prog_fd, false, 0 };
	return n;
}

static void show_objects(struct object *o, unsigned n, int low)
{
	char text[256] = "";

	for (unsigned i = 0; i < n; i++) {
		o[i].id = id_of(o[i].fd, text);
		printf("low + %d%s: %s\n", o[i].fd - low,
		       fcntl(o[i].fd, F_GETFD) & FD_CLOEXEC ? "" : " (inherited)", text);
	}
}

static void put_stage(struct light *l, __u32 at, int prog)
{
	union bpf_attr a = { .map_fd = l->maps.stages.map_fd,
			     .key = (unsigned long)&at,
			     .value = (unsigned long)&prog };

	printf("stage %u: %s\n", at, name(bpf_call(BPF_MAP_UPDATE_ELEM, &a)));
}

static int run(void)
{
	struct light *l = light__open();
	struct object o[OBJECTS];
	int low = lowest_fd(), r;
	unsigned n;

	if (!l)
		return 1;
	l->rodata->limit = 70;
	l->data->threshold = 5;
	l->maps.flows.max_entries = 32;
	l->ctx.log_level = 1;
	l->ctx.log_buf = (unsigned long)log_text;
	l->ctx.log_size = sizeof(log_text);
	r = light__load(l);
	printf("load: %s, a log: %d\n", name(r), strstr(log_text, "processed ") != NULL);
	if (r)
		return 1;
	n = objects_of(l, o);
	show_objects(o, n, low);
	printf("the next fd: low + %d\n", lowest_fd() - low);
	put_stage(l, 1, l->progs.tcp_stage.prog_fd);
	put_stage(l, 2, l->progs.udp_stage.prog_fd);
	run_packet("xdp", l->progs.entry.prog_fd, 6, 64);
	run_packet("xdp", l->progs.entry.prog_fd, 17, 100);
	run_packet("xdp", l->progs.entry.prog_fd, 0, 64);
	run_packet("tc", l->progs.classify.prog_fd, 6, 64);
	run_packet("tc", l->progs.classify.prog_fd, 6, 80);
	run_ctx("event", l->progs.on_event.prog_fd);
	run_ctx("call", l->progs.on_call.prog_fd);
	printf("runs %llu refused %llu tcp %llu udp %llu note %s\n", l->bss->runs, l->bss->refused,
	       l->bss->bytes_of[0], l->bss->bytes_of[1], l->data->last_note);
	r = light__attach(l);
	printf("attach: %s, an fd: %d\n", name(r), l->links.on_event_fd > 0);
	light__destroy(l);
	printf("all is closed: %d\n", lowest_fd() == low);
	for (unsigned i = 0; i < n; i++)
		if (!is_gone(&o[i]))
			printf("object %u stays\n", i);
	return 0;
}

static int fails(void)
{
	static const char *const what[] = { "a map that is too large", "a map for each CPU that is",
					    "a value that cannot be read", "a log that is no memory" };

	for (int i = 0; i < 4; i++) {
		struct light *l = light__open();
		int low = lowest_fd(), r;

		if (!l)
			return 1;
		if (i == 0)
			l->maps.flows.max_entries = ~0u;
		if (i == 1)
			l->maps.by_proto.max_entries = ~0u;
		if (i == 2)
			l->maps.data.initial_value = 4096;
		if (i == 3) {
			l->ctx.log_level = 1;
			l->ctx.log_size = 4096;
			l->ctx.log_buf = 4096;
		}
		r = light__load(l);
		printf("%s: %s, all is closed: %d\n", what[i], name(r), lowest_fd() == low);
		/* Its section's memory is not what the skeleton would unmap now. */
		if (i == 2)
			l->maps.data.initial_value = (unsigned long)l->data;
		light__destroy(l);
	}
	return 0;
}

static void *wait_for_end(void *arg)
{
	pause();
	return NULL;
}

static int thread(void)
{
	struct light *l = light__open();
	int low = lowest_fd(), r;
	pthread_t t;

	if (!l || pthread_create(&t, NULL, wait_for_end, NULL))
		return 1;
	r = light__load(l);
	printf("load: %s\n", name(r));
	light__destroy(l);
	printf("all is closed: %d\n", lowest_fd() == low);
	return 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && !strcmp(argv[1], "run"))
		return run();
	if (argc == 2 && !strcmp(argv[1], "fails"))
		return fails();
	if (argc == 2 && !strcmp(argv[1], "thread"))
		return thread();
	fprintf(stderr, "usage: light run|fails|thread\n");
	return 2;
}
