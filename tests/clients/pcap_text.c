// SPDX-License-Identifier: BSD-2-Clause
/*
 * pcap_text FILE: the frames of a capture, a line each, without their times.
 */
#include <stdint.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
	static uint8_t frame[1 << 18];
	uint32_t rec[6];

	if (!f || fread(rec, 24, 1, f) != 1)
		return perror("pcap_text FILE"), 2;
	while (fread(rec, 16, 1, f) == 1 && rec[2] <= sizeof(frame) && fread(frame, 1, rec[2], f) == rec[2]) {
		printf("%u:", rec[2]);
		for (uint32_t i = 0; i < rec[2]; i++)
			printf("%s%02x", i % 4 ? "" : " ", frame[i]);
		puts("");
	}
	return !feof(f);
}
