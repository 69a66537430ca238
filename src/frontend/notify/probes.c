// SPDX-License-Identifier: BSD-2-Clause
/*
 * The probe rows: see probes.h.
 *
 * Those about notification share a stage: the test's process is the supervisor
 * of a child, the client, that installs a filter for one harmless call,
 *
 *     getpgid(CALL_MAGIC)   notified; every other call passes
 *
 * hands its listener over, and makes it. What the probe is about is done in
 * between.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/bpf.h>
#include "frontend/notify/fdpass.h"
#include "frontend/notify/probes.h"
#include "frontend/notify/world.h"
#include "frontend/trace/deliver.h"
#include "frontend/trace/trace.h"

#define CALL_MAGIC 0x70696e66

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

static int PRINTF(4, 5) say(int ret, char *why, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return ret;
}

static int no(char *why, size_t size, const char *what, int err)
{
	return say(0, why, size, "%s: %s", what, strerror(err < 0 ? -err : err));
}

/* Namespaces. */

/* Being allowed to unshare is not enough: some systems take the right to mount away afterwards. */
static int bind_something(void)
{
	int err = world_mount_ns();

	return err ? err : mount("/proc", "/proc", NULL, MS_BIND, NULL) ? -errno : 0;
}

static int test_mount_ns(char *why, size_t size)
{
	int err = bind_something();

	return err ? no(why, size, "unshare and mount", err) : 1;
}

static int test_user_ns(char *why, size_t size)
{
	int err = world_user_ns(0, 0);

	return err ? no(why, size, "unshare and uid_map", err) : 1;
}

static int test_user_mount_ns(char *why, size_t size)
{
	int err = world_user_ns(0, 0);

	if (!err)
		err = bind_something();
	return err ? no(why, size, "mount in a user namespace", err) : 1;
}

/* Notification. */

static int stage_filter(unsigned flags)
{
	struct sock_filter insn[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CALL_MAGIC, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { ARRAY_SIZE(insn), insn };
	int fd;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_NEW_LISTENER,
			  &prog);
	return fd < 0 ? -errno : fd;
}

struct stage {
	pid_t client;
	int listener;
	struct seccomp_notif req;
};

static void client(int sock, const void *secret)
{
	int fd = stage_filter(0);

	fdpass_send(sock, fd);
	if (fd < 0)
		_exit(1);
	close(fd);
	long ret = syscall(SYS_getpgid, CALL_MAGIC, secret);
	/* An fd that was installed is /dev/null, opened for both. */
	_exit(ret > 2 && fcntl((int)ret, F_GETFL) == -1 ? 1 : 0);
}

/* The client, waiting in its call. secret: an address that only it knows the contents of. */
static int stage_begin(struct stage *s, char *why, size_t size)
{
	static volatile char secret[8];
	int sock[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock))
		return no(why, size, "socketpair", errno);
	s->client = fork();
	if (!s->client) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(sock[0]);
		memcpy((void *)secret, "secret!", 8);
		client(sock[1], (void *)secret);
	}
	close(sock[1]);
	s->listener = fdpass_recv(sock[0]);
	close(sock[0]);
	if (s->listener == -EBUSY)
		return say(0, why, size, "another filter of this process has a listener already");
	if (s->listener < 0)
		return no(why, size, "seccomp", s->listener);
	memset(&s->req, 0, sizeof(s->req));
	if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, &s->req))
		return no(why, size, "receiving", errno);
	return 1;
}

static int stage_end(struct stage *s, long val)
{
	struct seccomp_notif_resp resp = { .id = s->req.id, .val = val };
	int status = 1;

	if (val >= 0)
		ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
	waitpid(s->client, &status, 0);
	return status == 0;
}

static int test_notify(char *why, size_t size)
{
	struct stage s;

	return stage_begin(&s, why, size) && stage_end(&s, 1);
}

static int test_no_listener(char *why, size_t size)
{
	int fd = stage_filter(0);

	if (fd == -EBUSY)
		return say(0, why, size, "some supervisor listens to this process already");
	return fd < 0 ? no(why, size, "seccomp", fd) : 1;
}

