// SPDX-License-Identifier: BSD-2-Clause
/*
 * Network namespaces that are gone: nobody is in it, no descriptor is of it, and it is mounted nowhere.
 *
 * /proc is looked through: threads, their descriptors, and the mounts of each process's namespace. Who may
 * not be looked at may be in any: then nothing is gone. (One that only a socket keeps is taken for gone.)
 */
#include "link/attach_gone.h"
#include "store/dirscan.h"
#include "util/err.h"
#include "util/raw.h"
#include "util/str.h"

/* "net:[4026531840]" */
static void ns_text(char to[40], u64 ino)
{
	str_put(str_put_u64(str_put(to, "net:["), ino, 10), "]");
}

/* Is a link of /proc that text? */
static bool link_is(const char *path, const char *text)
{
	char to[64];
	long n = raw_readlinkat(AT_FDCWD, path, to, sizeof(to) - 1);

	to[n > 0 ? n : 0] = 0;
	return !strcmp(to, text);
}

/* dir/NAME/tail for all numbers NAME of a directory. */
static bool any_link(const char *dir, const char *tail, const char *text)
{
	const struct dirscan_entry *e;
	struct dirscan d;
	char path[128];
	bool ret = false;

	if (dirscan_open(&d, dir))
		return false;
	while (!ret && (e = dirscan_next(&d))) {
		str_put(str_put(str_put(str_put(path, dir), "/"), e->name), tail);
		ret = link_is(path, text);
	}
	dirscan_close(&d);
	return ret;
}

/* Is text a part of a file? Pieces overlap by its length. */
static bool file_has(const char *path, const char *text)
{
	size_t len = strlen(text), have = 0;
	int fd = raw_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	bool ret = false;
	char buf[4096];
	long n;

	if (fd < 0)
		return false;
	while (!ret && (n = raw_read(fd, buf + have, sizeof(buf) - have)) > 0) {
		have += (size_t)n;
		ret = memmem(buf, have, text, len);
		if (have >= len) {
			memmove(buf, buf + have - (len - 1), len - 1);
			have = len - 1;
		}
	}
	raw_close(fd);
	return ret;
}

static bool process_has(const char *pid, const char *text)
{
	char path[64], *end = str_put(str_put(path, "/proc/"), pid);

	str_put(end, "/task");
	if (any_link(path, "/ns/net", text))
		return true;
	str_put(end, "/fd");
	if (any_link(path, "", text))
		return true;
	str_put(end, "/mountinfo");
	return file_has(path, text);
}

bool netns_gone(u64 ino)
{
	const struct dirscan_entry *e;
	struct dirscan d;
	bool there = false;
	char text[40];

	ns_text(text, ino);
	if (dirscan_open(&d, "/proc"))
		return false;
	while (!there && (e = dirscan_next(&d)))
		there = e->name[0] >= '1' && e->name[0] <= '9' && process_has(e->name, text);
	dirscan_close(&d);
	return !there;
}
