// SPDX-License-Identifier: BSD-2-Clause
/*
 * What syscall programs call: bpf(2) itself, and what loaders look up before they call it.
 *
 * bpf(2) lies above this layer, so it is reached through the run (struct run_ops); a run that has none
 * answers EOPNOTSUPP. Names come as memory of the program's with a size that holds their NUL.
 */
#include <string.h>
#include <sys/mman.h>
#include "btf/btf_kernel.h"
#include "helper/helper_ids.h"
#include "util/err.h"
#include "util/raw.h"

#define HELPER(name) static u64 name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)
#define INT          .ret = RET_INTEGER

/* ---- bpf(2) and close(2) ---- */

HELPER(sys_bpf)
{
	return run->ops->sys_bpf ? (u64)run->ops->sys_bpf(run, (u32)r1, r2, (u32)r3) : (u64)-EOPNOTSUPP;
}

HELPER(sys_close)
{
	return run->ops->sys_close ? (u64)run->ops->sys_close(run, (u32)r1) : (u64)-EOPNOTSUPP;
}

PROTO(sys_bpf, .func = sys_bpf, INT, ARGS(ANY, IN, SIZE));
PROTO(sys_close, .func = sys_close, INT, ARGS(ANY));

/* ---- names ---- */

/*
 * Longer ones there are none. A name may lie in memory that others write, so it is copied: what is looked at
 * later ends with its NUL.
 */
#define SYMBOL_MAX 512u

static int take_name(char *to, u64 from, u32 size)
{
	const char *name = u64_to_ptr(from);

	if (size <= 1 || name[size - 1])
		return -EINVAL;
	size = MIN(size, SYMBOL_MAX);
	memcpy(to, name, size);
	to[size - 1] = 0;
	return strnlen(to, size) == SYMBOL_MAX - 1 ? -ENOENT : 0;
}

/* A type of the machine's own BTF. Those of its modules are not looked at. */
HELPER(btf_find_by_name_kind)
{
	const struct btf_view *v;
	char name[SYMBOL_MAX];
	int err;
	u32 id;

	err = (u32)r4 ? -EINVAL : take_name(name, r1, (u32)r2);
	if (err)
		return (u64)err;
	v = btf_kernel();
	if (!v)
		return (u64)-EINVAL;
	id = (u32)r3 <= BTF_KIND_ENUM64 ? btf_find(v, name, (u32)r3) : 0;
	return id ? id : (u64)-ENOENT;
}

/*
 * /proc/kallsyms, as it comes by: lines of an address, a letter and a name. Who may not see addresses reads
 * zeros in all of them.
 */
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

/* Behind the name may be a module's. */
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

static long find_symbol(const char *name, u64 *addr)
{
	struct symbols s = { .name = name, .same = true };
	char *buf = raw_mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long n = 0;
	int fd;

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

/* The result is written in any case. */
HELPER(kallsyms_lookup_name)
{
	u64 *addr = u64_to_ptr(r4);
	char name[SYMBOL_MAX];
	int err;

	*addr = 0;
	err = r3 ? -EINVAL : take_name(name, r1, (u32)r2);
	return (u64)(err ? err : find_symbol(name, addr));
}

PROTO(btf_find_by_name_kind, .func = btf_find_by_name_kind, INT, ARGS(IN, SIZE, ANY, ANY));
PROTO(kallsyms_lookup_name, .func = kallsyms_lookup_name, INT, ARGS(IN, SIZE0, ANY, FIXED_OUT),
      .arg_size = { 0, 0, 0, 8 });

/* ---- memory of who asked for the run ---- */

HELPER(copy_from_user)
{
	u32 n = (u32)r2;
	void *to = u64_to_ptr(r1);

	if (!n ||
	    !(run->ops->user_in ? run->ops->user_in(run, to, r3, n) : guard_copy(to, u64_to_ptr(r3), n)))
		return 0;
	memset(to, 0, n);
	return (u64)-EFAULT;
}

PROTO(copy_from_user, .func = copy_from_user, .sleeps = true, INT, ARGS(OUT, SIZE0, ANY));
