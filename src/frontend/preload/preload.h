// SPDX-License-Identifier: BSD-2-Clause
/*
 * The preload library: bpf(2) answered inside the client.
 *
 * It replaces a few functions of the C library, by symbol, and answers
 * syscall(SYS_bpf, ...) itself. What it must never do to its host: print,
 * exit, abort, lose errno, take a lock or memory in a call that POSIX lists as
 * async-signal-safe, or show an fd of its own among the low numbers.
 *
 *     syscall.c   syscall(): straight on to the kernel, or to one of
 *     bpf.c       bpf(2): the hot path, and what a thread needs for it
 *     caller.c    struct bpf_caller for the process itself
 *     fdtab.c     fd number -> handle: a cache, see there
 *     wrap_fd.c   close, the dup family: keep the cache right
 *     wrap_io.c   read, write, ... on an object's fd: the kernel's answers
 *     wrap_mmap.c mmap of maps and events
 *     wrap_perf.c perf_event_open(2), and what its fds answer
 *     wrap_epoll.c, wrap_poll.c, wrap_select.c waiting for rings; watch.c what is registered where
 *     wrap_sig.c  the guard's signals stay open, the host sees its own handlers
 *     wrap_net.c  netlink sockets: what is attached over them
 *     wrap_sock.c socket options: programs at sockets
 *     wrap_exec.c who can carry the library
 *     wrap_ptrace.c debuggers in a run whose calls are trapped
 *     wrap_hidden.c calls that an outer filter hides from the supervisor
 *     init.c      joining the run; fork
 *
 * No truth lives here. If it is not bound to a run (no $PINFS_RUN, no store in
 * reach), every call is the kernel's, where the notify front end may stand.
 */
#ifndef PINFS_PRELOAD_H
#define PINFS_PRELOAD_H

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include "sys/handle.h"
#include "sys/run.h"
#include "sys/sys.h"
#include "util/raw.h"

#define EXPORT __attribute__((visibility("default")))

/*
 * The C library's own functions, for those wrappers whose original does more
 * than the system call (cancellation, buffers). Found by dlsym in the
 * constructor; a call that comes even before (another library's constructor,
 * one thread, no handlers yet) finds them then.
 */
#define NEXT_LIST(X)                                                                                         \
	X(int, close, (int))                                                                                 \
	X(int, fclose, (FILE *))                                                                             \
	X(FILE *, freopen, (const char *, const char *, FILE *))                                             \
	X(int, fcntl, (int, int, ...))                                                                       \
	X(ssize_t, read, (int, void *, size_t))                                                              \
	X(ssize_t, write, (int, const void *, size_t))                                                       \
	X(ssize_t, pread, (int, void *, size_t, off_t))                                                      \
	X(ssize_t, pwrite, (int, const void *, size_t, off_t))                                               \
	X(ssize_t, readv, (int, const struct iovec *, int))                                                  \
	X(ssize_t, writev, (int, const struct iovec *, int))                                                 \
	X(ssize_t, send, (int, const void *, size_t, int))                                                   \
	X(ssize_t, sendto, (int, const void *, size_t, int, const struct sockaddr *, socklen_t))             \
	X(ssize_t, sendmsg, (int, const struct msghdr *, int))                                               \
	X(ssize_t, recv, (int, void *, size_t, int))                                                         \
	X(ssize_t, recvfrom, (int, void *, size_t, int, struct sockaddr *, socklen_t *))                     \
	X(ssize_t, recvmsg, (int, struct msghdr *, int))                                                     \
	X(int, fsync, (int))                                                                                 \
	X(int, fdatasync, (int))                                                                             \
	X(int, poll, (struct pollfd *, nfds_t, int))                                                         \
	X(int, ppoll, (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *))                  \
	X(int, __poll_chk, (struct pollfd *, nfds_t, int, size_t))                                           \
	X(int, __ppoll_chk, (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t))    \
	X(int, pselect, (int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *))      \
	X(int, select, (int, fd_set *, fd_set *, fd_set *, struct timeval *))                                \
	X(int, epoll_wait, (int, struct epoll_event *, int, int))                                            \
	X(int, epoll_pwait, (int, struct epoll_event *, int, int, const sigset_t *))                         \
	X(int, sigsuspend, (const sigset_t *))                                                               \
	X(long, ptrace, (enum __ptrace_request, ...))                                                        \
	X(pid_t, wait4, (pid_t, int *, int, struct rusage *))                                                \
	X(pid_t, waitpid, (pid_t, int *, int))                                                               \
	X(int, waitid, (idtype_t, id_t, siginfo_t *, int))                                                   \
	X(pid_t, vfork, (void))                                                                              \
	X(int, clone, (int (*)(void *), void *, int, void *, ...))                                           \
	X(int, sigaction, (int, const struct sigaction *, struct sigaction *))                               \
	X(__sighandler_t, signal, (int, __sighandler_t))                                                     \
	X(int, sigprocmask, (int, const sigset_t *, sigset_t *))                                             \
	X(int, pthread_sigmask, (int, const sigset_t *, sigset_t *))                                         \
	X(void, longjmp, (jmp_buf, int))                                                                     \
	X(void, _longjmp, (jmp_buf, int))                                                                    \
	X(void, siglongjmp, (sigjmp_buf, int))                                                               \
	X(void, __longjmp_chk, (jmp_buf, int))                                                               \
	X(int, posix_spawn,                                                                                  \
	  (pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,             \
	   char *const[], char *const[]))                                                                    \
	X(int, posix_spawnp,                                                                                 \
	  (pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,             \
	   char *const[], char *const[]))

