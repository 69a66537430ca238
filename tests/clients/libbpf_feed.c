// SPDX-License-Identifier: BSD-2-Clause
/*
 * A loader as they are written with libbpf, for XDP.
 *
 *     libbpf_feed attach OBJECT PROGRAM IF DIR    loads, attaches, pins DIR/prog, DIR/link and the maps, and
 * exits libbpf_feed update LINK PROG N              LINK_UPDATE of a pinned link, N times: to PROG, and back
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int attach(char **v)
{
	struct bpf_object *obj = bpf_object__open_file(v[0], NULL);
	struct bpf_program *prog;
	struct bpf_link *link;
	char path[300];

	if (!obj || bpf_object__load(obj))
		return fail(v[0]);
	prog = bpf_object__find_program_by_name(obj, v[1]);
	if (!prog)
		return fail(v[1]);
	link = bpf_program__attach_xdp(prog, (int)if_nametoindex(v[2]));
	if (!link)
		return fail(v[2]);
	mkdir(v[3], 0700);
	snprintf(path, sizeof(path), "%s/link", v[3]);
	if (bpf_link__pin(link, path))
		return fail(path);
	snprintf(path, sizeof(path), "%s/prog", v[3]);
	if (bpf_program__pin(prog, path) || bpf_object__pin_maps(obj, v[3]))
		return fail(path);
	return 0;
}

static unsigned prog_of(int link)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(link, &info, &len) ? 0 : info.prog_id;
}

static int update(char **v)
{
	int link = bpf_obj_get(v[0]), prog[2];

	if (link < 0)
		return fail(v[0]);
	prog[0] = bpf_obj_get(v[1]);
	prog[1] = bpf_prog_get_fd_by_id(prog_of(link));
	if (prog[0] < 0 || prog[1] < 0)
		return fail(v[1]);
	for (int i = 0; i < atoi(v[2]); i++) {
		if (bpf_link_update(link, prog[i % 2], NULL))
			return fail("LINK_UPDATE");
		usleep(200);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "attach"))
		return attach(argv + 2);
	if (argc == 5 && !strcmp(argv[1], "update"))
		return update(argv + 2);
	fprintf(stderr, "libbpf_feed attach OBJECT PROGRAM IF DIR | update LINK PROG N\n");
	return 2;
}
