// SPDX-License-Identifier: BSD-2-Clause
/*
 * The `sudo` of pinfs run --sudo: runs the command as who we are.
 *
 * This program, called by that name. Inside a run everybody may do with BPF what root may, but a
 * setuid program could not be started with the privileges that it wants: so commands written
 * with sudo in front are run without it. Its command line is read as sudo(8) reads its own. What only
 * concerns passwords, policies and prompts has no effect; another user than root or oneself is refused, as is
 * what would have to be done and is not.
 *
 * The environment stays, for the library must be in it; PATH gets the directories of system commands.
 */
#include "tool/sudo.h"
#include "tool/cmd.h"
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAILED 1 /* sudo's own exit status for all that keeps it from running the command */

static struct {
	const char *user, *group, *dir, *close_from;
	bool shell, login, home, background, nothing, list, version, help;
} want;

static int complain(const char *fmt, ...) PRINTF(1, 2);

static int complain(const char *fmt, ...)
{
	va_list ap;

	fputs("sudo: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return FAILED;
}

static const struct option longs[] = {
	{ "askpass", no_argument, NULL, 'A' },
	{ "auth-type", required_argument, NULL, 'a' },
	{ "background", no_argument, NULL, 'b' },
	{ "bell", no_argument, NULL, 'B' },
	{ "chdir", required_argument, NULL, 'D' },
	{ "chroot", required_argument, NULL, 'R' },
	{ "close-from", required_argument, NULL, 'C' },
	{ "command-timeout", required_argument, NULL, 'T' },
	{ "edit", no_argument, NULL, 'e' },
	{ "group", required_argument, NULL, 'g' },
	{ "help", no_argument, NULL, 'h' },
	{ "host", required_argument, NULL, 'O' },
	{ "list", no_argument, NULL, 'l' },
	{ "login", no_argument, NULL, 'i' },
	{ "no-update", no_argument, NULL, 'N' },
	{ "non-interactive", no_argument, NULL, 'n' },
	{ "other-user", required_argument, NULL, 'U' },
	{ "preserve-env", optional_argument, NULL, 'E' },
	{ "preserve-groups", no_argument, NULL, 'P' },
	{ "prompt", required_argument, NULL, 'p' },
	{ "remove-timestamp", no_argument, NULL, 'K' },
	{ "reset-timestamp", no_argument, NULL, 'k' },
	{ "role", required_argument, NULL, 'r' },
	{ "set-home", no_argument, NULL, 'H' },
	{ "shell", no_argument, NULL, 's' },
	{ "stdin", no_argument, NULL, 'S' },
	{ "type", required_argument, NULL, 't' },
	{ "user", required_argument, NULL, 'u' },
	{ "validate", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* 0, or FAILED when it was said why. */
static int take_option(int c)
{
	switch (c) {
	case 'u': want.user = optarg; return 0;
	case 'g': want.group = optarg; return 0;
	case 'D': want.dir = optarg; return 0;
	case 'C': want.close_from = optarg; return 0;
	case 's': want.shell = true; return 0;
	case 'i': want.login = true; return 0;
	case 'H': want.home = true; return 0;
	case 'b': want.background = true; return 0;
	case 'l': want.list = true; return 0;
	case 'V': want.version = true; return 0;
	case 'h': want.help = true; return 0;
	case 'v':
	case 'k':
	case 'K': want.nothing = true; return 0;
	case 'e':
	case 'O':
	case 'R':
	case 'T':
	case 'U': return complain("option -%c is not there in a run", c == 'O' ? 'h' : c);
	case '?': return FAILED; /* getopt said it */
	default: return 0;
	}
}

static bool is_assignment(const char *word)
{
	size_t n = strcspn(word, "=/");

	return n && word[n] == '=' && *word != '-';
}

/* Options and assignments, in any order; the command's index, or -1. */
static int parse(int argc, char **argv)
{
	static const char letters[] = "+Aa:BbC:D:Eeg:HhiKklNnPp:R:r:SsT:t:U:u:Vv";
	int c;

	argv[0] = (char *)"sudo"; /* getopt's messages begin with it */
	for (;;) {
		while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1)
			if (take_option(c))
				return -1;
		if (optind > 1 && !strcmp(argv[optind - 1], "--"))
			break;
		if (optind >= argc || !is_assignment(argv[optind]))
			break;
		putenv(argv[optind++]);
	}
	while (optind < argc && is_assignment(argv[optind]))
		putenv(argv[optind++]);
	return optind;
}

/* "root", "#0": a number, or by name; false: nobody of the name. */
static bool user_id(const char *name, unsigned *id)
{
	struct passwd *p;
	char *end;

	if (*name == '#') {
		*id = (unsigned)strtoul(name + 1, &end, 10);
		return name[1] && !*end;
	}
	p = getpwnam(name);
	*id = p ? p->pw_uid : 0;
	return p || !strcmp(name, "root"); /* who need not be in a container's file */
}

static bool group_id(const char *name, unsigned *id)
{
	struct group *g;
	char *end;

	if (*name == '#') {
		*id = (unsigned)strtoul(name + 1, &end, 10);
		return name[1] && !*end;
	}
	g = getgrnam(name);
	if (g)
		*id = g->gr_gid;
	return g != NULL;
}

/* Nobody is to believe that he has become somebody. */
static int check_who(void)
{
	unsigned id;

	if (want.user && !user_id(want.user, &id))
		return complain("unknown user %s", want.user);
	if (want.user && id && id != geteuid())
		return complain("in a run there is only root and oneself, not %s", want.user);
	if (want.group && !group_id(want.group, &id))
		return complain("unknown group %s", want.group);
	if (want.group && id && id != getegid())
		return complain("in a run there is only root's group and one's own, not %s", want.group);
	return 0;
}

/* Commands of the system are found, as by sudo, where a user's PATH does not lead. */
static void extend_path(void)
{
	static const char *const dirs[] = { "/usr/local/sbin", "/usr/sbin", "/sbin" };
	const char *path = getenv("PATH");
	char *longer;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		char padded[PATH_MAX], dir[64];

		path = path && *path ? path : "/usr/local/bin:/usr/bin:/bin";
		snprintf(padded, sizeof(padded), ":%s:", path);
		snprintf(dir, sizeof(dir), ":%s:", dirs[i]);
		if (strstr(padded, dir) || asprintf(&longer, "%s:%s", path, dirs[i]) < 0)
			continue;
		setenv("PATH", longer, 1);
		free(longer);
		path = getenv("PATH");
	}
}

static void set_number(const char *name, unsigned long n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", n);
	setenv(name, text, 1);
}

/* What scripts look at to learn who called sudo. */
static void set_environment(const char *command)
{
	const char *user = getenv("USER");
	struct passwd *root = getpwuid(0);

	setenv("SUDO_USER", user ? user : "root", 1);
	set_number("SUDO_UID", getuid());
	set_number("SUDO_GID", getgid());
	setenv("SUDO_COMMAND", command, 1);
	if (!geteuid()) {
		setenv("USER", "root", 1);
		setenv("LOGNAME", "root", 1);
	}
	if (want.home || want.login)
		setenv("HOME", root ? root->pw_dir : "/root", 1);
}

/* The words as one line of a shell, each as it is. */
static char *quoted(char **words)
{
	size_t size = 1, n = 0;
	char *line;

	for (char **w = words; *w; w++)
		size += 2 * strlen(*w) + 1;
	line = malloc(size);
	if (!line)
		return NULL;
	for (char **w = words; *w; w++) {
		for (const char *c = *w; *c; c++) {
			if (!isalnum((unsigned char)*c) && !strchr("_-$", *c))
				line[n++] = '\\';
			line[n++] = *c;
		}
		line[n++] = ' ';
	}
	line[n ? n - 1 : 0] = 0;
	return line;
}

static int run_shell(char **words)
{
	const char *shell = getenv("SHELL"), *name;
	char login[NAME_MAX + 2], *line = *words ? quoted(words) : NULL;

	shell = shell && *shell ? shell : "/bin/sh";
	name = strrchr(shell, '/') ? strrchr(shell, '/') + 1 : shell;
	snprintf(login, sizeof(login), "%s%s", want.login ? "-" : "", name);
	if (line)
		execl(shell, login, "-c", line, NULL);
	else
		execl(shell, login, NULL);
	free(line);
	return complain("unable to execute %s: %s", shell, strerror(errno));
}

/* A directory of PATH that we may not enter is no reason: execvp() tells of that one alone. */
static bool is_somewhere(const char *command)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];

	if (strchr(command, '/'))
		return true;
	for (size_t n; path && *path; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		snprintf(file, sizeof(file), "%.*s/%s", (int)n, path, command);
		if (!access(file, F_OK))
			return true;
	}
	return false;
}