static int test_killable(char *why, size_t size)
{
	int fd = stage_filter(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);

	return fd < 0 ? no(why, size, "seccomp", fd) : 1;
}

static int test_wake(char *why, size_t size)
{
	int fd = stage_filter(0);

	if (fd < 0)
		return no(why, size, "seccomp", fd);
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1ul))
		return no(why, size, "needs Linux 6.6", errno);
	return 1;
}

static int test_vm_readv(char *why, size_t size)
{
	char got[8] = "";
	struct iovec here = { got, sizeof(got) }, there;
	struct stage s;
	int err;

	if (!stage_begin(&s, why, size))
		return 0;
	there = (struct iovec){ u64_to_ptr(s.req.data.args[1]), sizeof(got) };
	err = process_vm_readv((pid_t)s.req.pid, &here, 1, &there, 1, 0) < 0 ? errno : 0;
	stage_end(&s, 1);
	if (err)
		return no(why, size, "process_vm_readv", err);
	return !strcmp(got, "secret!");
}

static int test_addfd(char *why, size_t size)
{
	struct seccomp_notif_addfd add = { .flags = SECCOMP_ADDFD_FLAG_SEND, .newfd_flags = O_CLOEXEC };
	struct stage s;
	int err;

	if (!stage_begin(&s, why, size))
		return 0;
	add.id = s.req.id;
	add.srcfd = (u32)open("/dev/null", O_RDWR | O_CLOEXEC);
	err = ioctl(s.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? errno : 0;
	if (!stage_end(&s, err ? 1 : -1) && !err)
		return say(0, why, size, "the descriptor did not arrive");
	return err ? no(why, size, "ADDFD", err) : 1;
}

static int test_proc_fd(char *why, size_t size)
{
	char path[64], text[256];
	struct stage s;
	int err;

	if (!stage_begin(&s, why, size))
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)s.req.pid, s.listener);
	err = readlink(path, text, sizeof(text)) < 0 ? errno : 0;
	snprintf(path, sizeof(path), "/proc/%d/cwd", (int)s.req.pid);
	if (readlink(path, text, sizeof(text)) >= 0 || err == ENOENT)
		err = 0;
	stage_end(&s, 1);
	return err ? no(why, size, "readlink", err) : 1;
}

/* bpf(2) behind the filters of this process. */

#define ANSWER 4711

/* No listener when the carrier stops. */
static int hidden_filter(u32 bpf_action, u32 carrier_action)
{
	struct sock_filter insn[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NR_CARRIER, 2, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, bpf_action),
		BPF_STMT(BPF_RET | BPF_K, carrier_action),
	};
	struct sock_fprog prog = { ARRAY_SIZE(insn), insn };
	int fd;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			  carrier_action == SECCOMP_RET_TRACE ? 0 : SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	return fd < 0 ? -errno : fd;
}

/* Waits for a byte, installs the filter, calls bpf(2), and says by its exit whether pinfs answered. */
static void __attribute__((noreturn)) hidden_client(int sock, u32 action, u32 carrier_action)
{
	char go;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(sock, &go, 1) != 1)
		_exit(1);
	fd = hidden_filter(action, carrier_action);
	fdpass_send(sock, fd);
	close(fd);
	_exit(syscall(SYS_bpf, 0x7fff, NULL, 0) != ANSWER);
}

/* A client that waits for its byte, and this end of its socket. */
static pid_t hidden_begin(u32 action, u32 carrier_action, int *sock)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	pid = fork();
	if (!pid) {
		close(pair[0]);
		hidden_client(pair[1], action, carrier_action);
	}
	close(pair[1]);
	*sock = pair[0];
	return pid;
}

static int hidden_listener(int sock)
{
	if (write(sock, "", 1) != 1)
		return -errno;
	return fdpass_recv(sock);
}

