// SPDX-License-Identifier: BSD-2-Clause
/*
 * Symbols of the kernel: see kallsyms.h.
 *
 * The file is text, lines of an address, a letter and a name, behind which may be a module's. It is read in
 * pieces, which end anywhere. Who may not see addresses reads zeros in all of them.
 */
#include "helper/kallsyms.h"
#include <sys/mman.h>
#include "util/raw.h"

#define PIECE 65536u

struct symbols {
	const char *name;
	u64 found;
	bool known, shown; /* the name was met; some address is not zero */
	/* The line that is being read. */
	u32 column, at; /* at: characters of its name */
	u64 addr;
	bool same; /* its name is the one so far */
};

static u32 digit(char c)
{
	return c >= 'a' ? (u32)(c - 'a') + 10 : (u32)(c - '0');
}

static void end_line(struct symbols *s)
{
	if (s->same && s->at && !s->name[s->at] && !s->known) {
		s->known = true;
		s->found = s->addr;
	}
	s->shown |= s->addr != 0;
	s->addr = 0;
	s->column = s->at = 0;
	s->same = true;
}

static void take(struct symbols *s, const char *p, long n)
{
	for (; n--; p++) {
		if (*p == '\n') {
			end_line(s);
		} else if (*p == ' ' || *p == '\t') {
			s->column++;
		} else if (s->column == 0) {
			s->addr = s->addr << 4 | (digit(*p) & 15);
		} else if (s->column == 2 && s->same) {
			s->same = s->name[s->at] == *p;
			s->at += s->same;
		}
	}
}

int kallsyms_find(const char *name, u64 *addr)
{
	struct symbols s = { .name = name, .same = true };
	char *buf = raw_mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long n = 0;
	int fd;

	*addr = 0;
	if (IS_ERR(buf))
		return -ENOMEM;
	fd = raw_openat(AT_FDCWD, "/proc/kallsyms", O_RDONLY | O_CLOEXEC, 0);
	while (fd >= 0 && !(s.known && s.shown) && (n = raw_read(fd, buf, PIECE)) > 0)
		take(&s, buf, n);
	if (fd >= 0)
		raw_close(fd);
	raw_munmap(buf, PIECE);
	if (!s.shown)
		return -EPERM;
	*addr = s.found;
	return s.found ? 0 : -ENOENT;
}
