// SPDX-License-Identifier: BSD-2-Clause
/*
 * feed_base PIN FILE: what pinfs feed is measured against: as many bare runs of
 * the pinned program as the capture has frames (one TEST_RUN with repeat), and
 * reading the capture with libpcap. Prints both, in seconds.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#define PCAP_DONT_INCLUDE_PCAP_BPF_H
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Reads all; the first frame, and how many there were. */
static long read_all(const char *path, unsigned char *first, unsigned *len)
{
	char text[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_open_offline(path, text);
	struct pcap_pkthdr *h;
	const unsigned char *data;
	long n = 0;

	while (p && pcap_next_ex(p, &h, &data) == 1)
		if (!n++) {
			*len = h->caplen < 2048 ? h->caplen : 2048;
			memcpy(first, data, *len);
		}
	if (p)
		pcap_close(p);
	return n;
}

int main(int argc, char **argv)
{
	unsigned char frame[2048];
	unsigned len = 0;
	int fd = argc == 3 ? bpf_obj_get(argv[1]) : -1;
	double t = now(), read_s, run_s;
	long n = argc == 3 ? read_all(argv[2], frame, &len) : 0;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = len, .repeat = (int)n);

	read_s = now() - t;
	if (fd < 0 || !n)
		return perror("feed_base PIN FILE"), 1;
	t = now();
	if (bpf_prog_test_run_opts(fd, &o))
		return perror("TEST_RUN"), 1;
	run_s = now() - t;
	printf("%.6f %.6f\n", run_s, read_s);
	return 0;
}
