// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls that an outer seccomp filter may answer before the supervisor sees them.
 *
 * ERRNO outranks USER_NOTIF: where Docker's profile says EPERM to mount(2),
 * the run's own filter is not asked. So a call that gets EPERM is sent once more
 * under a number that such profiles let pass and that no kernel ever had a call
 * for (epoll_ctl_old), with its own number, hidden by the run's cookie, as sixth
 * argument; the supervisor is notified of that, and answers as if it were the
 * call itself. If the EPERM was the kernel's, or the supervisor's, the answer is
 * EPERM again.
 */
#include <sys/mount.h>
#include "frontend/preload/preload.h"
#include "util/carrier.h"

static u64 hidden_as(int nr)
{
	return raw_cookie ^ (u64)nr;
}

static bool may_be_hidden(long ret)
{
	return ret == -EPERM && pre_attached && the_run->notify;
}

long hidden_mount(long source, long target, long type, long flags, long data)
{
	long again, ret = raw6(SYS_mount, source, target, type, flags, data, 0);

	if (!may_be_hidden(ret))
		return ret;
	again = raw6(NR_CARRIER, source, target, type, flags, data, (long)hidden_as(SYS_mount));
	return again == -ENOSYS ? ret : again;
}

long hidden_umount(long target, long flags)
{
	long again, ret = raw6(SYS_umount2, target, flags, 0, 0, 0, 0);

	if (!may_be_hidden(ret))
		return ret;
	again = raw6(NR_CARRIER, target, flags, 0, 0, 0, (long)hidden_as(SYS_umount2));
	return again == -ENOSYS ? ret : again;
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
