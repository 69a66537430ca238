// SPDX-License-Identifier: BSD-2-Clause
/*
 * pcap_damage IN OUT SEED: a damaged copy of a capture, always the same one for a seed.
 *
 * Prints how many whole frames a careful reader finds, and at which byte it must
 * stop ("-": it need not), or "head" when it is the file's header that was damaged: then anything goes that
 * is no crash.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD    24
#define REC     16
#define LEN_MAX 262144 /* longer frames are none */

static uint64_t state;

static uint32_t rnd(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 11) % n;
}

/* Where record n begins. */
static size_t record(const uint8_t *b, size_t size, uint32_t n)
{
	size_t at = HEAD;
	uint32_t len;

	while (n-- && at + REC <= size) {
		memcpy(&len, b + at + 8, 4);
		at += REC + len;
	}
	return at;
}

static uint32_t records(const uint8_t *b, size_t size)
{
	uint32_t n = 0;

	while (record(b, size, n) < size)
		n++;
	return n;
}

static int harm(uint8_t *b, size_t *size)
{
	static const uint32_t lengths[] = { 0xffffffff, 0x80000000, 0x7fffffff, LEN_MAX + 1, 0x01000000 };
	uint32_t n = records(b, *size), len;
	size_t at;

	switch (rnd(6)) {
	case 0: *size = HEAD + rnd((uint32_t)*size - HEAD); return 0; /* cut off in a record */
	case 1: *size = rnd(HEAD); return 1;
	case 2: b[rnd(4)] ^= (uint8_t)(1 + rnd(255)); return 1; /* magic */
	case 3:
		len = lengths[rnd(5)];
		memcpy(b + record(b, *size, rnd(n)) + 8, &len, 4);
		return 0;
	case 4: /* bits, anywhere behind the header */
		for (uint32_t i = 1 + rnd(8); i; i--) {
			at = HEAD + rnd((uint32_t)*size - HEAD);
			b[at] ^= (uint8_t)(1 << rnd(8));
		}
		return 0;
	default: b[4 + rnd(HEAD - 4)] ^= (uint8_t)(1 << rnd(8)); return 1;
	}
}

static void tell(const uint8_t *b, size_t size)
{
	size_t at = HEAD;
	uint32_t n = 0, len;

	for (; at < size; at += REC + len, n++) {
		if (at + REC > size)
			break;
		memcpy(&len, b + at + 8, 4);
		if (len > LEN_MAX || len > size - at - REC)
			break;
	}
	if (at < size)
		printf("%u %zu\n", n, at);
	else
		printf("%u -\n", n);
}

int main(int argc, char **argv)
{
	static uint8_t b[1 << 22];
	FILE *in = argc == 4 ? fopen(argv[1], "r") : NULL, *out = argc == 4 ? fopen(argv[2], "w") : NULL;
	size_t size;

	if (!in || !out)
		return fprintf(stderr, "pcap_damage IN OUT SEED\n"), 2;
	size = fread(b, 1, sizeof(b), in);
	state = strtoull(argv[3], NULL, 0) * 0x9e3779b97f4a7c15ull + 1;
	for (int i = 0; i < 8; i++)
		rnd(2);
	if (harm(b, &size))
		puts("head -");
	else
		tell(b, size);
	fwrite(b, 1, size, out);
	return fclose(out) ? 1 : 0;
}
