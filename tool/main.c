// SPDX-License-Identifier: BSD-2-Clause
/*
 * The pinfs command: one row a verb.
 *
 * All that a verb needs to be called, checked and explained stands in its row.
 */
#include "tool/cmd.h"
#include "tool/out.h"
#include "tool/sudo.h"
#include "tool/where.h"
#include <stdio.h>
#include <string.h>

struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *operands; /* for the help */
	int min, max;         /* of them; max -1: takes its command line apart itself */
	const char *help;
	const struct opt *opts;
};

static bool help_wanted;

static const struct opt store_opts[] = {
	{ "store", 's', "DIR", "the store (default: the run's, or the user's own)", &where_store },
	{ "json", 'j', NULL, "print JSON", &out_json },
	{ "help", 'h', NULL, "this text", &help_wanted },
	{ .name = NULL },
};

static const struct opt plain_opts[] = {
	{ "json", 'j', NULL, "print JSON", &out_json },
	{ "help", 'h', NULL, "this text", &help_wanted },
	{ .name = NULL },
};

static const struct verb verbs[] = {
	{ "run", cmd_run, "[--] CMD [ARG...]", 1, -1, "run CMD in a world that has BPF", run_opts },
	{ "mount", cmd_mount, "DIR", 1, 1, "make DIR a bpffs instance of the store for later runs",
	  store_opts },
	{ "umount", cmd_umount, "DIR", 1, 1, "drop such an instance and its pins", store_opts },
	{ "ls", cmd_ls, "[PATH...]", 0, 1 << 20, "list pins and objects, who holds them and how often",
	  store_opts },
	{ "prog", cmd_prog, "run PATH --pcap FILE", 0, -1,
	  "run a pinned program over the frames of a capture", prog_opts },
	{ "feed", cmd_feed, "IF --pcap FILE", 0, -1,
	  "drive a capture through the programs attached to an interface", feed_opts },
	{ "attach", cmd_attach, "HOOK PROG dev IF", 0, -1, "attach a pinned program to an interface",
	  attach_opts },
	{ "detach", cmd_detach, "LINK", 0, -1, "detach a pinned link, and remove the pin", attach_opts },
	{ "trace", cmd_trace, "", 0, 0, "print what programs print, as it comes", store_opts },
	{ "gc", cmd_gc, "", 0, 0, "remove what killed processes have left", store_opts },
	{ "doctor", cmd_doctor, "", 0, 0, "try what this machine allows, and say what run would choose",
	  plain_opts },
	{ "version", cmd_version, "", 0, 0, "print the version", plain_opts },
};

static void usage(void)
{
	printf("usage: pinfs VERB [OPTIONS] ...\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-8s %s\n", verbs[i].name, verbs[i].help);
	printf("\npinfs VERB --help tells more of a verb; pinfs(1) of all.\n");
}

static void verb_help(const struct verb *v)
{
	printf("usage: pinfs %s [OPTIONS]%s%s\n\n%s\n\n", v->name, *v->operands ? " " : "", v->operands,
	       v->help);
	opt_help(v->opts);
}

/* NULL: none, or more than one that begins with word; both are said. */
static const struct verb *find_verb(const char *word)
{
	const struct verb *found = NULL;
	char fits[256] = "";
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (!strcmp(verbs[i].name, word))
			return &verbs[i];
		if (strncmp(verbs[i].name, word, strlen(word)))
			continue;
		found = &verbs[i];
		if (n++)
			strcat(fits, ", ");
		strcat(fits, verbs[i].name);
	}
	if (n > 1)
		out_error(0, "%s could be: %s", word, fits);
	else if (!n)
		out_error(0, "no such verb: %s (pinfs --help lists them)", word);
	return n == 1 ? found : NULL;
}

/* run's operands are another program's command line: only the first word is looked at here. */
static int call_raw(const struct verb *v, int argc, char **argv)
{
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		verb_help(v);
		return 0;
	}
	return v->run(argc, argv);
}

static int call(const struct verb *v, int argc, char **argv)
{
	int first = opt_parse(v->opts, argc, argv);

	if (first < 0)
		return 1;
	if (help_wanted) {
		verb_help(v);
		return 0;
	}
	argc -= first - 1;
	argv += first - 1;
	if (argc - 1 < v->min)
		return out_error(0, "%s wants %s (pinfs %s --help tells more)", v->name, v->operands,
				 v->name);
	if (argc - 1 > v->max)
		return out_error(0, "%s: too many operands: %s", v->name, argv[v->max + 1]);
	return v->run(argc, argv);
}

int main(int argc, char **argv)
{
	const char *name = argc ? strrchr(argv[0], '/') : NULL;
	const struct verb *v;

	if (argc && !strcmp(name ? name + 1 : argv[0], "sudo"))
		return sudo_main(argc, argv);
	/* Names of verbs, for completion and the checks of the manual. */
	if (argc == 2 && !strcmp(argv[1], "--verbs")) {
		for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
			puts(verbs[i].name);
		return 0;
	}
	if (argc == 2 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")))
		return cmd_version(1, argv);
	while (argc > 1 && argv[1][0] == '-') {
		if (opt_parse(plain_opts, 2, argv) < 0)
			return 1;
		argc--;
		argv++;
	}
	if (help_wanted || argc < 2) {
		usage();
		return !help_wanted;
	}
	v = find_verb(argv[1]);
	if (!v)
		return 1;
	return v->max < 0 ? call_raw(v, argc - 1, argv + 1) : call(v, argc - 1, argv + 1);
}
