// SPDX-License-Identifier: BSD-2-Clause
/*
 * pinfs run: a command in a world where bpf(2) and bpffs are served.
 *
 * Only the options are read here; what happens is frontend/notify/launch.h's.
 * The exit status is CMD's, or one of RUN_EXIT_* when CMD was not started.
 */
#include "frontend/notify/launch.h"
#include "tool/cmd.h"
#include "tool/out.h"
#include "tool/sudo.h"
#include "tool/where.h"
#include "sys/sys.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct run_opts o;
static bool help, sudo;

const struct opt run_opts[] = {
	{ "store", 's', "DIR", "the store (default: the user's own, kept while the machine is up)",
	  &o.store },
	{ "fresh", 'f', NULL, "an empty store, gone when the last process of the run is", &o.fresh },
	{ "keep-uid", 'k', NULL, "do not appear as root in a user namespace", &o.keep_uid },
	{ "redirect", 'r', NULL, "mount nothing: lead paths below /sys/fs/bpf into the store", &o.redirect },
	{ "no-userns", 'n', NULL, "do not try a user namespace", &o.no_userns },
	{ "sudo", 'S', NULL, "put a sudo in front of PATH that just runs the command", &sudo },
	{ "verbose", 'v', NULL, "say which world was chosen, and why", &o.verbose },
	{ "help", 'h', NULL, "this text", &help },
	{ .name = NULL },
};

/*
 * Inside a run there is one already: a filter's listener cannot be had twice. So
 * CMD is executed in the run that it is in, unless it wants another store.
 */
static int start_nested(const char *run)
{
	char store[PATH_MAX];

	sys_init();
	if (run_attach(run))
		return -1; /* a stale variable */
	if (o.fresh || (o.store && (!realpath(o.store, store) || strcmp(store, the_run->store)))) {
		out_error(0, "already inside a run, of the store %s", the_run->store);
		return RUN_EXIT_FAILED;
	}
	execvp(o.cmd[0], o.cmd);
	out_error(-errno, "%s", o.cmd[0]);
	return errno == ENOENT ? RUN_EXIT_NOT_FOUND : RUN_EXIT_NOT_EXEC;
}

/* Before the run is made: what comes is its environment. */
static int add_sudo(void)
{
	int err = sudo ? sudo_into_path() : 0;

	if (err)
		out_error(err, "--sudo");
	return err;
}

static int start(void)
{
	const char *run = getenv(RUN_ENV);
	char own[RUN_PATH_MAX];
	int err;

	if (add_sudo())
		return RUN_EXIT_FAILED;
	err = run && *run ? start_nested(run) : -1;
	if (err >= 0)
		return err;
	if (!o.store) {
		err = where_own_store(own, sizeof(own));
		if (err) {
			out_error(err, "%s", own);
			return RUN_EXIT_FAILED;
		}
		o.store = own;
	}
	return launch(&o);
}

int cmd_run(int argc, char **argv)
{
	int i = opt_parse(run_opts, argc, argv);

	if (help)
		opt_help(run_opts);
	else if (i >= argc)
		out_error(0, "run: no command (pinfs run --help)");
	else if (i > 0 && o.fresh && o.store)
		out_error(0, "--fresh makes a store of its own, and does not go with --store");
	else if (i > 0) {
		o.cmd = argv + i;
		return start();
	}
	return help ? 0 : RUN_EXIT_FAILED;
}

int cmd_in_a_run(int argc, char **argv)
{
	char **v = calloc((size_t)argc + 8, sizeof(*v));
	int n = 0;

	if (!v)
		return out_error(ENOMEM, "run");
	v[n++] = (char *)"run";
	if (where_store) {
		v[n++] = (char *)"--store";
		v[n++] = (char *)where_store;
	}
	v[n++] = (char *)"--";
	v[n++] = (char *)"/proc/self/exe";
	for (int i = 0; i < argc; i++)
		v[n++] = argv[i];
	return cmd_run(n, v);
}
