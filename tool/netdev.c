// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interfaces: see netdev.h.
 */
#include "tool/netdev.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "util/netns.h"

u32 netdev_index(const char *word)
{
	char name[IF_NAMESIZE], *end;
	unsigned long n = strtoul(word, &end, 10);

	if (if_nametoindex(word))
		return if_nametoindex(word);
	return *word && !*end && n <= INT32_MAX && if_indextoname((unsigned)n, name) ? (u32)n : 0;
}

const char *netdev_name(u32 ifindex, char *to)
{
	if (!if_indextoname(ifindex, to))
		snprintf(to, IF_NAMESIZE, "%u", ifindex);
	return to;
}

/* A device that is one end of a pair whose other end lies in another namespace has a number of that one. */
static bool has_far_peer(const char *name, u32 ifindex)
{
	char path[80], text[16] = "", other[IF_NAMESIZE];
	unsigned long link;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/iflink", name);
	f = fopen(path, "re");
	if (!f)
		return false;
	link = fgets(text, sizeof(text), f) ? strtoul(text, NULL, 10) : 0;
	fclose(f);
	/* Where both ends are here, the other one's link is this one. */
	if (!link || link == ifindex)
		return false;
	if (!if_indextoname((unsigned)link, other))
		return true;
	snprintf(path, sizeof(path), "/sys/class/net/%s/iflink", other);
	f = fopen(path, "re");
	if (!f)
		return true;
	link = fgets(text, sizeof(text), f) ? strtoul(text, NULL, 10) : 0;
	fclose(f);
	return link != ifindex;
}

int netdev_facts(void *arg, u32 ifindex, struct drive_device *to)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { .ifr_ifindex = (int)ifindex };

	memset(to, 0, sizeof(*to));
	if (fd < 0)
		return -errno;
	if (!ifindex || ifindex > INT32_MAX || ioctl(fd, SIOCGIFNAME, &r)) {
		close(fd);
		return -ENODEV;
	}
	if (!ioctl(fd, SIOCGIFFLAGS, &r)) {
		to->up = r.ifr_flags & IFF_UP;
		to->loopback = r.ifr_flags & IFF_LOOPBACK;
	}
	if (!ioctl(fd, SIOCGIFMTU, &r))
		to->mtu = (u32)r.ifr_mtu;
	if (!ioctl(fd, SIOCGIFHWADDR, &r))
		memcpy(to->mac, r.ifr_hwaddr.sa_data, sizeof(to->mac));
	close(fd);
	to->has_peer = has_far_peer(r.ifr_name, ifindex);
	return 0;
}

int netdev_namespace(u64 *ns)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ns = netns_of(fd);
	close(fd);
	return 0;
}
