// SPDX-License-Identifier: BSD-2-Clause
/*
 * pinfs prog run: a pinned program over the frames of a capture file.
 *
 * Each frame is one BPF_PROG_TEST_RUN, so what the program does to its maps is
 * seen by everybody at once, as it would be behind a real interface. The verb
 * speaks bpf(2) and nothing else: inside a run to pinfs, with --kernel to the
 * kernel. Outside a run it first makes itself one.
 */
#include <errno.h>
#include <linux/bpf.h>
#define PCAP_DONT_INCLUDE_PCAP_BPF_H /* its struct bpf_insn is another one */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tool/cmd.h"
#include "tool/out.h"
#include "tool/progress.h"
#include "tool/where.h"

#define OTHERS   64u /* verdicts without a name that are counted apart */
#define ETHERNET 1   /* DLT_EN10MB */

static const char *pcap_path, *times_text, *repeat_text;
static bool use_kernel, help;

const struct opt prog_opts[] = {
	{ "pcap", 'p', "FILE", "the frames: a capture of Ethernet packets; \"-\": standard input",
	  &pcap_path },
	{ "times", 't', "N", "go over the file N times", &times_text },
	{ "repeat", 'r', "N", "run the program N times on each frame", &repeat_text },
	{ "kernel", 'K', NULL, "ask the kernel's own bpf(2)", &use_kernel },
	{ "store", 's', "DIR", "the store (default: the run's, or the user's own)", &where_store },
	{ "json", 'j', NULL, "print JSON", &out_json },
	{ "help", 'h', NULL, "this text", &help },
	{ .name = NULL },
};

/* What a program may return, by its type. */
struct verdicts {
	u32 type;
	s32 first;
	const char *names[10];
};

static const struct verdicts known[] = {
	{ BPF_PROG_TYPE_XDP, 0, { "XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT" } },
	{ BPF_PROG_TYPE_SCHED_CLS,
	  -1,
	  { "TC_ACT_UNSPEC", "TC_ACT_OK", "TC_ACT_RECLASSIFY", "TC_ACT_SHOT", "TC_ACT_PIPE", "TC_ACT_STOLEN",
	    "TC_ACT_QUEUED", "TC_ACT_REPEAT", "TC_ACT_REDIRECT", "TC_ACT_TRAP" } },
	{ BPF_PROG_TYPE_SCHED_ACT,
	  -1,
	  { "TC_ACT_UNSPEC", "TC_ACT_OK", "TC_ACT_RECLASSIFY", "TC_ACT_SHOT", "TC_ACT_PIPE", "TC_ACT_STOLEN",
	    "TC_ACT_QUEUED", "TC_ACT_REPEAT", "TC_ACT_REDIRECT", "TC_ACT_TRAP" } },
	{ BPF_PROG_TYPE_CGROUP_SKB, 0, { "drop", "pass" } },
};

struct counts {
	s64 named[10];
	struct {
		u32 value;
		s64 n;
	} other[OTHERS];
	u32 nothers;
	s64 rest; /* did not fit into other */
};

struct job {
	const char *path;
	int fd;
	struct bpf_prog_info info;
	const struct verdicts *v;
	u32 times, repeat;
	s64 packets, bytes, refused;
	int refused_errno;
	struct counts counts;
	double began;
	off_t size; /* of the file, 0: not known */
	u32 round;
	struct progress bar;
};

static long bpf(int cmd, union bpf_attr *attr, unsigned size)
{
	return syscall(SYS_bpf, cmd, attr, size);
}

static void progress(struct job *j, pcap_t *p)
{
	long at;

	if (j->packets % 256 || !progress_due(&j->bar))
		return;
	at = j->size ? ftell(pcap_file(p)) : 0;
	progress_show(&j->bar, j->size ? ((double)j->round + (double)at / (double)j->size) / j->times : -1,
		      j->packets);
}

static void count_other(struct counts *c, u32 value, s64 n)
{
	u32 i = 0;

	while (i < c->nothers && c->other[i].value != value)
		i++;
	if (i == OTHERS) {
		c->rest += n;
		return;
	}
	if (i == c->nothers)
		c->nothers++;
	c->other[i].value = value;
	c->other[i].n += n;
}

static void count(struct job *j, u32 value)
{
	s64 at = j->v ? (s64)(s32)value - j->v->first : -1;

	if (at >= 0 && at < (s64)ARRAY_SIZE(j->v->names) && j->v->names[at])
		j->counts.named[at]++;
	else
		count_other(&j->counts, value, 1);
}

/* One frame; what the program's type does not take is counted, and what went wrong first is kept. 0, or an
 * errno that ends it all. */
static int run_frame(struct job *j, const u8 *data, u32 len)
{
	union bpf_attr a = { 0 };

	a.test.prog_fd = (u32)j->fd;
	a.test.data_in = (uintptr_t)data;
	a.test.data_size_in = len;
	a.test.repeat = j->repeat;
	j->packets++;
	j->bytes += len;
	if (!bpf(BPF_PROG_TEST_RUN, &a, sizeof(a.test))) {
		count(j, a.test.retval);
		return 0;
	}
	if (errno != EINVAL && errno != E2BIG && errno != ENOMEM)
		return errno;
	j->refused++;
	if (!j->refused_errno)
		j->refused_errno = errno;
	return 0;
}

