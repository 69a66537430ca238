// SPDX-License-Identifier: BSD-2-Clause
/*
 * /proc/PID/mounts and mountinfo with the run's mounts in them.
 *
 * The kernel's two files list the same mounts in the same order. The one of a
 * real bind mount of an instance is found in mountinfo, by its mount point and
 * by a root that ends in /fs/N:
 *
 *     34 24 0:25 /store/fs/1 /sys/fs/bpf rw,relatime shared:1 - tmpfs tmpfs rw
 *     34 24 0:25 / /sys/fs/bpf rw,relatime shared:1 - bpf bpf rw,mode=700
 *
 * and rewritten in both. A bpffs of the machine at a place of the run's is left
 * out. Mounts that are only redirected are added behind, with
 * ids that the kernel will not soon give.
 */
#include "sys/fscalls.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define OWN_IDS 1000000u /* mount ids of redirected mounts */

/* A whole file of /proc, as the client may read it; NUL at the end. Length or -errno. */
static long read_proc(struct fs_ctx *x, const char *pid, const char *file, char **out)
{
	size_t have = 0, room = 1 << 14;
	char path[64], *buf;
	long n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, file);
	n = fs_enter(x);
	if (n)
		return n;
	fd = raw_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	fs_leave(x);
	if (fd < 0)
		return fd;
	buf = malloc(room);
	while (buf && (n = raw_read(fd, buf + have, room - have - 1)) > 0) {
		have += (size_t)n;
		if (room - have < 4096) {
			char *more = realloc(buf, room *= 2);

			if (!more)
				free(buf);
			buf = more;
		}
	}
	raw_close(fd);
	if (!buf)
		return -ENOMEM;
	buf[have] = 0;
	*out = buf;
	return (long)have;
}

/* Field i (from 0) of a line of blank-separated fields; its length, 0 if there is none. */
static size_t field(const char *line, u32 i, const char **at)
{
	while (i--) {
		line += strcspn(line, " ");
		if (*line)
			line++;
	}
	*at = line;
	return strcspn(line, " ");
}

/* The kernel writes blanks and the like of a path as \ooo. */
static void escape(const char *path, char *out, size_t size)
{
	size_t n = 0;

	for (; *path && n + 5 < size; path++) {
		if (strchr(" \t\n\\", *path))
			n += (size_t)sprintf(out + n, "\\%03o", (unsigned char)*path);
		else
			out[n++] = *path;
	}
	out[n] = 0;
}

static bool ends_in_instance(const char *root, size_t n, u32 instance)
{
	char want[24];
	size_t w = (size_t)snprintf(want, sizeof(want), "/fs/%u", instance);

	return n >= w && !memcmp(root + n - w, want, w);
}

/* The run's mount that a line of mountinfo is. */
static const struct run_mount *mount_of_line(const char *line)
{
	const char *root, *point;
	size_t nroot = field(line, 3, &root), npoint = field(line, 4, &point);
	char path[RUN_PATH_MAX * 4];

	for (u32 i = RUN_MOUNTS; i--;) {
		const struct run_mount *m = &the_run->mounts[i];

		if (atomic_load(&m->state) != RUN_MOUNT_USED || !m->real ||
		    !ends_in_instance(root, nroot, m->instance))
			continue;
		escape(m->path, path, sizeof(path));
		if (strlen(path) == npoint && !memcmp(path, point, npoint))
			return m;
	}
	return NULL;
}

/* A bpffs of the machine that one of the run stands in place of: nobody in the run can reach it. */
static bool is_replaced(const char *line)
{
	const char *point, *type = strstr(line, " - ");
	size_t npoint = field(line, 4, &point);
	char path[RUN_PATH_MAX * 4];

	if (!type || type > line + strcspn(line, "\n") || strncmp(type + 3, "bpf ", 4))
		return false;
	for (u32 i = 0; i < RUN_MOUNTS; i++) {
		const struct run_mount *m = &the_run->mounts[i];

		if (atomic_load(&m->state) != RUN_MOUNT_USED)
			continue;
		escape(m->path, path, sizeof(path));
		if (strlen(path) == npoint && !memcmp(path, point, npoint))
			return true;
	}
	return false;
}

