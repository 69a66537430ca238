// SPDX-License-Identifier: BSD-2-Clause
/*
 * inject FILE IF [CAPTURE OUT]...: sends the frames of a capture out of an
 * interface, one after the other, and writes what interfaces CAPTURE receive
 * meanwhile to captures OUT.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ALL 3 /* ETH_P_ALL */
#define MAX 8
#define NAP 30 /* ms without a frame that end it */

static struct {
	int fd;
	FILE *out;
} taps[MAX];
static int ntaps;

static int open_at(const char *name)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ALL) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ALL)), one = 1;

	a.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || !a.sll_ifindex || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)))
		return -1;
	return fd;
}

/* With the tag that the kernel keeps beside the frame. */
static void take(int i)
{
	static uint8_t buf[70000];
	char control[256];
	struct iovec v = { buf + 4, sizeof(buf) - 4 };
	struct sockaddr_ll from;
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(taps[i].fd, &m, MSG_DONTWAIT);
	uint8_t *start = buf + 4;

	if (n < 14 || from.sll_pkttype == PACKET_OUTGOING)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct tpacket_auxdata aux;
		uint16_t tag[2];

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
			continue;
		tag[0] = htons(aux.tp_vlan_tpid);
		tag[1] = htons(aux.tp_vlan_tci);
		memmove(buf, buf + 4, 12);
		memcpy(buf + 12, tag, 4);
		start = buf;
		n += 4;
	}
	fwrite((uint32_t[4]){ 0, 0, (uint32_t)n, (uint32_t)n }, 16, 1, taps[i].out);
	fwrite(start, (size_t)n, 1, taps[i].out);
}

/* All that comes until nothing more does. */
static void drain(int ms)
{
	struct pollfd p[MAX];

	for (int i = 0; i < ntaps; i++)
		p[i] = (struct pollfd){ .fd = taps[i].fd, .events = POLLIN };
	while (poll(p, (nfds_t)ntaps, ms) > 0)
		for (int i = 0; i < ntaps; i++)
			if (p[i].revents)
				take(i);
}

int main(int argc, char **argv)
{
	static const uint32_t head[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };
	FILE *f = argc >= 3 ? fopen(argv[1], "r") : NULL;
	int out = argc >= 3 ? open_at(argv[2]) : -1;
	uint32_t rec[6];
	uint8_t frame[65536];
	struct pollfd none = { .fd = out };

	if (!f || out < 0 || fread(rec, sizeof(head), 1, f) != 1)
		return perror("inject FILE IF [CAPTURE OUT]..."), 2;
	for (int i = 3; i + 1 < argc && ntaps < MAX; i += 2, ntaps++) {
		taps[ntaps].fd = open_at(argv[i]);
		taps[ntaps].out = fopen(argv[i + 1], "w");
		if (taps[ntaps].fd < 0 || !taps[ntaps].out)
			return perror(argv[i]), 2;
		fwrite(head, sizeof(head), 1, taps[ntaps].out);
	}
	while (fread(rec, 16, 1, f) == 1 && rec[2] <= sizeof(frame) && fread(frame, rec[2], 1, f) == 1) {
		if (send(out, frame, rec[2], 0) < 0)
			return perror("send"), 1;
		drain(5);
		poll(&none, 0, ntaps ? 0 : 5);
	}
	drain(20 * NAP);
	for (int i = 0; i < ntaps; i++)
		if (fclose(taps[i].out))
			return perror("out"), 1;
	return 0;
}