/* 1: the client was notified for, and has got the answer. */
static int hidden_answer(int listener, pid_t pid)
{
	struct pollfd p = { listener, POLLIN, 0 };
	struct seccomp_notif req = { 0 };
	struct seccomp_notif_resp resp = { .val = ANSWER };
	int status = 1;

	if (poll(&p, 1, 2000) == 1 && p.revents & POLLIN &&
	    !ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req)) {
		resp.id = req.id;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
	} else {
		kill(pid, SIGKILL);
	}
	waitpid(pid, &status, __WALL);
	return status == 0;
}

static int test_notify_bpf(char *why, size_t size)
{
	int sock, listener;
	pid_t pid = hidden_begin(SECCOMP_RET_USER_NOTIF, SECCOMP_RET_USER_NOTIF, &sock);

	if (pid < 0)
		return no(why, size, "fork", errno);
	listener = hidden_listener(sock);
	if (listener < 0)
		return no(why, size, "seccomp", listener);
	return hidden_answer(listener, pid) ? 1 : say(0, why, size, "an outer filter answers it first");
}

static int test_trace(char *why, size_t size)
{
	int sock, listener, status, err;
	pid_t pid = hidden_begin(SECCOMP_RET_TRAP, SECCOMP_RET_USER_NOTIF, &sock);

	if (pid < 0)
		return no(why, size, "fork", errno);
	err = trace_attach(pid, false);
	if (err)
		return no(why, size, "ptrace", err);
	listener = hidden_listener(sock);
	if (listener < 0)
		return no(why, size, "seccomp", listener);
	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		return say(0, why, size, "no stop at a trapped call");
	trace_stop(pid, status);
	return hidden_answer(listener, pid) ? 1 : say(0, why, size, "what carries a trapped call is refused");
}

/* The same where there is no listener: the call is met under both its numbers. */
static int test_trace_stops(char *why, size_t size)
{
	int sock, status, err;
	pid_t pid = hidden_begin(SECCOMP_RET_TRAP, SECCOMP_RET_TRACE, &sock);

	if (pid < 0)
		return no(why, size, "fork", errno);
	err = trace_attach(pid, true);
	if (err)
		return no(why, size, "ptrace", err);
	err = hidden_listener(sock);
	if (err < 0)
		return no(why, size, "seccomp", err);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		if (status >> 16 == PTRACE_EVENT_SECCOMP)
			deliver_result(pid, ANSWER);
		else
			trace_stop(pid, status);
	}
	return !status ? 1 : say(0, why, size, "what carries a trapped call is refused");
}

enum filter_how trace_how(void)
{
	char why[PROBE_WHY];
	bool listener, hidden;

	if (!prctl(PR_GET_SECCOMP, 0, 0, 0, 0))
		return FILTER_NOTIFY;
	listener = probe_ok("no-listener", why, sizeof(why));
	/* bpf(2) of the kernel itself may say EPERM, too. */
	hidden = syscall(SYS_bpf, 0x7fff, NULL, 0) < 0 && (errno == EPERM || errno == ENOSYS);
	if (!listener)
		return hidden ? FILTER_STOP_TRAP : FILTER_STOP;
	return hidden && !probe_ok("notify-bpf", why, sizeof(why)) ? FILTER_TRAP : FILTER_NOTIFY;
}

/* The rest of the machine. */

static int test_yama(char *why, size_t size)
{
	FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;

	if (!f)
		return say(1, why, size, "not in this kernel");
	if (fscanf(f, "%d", &scope) != 1)
		scope = 0;
	fclose(f);
	if (scope >= 2)
		return say(geteuid() == 0 && scope == 2, why, size, "ptrace_scope %d", scope);
	return say(1, why, size, "ptrace_scope %d%s", scope, scope ? ", the supervisor is an ancestor" : "");
}

static int test_shm(char *why, size_t size)
{
	struct statvfs v;
	char path[] = "/dev/shm/pinfs.probe.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0)
		return no(why, size, "/dev/shm", errno);
	unlink(path);
	close(fd);
	if (statvfs("/dev/shm", &v))
		return no(why, size, "statfs", errno);
	return say(1, why, size, "%llu MiB of %llu MiB free",
		   (unsigned long long)v.f_bavail * v.f_frsize >> 20,
		   (unsigned long long)v.f_blocks * v.f_frsize >> 20);
}

