// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec: programs that cannot carry the library get an environment without it.
 *
 * Which these are, sys/carry.h says.
 *
 * What does not carry it is served by the run's filter. Only our own entry
 * goes; the rest of LD_PRELOAD stays.
 *
 * execve and its kin are async-signal-safe and are called in vfork children,
 * whose memory is their parent's: all is on the stack. An environment of more
 * than ENV_MAX strings, or an LD_PRELOAD longer than VALUE_MAX, goes as it is.
 * system(3) and popen(3) start /bin/sh, which carries the library.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include "frontend/preload/preload.h"
#include "sys/carry.h"
#include "util/str.h"

#define ENV_MAX   2048u
#define VALUE_MAX 4096u
#define OUR_NAME  "libpinfs-preload.so"

static const char preload_key[] = "LD_PRELOAD=";

/* One entry of LD_PRELOAD: up to a space or colon. */
static size_t entry_len(const char *s)
{
	size_t n = 0;

	while (s[n] && s[n] != ' ' && s[n] != ':')
		n++;
	return n;
}

static bool entry_is_ours(const char *s, size_t n)
{
	const size_t len = sizeof(OUR_NAME) - 1;

	return n >= len && !memcmp(s + n - len, OUR_NAME, len) && (n == len || s[n - len - 1] == '/');
}

static bool names_us(const char *value)
{
	size_t n;

	for (; *value; value += n + (value[n] != 0)) {
		n = entry_len(value);
		if (entry_is_ours(value, n))
			return true;
	}
	return false;
}

struct env {
	char *strings[ENV_MAX];
	char value[VALUE_MAX];
};

/* "LD_PRELOAD=" without our entry; false: nothing is left of it. */
static bool without_us(const char *value, char *out)
{
	char *to = str_put(out, preload_key), *begin = to;
	size_t n;

	for (; *value; value += n + (value[n] != 0)) {
		n = entry_len(value);
		if (!n || entry_is_ours(value, n))
			continue;
		if (to > begin)
			*to++ = ':';
		memcpy(to, value, n);
		to += n;
		*to = 0;
	}
	return to > begin;
}

/* envp without our entry: a copy in *e; envp itself where there is nothing to drop or no room. */
static char *const *drop_us(char *const envp[], struct env *e)
{
	const size_t key = sizeof(preload_key) - 1;
	bool found = false;
	u32 n = 0;

	for (; *envp; envp++) {
		const char *s = *envp;

		if (n + 1 >= ENV_MAX)
			return NULL;
		if (!found && str_starts(s, preload_key) && names_us(s + key)) {
			if (strlen(s) >= VALUE_MAX)
				return NULL;
			found = true;
			if (without_us(s + key, e->value))
				e->strings[n++] = e->value;
			continue;
		}
		e->strings[n++] = *envp;
	}
	e->strings[n] = NULL;
	return found ? e->strings : NULL;
}

/* The kernel's EFAULT must stay one: asks it whether 8 bytes can be read. `how` -1 changes no mask. */
static bool readable(const void *p)
{
	return raw4(SYS_rt_sigprocmask, -1, p, 0, 8) != -EFAULT;
}

static bool env_has_us(char *const envp[])
{
	if (!pre_attached || !envp || !readable(envp))
		return false;
	for (; *envp; envp++) {
		if (!((uintptr_t)(envp + 1) % PAGE) && !readable(envp + 1))
			return false;
		if (!readable(*envp))
			return false;
		if (str_starts(*envp, preload_key) && names_us(*envp + sizeof(preload_key) - 1))
			return true;
	}
	return false;
}

static long exec_once(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
	if (dirfd == AT_FDCWD && !flags)
		return raw6(SYS_execve, (long)path, (long)argv, (long)envp, 0, 0, 0);
	return raw6(SYS_execveat, dirfd, (long)path, (long)argv, (long)envp, flags, 0);
}

/* Where it is notified (RUN_TRAPS) a signal can come first, of which the kernel's own does not tell. */
static long exec_now(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
	long ret;

	do
		ret = exec_once(dirfd, path, argv, envp, flags);
	while (ret == -EINTR && pre_attached && the_run->notify == RUN_TRAPS);
	return ret;
}

/* In a frame of its own: the copy is large, and most programs carry the library. */
static noinline long exec_dropped(int dirfd, const char *path, char *const argv[], char *const envp[],
				  int flags)
{
	struct env e;
	char *const *env = drop_us(envp, &e);

	return exec_now(dirfd, path, argv, env ? env : envp, flags);
}

long exec_path(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
	if (path && env_has_us(envp) && carry_judge(dirfd, path, flags) == CARRY_NO)
		return exec_dropped(dirfd, path, argv, envp, flags);
	return exec_now(dirfd, path, argv, envp, flags);
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	return (int)ret_errno(exec_path(AT_FDCWD, path, argv, envp, 0));
}

EXPORT int execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
	return (int)ret_errno(exec_path(dirfd, path, argv, envp, flags));
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	if (fd < 0)
		return (int)ret_errno(-EINVAL);
	return (int)ret_errno(exec_path(fd, "", argv, envp, AT_EMPTY_PATH));
}

EXPORT int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

