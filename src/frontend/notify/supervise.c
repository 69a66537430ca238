// SPDX-License-Identifier: BSD-2-Clause
/*
 * The supervisor process: makes the world, starts CMD in it, stays to the end.
 *
 *     choose and enter a world         before the store is opened, whose path
 *                                      must be one of the new mount namespace
 *     open the store, make the run file
 *     fork C; C installs the filter, sends the listener over, executes CMD;
 *     before, where an outer filter hides bpf(2), C waits to be traced
 *     leave the session, the terminal and all inherited files
 *     answer (supervisor.c), reap (here, reaper.c)
 *     no child left: remove what was the run's
 *
 * S is an ancestor of every process of the run, as Yama asks of who reads
 * memory, and their subreaper: so the run is over when it has no child left.
 *
 * Traced (frontend/trace), the tracer's thread waits for all children, and tells.
 *
 * In C, between fork and exec, calls may already be notified; they wait in the
 * listener until S serves.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "btf/btf_obj.h"
#include "frontend/notify/fdpass.h"
#include "frontend/notify/filter.h"
#include "frontend/notify/notify.h"
#include "frontend/notify/probes.h"
#include "frontend/notify/runs.h"
#include "frontend/notify/sockets.h"
#include "frontend/notify/supervise.h"
#include "frontend/trace/trace.h"
#include "shm/guard.h"
#include "store/instance.h"
#include "store/store.h"
#include "sys/carry.h"
#include "sys/sys.h"
#include "util/raw.h"

#define INHERITED_MAX 1024

/* CMD's limits are not meant for the one who serves it. */
static const int limits[] = { RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_AS };
#define LIMITS (sizeof(limits) / sizeof(limits[0]))

struct run {
	const struct run_opts *o;
	const sigset_t *mask;
	int tell;
	enum world_kind kind;
	char store[PATH_MAX];
	struct run_file *file;
	char path[RUN_PATH_MAX]; /* of the run file */
	int inherited[INHERITED_MAX];
	u32 ninherited;
	pid_t cmd;
	int status; /* of CMD, -1 before */
	struct rlimit limits[LIMITS];
	void (*xfsz)(int);
	bool told;
	int traced; /* the tracer's descriptor, or -errno */
	enum filter_how how;
};

static int fail(const char *what, const char *which, int err)
{
	fprintf(stderr, "pinfs: %s%s%s: %s\n", what, *which ? " " : "", which,
		strerror(err < 0 ? -err : err));
	return RUN_EXIT_FAILED;
}

static void tell(const struct run *r, int kind, int value)
{
	struct run_msg msg = { kind, value };

	if (write(r->tell, &msg, sizeof(msg)) < 0)
		return; /* the launcher was killed */
}

/* Files that CMD is to have and the supervisor is not. */
static void note_inherited(struct run *r)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	while (d && (e = readdir(d)) && r->ninherited < INHERITED_MAX) {
		int fd = atoi(e->d_name);

		if (*e->d_name != '.' && fd != dirfd(d) && fd != r->tell)
			r->inherited[r->ninherited++] = fd;
	}
	if (d)
		closedir(d);
}

static void raise_limits(struct run *r)
{
	r->xfsz = signal(SIGXFSZ, SIG_IGN);
	for (u32 i = 0; i < LIMITS; i++) {
		struct rlimit l = { 1 << 16, 1 << 16 };

		getrlimit(limits[i], &r->limits[i]);
		if (limits[i] != RLIMIT_NOFILE)
			l.rlim_cur = l.rlim_max = RLIM_INFINITY;
		if (l.rlim_max > r->limits[i].rlim_max && !setrlimit(limits[i], &l))
			continue; /* the privileged may */
		l.rlim_cur = l.rlim_max = r->limits[i].rlim_max;
		setrlimit(limits[i], &l);
	}
}

static void restore_limits(const struct run *r)
{
	for (u32 i = 0; i < LIMITS; i++)
		setrlimit(limits[i], &r->limits[i]);
	signal(SIGXFSZ, r->xfsz);
}