static int test_kernel_bpf(char *why, size_t size)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)) < 0 ? no(why, size, "bpf", errno) : 1;
}

/* Calls with arguments that the kernel refuses otherwise, so that EPERM tells of a filter. */
static int reaches(long ret, char *why, size_t size)
{
	if (ret < 0 && (errno == EPERM || errno == ENOSYS))
		return say(0, why, size, "answered before the kernel sees it: %s", strerror(errno));
	return 1;
}

static int test_outer_bpf(char *why, size_t size)
{
	return reaches(syscall(SYS_bpf, 0xffff, NULL, 0), why, size);
}

static int test_outer_mount(char *why, size_t size)
{
	return reaches(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL), why, size);
}

static int test_outer_unshare(char *why, size_t size)
{
	return reaches(syscall(SYS_unshare, 0), why, size);
}

static int test_outer_perf(char *why, size_t size)
{
	return reaches(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0), why, size);
}

static int test_outer_getfd(char *why, size_t size)
{
	return reaches(syscall(SYS_pidfd_getfd, -1, 0, 0), why, size);
}

const struct probe probes[] = {
	{ "mount-namespace", "an own mount namespace as this user", test_mount_ns },
	{ "user-namespace", "an own user namespace", test_user_ns },
	{ "user-mount-namespace", "mounts in an own user namespace", test_user_mount_ns },
	{ "no-listener", "no other listener on this process", test_no_listener },
	{ "notify", "seccomp user notification", test_notify },
	{ "wait-killable", "notified calls are not restarted by signals", test_killable },
	{ "wake-up", "synchronous wake-up of the supervisor", test_wake },
	{ "vm-readv", "reading a client's memory", test_vm_readv },
	{ "addfd", "giving a client a descriptor", test_addfd },
	{ "proc-fd", "a client's /proc/PID", test_proc_fd },
	{ "notify-bpf", "bpf(2) is delivered to the supervisor", test_notify_bpf },
	{ "trace", "tracing serves bpf(2) where it is not", test_trace },
	{ "trace-stops", "tracing serves all calls where there is another listener", test_trace_stops },
	{ "yama", "ptrace restrictions", test_yama },
	{ "shm", "/dev/shm can hold a store", test_shm },
	{ "kernel-bpf", "the kernel's own bpf(2)", test_kernel_bpf },
	{ "outer-bpf", "bpf(2) reaches the kernel", test_outer_bpf },
	{ "outer-mount", "mount(2) reaches the kernel", test_outer_mount },
	{ "outer-unshare", "unshare(2) reaches the kernel", test_outer_unshare },
	{ "outer-perf", "perf_event_open(2) reaches the kernel", test_outer_perf },
	{ "outer-pidfd", "pidfd_getfd(2) reaches the kernel", test_outer_getfd },
};
const u32 probes_nr = ARRAY_SIZE(probes);

const struct probe *probe_find(const char *name)
{
	for (u32 i = 0; i < probes_nr; i++)
		if (!strcmp(probes[i].name, name))
			return &probes[i];
	return NULL;
}

struct verdict {
	int works;
	char why[PROBE_WHY];
};

int probe_run(const struct probe *p, char *why, size_t size)
{
	struct verdict v = { 0, "the test died" };
	int fd[2];
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC))
		return no(why, size, "pipe", errno);
	pid = fork();
	if (!pid) {
		v.why[0] = 0;
		v.works = p->test(v.why, sizeof(v.why));
		_exit(write(fd[1], &v, sizeof(v)) != sizeof(v));
	}
	close(fd[1]);
	if (pid < 0 || read(fd[0], &v, sizeof(v)) != sizeof(v))
		v.works = 0;
	close(fd[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	snprintf(why, size, "%s", v.why);
	return v.works;
}

bool probe_ok(const char *name, char *why, size_t size)
{
	const struct probe *p = probe_find(name);

	return p && probe_run(p, why, size) > 0;
}
