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
#include "tool/where.h"
#include <string.h>

static struct run_opts o;
static bool help;

const struct opt run_opts[] = {
	{ "store", 's', "DIR", "the store (default: the user's own, kept while the machine is up)",
	  &o.store },
	{ "fresh", 'f', NULL, "an empty store, gone when the last process of the run is", &o.fresh },
	{ "keep-uid", 'k', NULL, "do not appear as root in a user namespace", &o.keep_uid },
	{ "redirect", 'r', NULL, "mount nothing: lead paths below /sys/fs/bpf into the store", &o.redirect },
	{ "no-userns", 'n', NULL, "do not try a user namespace", &o.no_userns },
	{ "verbose", 'v', NULL, "say which world was chosen, and why", &o.verbose },
	{ "help", 'h', NULL, "this text", &help },
	{ NULL },
};

static int start(void)
{
	char own[RUN_PATH_MAX];
	int err;

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