static int choose_store(struct run *r)
{
	const struct run_opts *o = r->o;
	char path[PATH_MAX];
	int err = 0;

	if (snprintf(path, sizeof(path), "%s%s", o->store, o->fresh ? ".fresh.XXXXXX" : "") >=
	    (int)sizeof(path))
		err = -ENAMETOOLONG;
	if (!err && o->fresh)
		fresh_clean(o->store);
	if (!err && o->fresh && (!mkdtemp(path) || chmod(path, 0711)))
		err = -errno;
	if (!err)
		err = store_prepare(path);
	if (!err && !realpath(path, r->store))
		err = -errno;
	if (!err)
		say_verbose(o, "store: %s", r->store);
	return err;
}

/* Capabilities that CMD will have after exec. */
static u64 caps_after_exec(bool nnp)
{
	struct __user_cap_header_struct hdr = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = { 0 };
	u64 bounding = 0, ambient = 0, permitted;

	syscall(SYS_capget, &hdr, d);
	permitted = (u64)d[1].permitted << 32 | d[0].permitted;
	for (int cap = 0; cap < 64; cap++) {
		bounding |= (u64)(prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1) << cap;
		ambient |= (u64)(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1) << cap;
	}
	if (geteuid())
		return ambient;
	return nnp ? permitted & bounding : bounding;
}