#define NEXT_DECLARE(ret, name, args) extern ret(*next_##name) args;
NEXT_LIST(NEXT_DECLARE)
#undef NEXT_DECLARE
void next_resolve(void);
#define NEXT(name) (likely(next_##name) ? (void)0 : next_resolve(), next_##name)

/* ns of CLOCK_MONOTONIC; errno stays. */
static inline s64 raw_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* A raw result at the libc edge. */
static inline long ret_errno(long r)
{
	if (unlikely((unsigned long)r >= (unsigned long)-MAX_ERRNO)) {
		errno = (int)-r;
		return -1;
	}
	return r;
}

/* What a thread knows of itself. THREAD_NEW is what a fresh, zeroed one is: to be looked at before its next
 * bpf(2). */
enum { THREAD_NEW, THREAD_READY };

struct pre_thread {
	u32 state;
	bool borrowed; /* SIGSEGV and SIGBUS are unblocked for the length of a call */
	u8 put_off;    /* bit i: kept[i] arrived meanwhile */
	u32 mem_count;
	struct {
		void *at;
		size_t size;
	} mem[8];     /* scratch memory of the running call */
	u64 limit[2]; /* the client's RLIMIT_NOFILE while it is lifted, else 0, 0 */
	u64 identity; /* the run's identity_changes << 1 | privileged, of when it was asked last */
	struct bpf_caller c;
	siginfo_t kept[2];
};
extern __thread struct pre_thread pre_self;

/* One page of the process that a forked child finds wiped: pid 0. */
struct pre_process {
	u32 pid;
};
extern volatile struct pre_process *pre_process;
extern bool pre_attached; /* set once, in the constructor */
extern bool pre_filtered; /* the same: the process is behind a filter, the run's if it has one */

/* init.c */
bool pre_owner(void);  /* false in a vfork child: the memory is its parent's */
extern u32 pre_shared; /* the process may have had a child that shares its memory (syscall.c) */
void pre_forked(void);

/* caller.c */
extern const struct bpf_caller_ops pre_caller_ops;
void pre_scratch_free(struct pre_thread *t, u32 from);

/* bpf.c */
long pre_syscall_bpf(long nr, long cmd, long attr, long size, long d, long e, long f);
/*
 * Around what is no bpf(2): the caller of this thread. Handlers for the guard's signals are up between the
 * two, and the thread does not block them. `borrowed` is what pre_leave is to be given: the mask, or 0.
 */
struct bpf_caller *pre_enter(u64 *borrowed);
void pre_leave(u64 borrowed);
/* Another call that is served in the client: fn with this thread's caller, and its guard's signals open. */
long pre_call(long (*fn)(struct bpf_caller *c, void *arg), void *arg);
/* Before a jump that may leave a call: what it had changed of the thread and the process. */
void pre_limit_back(struct pre_thread *t);
void pre_borrowed_back(struct pre_thread *t);

/* fdtab.c */
#define FDTAB_SIZE 1024u
extern u64 *_Atomic fdtab[FDTAB_SIZE];

/* The raw word of a number: a handle and in its two lowest bits the access mode (> 0), or empty (<= 0). */
static inline s64 fdtab_raw(int fd)
{
	u64 *page;

	if (unlikely((u32)fd >= FDTAB_SIZE * FDTAB_SIZE))
		return 0;
	page = atomic_load_explicit(&fdtab[(u32)fd / FDTAB_SIZE], memory_order_acquire);
	return page ? (s64)__atomic_load_n(&page[(u32)fd % FDTAB_SIZE], __ATOMIC_ACQUIRE) : 0;
}

/* The same, 0 when it is not known to be an object. */
static inline u64 fdtab_word(int fd)
{
	s64 word = fdtab_raw(fd);

	return unlikely(word > 0) ? (u64)word : 0;
}

static inline struct handle *word_handle(u64 word)
{
	return (struct handle *)(word & ~3ull);
}