static int run_file(struct job *j)
{
	char text[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *h;
	pcap_t *p = pcap_open_offline(pcap_path, text);
	const u8 *data;
	int got, err = 0;

	if (!p)
		return out_error(0, "%s", text);
	if (pcap_datalink(p) != ETHERNET) {
		pcap_close(p);
		return out_error(0, "%s: not a capture of Ethernet frames", pcap_path);
	}
	while (!err && (got = pcap_next_ex(p, &h, &data)) == 1) {
		err = run_frame(j, data, h->caplen);
		progress(j, p);
	}
	if (err || got == PCAP_ERROR)
		progress_clear(&j->bar);
	if (err)
		err = out_error(err, "%s", j->path);
	else if (got == PCAP_ERROR)
		err = out_error(0, "%s: %s", pcap_path, pcap_geterr(p));
	pcap_close(p);
	return err;
}

static struct json_object *verdicts(const struct job *j)
{
	struct json_object *o = json_object_new_object();
	char key[16];

	for (u32 i = 0; j->v && i < ARRAY_SIZE(j->v->names); i++)
		if (j->counts.named[i])
			out_int(o, j->v->names[i], j->counts.named[i]);
	for (u32 i = 0; i < j->counts.nothers; i++) {
		snprintf(key, sizeof(key), "%u", j->counts.other[i].value);
		out_int(o, key, j->counts.other[i].n);
	}
	if (j->counts.rest)
		out_int(o, "others", j->counts.rest);
	return o;
}

static void report(const struct job *j)
{
	struct json_object *o = json_object_new_object();
	double seconds = seconds_now() - j->began;
	char text[32];

	out_str(o, "program", j->info.name);
	out_int(o, "id", j->info.id);
	out_int(o, "packets", j->packets);
	out_int(o, "bytes", j->bytes);
	snprintf(text, sizeof(text), "%.4f", seconds);
	json_object_object_add(o, "seconds", json_object_new_double_s(seconds, text));
	out_int(o, "packets-per-second", seconds > 0 ? (s64)((double)j->packets / seconds) : 0);
	json_object_object_add(o, "verdicts", verdicts(j));
	if (j->refused) {
		out_int(o, "refused", j->refused);
		out_str(o, "refused-because", strerror(j->refused_errno));
	}
	out_record(o);
}

static int open_prog(struct job *j)
{
	union bpf_attr a = { 0 };

	a.pathname = (uintptr_t)j->path;
	j->fd = (int)bpf(BPF_OBJ_GET, &a, sizeof(a));
	if (j->fd < 0)
		return out_error(errno, "%s", j->path);
	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = (u32)j->fd;
	a.info.info_len = sizeof(j->info);
	a.info.info = (uintptr_t)&j->info;
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a)) || a.info.info_len < sizeof(j->info) / 2)
		return out_error(errno, "%s is no program", j->path);
	for (u32 i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].type == j->info.type)
			j->v = &known[i];
	return 0;
}

static int number(const char *text, const char *what, u32 *to)
{
	char *end;
	unsigned long n;

	*to = 1;
	if (!text)
		return 0;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || !*text || *end || !n || n > 0x7fffffff)
		return out_error(0, "--%s wants a number above 0, not %s", what, text);
	*to = (u32)n;
	return 0;
}

static int run_over(const char *path)
{
	struct job j = { .path = path };
	struct stat st;
	int err;

	if (number(times_text, "times", &j.times) || number(repeat_text, "repeat", &j.repeat))
		return 1;
	if (!strcmp(pcap_path, "-") && j.times > 1)
		return out_error(0, "standard input can be read once only");
	if (strcmp(pcap_path, "-") && !stat(pcap_path, &st) && S_ISREG(st.st_mode))
		j.size = st.st_size;
	err = open_prog(&j);
	j.began = seconds_now();
	progress_begin(&j.bar);
	for (j.round = 0; !err && j.round < j.times; j.round++)
		err = run_file(&j);
	if (!err) {
		progress_clear(&j.bar);
		report(&j);
	}
	return err ? 1 : 0;
}

int cmd_prog(int argc, char **argv)
{
	const char *operand[2] = { NULL, NULL };
	int n = opt_operands(prog_opts, argc, argv, operand, 2);

	if (n < 0)
		return 1;
	if (help) {
		opt_help(prog_opts);
		return 0;
	}
	if (n != 2 || strcmp(operand[0], "run") || !pcap_path)
		return out_error(0, "prog wants: run PATH --pcap FILE (pinfs prog --help tells more)");
	if (use_kernel || where_in_a_run())
		return run_over(operand[1]);
	return cmd_in_a_run(argc, argv);
}