static int make_run_file(struct run *r)
{
	int fd, err;

	err = run_create(r->path, sizeof(r->path), &r->file, &fd);
	if (err)
		return err;
	r->file->euid = geteuid();
	r->file->egid = getegid();
	r->file->caps = caps_after_exec(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	r->file->supervisor = (u32)getpid();
	snprintf(r->file->store, sizeof(r->file->store), "%s", the_store.path);
	if (getrandom(&r->file->cookie, sizeof(r->file->cookie), 0) < 0)
		return -errno;
	r->file->cookie |= 1;
	raw_cookie = r->file->cookie;
	the_run = r->file;
	return 0;
}

static int enter_mount(void *arg, u32 n, const char *path)
{
	struct run *r = arg;
	const struct run_mount *m = world_mount(r->kind, r->file, n, path);

	if (m)
		say_verbose(r->o, "%s: instance %u, %s", path, n, m->real ? "mounted" : "redirected");
	return 0;
}

/* The client, up to exec. */

static bool find_library(char *lib, size_t size)
{
	static const char *const places[] = { "libpinfs-preload.so", "../lib/pinfs/libpinfs-preload.so" };
	char exe[PATH_MAX - 64];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0)
		return false;
	exe[n] = 0;
	*strrchr(exe, '/') = 0;
	for (u32 i = 0; i < ARRAY_SIZE(places); i++) {
		char path[PATH_MAX], full[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", exe, places[i]);
		if (realpath(path, full) && strlen(full) < size) {
			strcpy(lib, full);
			return true;
		}
	}
	return false;
}

/* The user's own LD_PRELOAD stays, behind ours. */
static void set_environment(const struct run *r)
{
	char lib[PATH_MAX], *both;
	const char *old = getenv("LD_PRELOAD"), *path = getenv("PATH");

	setenv(RUN_ENV, r->path, 1);
	if (!find_library(lib, sizeof(lib)))
		return;
	if (carry_judge_search(r->o->cmd[0], path ? path : "/bin:/usr/bin") == CARRY_NO)
		return;
	if (old && *old && asprintf(&both, "%s:%s", lib, old) >= 0)
		setenv("LD_PRELOAD", both, 1);
	else
		setenv("LD_PRELOAD", lib, 1);
}

/* The supervisor's choice, made once it traces this process where it has to. */
static enum filter_how await_choice(int sock)
{
	enum filter_how how;

	/* Where credentials were changed it cannot be traced, until exec. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return read(sock, &how, sizeof(how)) == sizeof(how) ? how : FILTER_NOTIFY;
}

/* The listener, or what stands for one where there is none. */
static int install(const struct filter *f, enum filter_how how, bool *killable, bool *nnp)
{
	int fd, err;

	if (!filter_stops(how))
		return filter_install(f, killable, nnp);
	/* Behind the filter this would wait for who waits for it. */
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	*killable = true;
	err = filter_install_plain(f, nnp);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

static void install_filter(const struct run *r, int sock)
{
	bool killable = false, nnp = false;
	enum filter_how how = await_choice(sock);
	struct filter f;
	int fd = filter_build(&f, r->file->cookie, how);

	if (!fd)
		fd = install(&f, how, &killable, &nnp);
	say_verbose(r->o, "filter: %u instructions, %s%s%s", f.len, fd < 0 ? strerror(-fd) : "installed",
		    fd >= 0 && !killable ? ", signals restart calls" : "", nnp ? ", no_new_privs" : "");
	fdpass_send(sock, fd);
	if (fd >= 0)
		close(fd);
	close(sock);
}

static void __attribute__((noreturn)) client(const struct run *r, int sock)
{
	char cwd[PATH_MAX];
	int err;

	/* What is mounted over the directory that we are in is to be seen. */
	if (getcwd(cwd, sizeof(cwd)) && chdir(cwd))
		say_verbose(r->o, "chdir %s: %s", cwd, strerror(errno));
	set_environment(r);
	install_filter(r, sock);
	restore_limits(r);
	sigprocmask(SIG_SETMASK, r->mask, NULL);
	execvp(r->o->cmd[0], r->o->cmd);
	err = errno;
	fprintf(stderr, "pinfs: %s: %s\n", r->o->cmd[0], strerror(err));
	_exit(err == ENOENT ? RUN_EXIT_NOT_FOUND : RUN_EXIT_NOT_EXEC);
}

/* Starts the tracer where there is need for one; r->traced is -ENOSYS where not. Tells C what was chosen. */
static int start_tracer(struct run *r, int sock)
{
	char why[PROBE_WHY] = "";
	bool works;

	r->how = trace_how();
	if (r->how != FILTER_NOTIFY) {
		works = probe_ok(filter_stops(r->how) ? "trace-stops" : "trace", why, sizeof(why));
		r->traced = works ? trace_start(r->cmd, filter_stops(r->how) ? r->path : NULL) : -EPERM;
	}
	if (r->how != FILTER_NOTIFY && r->traced < 0) {
		say_verbose(r->o, "trace: no, %s", *why ? why : strerror(-r->traced));
		r->how = FILTER_NOTIFY;
	}
	if (r->how == FILTER_TRAP)
		r->file->notify = RUN_TRAPS;
	return write(sock, &r->how, sizeof(r->how)) < 0 ? -errno : 0;
}

static int start_client(struct run *r)
{
	int sock[2], listener;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock))
		return -errno;
	r->cmd = fork();
	if (r->cmd < 0)
		return -errno;
	if (!r->cmd) {
		close(sock[0]);
		client(r, sock[1]);
	}
	close(sock[1]);
	start_tracer(r, sock[0]);
	listener = fdpass_recv(sock[0]);
	close(sock[0]);
	tell(r, RUN_MSG_PID, r->cmd);
	return listener;
}

/* Out of reach of the terminal, and in nobody's way. */
static void withdraw(const struct run *r)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (u32 i = 0; i < r->ninherited; i++) {
		int fd = r->inherited[i];

		if (fd > 2)
			close(fd);
		else
			dup2(null, fd);
	}
	close(null);
	umask(0);
	if (chdir("/"))
		return;
}

static void reap_children(struct run *r, bool *any)
{
	int status;
	pid_t pid;

	if (r->traced >= 0) {
		*any = trace_children(&r->status);
	} else {
		while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
			if (pid == r->cmd)
				r->status = status;
		*any = pid == 0 || errno != ECHILD;
	}
	if (*any && r->status >= 0 && !r->told) {
		tell(r, RUN_MSG_STATUS, r->status);
		r->told = true;
	}
}