static int run_command(char **words)
{
	execvp(words[0], words);
	if (errno == ENOENT || !is_somewhere(words[0]))
		return complain("%s: command not found", words[0]);
	return complain("unable to execute %s: %s", words[0], strerror(errno));
}

static int start(char **words)
{
	const char *dir = want.dir ? want.dir : want.login ? getenv("HOME") : NULL;
	pid_t pid;

	if (dir && chdir(dir) && want.dir)
		return complain("unable to change directory to %s: %s", dir, strerror(errno));
	if (want.close_from) {
		int from = atoi(want.close_from);

		if (from < 3)
			return complain("the argument to -C must be a number greater than or equal to 3");
		closefrom(from);
	}
	if (want.background) {
		pid = fork();
		if (pid)
			return pid < 0 ? complain("fork: %s", strerror(errno)) : 0;
	}
	return want.shell || want.login ? run_shell(words) : run_command(words);
}

static int usage(FILE *to, int status)
{
	fputs("usage: sudo [-bEHn] [-D directory] [-g group] [-u user] [VAR=value] [-i | -s] [command [arg "
	      "...]]\n"
	      "This sudo is pinfs's own: it runs the command as who you are in the run.\n",
	      to);
	return status;
}

int sudo_main(int argc, char **argv)
{
	int at = parse(argc, argv);

	if (at < 0)
		return usage(stderr, FAILED);
	argv += at;
	if (want.help)
		return usage(stdout, 0);
	if (want.version)
		return puts("sudo of pinfs run --sudo"), 0;
	if (check_who())
		return FAILED;
	if (want.list)
		return puts("In this run you may run every command, as who you are."), 0;
	if (!*argv && !want.shell && !want.login)
		return want.nothing ? 0 : usage(stderr, FAILED);
	extend_path();
	set_environment(*argv ? *argv : "a shell");
	return start(argv);
}

/* Where it lies, beside the command or as installed. */
static int find_dir(char dir[PATH_MAX])
{
	static const char *const places[] = { "sudo", "../lib/pinfs/sudo" };
	char exe[PATH_MAX - 64], path[PATH_MAX], file[PATH_MAX + 8];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0)
		return -1;
	exe[n] = 0;
	*strrchr(exe, '/') = 0;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s/%s", exe, places[i]);
		if (!realpath(path, dir))
			continue;
		snprintf(file, sizeof(file), "%s/sudo", dir);
		if (!access(file, X_OK))
			return 0;
	}
	errno = ENOENT;
	return -1;
}

int sudo_into_path(void)
{
	const char *path = getenv("PATH");
	char dir[PATH_MAX], *both;

	if (find_dir(dir))
		return -errno;
	path = path && *path ? path : "/usr/local/bin:/usr/bin:/bin";
	if (asprintf(&both, "%s:%s", dir, path) < 0)
		return -ENOMEM;
	setenv("PATH", both, 1);
	free(both);
	return 0;
}
