// SPDX-License-Identifier: BSD-2-Clause
/*
 * feed_frames FILE MAC: a capture for the programs of bpf/feed.c, one frame for
 * each thing that they can do. MAC is the address of the interface that receives them.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* What XDP, the first and the second tcx program do; how long; tagged; to whom. */
struct row {
	uint8_t xdp, first, second;
	uint16_t len;
	uint8_t tags, to;
};

enum { HOST, BROADCAST, MULTICAST, OTHER };

static const struct row rows[] = {
	{ .len = 60 },
	{ .len = 60, .to = BROADCAST },
	{ .len = 60, .to = MULTICAST },
	{ .len = 60, .to = OTHER },
	{ .len = 1514 },
	{ .xdp = 1, .len = 60 },
	{ .xdp = 2, .len = 60 },
	{ .xdp = 2, .len = 1000 },
	{ .xdp = 3, .len = 60 },
	{ .xdp = 4, .len = 60 },
	{ .xdp = 5, .len = 60 },
	{ .xdp = 7, .len = 60 },
	{ .xdp = 8, .len = 60 },
	{ .xdp = 9, .len = 60 },
	{ .xdp = 9, .len = 1400 },
	{ .xdp = 10, .len = 60 },
	{ .xdp = 11, .len = 60 },
	{ .xdp = 12, .len = 60 },
	{ .xdp = 13, .len = 60 },
	{ .xdp = 14, .len = 60 },
	{ .xdp = 15, .len = 60 },
	{ .xdp = 16, .len = 60 },
	{ .xdp = 17, .len = 60 },
	{ .xdp = 18, .len = 60 },
	{ .xdp = 19, .len = 60 },
	{ .xdp = 20, .len = 60 },
	{ .xdp = 21, .len = 60 },
	{ .xdp = 22, .len = 60 },
	{ .xdp = 23, .len = 60 },
	{ .xdp = 24, .len = 60 },
	{ .xdp = 25, .len = 60 },
	{ .xdp = 26, .len = 60 },
	{ .xdp = 27, .len = 60 },
	{ .xdp = 24, .first = 3, .len = 60 },
	{ .xdp = 26, .first = 4, .len = 60 },
	{ .first = 1, .len = 60 },
	{ .first = 2, .len = 60 },
	{ .first = 3, .len = 60 },
	{ .first = 3, .len = 1514 },
	{ .first = 3, .second = 200, .len = 60 },
	{ .first = 4, .len = 60 },
	{ .first = 4, .second = 201, .len = 60 },
	{ .first = 5, .len = 60 },
	{ .first = 6, .second = 2, .len = 60 },
	{ .first = 7, .len = 60 },
	{ .first = 8, .len = 60 },
	{ .first = 8, .second = 3, .len = 60 },
	{ .first = 8, .second = 4, .len = 60 },
	{ .first = 9, .second = 5, .len = 60 },
	{ .first = 10, .len = 60 },
	{ .first = 11, .len = 60 },
	{ .first = 12, .len = 60 },
	{ .first = 14, .len = 60 },
	{ .first = 15, .len = 60 },
	{ .first = 16, .second = 3, .len = 60 },
	{ .first = 17, .len = 60 },
	{ .first = 17, .second = 200, .len = 60 },
	{ .first = 18, .len = 60 },
	{ .first = 18, .second = 201, .len = 60 },
	{ .first = 18, .second = 17, .len = 60 },
	{ .first = 3, .second = 202, .len = 60 },
	{ .first = 3, .second = 203, .len = 60 },
	{ .first = 19, .len = 60 },
	{ .first = 20, .len = 60 },
	{ .first = 17, .second = 17, .len = 64, .tags = 1 },
	{ .xdp = 8, .first = 17, .second = 18, .len = 100 },
	{ .first = 7, .second = 17, .len = 100 },
	{ .second = 1, .len = 60 },
	{ .second = 2, .len = 60 },
	{ .second = 3, .len = 60 },
	{ .second = 4, .len = 60 },
	{ .len = 64, .tags = 1 },
	{ .xdp = 2, .len = 64, .tags = 1 },
	{ .xdp = 8, .len = 64, .tags = 1 },
	{ .first = 3, .len = 64, .tags = 1 },
	{ .first = 4, .len = 64, .tags = 1 },
	{ .first = 13, .second = 3, .len = 64, .tags = 1 },
	{ .first = 7, .second = 3, .len = 64, .tags = 1 },
	{ .first = 7, .second = 3, .len = 60 },
	{ .xdp = 4, .first = 3, .len = 100 },
	{ .xdp = 8, .first = 3, .len = 100 },
	{ .xdp = 8, .first = 4, .len = 100 },
	{ .xdp = 14, .first = 7, .second = 3, .len = 100 },
	{ .xdp = 12, .first = 8, .second = 3, .len = 100 },
	{ .first = 4, .second = 201, .len = 100, .to = OTHER },
	{ .first = 3, .len = 100, .to = BROADCAST },
	{ .first = 21, .len = 60 },
	{ .first = 22, .second = 3, .len = 60 },
	{ .first = 23, .second = 3, .len = 60 },
	{ .first = 24, .second = 2, .len = 60 },
	{ .first = 25, .second = 3, .len = 60 },
	{ .first = 26, .second = 3, .len = 60 },
	{ .first = 8, .second = 21, .len = 64, .tags = 1 },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static unsigned make(uint8_t *p, unsigned n, const uint8_t mac[6])
{
	static const uint8_t to[][6] = {
		[BROADCAST] = { 255, 255, 255, 255, 255, 255 },
		[MULTICAST] = { 1, 0, 0x5e, 0, 0, 1 },
		[OTHER] = { 2, 0, 0, 0, 0, 0x77 },
	};
	const struct row *r = &rows[n];
	unsigned at = 12;

	for (unsigned i = 0; i < r->len; i++)
		p[i] = (uint8_t)(n * 7 + i);
	memcpy(p, r->to == HOST ? mac : to[r->to], 6);
	memcpy(p + 6, "\x02\0\0\0\0\x01", 6);
	if (r->tags) {
		memcpy(p + at, "\x81\0\x20\x05", 4);
		at += 4;
	}
	memcpy(p + at, "\x88\xb5", 2);
	at += 2;
	for (int twice = 0; twice < 2; twice++, at += 4) {
		p[at] = r->xdp;
		p[at + 1] = r->first;
		p[at + 2] = r->second;
		p[at + 3] = (uint8_t)n;
	}
	return r->len;
}

int main(int argc, char **argv)
{
	static const uint32_t head[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };
	unsigned m[6] = { 0 };
	uint8_t mac[6], frame[2048];
	FILE *f = argc == 3 ? fopen(argv[1], "w") : NULL;

	if (!f || sscanf(argv[2], "%x:%x:%x:%x:%x:%x", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6) {
		fprintf(stderr, "feed_frames FILE MAC\n");
		return 2;
	}
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)m[i];
	fwrite(head, sizeof(head), 1, f);
	for (unsigned i = 0; i < ROWS; i++) {
		uint32_t len = make(frame, i, mac), rec[4] = { i, i, len, len };

		fwrite(rec, sizeof(rec), 1, f);
		fwrite(frame, len, 1, f);
	}
	return fclose(f) ? 1 : 0;
}
