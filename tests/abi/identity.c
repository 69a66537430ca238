// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who may make a map: asked before and after a thread changes who it is, by
 * instructions that no library sees, while others stay what they are.
 */
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include "abi/rows.h"

static const char *try_map(void)
{
	union row_attr r = {
		.a = { .map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 4, .max_entries = 4 }
	};
	long fd = syscall(SYS_bpf, BPF_MAP_CREATE, &r, 72);

	if (fd >= 0)
		close((int)fd);
	return fd >= 0 ? "ok" : errno == EPERM ? "EPERM" : strerror(errno);
}

static void row(const char *text)
{
	/* Twice: what was found out is to hold, too. */
	const char *first = try_map(), *second = try_map();

	printf("%s: %s, %s\n", text, first, second);
	fflush(stdout);
}

static long raw(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return ret;
}

static void *thread(void *arg)
{
	row("another thread");
	raw(SYS_setresuid, -1, 1234, -1);
	row("after setresuid there");
	return arg;
}

static void set_effective(int on)
{
	struct __user_cap_header_struct hdr = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	raw(SYS_capget, (long)&hdr, (long)data, 0);
	for (int i = 0; i < 2; i++)
		data[i].effective = on ? data[i].permitted : 0;
	raw(SYS_capset, (long)&hdr, (long)data, 0);
}

static void caps(void)
{
	row("a child");
	set_effective(0);
	row("without effective capabilities");
	set_effective(1);
	row("with them");
	if (fork() == 0) {
		row("its child");
		raw(SYS_setreuid, -1, 4321, 0);
		row("after setreuid there");
		_exit(0);
	}
	wait(NULL);
	row("the child still");
}

static void user(void)
{
	raw(SYS_setuid, 1234, 0, 0);
	row("after setuid");
}

static void namespace(void)
{
	row("before unshare");
	if (raw(SYS_unshare, CLONE_NEWUSER, 0, 0))
		printf("no namespace of users\n");
	row("in a namespace of users of its own");
}

static void in_child(void (*fn)(void))
{
	if (fork() == 0) {
		fn();
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

int main(void)
{
	pthread_t t;

	row("at first");
	if (pthread_create(&t, NULL, thread, NULL) || pthread_join(t, NULL))
		return 1;
	row("the first thread");
	in_child(caps);
	in_child(user);
	in_child(namespace);
	row("in the end");
	return 0;
}