static void drain(int fd)
{
	char buf[sizeof(struct signalfd_siginfo)];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

/* Until no child is left. */
static void stay(struct run *r, int sigfd)
{
	struct pollfd p[] = { { r->traced >= 0 ? r->traced : sigfd, POLLIN, 0 },
			      { -1, POLLIN, 0 },
			      { sockets_open(), POLLIN, 0 } };
	int watch = reaper_open(), reap = -1;
	bool any = true;

	while (reap_children(r, &any), any) {
		/* While the reaper rests, its reports wait. */
		p[1].fd = reap < 0 ? watch : -1;
		if (poll(p, ARRAY_SIZE(p), reap) < 0)
			continue;
		if (p[0].revents && watch < 0)
			reaper_sweep();
		if (p[0].revents)
			drain(p[0].fd);
		if (p[2].revents)
			sockets_reap();
		reap = watch < 0 ? -1 : reaper_run();
	}
	reaper_last();
}

static int signals(void)
{
	static const int ignored[] = { SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU,
				       SIGHUP, SIGPIPE, SIGTERM, SIGXFSZ };
	sigset_t set;

	for (u32 i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int setup(struct run *r)
{
	int err;

	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prctl(PR_SET_NAME, "pinfs-super", 0, 0, 0);
	err = choose_store(r);
	if (err)
		return fail("store", r->o->store, err);
	r->kind = world_choose(r->o);
	err = world_enter(r->kind, r->o);
	if (err)
		return fail("entering the world", "", err);
	sys_init();
	err = store_open(r->store, STORE_CREATE);
	if (err)
		return fail("store", r->store, err);
	btf_vmlinux_ensure(); /* a store without it lacks no more than a kernel without BTF */
	runs_clean();
	err = make_run_file(r);
	if (err)
		return fail("run file in", the_store.path, err);
	enter_mount(r, INSTANCE_MAIN, BPFFS_DIR);
	instance_each_mount(enter_mount, r);
	return 0;
}

static void report(const struct run *r, int listener, bool wake)
{
	static const char *const worlds[] = { "own mount namespace", "own user and mount namespace",
					      "redirection, nothing is mounted" };

	say_verbose(r->o, "world: %s", worlds[r->kind]);
	if (listener < 0)
		say_verbose(r->o, "notify: no (%s); only preloaded programs are served", strerror(-listener));
	else if (filter_stops(r->how))
		say_verbose(r->o, "notify: no, another listener is there");
	else
		say_verbose(r->o, "notify: yes, %s wake-up", wake ? "synchronous" : "ordinary");
	if (r->traced >= 0)
		say_verbose(r->o, "trace: yes, %s",
			    filter_stops(r->how) ? "for all calls" : "an outer filter answers bpf(2)");
	else if (r->traced != -ENOSYS && listener >= 0)
		say_verbose(r->o, "an outer filter answers bpf(2): static programs get EPERM");
}

int supervise(const struct run_opts *o, int tell_fd, const sigset_t *mask)
{
	struct run r = { .o = o, .tell = tell_fd, .mask = mask, .status = -1, .traced = -ENOSYS };
	int err, listener, sigfd;
	bool wake = false;

	note_inherited(&r);
	raise_limits(&r);
	err = setup(&r);
	if (err)
		return tell(&r, RUN_MSG_END, err << 8), err;
	r.file->notify = RUN_NOTIFY; /* before CMD looks */
	listener = start_client(&r);
	if (listener < 0)
		r.file->notify = 0;
	else if (!filter_stops(r.how)) /* another's listener could get those calls instead of us */
		r.file->identity_changes = 1;
	sigfd = signals();
	guard_install();
	if (listener >= 0)
		supervisor_start(listener, &wake);
	report(&r, listener, wake);
	withdraw(&r);
	stay(&r, sigfd);
	run_remove(r.path, r.file);
	if (o->fresh)
		tree_remove(AT_FDCWD, r.store);
	if (!r.told)
		tell(&r, RUN_MSG_END, r.status);
	return 0;
}