/* Before a number is looked at; its word then, for fdtab_set. */
s64 fdtab_look(int fd);
/* After: true if nothing has happened to the number since, then the reference is taken over. */
bool fdtab_set(int fd, struct handle *h, u32 acc, s64 seen);
/* What a number stands for that was opened just now: no look at an earlier description can come after it. */
void fdtab_put(int fd, struct handle *h, u32 acc);
void fdtab_drop(int fd);
void fdtab_drop_range(u32 lo, u32 hi, bool reap);
void fdtab_init(void); /* once, of a process that has joined a run */
void fdtab_off(void);  /* tables of fds are no longer one per process: nothing is cached from now on */
int pre_get_fd(struct bpf_caller *c, struct op *op, int fd, struct bpf_file *f);
/* For wrappers: is this an object's fd? A reference, to be put, or NULL. */
struct handle *fd_object(int fd, u32 *acc);
/* The same for numbers that bpf(2) has not met yet: costs system calls. */
struct handle *fd_look(int fd, u32 *acc);
bool fd_is_ours(int fd);
void fd_ours_away(int fd); /* the client wants that number */

/* wrap_*.c: what syscall() needs; results or -errno */
long fd_close(int fd);
long fd_dup(int fd);
long fd_dup2(int from, int to, int flags, bool dup3);
long fd_close_range(u32 lo, u32 hi, int flags);
long fd_fcntl(int fd, int cmd, long arg);
long fd_ioctl(int fd, unsigned long request, long arg);
long map_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
/* SIGBUS of the client's own at that address: true if a page of zeros stands there now. Async-signal-safe. */
bool map_zero_page(const void *at);
long hidden_mount(long source, long target, long type, long flags, long data);
long hidden_umount(long target, long flags);
/* wrap_perf.c */
long perf_open(long attr, long pid, long cpu, long group, long flags);
/* What to map in place of an event's fd, or -errno. */
int perf_map_fd(int fd, size_t len, int prot, int flags, off_t off);
/* Results, or SYS_CONTINUE when fd is no event. */
long perf_ioctl(int fd, unsigned long request, long arg);
long perf_read(int fd, void *buf, size_t n);
long exec_path(int dirfd, const char *path, char *const argv[], char *const envp[], int flags);
long sig_raw_action(int sig, const void *act, void *old, size_t size);
long ep_raw_ctl(int ep, int op, int fd, struct epoll_event *event);
long ep_raw_wait(long nr, int ep, long events, int max, long timeout, const void *mask, size_t size);
long poll_raw(struct pollfd *fds, nfds_t n, int ms);
long ppoll_raw(struct pollfd *fds, nfds_t n, struct timespec *t, const void *mask, size_t size);
long select_raw(int n, void *r, void *w, void *e, struct timeval *tv);
long pselect_raw(int n, void *r, void *w, void *e, struct timespec *t, long mask);
/* A poll that has an object among its fds; t is valid or NULL. */
long poll_timed(struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *mask);
void poll_closing(const struct handle *h);
bool poll_moving(int fd, int to);

/* wrap_net.c: the number `to` is a copy of `from` now */
void net_copied(int from, int to);

/* Which numbers may be NETLINK_ROUTE sockets: a hint; all from NET_FDS - 1 on share the last bit. */
#define NET_FDS 1024u
extern _Atomic u64 net_route[NET_FDS / 64];

static inline bool net_may_be_route(int fd)
{
	u32 bit = (u32)fd < NET_FDS ? (u32)fd : NET_FDS - 1;

	return unlikely(atomic_load_explicit(&net_route[bit / 64], memory_order_relaxed) >> bit % 64 & 1);
}

/* write(2) and writev(2) on such a number. False: it is for the kernel, and nothing has been done. */
bool net_written(int fd, const struct iovec *v, int n, ssize_t *ret);
/* read(2) and readv(2) have answered n. What they answer then. */
ssize_t net_was_read(int fd, const struct iovec *v, int nv, ssize_t n);

/* wrap_sock.c */
long sock_setsockopt(int fd, int level, int name, const void *val, socklen_t len);
extern _Atomic u64 sock_marked_[];
/* Is a socket with a program known to be behind that number? */
static inline bool sock_marked(int fd)
{
	return unlikely((u32)fd < 65536 &&
			atomic_load_explicit(&sock_marked_[(u32)fd / 64], memory_order_relaxed) >> fd % 64 &
				1);
}
void sock_copied(int from, int to);
/* Before a marked number is closed: which socket it is; and after, if it was one (not 0). */
u64 sock_leaving(int fd);
void sock_left(u64 ino);
void sock_stays(int fd); /* it was not closed after all */
/* After many were. */
void sock_left_range(u32 lo, u32 hi);

/* wrap_sig.c */
void sig_stand_in_front(void);
/* The mask that a wait may set: the two signals of the guard stay open. *copy is room for it. */
const sigset_t *wait_mask(const sigset_t *mask, sigset_t *copy);

/* caller.c: the process's umask, as far as it is known */
void umask_changed(int mask);

#endif
