// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls that an outer seccomp filter may answer before the supervisor sees them.
 *
 * ERRNO outranks USER_NOTIF: where Docker's profile says EPERM to mount(2),
 * the run's own filter is not asked. So a mount of type bpf, and umount, are
 * sent under numbers that no kernel uses; the run's filter traps those, and
 * the supervisor answers as if it were the call itself. Where nobody listens
 * they are ENOSYS, and the call itself is made.
 */
#include <sys/mount.h>
#include "frontend/preload/preload.h"

#define SYS_pinfs_mount  0x7f01
#define SYS_pinfs_umount 0x7f02

static noinline int read_guarded(struct op *op, const volatile char *from, char word[4])
{
	int err = guard_set(&op->guard);

	for (int i = 0; !err && i < 4; i++) {
		word[i] = from[i];
		if (!word[i])
			break;
	}
	return err;
}

/* Is the string of a client, that may be no string at all, "bpf"? */
static bool is_bpf(const char *type)
{
	struct op *op = op_enter(NULL, __builtin_frame_address(0));
	char word[4] = "";
	int err;

	if (!op)
		return false;
	err = read_guarded(op, type, word);
	op_leave(op);
	return !err && word[0] == 'b' && word[1] == 'p' && word[2] == 'f' && !word[3];
}

static bool supervised(void)
{
	return pre_attached && the_run->notify;
}

long hidden_mount(long source, long target, long type, long flags, long data)
{
	long ret;

	if (supervised() && type && !(flags & (MS_REMOUNT | MS_BIND | MS_MOVE))) {
		sig_stand_in_front();
		if (is_bpf((const char *)type)) {
			ret = raw6(SYS_pinfs_mount, source, target, type, flags, data, 0);
			if (ret != -ENOSYS)
				return ret;
		}
	}
	return raw6(SYS_mount, source, target, type, flags, data, 0);
}

long hidden_umount(long target, long flags)
{
	long ret;

	if (supervised()) {
		ret = raw6(SYS_pinfs_umount, target, flags, 0, 0, 0, 0);
		if (ret != -ENOSYS)
			return ret;
	}
	return raw6(SYS_umount2, target, flags, 0, 0, 0, 0);
}

EXPORT int mount(const char *source, const char *target, const char *type, unsigned long flags,
		 const void *data)
{
	return (int)ret_errno(hidden_mount((long)source, (long)target, (long)type, (long)flags, (long)data));
}

EXPORT int umount2(const char *target, int flags)
{
	return (int)ret_errno(hidden_umount((long)target, flags));
}

EXPORT int umount(const char *target)
{
	return (int)ret_errno(hidden_umount((long)target, 0));
}
