// SPDX-License-Identifier: BSD-2-Clause
/*
 * What syscall programs call: bpf(2) itself, and what loaders look up before they call it.
 *
 * bpf(2) lies above this layer, so it is reached through the run (struct run_ops); a run that has none
 * answers EOPNOTSUPP. Names come as memory of the program's with a size that holds their NUL.
 */
#include <string.h>
#include "btf/btf_kernel.h"
#include "helper/helper_ids.h"
#include "helper/kallsyms.h"
#include "helper/text.h"
#include "util/err.h"

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

/* A name may lie in memory that others write, so it is copied: what is looked at later ends with its NUL. */
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

/* The result is written in any case. */
HELPER(kallsyms_lookup_name)
{
	u64 *addr = u64_to_ptr(r4);
	char name[SYMBOL_MAX];
	int err;

	*addr = 0;
	err = r3 ? -EINVAL : take_name(name, r1, (u32)r2);
	return (u64)(err ? err : kallsyms_find(name, addr));
}

PROTO(btf_find_by_name_kind, .func = btf_find_by_name_kind, INT, ARGS(IN, SIZE, ANY, ANY));
PROTO(kallsyms_lookup_name, .func = kallsyms_lookup_name, INT, ARGS(IN, SIZE0, ANY, FIXED_OUT),
      .arg_size = { 0, 0, 0, 8 });

/* ---- memory of who asked for the run ---- */

HELPER(copy_from_user)
{
	u32 n = (u32)r2;
	void *to = u64_to_ptr(r1);

	if (!n || !mem_copy(run, MEM_USER, to, r3, n))
		return 0;
	memset(to, 0, n);
	return (u64)-EFAULT;
}

PROTO(copy_from_user, .func = copy_from_user, .sleeps = true, INT, ARGS(OUT, SIZE0, ANY));
