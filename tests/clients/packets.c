// SPDX-License-Identifier: BSD-2-Clause
/*
 * packets FILE N [LEN]: a capture of N Ethernet frames, always the same: of ten
 * four are TCP, three UDP, one ICMP, one ARP, one IPv6. All have LEN bytes (60
 * to 2048), or each another length.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned make(uint8_t *p, unsigned n, unsigned fixed)
{
	static const uint8_t protos[10] = { 6, 17, 6, 1, 6, 17, 0, 6, 17, 41 };
	unsigned proto = protos[n % 10], len = fixed ? fixed : 60 + n * 7 % 1400;

	memset(p, (int)(n & 0xff), len);
	put16(p + 12, proto ? 0x0800 : 0x0806);
	if (proto == 41)
		put16(p + 12, 0x86dd);
	if (!proto || proto == 41)
		return len;
	p[14] = 0x45;
	put16(p + 16, len - 14);
	p[22] = 64;
	p[23] = (uint8_t)proto;
	memcpy(p + 26, "\x0a\0\0\x01\x0a\0\0\x02", 8);
	p[29] = (uint8_t)(n % 5);
	put16(p + 34, 1000 + n % 3);
	put16(p + 36, 80);
	return len;
}

int main(int argc, char **argv)
{
	static const uint32_t head[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };
	FILE *f = argc >= 3 ? fopen(argv[1], "w") : NULL;
	unsigned long n = argc >= 3 ? strtoul(argv[2], NULL, 0) : 0;
	unsigned fixed = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 0) : 0;
	uint8_t frame[2048];

	if (!f || (fixed && (fixed < 60 || fixed > sizeof(frame)))) {
		fprintf(stderr, "packets FILE N [LEN]\n");
		return 2;
	}
	fwrite(head, sizeof(head), 1, f);
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = make(frame, i, fixed), rec[4] = { i / 1000, i % 1000, len, len };

		fwrite(rec, sizeof(rec), 1, f);
		fwrite(frame, len, 1, f);
	}
	return fclose(f) ? 1 : 0;
}
