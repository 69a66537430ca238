// SPDX-License-Identifier: BSD-2-Clause
/*
 * Captures of what comes out of pinfs feed: see feed.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "tool/feed.h"
#include "tool/netdev.h"
#include "tool/out.h"

#define ETHERNET 1      /* DLT_EN10MB */
#define SNAPLEN  262144 /* more than any frame has */

struct sink {
	struct sink *next;
	u32 ifindex;
	const char *word;
	pcap_dumper_t *dumper; /* NULL: could not be made */
	char path[];
};

struct feed_out {
	const char *path;
	bool dir;
	pcap_t *dead; /* gives the files their link type */
	struct sink *sinks;
	int err;
	char error[PCAP_ERRBUF_SIZE];
};

static const char *const words[DRIVE_WAYS] = {
	[DRIVE_TO_STACK] = "stack", [DRIVE_BY_TX] = "tx",     [DRIVE_BY_XDP] = "redirect",
	[DRIVE_BY_TC] = "redirect", [DRIVE_TO_PEER] = "peer",
};

static void failed(struct feed_out *o, const char *text)
{
	if (!o->err)
		snprintf(o->error, sizeof(o->error), "%s", text);
	o->err = 1;
}

static struct sink *sink_new(struct feed_out *o, u32 ifindex, const char *word)
{
	size_t size = strlen(o->path) + IF_NAMESIZE + 32;
	struct sink *s = calloc(1, sizeof(*s) + size);
	char name[IF_NAMESIZE];

	if (!s)
		return NULL;
	s->ifindex = ifindex;
	s->word = word;
	if (o->dir)
		snprintf(s->path, size, "%s/%s.%s.pcap", o->path, netdev_name(ifindex, name), word);
	else
		snprintf(s->path, size, "%s", o->path);
	s->dumper = pcap_dump_open(o->dead, s->path);
	if (!s->dumper)
		failed(o, pcap_geterr(o->dead));
	s->next = o->sinks;
	o->sinks = s;
	return s;
}

static struct sink *sink_get(struct feed_out *o, enum drive_way way, u32 ifindex)
{
	struct sink *s = o->sinks;

	if (!o->dir)
		return s;
	for (; s; s = s->next)
		if (s->ifindex == ifindex && s->word == words[way])
			return s;
	return sink_new(o, ifindex, words[way]);
}

struct feed_out *feed_out_open(const char *path)
{
	struct feed_out *o = calloc(1, sizeof(*o));
	size_t n = strlen(path);
	struct stat st;

	if (!o) {
		out_error(ENOMEM, "%s", path);
		return NULL;
	}
	o->path = path;
	o->dead = pcap_open_dead(ETHERNET, SNAPLEN);
	if (n && path[n - 1] == '/' && mkdir(path, 0777) && errno != EEXIST)
		out_error(errno, "%s", path);
	else if (!o->dead)
		out_error(ENOMEM, "%s", path);
	else
		o->dir = !stat(path, &st) && S_ISDIR(st.st_mode);
	if (o->dead && !o->dir && (!n || path[n - 1] == '/' || !sink_new(o, 0, "all") || o->err)) {
		if (o->err)
			out_error(0, "%s", o->error);
		feed_out_close(o);
		return NULL;
	}
	if (o->dead)
		return o;
	free(o);
	return NULL;
}

void feed_out_frame(struct feed_out *o, enum drive_way way, u32 ifindex, const u8 *data, u32 len,
		    const struct timeval *when)
{
	struct sink *s = sink_get(o, way, ifindex);
	struct pcap_pkthdr h = { .ts = *when, .caplen = len, .len = len };

	if (s && s->dumper)
		pcap_dump((u8 *)s->dumper, &h, data);
	else if (!s)
		failed(o, "no memory");
}

int feed_out_close(struct feed_out *o)
{
	int err;

	while (o->sinks) {
		struct sink *s = o->sinks;

		o->sinks = s->next;
		if (s->dumper) {
			if (pcap_dump_flush(s->dumper) || ferror(pcap_dump_file(s->dumper))) {
				snprintf(o->error, sizeof(o->error), "%.200s: could not be written", s->path);
				o->err = 1;
			}
			pcap_dump_close(s->dumper);
		}
		free(s);
	}
	err = o->err ? out_error(0, "%s", o->error) : 0;
	if (o->dead)
		pcap_close(o->dead);
	free(o);
	return err;
}