/* A file without a known format is a script for sh, as the C library has it. */
static noinline long exec_sh(const char *path, char *const argv[], char *const envp[])
{
	size_t argc = 0;
	char **args;

	while (argv[argc])
		argc++;
	if (argc > 65536)
		return -E2BIG;
	args = __builtin_alloca((argc + 3) * sizeof(char *));
	args[0] = (char *)"/bin/sh";
	args[1] = (char *)path;
	for (size_t i = 1; i <= argc; i++)
		args[i + 1] = argv[i];
	if (!argc)
		args[2] = NULL;
	return exec_path(AT_FDCWD, args[0], args, envp, 0);
}

static long exec_or_sh(const char *path, char *const argv[], char *const envp[])
{
	long err = exec_path(AT_FDCWD, path, argv, envp, 0);

	return err == -ENOEXEC ? exec_sh(path, argv, envp) : err;
}

/* A search goes on past files that are not there or may not be run. */
static bool search_on(long err)
{
	return err == -EACCES || err == -ENOENT || err == -ESTALE || err == -ENOTDIR || err == -ENODEV ||
	       err == -ETIMEDOUT;
}

/* Joins the directory dir of len bytes and file; false: too long. */
static bool join(char *buf, const char *dir, size_t len, const char *file, size_t file_len)
{
	if (len + 1 + file_len + 1 > PATH_MAX)
		return false;
	memcpy(buf, dir, len);
	if (len)
		buf[len++] = '/';
	memcpy(buf + len, file, file_len + 1);
	return true;
}

static size_t dir_len(const char *path)
{
	size_t n = 0;

	while (path[n] && path[n] != ':')
		n++;
	return n;
}

static const char *search_path(void)
{
	const char *path = getenv("PATH");

	return path ? path : "/bin:/usr/bin";
}

static long exec_search(const char *file, char *const argv[], char *const envp[])
{
	const char *path = search_path();
	size_t file_len = strlen(file), n;
	bool eacces = false;
	char buf[PATH_MAX];
	long err = -ENOENT;

	if (!file_len)
		return -ENOENT;
	if (file_len > NAME_MAX)
		return -ENAMETOOLONG;
	for (;; path += n + 1) {
		n = dir_len(path);
		if (join(buf, path, n, file, file_len)) {
			err = exec_or_sh(buf, argv, envp);
			eacces |= err == -EACCES;
			if (!search_on(err))
				return err;
		}
		if (!path[n])
			return eacces ? -EACCES : err;
	}
}

EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	bool slash = false;

	for (const char *p = file; *p; p++)
		slash |= *p == '/';
	return (int)ret_errno(slash ? exec_or_sh(file, argv, envp) : exec_search(file, argv, envp));
}

EXPORT int execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

static noinline size_t count_args(const char *first, va_list ap)
{
	size_t n = first ? 1 : 0;

	while (n && va_arg(ap, char *))
		n++;
	return n;
}

/* The arguments of execl and its kin as an array, the NULL included; ap stands behind it then. */
#define GATHER(argv, first, ap)                                                                              \
	do {                                                                                                 \
		va_list count;                                                                               \
		size_t n;                                                                                    \
                                                                                                             \
		va_copy(count, ap);                                                                          \
		n = count_args(first, count);                                                                \
		va_end(count);                                                                               \
		argv = __builtin_alloca((n + 1) * sizeof(char *));                                           \
		argv[0] = (char *)(first);                                                                   \
		for (size_t i = 1; i <= n; i++)                                                              \
			argv[i] = va_arg(ap, char *);                                                        \
	} while (0)

EXPORT int execl(const char *path, const char *arg, ...)
{
	char **argv;
	va_list ap;

	va_start(ap, arg);
	GATHER(argv, arg, ap);
	va_end(ap);
	return execve(path, argv, environ);
}

EXPORT int execlp(const char *file, const char *arg, ...)
{
	char **argv;
	va_list ap;

	va_start(ap, arg);
	GATHER(argv, arg, ap);
	va_end(ap);
	return execvpe(file, argv, environ);
}

EXPORT int execle(const char *path, const char *arg, ...)
{
	char **argv, *const *envp;
	va_list ap;

	va_start(ap, arg);
	GATHER(argv, arg, ap);
	envp = va_arg(ap, char *const *);
	va_end(ap);
	return execve(path, argv, envp);
}

typedef int spawn_fn(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
		     char *const[], char *const[]);

static int spawn(spawn_fn *next, bool search, pid_t *pid, const char *file,
		 const posix_spawn_file_actions_t *acts, const posix_spawnattr_t *attr, char *const argv[],
		 char *const envp[])
{
	struct env e;
	char *const *env = NULL;
	int saved = errno;

	if (env_has_us(envp) && carry_judge_search(file, search ? search_path() : "") == CARRY_NO)
		env = drop_us(envp, &e);
	errno = saved;
	return next(pid, file, acts, attr, argv, env ? env : envp);
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *acts,
		       const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	return spawn(NEXT(posix_spawn), false, pid, path, acts, attr, argv, envp);
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *acts,
			const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	return spawn(NEXT(posix_spawnp), true, pid, file, acts, attr, argv, envp);
}
