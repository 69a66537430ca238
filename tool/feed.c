// SPDX-License-Identifier: BSD-2-Clause
/*
 * pinfs feed: the frames of a capture, as if an interface had received them.
 *
 * The programs are those that are attached to the interface at that moment
 * (links that others have made and pinned); what they do to maps is seen by all
 * at once. Nothing is sent and nothing is received: the interface lends its name, its address and its attach
 * points.
 *
 * The verb works on the store and needs no run. Programs run in this process (sys/drive.h).
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "shm/actor.h"
#include "store/store.h"
#include "tool/cmd.h"
#include "tool/feed.h"
#include "tool/netdev.h"
#include "tool/out.h"
#include "tool/where.h"
#include "util/err.h"

#define BATCH 4096 /* frames from one look at bar and clock to the next */
#define NAP   0.05 /* seconds; a signal ends it sooner */

static const char *pcap_path, *loop_text, *rate_text, *out_path;
static bool help;

const struct opt feed_opts[] = {
	{ "pcap", 'p', "FILE", "the frames: a capture of Ethernet packets; \"-\": standard input",
	  &pcap_path },
	{ "loop", 'l', "N", "go over the file N times; 0: until interrupted", &loop_text },
	{ "rate", 'r', "PPS", "packets a second (default: as fast as it goes)", &rate_text },
	{ "out", 'o', "PATH", "write what comes out: a directory (a file an interface), or one file",
	  &out_path },
	{ "store", 's', "DIR", "the store (default: the run's, or the user's own)", &where_store },
	{ "json", 'j', NULL, "print JSON", &out_json },
	{ "help", 'h', NULL, "this text", &help },
	{ .name = NULL },
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = 1;
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

/* ---- what the driver asks ---- */

static void frame_out(void *arg, enum drive_way way, u32 ifindex, const u8 *data, u32 len)
{
	struct feed_job *j = arg;

	feed_out_frame(j->out, way, ifindex, data, len, &j->in.h->ts);
}

static bool next_frame(void *arg, const u8 **data, u32 *len)
{
	struct feed_job *j = arg;

	return !stop && feed_in_next(&j->in, data, len);
}

/* Of a pipe, whose frames are waited for outside of the driver. */
struct one {
	const u8 *data;
	u32 len;
};

static bool next_one(void *arg, const u8 **data, u32 *len)
{
	struct one *o = arg;

	if (!o->data)
		return false;
	*data = o->data;
	*len = o->len;
	o->data = NULL;
	return true;
}

/* ---- the loop ---- */

static void nap(double seconds)
{
	struct timespec ts = { 0, (long)(MIN(seconds, NAP) * 1e9) };

	nanosleep(&ts, NULL);
}

/* How many frames may go now; waits where it is none, but not for long. */
static u64 allowed(const struct feed_job *j)
{
	double t, due, sent = (double)drive_totals(j->d)->frames;

	if (j->rate <= 0)
		return BATCH;
	t = seconds_now() - j->bar.began;
	due = floor(t * j->rate) + 1 - sent;
	if (due >= 1)
		return due < BATCH ? (u64)due : BATCH;
	nap((sent - t * j->rate) / j->rate);
	return 0;
}

static void show_bar(struct feed_job *j)
{
	double done = j->loop ? feed_in_done(&j->in) : -1;

	if (!progress_due(&j->bar))
		return;
	if (done >= 0)
		done = ((double)j->round + done) / (double)j->loop;
	progress_show(&j->bar, done, (s64)drive_totals(j->d)->frames);
}

static int drive(struct feed_job *j, u64 max)
{
	struct one o;
	int err;

	if (j->in.regular) {
		u64 was = drive_totals(j->d)->frames;

		err = drive_run(j->d, next_frame, j, max);
		/* Fewer than there might have been: the file is at its end. */
		return err ? err : drive_totals(j->d)->frames - was < max;
	}
	if (!next_frame(j, &o.data, &o.len))
		return 1;
	return drive_run(j->d, next_one, &o, 1);
}

static const char *why(int err)
{
	return err == -EAGAIN ? "no CPU number is free: all runs of programs that hold one are stopped"
	       : err == -EIO  ? "what is attached there is damaged, or no program that can run"
			      : strerror(-err);
}

/* One round over the file: 0, or 1 with the error set. */
static int feed_round(struct feed_job *j)
{
	int got = 0;

	if (feed_in_open(&j->in)) {
		snprintf(j->error, sizeof(j->error), "%s", j->in.error);
		return 1;
	}
	while (!got && !stop) {
		u64 max = allowed(j);

		if (max)
			got = drive(j, max);
		show_bar(j);
	}
	if (got < 0)
		snprintf(j->error, sizeof(j->error), "%s: %s", j->device, why(got));
	else if (j->in.error[0])
		snprintf(j->error, sizeof(j->error), "%s", j->in.error);
	feed_in_close(&j->in);
	return j->error[0] != 0;
}

static int feed(struct feed_job *j)
{
	int err = 0;

	progress_begin(&j->bar);
	while (!err && !stop && (!j->loop || j->round < j->loop)) {
		err = feed_round(j);
		if (!err && !stop)
			j->round++;
	}
	j->interrupted = stop;
	progress_clear(&j->bar);
	return err;
}

/* ---- from the command line ---- */

static int number(const char *text, const char *what, bool zero, double *to)
{
	char *end;

	if (!text)
		return 0;
	errno = 0;
	*to = strtod(text, &end);
	if (errno || !*text || *end || !isfinite(*to) || *to < 0 || *to > 1e15 || (!zero && *to == 0))
		return out_error(0, "--%s wants a number%s, not %s", what, zero ? "" : " above 0", text);
	return 0;
}

static int open_driver(struct feed_job *j)
{
	struct drive_env env = { .arg = j, .device = netdev_facts, .out = j->out ? frame_out : NULL };
	int err = netdev_namespace(&env.netns);

	if (err)
		return out_error(err, "network namespace");
	guard_install();
	j->d = drive_open(j->ifindex, &env);
	return IS_ERR(j->d) ? out_error((int)PTR_ERR(j->d), "%s", j->device) : 0;
}

static int feed_device(struct feed_job *j)
{
	int err;

	if (out_path) {
		j->out = feed_out_open(out_path);
		if (!j->out)
			return 1;
	}
	err = open_driver(j);
	if (!err) {
		catch_signals();
		err = feed(j);
		if (err && !out_json)
			out_error(0, "%s", j->error);
		feed_show(j);
		drive_close(j->d);
	}
	if (j->out && feed_out_close(j->out))
		err = 1;
	return err;
}

int cmd_feed(int argc, char **argv)
{
	struct feed_job j = { .loop = 1 };
	double loop = 1;
	int n = opt_operands(feed_opts, argc, argv, &j.device, 1);

	if (n < 0)
		return 1;
	if (help) {
		printf("usage: pinfs feed IF --pcap FILE [OPTIONS]\n\n");
		opt_help(feed_opts);
		return 0;
	}
	if (n != 1 || !pcap_path)
		return out_error(0, "feed wants: IF --pcap FILE (pinfs feed --help tells more)");
	if (number(loop_text, "loop", true, &loop) || number(rate_text, "rate", false, &j.rate))
		return 1;
	if (loop != floor(loop))
		return out_error(0, "--loop wants a whole number, not %s", loop_text);
	if (!strcmp(pcap_path, "-") && loop != 1)
		return out_error(0, "standard input can be read once only");
	j.loop = (u64)loop;
	j.in.path = pcap_path;
	j.ifindex = netdev_index(j.device);
	if (!j.ifindex)
		return out_error(0, "%s: no such interface", j.device);
	if (where_open(STORE_CREATE))
		return 1;
	return feed_device(&j);
}
