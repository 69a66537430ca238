// SPDX-License-Identifier: BSD-2-Clause
/*
 * What programs are attached to: see targets.h.
 *
 * Devices are asked for by ioctl(2) on a socket of the client's namespace. Where this process is in another
 * one, the calling thread alone enters the client's for the moment in which the socket is made.
 */
#include "sys/targets.h"
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include "shm/tagged.h"
#include "sys/cmds.h"
#include "util/netns.h"
#include "util/raw.h"
#include "util/str.h"

#define CGROUP2_MAGIC 0x63677270
#define ROOT_CGROUP   1 /* id of the topmost one */

static char *ns_path(struct bpf_caller *c, char path[64])
{
	if (c->direct)
		str_put(path, "/proc/thread-self/ns/net");
	else
		str_put(str_put_u64(str_put(path, "/proc/"), (u64)c->tid, 10), "/ns/net");
	return path;
}

static u64 netns_at(const char *path)
{
	int fd = raw_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	u64 ns = 0;

	if (fd >= 0) {
		ns = netns_of(fd);
		raw_close(fd);
	}
	return ns;
}

u64 target_own_netns(struct bpf_caller *c)
{
	char path[64];

	return netns_at(ns_path(c, path));
}

static int plain_socket(void)
{
	return (int)raw3(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* A socket in the client's namespace. -EPERM: it may not be entered. */
static int client_socket(struct bpf_caller *c)
{
	struct stat own, client;
	char path[64];
	int back, ns, fd;

	if (c->direct || raw_fstatat(AT_FDCWD, "/proc/thread-self/ns/net", &own, 0) ||
	    raw_fstatat(AT_FDCWD, ns_path(c, path), &client, 0) || own.st_ino == client.st_ino)
		return plain_socket();
	back = raw_openat(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC, 0);
	if (back < 0)
		return back;
	ns = raw_openat(AT_FDCWD, ns_path(c, path), O_RDONLY | O_CLOEXEC, 0);
	fd = ns < 0 ? ns : (int)raw2(SYS_setns, ns, CLONE_NEWNET);
	if (!fd) {
		fd = plain_socket();
		raw2(SYS_setns, back, CLONE_NEWNET);
	}
	if (ns >= 0)
		raw_close(ns);
	raw_close(back);
	return fd;
}

/* Drivers with XDP of their own; all other devices have the generic one. */
static bool driver_native(const char *name)
{
	static const char *const names[] = {
		"veth",
		"virtio_net",
		"tun",
		"bonding",
		"ixgbe",
		"ixgbevf",
		"i40e",
		"ice",
		"igb",
		"igc",
		"ena",
		"bnxt_en",
		"mlx4_en",
		"mlx5_core",
		"vmxnet3",
		"hv_netvsc",
		"gve",
		"netdevsim",
		"nfp",
		"qede",
		"sfc",
		"stmmac",
		"mvneta",
		"mvpp2",
		"dpaa2-eth",
		"fsl_enetc",
		"thunder-nic",
		"vif",
		"lan966x",
		"fec",
		"am65-cpsw-nuss",
		"mana",
		"octeontx2-nicpf",
		"otx2-nicvf",
		"atlantic",
		"funeth",
		"tsnep",
		"mtk_soc_eth",
		"idpf",
		"fbnic",
		"libeth",
	};

	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

int target_device(struct bpf_caller *c, u32 ifindex, struct target_device *d)
{
	struct ifreq r = { .ifr_ifindex = (int)ifindex };
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	int fd = client_socket(c), err;

	d->native = false;
	if (fd < 0)
		return -ENODEV;
	err = (int)raw3(SYS_ioctl, fd, SIOCGIFNAME, &r);
	if (!err) {
		r.ifr_data = (void *)&info;
		if (!raw3(SYS_ioctl, fd, SIOCETHTOOL, &r)) {
			info.driver[sizeof(info.driver) - 1] = 0;
			d->native = driver_native(info.driver);
		}
	}
	raw_close(fd);
	return err ? -ENODEV : 0;
}

int target_netns_fd(struct bpf_caller *c, int fd, u64 *ns)
{
	const char *end;
	char text[64];
	int n, copy;
	u64 ino;

	if (fd < 0)
		return -EBADF;
	n = c->ops->fd_text(c, fd, text, sizeof(text) - 1);
	if (n < 0)
		return n == -EBADF ? n : -EINVAL;
	text[n] = 0;
	if (!str_starts(text, "net:["))
		return -EINVAL;
	ino = str_get_u64(text + 5, &end);
	if (*end != ']')
		return -EINVAL;
	copy = caller_copy_fd(c, fd);
	*ns = copy < 0 ? target_own_netns(c) : netns_of(copy);
	if (copy >= 0)
		raw_close(copy);
	if (netns_inode(*ns) != ino)
		*ns = ino;
	return 0;
}

static bool is_cgroup2(int fd, u64 *id)
{
	struct statfs fs;
	struct stat st;

	if (raw2(SYS_fstatfs, fd, &fs) || (u32)fs.f_type != CGROUP2_MAGIC || raw_fstat(fd, &st) ||
	    !S_ISDIR(st.st_mode))
		return false;
	*id = st.st_ino;
	return true;
}

int target_cgroup(struct bpf_caller *c, int fd, u64 *id, int *dir)
{
	if (fd < 0)
		return -EBADF;
	*dir = c->ops->dup_fd(c, fd);
	if (*dir < 0)
		return -EBADF;
	if (is_cgroup2(*dir, id))
		return 0;
	raw_close(*dir);
	return -EBADF;
}

int target_cgroup_id(struct bpf_caller *c, int fd, u64 *id)
{
	int dir, err;

	/* In place, where the numbers are the client's; none of our own is of a cgroup. */
	if (c->direct)
		return fd >= 0 && is_cgroup2(fd, id) ? 0 : -EBADF;
	err = target_cgroup(c, fd, id, &dir);
	if (!err)
		raw_close(dir);
	return err;
}

/* A cgroup never moves, and its id is never another's: so what was once above one is above it for good. */
static struct pair seen_above[64]; /* id, and that of the one above */

int target_cgroup_above(u64 id, u64 *above)
{
	struct pair seen = pair_load(&seen_above[id % ARRAY_SIZE(seen_above)]);

	if (id == ROOT_CGROUP)
		return -ENOENT;
	if (!id || seen.lo != id)
		return -EAGAIN;
	*above = seen.hi;
	return 0;
}

static void keep_above(u64 id, u64 above)
{
	struct pair *p = &seen_above[id % ARRAY_SIZE(seen_above)], seen = pair_load(p);

	pair_cas(p, &seen, (struct pair){ id, above });
}

int target_cgroup_up(int *dir, u64 *id)
{
	u64 below = *id;
	int up = below == ROOT_CGROUP ? -ENOENT : raw_openat(*dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

	raw_close(*dir);
	*dir = up;
	if (up < 0)
		return -ENOENT;
	if (is_cgroup2(up, id) && *id != below) {
		keep_above(below, *id);
		return 0;
	}
	raw_close(up);
	return -ENOENT;
}
