// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading captures for pinfs feed: see feed.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/stat.h>
#include "tool/feed.h"

#define ETHERNET 1 /* DLT_EN10MB */
#define BUFFER   (32u << 10)

static void stat_of(struct feed_in *in)
{
	struct stat st;

	in->regular = strcmp(in->path, "-") && !stat(in->path, &st) && S_ISREG(st.st_mode);
	in->size = in->regular ? st.st_size : 0;
}

/*
 * Nobody else reads that file: without its lock, and read in large pieces, a
 * frame costs a good deal less. libpcap closes it.
 */
static pcap_t *open_file(struct feed_in *in, char *text)
{
	FILE *f = strcmp(in->path, "-") ? fopen(in->path, "rbe") : stdin;
	pcap_t *p;

	if (!f) {
		snprintf(text, PCAP_ERRBUF_SIZE, "%s", strerror(errno));
		return NULL;
	}
	__fsetlocking(f, FSETLOCKING_BYCALLER);
	if (in->regular)
		setvbuf(f, NULL, _IOFBF, BUFFER);
	p = pcap_fopen_offline(f, text);
	if (!p && f != stdin)
		fclose(f);
	return p;
}

int feed_in_open(struct feed_in *in)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	const char *name;

	stat_of(in);
	in->frames = 0;
	in->h = NULL;
	in->p = open_file(in, text);
	if (!in->p) {
		snprintf(in->error, sizeof(in->error), "%s: %s", in->path, text);
		return 1;
	}
	if (pcap_datalink(in->p) == ETHERNET)
		return 0;
	name = pcap_datalink_val_to_name(pcap_datalink(in->p));
	snprintf(in->error, sizeof(in->error),
		 "%s: not a capture of Ethernet frames, but of link type %s (%d)", in->path,
		 name ? name : "unknown", pcap_datalink(in->p));
	feed_in_close(in);
	return 1;
}

void feed_in_close(struct feed_in *in)
{
	if (in->p)
		pcap_close(in->p);
	in->p = NULL;
}

/* Where the record begins that could not be read: the frames before it are read once more. -1: nobody knows.
 */
static long damage_at(const struct feed_in *in)
{
	char text[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *h;
	const u8 *data;
	pcap_t *p = in->regular ? pcap_open_offline(in->path, text) : NULL;
	long at = -1;
	u64 n = 0;

	if (!p)
		return -1;
	while (n < in->frames && pcap_next_ex(p, &h, &data) == 1)
		n++;
	if (n == in->frames)
		at = ftell(pcap_file(p));
	pcap_close(p);
	return at;
}

static void damaged(struct feed_in *in)
{
	long at = damage_at(in);
	char where[48] = "";

	if (at >= 0)
		snprintf(where, sizeof(where), "byte %ld, ", at);
	snprintf(in->error, sizeof(in->error), "%s: damaged at %sbehind frame %llu: %s", in->path, where,
		 (unsigned long long)in->frames, pcap_geterr(in->p));
}

bool feed_in_next(struct feed_in *in, const u8 **data, u32 *len)
{
	int got = pcap_next_ex(in->p, &in->h, data);

	if (got != 1) {
		if (got == PCAP_ERROR)
			damaged(in);
		return false;
	}
	in->frames++;
	in->cut += in->h->caplen < in->h->len;
	*len = in->h->caplen;
	return true;
}

double feed_in_done(const struct feed_in *in)
{
	return in->size ? (double)ftell(pcap_file(in->p)) / (double)in->size : -1;
}
