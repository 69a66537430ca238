// SPDX-License-Identifier: BSD-2-Clause
/*
 * A program made with `bpftool gen skeleton`: loads bpf/progs.c and runs all of it.
 *
 *     libbpf_progs run [OBJECT]   everything; OBJECT: that file in place of the skeleton's own bytes
 *     libbpf_progs errors         what TEST_RUN refuses
 *     libbpf_progs info           what the programs say of themselves
 *
 * The output holds no ids, times and addresses, so it is the same on a kernel and under pinfs.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "progs.skel.h"

struct flow {
	__u32 saddr, daddr;
	__u16 sport, dport;
	__u32 proto;
};

struct seen {
	__u64 packets, bytes;
};

struct total {
	__u32 lock, packets;
	__u64 bytes;
};

static const char *error_name(int r)
{
	return r == 0 ? "ok" : r == -524 ? "ENOTSUPP" : strerrorname_np(-r) ? strerrorname_np(-r) : "?";
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN && getenv("PROGS_VERBOSE") ? vfprintf(stderr, fmt, ap) : 0;
}

static unsigned char packet[2000];

static unsigned make_packet(unsigned proto, unsigned len)
{
	memset(packet, 0x11, sizeof(packet));
	packet[12] = 8;
	packet[13] = proto ? 0 : 6;
	packet[14] = 0x45;
	packet[23] = (unsigned char)proto;
	memcpy(packet + 26, "\x0a\0\0\x01\x0a\0\0\x02\x03\xe8\0\x50", 12);
	return len;
}

static void run_packet(const char *what, int fd, unsigned proto, unsigned len, int repeat)
{
	unsigned char out[2000];
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = packet, .data_size_in = make_packet(proto, len),
		    .data_out = out, .data_size_out = sizeof(out), .repeat = repeat);
	int r = bpf_prog_test_run_opts(fd, &o);

	printf("%s proto %u len %u x%d: %s retval %u out %u %s\n", what, proto, len, repeat, error_name(r),
	       o.retval, o.data_size_out,
	       r                          ? ""
	       : memcmp(out, packet, len) ? "changed"
					  : "same");
}

static void show_counts(struct progs *p)
{
	static const unsigned protos[] = { 0, 1, 6, 17, 47 };
	int ncpu = libbpf_num_possible_cpus();
	__u64 per_cpu[ncpu];
	struct total t;
	__u32 zero = 0;

	for (unsigned i = 0; i < sizeof(protos) / sizeof(*protos); i++) {
		__u64 sum = 0;

		if (bpf_map_lookup_elem(bpf_map__fd(p->maps.by_proto), &protos[i], per_cpu))
			continue;
		for (int c = 0; c < ncpu; c++)
			sum += per_cpu[c];
		printf("proto %u: %llu\n", protos[i], sum);
	}
	bpf_map_lookup_elem(bpf_map__fd(p->maps.totals), &zero, &t);
	printf("total: lock %u packets %u bytes %llu\n", t.lock, t.packets, t.bytes);
	for (unsigned i = 0; i < 4; i++) {
		__u64 a = 0, b = 0;

		bpf_map_lookup_elem(bpf_map__fd(p->maps.small), &i, &a);
		bpf_map_lookup_elem(bpf_map__fd(p->maps.large), &i, &b);
		printf("size %u: %llu small, %llu large\n", i, a, b);
	}
	printf("runs %llu refused %llu tcp bytes %llu udp bytes %llu note %s\n", p->bss->runs,
	       p->bss->refused, p->bss->bytes_of[0], p->bss->bytes_of[1], p->data->last_note);
}

static int compare_flows(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct flow));
}

static void show_flows(struct progs *p)
{
	int fd = bpf_map__fd(p->maps.flows), n = 0;
	struct flow f[64], *at = NULL;

	while (n < 64 && !bpf_map_get_next_key(fd, at, &f[n]))
		at = &f[n++];
	qsort(f, n, sizeof(*f), compare_flows);
	for (int i = 0; i < n; i++) {
		struct seen s = { 0, 0 };

		bpf_map_lookup_elem(fd, &f[i], &s);
		printf("flow %#x:%u %#x:%u proto %u: %llu packets %llu bytes\n", f[i].saddr, f[i].sport,
		       f[i].daddr, f[i].dport, f[i].proto, s.packets, s.bytes);
	}
}

static void fill_stages(struct progs *p)
{
	int tcp = bpf_program__fd(p->progs.tcp_stage), udp = bpf_program__fd(p->progs.udp_stage),
	    tc = bpf_program__fd(p->progs.classify), stages = bpf_map__fd(p->maps.stages);
	__u32 one = 1, two = 2, three = 3, four = 4, id = 0;

	printf("stage 1: %s\n", error_name(bpf_map_update_elem(stages, &one, &tcp, 0)));
	printf("stage 2: %s\n", error_name(bpf_map_update_elem(stages, &two, &udp, 0)));
	printf("stage 3, another type: %s\n", error_name(bpf_map_update_elem(stages, &three, &tc, 0)));
	printf("stage 4: %s\n", error_name(bpf_map_update_elem(stages, &four, &tcp, 0)));
	printf("stage 3, itself: %s\n", error_name(bpf_map_update_elem(stages, &three, &udp, 0)));
	printf("read: %s %s\n", error_name(bpf_map_lookup_elem(stages, &one, &id)), id ? "an id" : "none");
}

static void run_packets(struct progs *p)
{
	int xdp = bpf_program__fd(p->progs.entry);
	__u32 one = 1;

	run_packet("xdp", xdp, 6, 100, 1);
	run_packet("xdp", xdp, 6, 101, 5);
	run_packet("xdp", xdp, 17, 64, 1);
	run_packet("xdp", xdp, 17, 44, 1);
	run_packet("xdp", xdp, 17, 1400, 10);
	run_packet("xdp", xdp, 1, 64, 3);
	run_packet("xdp", xdp, 47, 64, 1);
	run_packet("xdp", xdp, 0, 64, 1);
	run_packet("xdp", xdp, 6, 20, 1);
	run_packet("tcp alone", bpf_program__fd(p->progs.tcp_stage), 6, 60, 1);
	printf("stage 1 removed: %s\n", error_name(bpf_map_delete_elem(bpf_map__fd(p->maps.stages), &one)));
	run_packet("xdp", xdp, 6, 100, 1);
	p->data->threshold = 0;
	run_packet("tc", bpf_program__fd(p->progs.classify), 6, 64, 1);
	run_packet("tc", bpf_program__fd(p->progs.classify), 6, 200, 2);
	run_packet("tc", bpf_program__fd(p->progs.classify), 0, 64, 1);
}

static void run_skb_ctx(struct progs *p)
{
	struct __sk_buff in = { .mark = 7, .priority = 3, .cb = { 1, 2, 3, 4, 5 } }, out = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = packet, .data_size_in = make_packet(6, 64),
		    .ctx_in = &in, .ctx_size_in = sizeof(in), .ctx_out = &out, .ctx_size_out = sizeof(out));
	int r = bpf_prog_test_run_opts(bpf_program__fd(p->progs.classify), &o);

	printf("tc with context: %s retval %u, context %u bytes: mark %u priority %u cb %u %u %u len %u "
	       "protocol %#x\n",
	       error_name(r), o.retval, o.ctx_size_out, out.mark, out.priority, out.cb[0], out.cb[1],
	       out.cb[2], out.len, out.protocol);
}

static void run_others(struct progs *p)
{
	__u64 event[2] = { 6, 7 }, call[2] = { 21, 0 };
	LIBBPF_OPTS(bpf_test_run_opts, e, .ctx_in = event, .ctx_size_in = sizeof(event));
	LIBBPF_OPTS(bpf_test_run_opts, c, .ctx_in = call, .ctx_size_in = sizeof(call));
	int r = bpf_prog_test_run_opts(bpf_program__fd(p->progs.on_event), &e);

	printf("event: %s retval %d\n", error_name(r), (int)e.retval);
	r = bpf_prog_test_run_opts(bpf_program__fd(p->progs.on_call), &c);
	printf("call: %s retval %d context %llu %llu\n", error_name(r), (int)c.retval, call[0], call[1]);
}

static struct progs *open_progs(const char *path)
{
	struct progs *p;
	static char bytes[1 << 20];
	FILE *f;
	size_t n;

	if (!path)
		return progs__open();
	f = fopen(path, "r");
	n = f ? fread(bytes, 1, sizeof(bytes), f) : 0;
	if (f)
		fclose(f);
	p = calloc(1, sizeof(*p));
	if (!p || !n || progs__create_skeleton(p))
		return NULL;
	p->skeleton->data = bytes;
	p->skeleton->data_sz = n;
	return bpf_object__open_skeleton(p->skeleton, NULL) ? NULL : p;
}

static int run(const char *path)
{
	struct progs *p = open_progs(path);
	int r;

	if (!p) {
		printf("cannot open\n");
		return 1;
	}
	p->rodata->limit = 150;
	r = progs__load(p);
	printf("load: %s\n", error_name(r));
	if (r)
		return 1;
	printf("before: threshold %u note %s limit %u\n", p->data->threshold, p->data->last_note,
	       p->rodata->limit);
	fill_stages(p);
	run_packets(p);
	run_skb_ctx(p);
	run_others(p);
	show_counts(p);
	show_flows(p);
	progs__destroy(p);
	return 0;
}

static void refused(const char *what, int fd, struct bpf_test_run_opts *o)
{
	int r = bpf_prog_test_run_opts(fd, o);

	printf("%s: %s retval %u out %u\n", what, error_name(r), o->retval, o->data_size_out);
}

static int load_small(unsigned type)
{
	const struct bpf_insn ret[] = { { .code = 0xb7, .imm = 1 }, { .code = 0x95 } };

	return bpf_prog_load(type, "small", "GPL", ret, 2, NULL);
}

#define RUN(what, fd, ...)                                                                                   \
	do {                                                                                                 \
		LIBBPF_OPTS(bpf_test_run_opts, o, __VA_ARGS__);                                              \
		refused(what, fd, &o);                                                                       \
	} while (0)

static int errors(void)
{
	int xdp = load_small(BPF_PROG_TYPE_XDP), tc = load_small(BPF_PROG_TYPE_SCHED_CLS),
	    sock = load_small(BPF_PROG_TYPE_SOCKET_FILTER), raw = load_small(BPF_PROG_TYPE_RAW_TRACEPOINT),
	    probe = load_small(BPF_PROG_TYPE_KPROBE), tp = load_small(BPF_PROG_TYPE_TRACEPOINT),
	    ops = load_small(BPF_PROG_TYPE_SOCK_OPS), dev = load_small(BPF_PROG_TYPE_CGROUP_DEVICE),
	    skb = load_small(BPF_PROG_TYPE_CGROUP_SKB), dis = load_small(BPF_PROG_TYPE_FLOW_DISSECTOR),
	    map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "m", 4, 4, 1, NULL);
	unsigned char out[2000] = { 0 };
	struct xdp_md md = { .data_end = 64 };

	make_packet(6, 64);
	RUN("xdp 13 bytes", xdp, .data_in = packet, .data_size_in = 13);
	RUN("xdp 14 bytes", xdp, .data_in = packet, .data_size_in = 14);
	RUN("xdp nothing", xdp, .data_in = NULL);
	RUN("xdp no pointer", xdp, .data_in = NULL, .data_size_in = 64);
	RUN("xdp bad pointer", xdp, .data_in = (void *)8, .data_size_in = 64);
	RUN("xdp 1900 bytes", xdp, .data_in = packet, .data_size_in = 1900, .data_out = out,
	    .data_size_out = 100);
	RUN("xdp short room", xdp, .data_in = packet, .data_size_in = 64, .data_out = out,
	    .data_size_out = 10);
	RUN("xdp repeat", xdp, .data_in = packet, .data_size_in = 64, .repeat = 1000);
	RUN("xdp flags", xdp, .data_in = packet, .data_size_in = 64, .flags = 1);
	RUN("xdp batch", xdp, .data_in = packet, .data_size_in = 64, .batch_size = 4);
	RUN("xdp cpu", xdp, .data_in = packet, .data_size_in = 64, .cpu = 1);
	RUN("xdp context", xdp, .data_in = packet, .data_size_in = 64, .ctx_in = &md,
	    .ctx_size_in = sizeof(md));
	RUN("xdp context without pointer", xdp, .data_in = packet, .data_size_in = 64, .ctx_size_in = 8);
	RUN("tc 13 bytes", tc, .data_in = packet, .data_size_in = 13);
	RUN("tc 14 bytes", tc, .data_in = packet, .data_size_in = 14);
	RUN("tc good", tc, .data_in = packet, .data_size_in = 64);
	RUN("tc flags", tc, .data_in = packet, .data_size_in = 64, .flags = 2);
	RUN("socket filter", sock, .data_in = packet, .data_size_in = 64);
	RUN("cgroup skb", skb, .data_in = packet, .data_size_in = 64);
	RUN("raw tracepoint", raw, .repeat = 0);
	RUN("raw tracepoint data", raw, .data_in = packet, .data_size_in = 64);
	RUN("raw tracepoint repeat", raw, .repeat = 2);
	RUN("raw tracepoint cpu", raw, .cpu = 1);
	RUN("raw tracepoint on cpu 0", raw, .cpu = 0, .flags = BPF_F_TEST_RUN_ON_CPU);
	RUN("raw tracepoint on cpu 9999", raw, .cpu = 9999, .flags = BPF_F_TEST_RUN_ON_CPU);
	RUN("flow dissector", dis, .data_in = packet, .data_size_in = 64);
	RUN("kprobe", probe, .data_in = packet, .data_size_in = 64);
	RUN("tracepoint", tp, .data_in = packet, .data_size_in = 64);
	RUN("sock ops", ops, .data_in = packet, .data_size_in = 64);
	RUN("device", dev, .data_in = packet, .data_size_in = 64);
	RUN("a map", map, .data_in = packet, .data_size_in = 64);
	RUN("closed", 999, .data_in = packet, .data_size_in = 64);
	return 0;
}

static void say_lines(struct bpf_prog_info *i, const struct bpf_line_info *l, const struct bpf_func_info *f)
{
	printf("  functions");
	for (unsigned n = 0; n < i->nr_func_info; n++)
		printf(" %s", !n                                  ? (f[n].insn_off ? "not at 0" : "at 0")
			      : f[n].insn_off > f[n - 1].insn_off ? "up"
								  : "DOWN");
	printf("; lines");
	for (unsigned n = 1; n < i->nr_line_info; n++)
		if (l[n].insn_off <= l[n - 1].insn_off)
			printf(" not sorted at %u", n);
	printf(" %s\n", i->nr_line_info ? "there" : "none");
}

static void say_info(struct bpf_program *prog)
{
	static struct bpf_insn insns[4096];
	static unsigned char code[1 << 18];
	static struct bpf_func_info func[64];
	static struct bpf_line_info line[4096];
	static __u64 ksyms[64], jited_line[4096];
	static __u32 lens[64], maps[64];
	static unsigned char tags[64][8];
	struct bpf_prog_info i = { 0 };
	__u32 len = sizeof(i), inside = 0;
	int fd = bpf_program__fd(prog), r = bpf_obj_get_info_by_fd(fd, &i, &len);

	printf("%s: %s type %u name %s gpl %u uid %u maps %u btf %d lines %s jited %s xlated %s\n",
	       bpf_program__name(prog), error_name(r), i.type, i.name, i.gpl_compatible, i.created_by_uid,
	       i.nr_map_ids, i.btf_id != 0, i.nr_line_info ? "yes" : "no", i.jited_prog_len ? "yes" : "no",
	       i.xlated_prog_len ? "yes" : "no");
	printf("  functions %u ksyms %u lens %u tags %u lines %s rec %u %u %u, load time %s\n",
	       i.nr_func_info, i.nr_jited_ksyms, i.nr_jited_func_lens, i.nr_prog_tags,
	       i.nr_line_info == i.nr_jited_line_info ? "equal" : "UNEQUAL", i.func_info_rec_size,
	       i.line_info_rec_size, i.jited_line_info_rec_size, i.load_time ? "set" : "0");
	i.xlated_prog_insns = (uintptr_t)insns;
	i.jited_prog_insns = (uintptr_t)code;
	i.func_info = (uintptr_t)func;
	i.line_info = (uintptr_t)line;
	i.jited_line_info = (uintptr_t)jited_line;
	i.jited_ksyms = (uintptr_t)ksyms;
	i.jited_func_lens = (uintptr_t)lens;
	i.map_ids = (uintptr_t)maps;
	i.prog_tags = (uintptr_t)tags;
	r = bpf_obj_get_info_by_fd(fd, &i, &len);
	for (unsigned n = 0; n < i.nr_jited_func_lens; n++)
		inside += lens[n];
	printf("  again: %s, code of functions %s, last insn %#x\n", error_name(r),
	       inside <= i.jited_prog_len && inside ? "inside" : "NOT inside",
	       insns[i.xlated_prog_len / 8 - 1].code);
	say_lines(&i, line, func);
	for (unsigned n = 0; n < i.nr_jited_line_info; n++) {
		int found = 0;

		for (unsigned k = 0; k < i.nr_jited_ksyms; k++)
			found |= jited_line[n] >= ksyms[k] && jited_line[n] < ksyms[k] + lens[k];
		if (!found) {
			printf("  line %u is in no function\n", n);
			break;
		}
	}
}

static void say_stats(struct progs *p)
{
	struct bpf_prog_info i = { 0 };
	__u32 len = sizeof(i);
	int xdp = bpf_program__fd(p->progs.entry), stats = bpf_enable_stats(BPF_STATS_RUN_TIME);

	printf("stats: %s\n", stats < 0 ? error_name(-errno) : "on");
	run_packet("counted", xdp, 1, 64, 10);
	bpf_obj_get_info_by_fd(xdp, &i, &len);
	printf("run_cnt %llu, time %s\n", i.run_cnt, i.run_time_ns ? "some" : "none");
	close(stats);
	run_packet("not counted", xdp, 1, 64, 10);
	memset(&i, 0, sizeof(i));
	bpf_obj_get_info_by_fd(xdp, &i, &len);
	printf("run_cnt %llu\n", i.run_cnt);
}

static void say_bind(struct progs *p)
{
	struct bpf_prog_info i = { 0 };
	__u32 len = sizeof(i), before;
	int fd = bpf_program__fd(p->progs.on_call),
	    map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "m", 4, 4, 1, NULL);

	bpf_obj_get_info_by_fd(fd, &i, &len);
	before = i.nr_map_ids;
	printf("bind: %s\n", error_name(bpf_prog_bind_map(fd, map, NULL)));
	printf("again: %s\n", error_name(bpf_prog_bind_map(fd, map, NULL)));
	memset(&i, 0, sizeof(i));
	bpf_obj_get_info_by_fd(fd, &i, &len);
	printf("maps more: %u\n", i.nr_map_ids - before);
	printf("bind to itself: %s\n", error_name(bpf_prog_bind_map(fd, fd, NULL)));
	close(map);
}

static int info(void)
{
	struct progs *p = progs__open_and_load();
	struct bpf_program *prog;

	if (!p)
		return 1;
	bpf_object__for_each_program(prog, p->obj) say_info(prog);
	say_stats(p);
	say_bind(p);
	progs__destroy(p);
	return 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	libbpf_set_print(quiet);
	if (argc >= 2 && !strcmp(argv[1], "run"))
		return run(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "errors"))
		return errors();
	if (argc == 2 && !strcmp(argv[1], "info"))
		return info();
	fprintf(stderr, "libbpf_progs run [OBJECT], errors, info\n");
	return 2;
}
