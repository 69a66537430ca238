// SPDX-License-Identifier: BSD-2-Clause
/*
 * pinfs run: a command in a world where bpf(2) and bpffs are served.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "frontend/notify/launch.h"

int cmd_run(int argc, char **argv);

static const char usage[] = "Usage: pinfs run [OPTIONS] [--] COMMAND [ARG...]\n"
			    "Run COMMAND with BPF objects and a bpffs at /sys/fs/bpf, without kernel BPF.\n"
			    "\n"
			    "  --store DIR    keep objects in DIR (default: /dev/shm/pinfs.UID)\n"
			    "  --fresh        an empty store, gone when COMMAND and its children are\n"
			    "  --keep-uid     do not appear as root in a user namespace\n"
			    "  --redirect     mount nothing, lead paths below /sys/fs/bpf into the store\n"
			    "  --no-userns    do not try a user namespace\n"
			    "  -v, --verbose  say what was chosen, and why\n"
			    "  -h, --help     this text\n"
			    "\n"
			    "The exit status is COMMAND's; 125: the run could not be set up, 126: COMMAND\n"
			    "cannot be executed, 127: it was not found.\n";

enum { OPT_STORE = 256, OPT_FRESH, OPT_KEEP_UID, OPT_REDIRECT, OPT_NO_USERNS };

static const struct option options[] = {
	{ "store", required_argument, NULL, OPT_STORE },
	{ "fresh", no_argument, NULL, OPT_FRESH },
	{ "keep-uid", no_argument, NULL, OPT_KEEP_UID },
	{ "redirect", no_argument, NULL, OPT_REDIRECT },
	{ "no-userns", no_argument, NULL, OPT_NO_USERNS },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* 0: go on; else the exit code plus one. */
static int parse(int argc, char **argv, struct run_opts *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "+vh", options, NULL)) >= 0) {
		switch (c) {
		case OPT_STORE: o->store = optarg; break;
		case OPT_FRESH: o->fresh = true; break;
		case OPT_KEEP_UID: o->keep_uid = true; break;
		case OPT_REDIRECT: o->redirect = true; break;
		case OPT_NO_USERNS: o->no_userns = true; break;
		case 'v': o->verbose = true; break;
		case 'h': fputs(usage, stdout); return 1;
		default: fputs(usage, stderr); return RUN_EXIT_FAILED + 1;
		}
	}
	o->cmd = argv + optind;
	if (o->store && o->fresh)
		fputs("pinfs: --fresh makes a store of its own: it does not go with --store\n", stderr);
	else if (!*o->cmd)
		fputs(usage, stderr);
	else
		return 0;
	return RUN_EXIT_FAILED + 1;
}

int cmd_run(int argc, char **argv)
{
	struct run_opts o = { 0 };
	int done;

	optind = 0;
	done = parse(argc, argv, &o);
	return done ? done - 1 : launch(&o);
}