void fs_mount_options(const struct run_mount *m, char *buf, size_t size)
{
	static const char *const delegate[] = { "delegate_cmds", "delegate_maps", "delegate_progs",
						"delegate_attachs" };
	size_t n = 0;

	*buf = 0;
	if ((m->has & 2) && m->uid)
		n += (size_t)snprintf(buf + n, size - n, ",uid=%u", m->uid);
	if ((m->has & 4) && m->gid)
		n += (size_t)snprintf(buf + n, size - n, ",gid=%u", m->gid);
	if ((m->has & 1) && (m->mode & 06777) != 0777)
		n += (size_t)snprintf(buf + n, size - n, ",mode=%o", m->mode & 06777);
	for (u32 i = 0; i < ARRAY_SIZE(delegate); i++)
		if (m->delegate[i][0] && n < size)
			n += (size_t)snprintf(buf + n, size - n, ",%s=%.63s", delegate[i], m->delegate[i]);
}

/* A whole line of mountinfo; head is what stands before the root. */
static void info_line(FILE *f, const struct run_mount *m, const char *head, const char *opts, size_t nopts)
{
	char path[RUN_PATH_MAX * 4], source[256], super[RUN_OPTS_MAX * 2];

	escape(m->path, path, sizeof(path));
	escape(m->source, source, sizeof(source));
	fs_mount_options(m, super, sizeof(super));
	fprintf(f, "%s / %s %.*s - bpf %s %s%s\n", head, path, (int)nopts, opts, source,
		m->read_only ? "ro" : "rw", super);
}

static void mounts_line(FILE *f, const struct run_mount *m, const char *opts, size_t nopts)
{
	char path[RUN_PATH_MAX * 4], source[256], super[RUN_OPTS_MAX * 2];

	escape(m->path, path, sizeof(path));
	escape(m->source, source, sizeof(source));
	fs_mount_options(m, super, sizeof(super));
	fprintf(f, "%s %s bpf %.*s%s 0 0\n", source, path, (int)nopts, opts, super);
}

/* A mount on top of a replaced one is shown on what that one stood on. */
static u32 visible_parent(const char *info, u32 parent)
{
	const char *line, *at;

	for (line = info; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if ((u32)strtoul(line, NULL, 10) != parent || !is_replaced(line))
			continue;
		field(line, 1, &at);
		return (u32)strtoul(at, NULL, 10);
	}
	return parent;
}

/* From "34 24 0:25 /store/fs/1 /sys/fs/bpf rw,relatime shared:1 - ...": options and tags are kept. */
static void rewrite_info(FILE *f, const struct run_mount *m, const char *line, const char *info)
{
	const char *parent, *dev, *opts, *end = strstr(line, " - ");
	size_t ndev = field(line, 2, &dev);
	char head[64];

	field(line, 1, &parent);
	field(line, 5, &opts);
	snprintf(head, sizeof(head), "%lu %u %.*s", strtoul(line, NULL, 10),
		 visible_parent(info, (u32)strtoul(parent, NULL, 10)), (int)ndev, dev);
	info_line(f, m, head, opts, end > opts ? (size_t)(end - opts) : 0);
}

static void rewrite_mounts(FILE *f, const struct run_mount *m, const char *info)
{
	const char *opts;
	size_t n = field(info, 5, &opts);

	mounts_line(f, m, opts, n);
}

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return line + (*line == '\n');
}

/* The line of mountinfo whose mount a path lies on, the last of equals; *no is its number. */
static const char *parent_line(const char *info, const char *path, u32 *no)
{
	const char *point, *line, *found = info;
	size_t best = 0;
	u32 i = 0;

	for (line = info; *line; line = next_line(line), i++) {
		size_t n = field(line, 4, &point);

		if (n == 1)
			n = 0; /* "/" */
		if (n >= best && !strncmp(point, path, n) && (path[n] == '/' || !path[n]) &&
		    !is_replaced(line)) {
			best = n;
			found = line;
			*no = i;
		}
	}
	return found;
}

