// SPDX-License-Identifier: BSD-2-Clause
/*
 * The exec family: arguments, environments, searches and errnos as ever, and
 * bpf(2) in every program that comes out of it.
 */
#include <limits.h>
#include <spawn.h>
#include <sys/stat.h>
#include "abi/preload_client.h"

extern char **environ;

static char self[PATH_MAX], dir[] = "/tmp/preload_exec.XXXXXX";
static int m; /* inherited, 42 in its first element */

/* Started again as "NAME FD [ARG...]": exits with 10 + number of further arguments, if fd is the map. */
static int again(int argc, char **argv)
{
	const char *mark = getenv("EXEC_MARK");

	if (get(atoi(argv[1]), 0) != 42)
		return 1;
	return mark ? 100 + atoi(mark) : 10 + argc - 2;
}

static char fd_text[16];

static void put_file(const char *name, const char *text, int mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (write(fd, text, strlen(text)) < 0)
		perror(name);
	close(fd);
	chmod(name, (mode_t)mode);
}

/* What a child's exec call, made by the statement, gave: exit status, or 200 + errno. */
#define EXEC(call)                                                                                           \
	({                                                                                                   \
		pid_t pid_ = fork();                                                                         \
                                                                                                             \
		if (!pid_) {                                                                                 \
			call;                                                                                \
			_exit(200 + (errno > 50 ? 50 : errno));                                              \
		}                                                                                            \
		status_of(pid_);                                                                             \
	})

static void forms(void)
{
	char *argv[] = { (char *)"x", fd_text, (char *)"a", (char *)"b", NULL };
	char *envp[] = { (char *)"EXEC_MARK=7", NULL };
	int fd = open(self, O_RDONLY | O_CLOEXEC), d = open("/", O_RDONLY | O_CLOEXEC);

	ok(EXEC(execv(self, argv)) == 12, "execv");
	ok(EXEC(execl(self, "x", fd_text, NULL)) == 10, "execl without arguments");
	ok(EXEC(execl(self, "x", fd_text, "1", "2", "3", "4", "5", "6", "7", "8", NULL)) == 18,
	   "execl with eight");
	ok(EXEC(execlp(self, "x", fd_text, "1", NULL)) == 11, "execlp");
	ok(EXEC(execvp(self, argv)) == 12, "execvp");
	ok(EXEC(execvpe(self, argv, environ)) == 12, "execvpe");
	ok(EXEC(fexecve(fd, argv, environ)) == 12, "fexecve");
	ok(EXEC(execveat(d, self + 1, argv, environ, 0)) == 12, "execveat");
	ok(EXEC(execveat(fd, "", argv, environ, AT_EMPTY_PATH)) == 12, "execveat of an fd");
	ok(EXEC(syscall(SYS_execve, self, argv, environ)) == 12, "syscall(SYS_execve)");
	setenv("EXEC_MARK", "5", 1);
	ok(EXEC(execv(self, argv)) == 105, "the environment goes along");
	unsetenv("EXEC_MARK");
	ok(EXEC(execle("/usr/bin/env", "env", "-u", "nothing", self, fd_text, NULL, environ)) == 10,
	   "execle, by env");
	ok(EXEC(execle("/bin/sh", "sh", "-c", "exit $EXEC_MARK", NULL, envp)) == 7,
	   "execle with an environment of its own");
	close(fd);
	close(d);
}

static void searches(void)
{
	char *argv[] = { (char *)"tool", fd_text, NULL };
	char **volatile bad = BAD_PTR, *bad_env[] = { (char *)BAD_PTR, NULL };
	char path[2 * PATH_MAX], script[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/no:%s/a:%s/b:/usr/bin:/bin", dir, dir, dir);
	setenv("PATH", path, 1);
	mkdir("a", 0755);
	mkdir("b", 0755);
	ok(EXEC(execvp("tool", argv)) == 200 + ENOENT, "a search that finds nothing: ENOENT");
	snprintf(script, sizeof(script), "exec %s $1 1 2 3\n", self);
	put_file("b/tool", script, 0755);
	ok(EXEC(execvp("tool", argv)) == 13, "a file without #! goes to sh");
	ok(EXEC(execv("b/tool", argv)) == 200 + ENOEXEC, "execv does not: ENOEXEC");
	put_file("a/tool", "exit 1\n", 0644);
	ok(EXEC(execlp("tool", "tool", fd_text, NULL)) == 13, "a file that may not be run is passed by");
	unlink("b/tool");
	ok(EXEC(execvp("tool", argv)) == 200 + EACCES, "only such a file: EACCES");
	chmod("a/tool", 0755);
	put_file("b/other", "#!/bin/sh\nexit 9\n", 0755);
	ok(EXEC(execlp("other", "other", NULL)) == 9, "a script with #!");
	ok(EXEC(execvp("", argv)) == 200 + ENOENT, "an empty name: ENOENT");
	ok(EXEC(execv("a", argv)) == 200 + EACCES, "a directory: EACCES");
	ok(EXEC(execve("/bin/sh", argv, bad)) == 200 + EFAULT &&
		   EXEC(execve("/bin/sh", argv, bad_env)) == 200 + EFAULT,
	   "a bad pointer: EFAULT");
	setenv("PATH", "/usr/bin:/bin", 1);
}

static void spawns(void)
{
	char *argv[] = { (char *)"x", fd_text, (char *)"1", NULL };
	char *sh[] = { (char *)"sh", (char *)"-c", (char *)"exit 9", NULL };
	char command[PATH_MAX + 32];
	pid_t pid;

	ok(posix_spawn(&pid, self, NULL, NULL, argv, environ) == 0 && status_of(pid) == 11, "posix_spawn");
	ok(posix_spawnp(&pid, "sh", NULL, NULL, sh, environ) == 0 && status_of(pid) == 9, "posix_spawnp");
	ok(posix_spawn(&pid, "/no/such", NULL, NULL, argv, environ) == ENOENT,
	   "posix_spawn of nothing: ENOENT");
	ok(posix_spawnp(&pid, "no-such-program", NULL, NULL, argv, environ) == ENOENT,
	   "posix_spawnp of nothing");
	snprintf(command, sizeof(command), "%s %s 1 2", self, fd_text);
	ok(WEXITSTATUS(system(command)) == 12, "system");
	ok(WEXITSTATUS(pclose(popen(command, "r"))) == 12, "popen");
	pid = vfork();
	if (!pid) {
		execv(self, argv);
		_exit(1);
	}
	ok(status_of(pid) == 11, "vfork and exec");
}

int main(int argc, char **argv)
{
	char cleanup[64];
	int fd;

	if (argc > 1)
		return again(argc, argv);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 || !mkdtemp(dir) || chdir(dir))
		return 1;
	fd = new_array();
	m = fcntl(fd, F_DUPFD, 100);
	set(m, 0, 42);
	snprintf(fd_text, sizeof(fd_text), "%d", m);
	forms();
	searches();
	spawns();
	ok(get(m, 0) == 42, "the map is as before");
	snprintf(cleanup, sizeof(cleanup), "rm -r %s", dir);
	ok(system(cleanup) == 0, "cleaned up");
	return done();
}
