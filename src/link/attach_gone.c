// SPDX-License-Identifier: BSD-2-Clause
/*
 * Targets that are gone: a cgroup that was removed, an interface, or a network namespace, takes its
 * attachments along, when gc looks. An interface is looked for in gc's own namespace alone.
 *
 * A cgroup is found by its id through the file handle that cgroupfs gives it; where that may not be asked
 * (CAP_DAC_READ_SEARCH), or no cgroup v2 hierarchy is mounted at a usual place, it counts as there.
 */
#include "link/attach_gone.h"
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include "link/link.h"
#include "util/netns.h"
#include "util/raw.h"

#define CGROUP2_MAGIC 0x63677270
#define FILEID_KERNFS 0xfe

static int hierarchy(void)
{
	static const char *const dirs[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;

	for (u32 i = 0; i < ARRAY_SIZE(dirs); i++) {
		int fd = raw_openat(AT_FDCWD, dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

		if (fd >= 0 && !raw2(SYS_fstatfs, fd, &fs) && (u32)fs.f_type == CGROUP2_MAGIC)
			return fd;
		if (fd >= 0)
			raw_close(fd);
	}
	return -ENOENT;
}

static u64 own_netns(void)
{
	int fd = raw_openat(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC, 0);
	u64 ns = fd < 0 ? 0 : netns_of(fd);

	if (fd >= 0)
		raw_close(fd);
	return ns;
}

/* An interface of the namespace that this thread is in; of others nothing can be told. */
static bool device_gone(const struct attach_key *k)
{
	struct ifreq r = { .ifr_ifindex = (int)k->ifindex };
	int fd, err;

	if (!k->ifindex || own_netns() != k->target)
		return false;
	fd = (int)raw3(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	err = (int)raw3(SYS_ioctl, fd, SIOCGIFNAME, &r);
	raw_close(fd);
	return err == -ENODEV;
}

bool attach_target_gone(const struct attach_key *k)
{
	struct {
		u32 bytes;
		s32 type;
		u64 id;
	} handle = { sizeof(u64), FILEID_KERNFS, k->target };
	int mount, fd;

	if (attach_is_netns(k))
		return device_gone(k) || netns_gone(netns_inode(k->target));
	if (attach_is_map(k->type)) {
		struct obj_hdr h;

		return obj_read_header(OBJ_MAP, (u32)k->target, &h, sizeof(h)) == -ENOENT;
	}
	if (!attach_is_cgroup(k->type))
		return false;
	mount = hierarchy();
	if (mount < 0)
		return false;
	fd = (int)raw3(SYS_open_by_handle_at, mount, &handle, O_RDONLY | O_CLOEXEC);
	raw_close(mount);
	if (fd >= 0)
		raw_close(fd);
	return fd == -ESTALE;
}

/* As LINK_DETACH does it: what is detached counts as not there. */
static void detach_link(u32 id)
{
	struct obj_view v;

	if (obj_map(OBJ_LINK, id, true, &v))
		return;
	atomic_store(&((struct link_hdr *)v.hdr)->detached, 1);
	obj_unmap(&v);
}

int attach_empty(void *arg, struct attach_list *l)
{
	if (!l->nr)
		return 1;
	while (l->nr) {
		if (l->e[0].link_id)
			detach_link(l->e[0].link_id);
		attach_entry_remove(l, 0);
	}
	return 0;
}