static u32 parent_id(const char *info, const char *path)
{
	u32 no = 0;

	return (u32)strtoul(parent_line(info, path, &no), NULL, 10);
}

/* A directory bound on itself: a mount like the one that it lies on. */
static void add_bind(FILE *f, bool info, const char *mountinfo, const char *mounts, u32 i, const char *dir)
{
	const char *dev, *opts, *line;
	char path[RUN_PATH_MAX * 4];
	u32 no = 0;

	escape(dir, path, sizeof(path));
	line = parent_line(mountinfo, dir, &no);
	if (info) {
		size_t n = field(line, 2, &dev);

		field(line, 5, &opts);
		fprintf(f, "%u %lu %.*s %s %s %.*s\n", OWN_IDS + RUN_MOUNTS + i, strtoul(line, NULL, 10),
			(int)n, dev, path, path, (int)strcspn(opts, "\n"), opts);
		return;
	}
	for (line = mounts; no && *line; no--)
		line = next_line(line);
	field(line, 2, &opts);
	fprintf(f, "%.*s %s %.*s\n", (int)strcspn(line, " "), line, path, (int)strcspn(opts, "\n"), opts);
}

/* What is only redirected, topmost last. */
static void add_redirected(FILE *f, bool info, const char *mountinfo, const char *mounts)
{
	char head[64], dir[RUN_PATH_MAX];

	for (u32 i = 0; i < FS_SELF_BINDS; i++)
		if (fs_self_bind(i, dir))
			add_bind(f, info, mountinfo, mounts, i, dir);
	for (u32 i = 0; i < RUN_MOUNTS; i++) {
		const struct run_mount *m = &the_run->mounts[i];
		const char *opts = m->read_only ? "ro,relatime" : "rw,relatime";

		if (atomic_load(&m->state) != RUN_MOUNT_USED || m->real)
			continue;
		if (!info) {
			mounts_line(f, m, opts, strlen(opts));
			continue;
		}
		snprintf(head, sizeof(head), "%u %u %u:%u", OWN_IDS + i, parent_id(mountinfo, m->path),
			 major(the_store.dev), minor(the_store.dev));
		info_line(f, m, head, opts, strlen(opts));
	}
}

static void write_lines(FILE *f, bool info, const char *mountinfo, const char *mounts)
{
	const char *i = mountinfo, *m = mounts;

	while (*i && *m) {
		const struct run_mount *ours = mount_of_line(i);
		const char *line = info ? i : m;

		if (!ours && is_replaced(i))
			;
		else if (!ours)
			fprintf(f, "%.*s\n", (int)strcspn(line, "\n"), line);
		else if (info)
			rewrite_info(f, ours, i, mountinfo);
		else
			rewrite_mounts(f, ours, i);
		i = next_line(i);
		m = next_line(m);
	}
	add_redirected(f, info, mountinfo, mounts);
}

int fs_mounts_text(struct fs_ctx *x, const char *pid, bool info, const char *path, u32 oflags)
{
	char *mountinfo = NULL, *mounts = NULL, *text = NULL;
	size_t n = 0;
	FILE *f;
	long ret = read_proc(x, pid, "mountinfo", &mountinfo);

	if (ret >= 0)
		ret = read_proc(x, pid, "mounts", &mounts);
	if (ret < 0)
		goto out;
	ret = -ENOMEM;
	f = open_memstream(&text, &n);
	if (f) {
		write_lines(f, info, mountinfo, mounts);
		if (!fclose(f))
			ret = fs_text_fd(path, text, n, oflags);
	}
out:
	free(text);
	free(mounts);
	free(mountinfo);
	return (int)ret;
}
