// SPDX-License-Identifier: BSD-2-Clause
/*
 * Verbs and options of the command, as rows.
 *
 * A verb is one row of the table in main.c: help, checks of the operands and
 * the parsing of options come from it. Options are rows too; what they set is a
 * variable of the verb's file. A word may be shortened as long as it fits one verb only.
 */
#ifndef PINFS_TOOL_CMD_H
#define PINFS_TOOL_CMD_H

#include "util/types.h"

struct opt {
	const char *name; /* "store": --store; NULL ends the list */
	char letter;      /* 's': -s; 0: none */
	const char *arg;  /* what it takes, for the help: "DIR"; NULL: it is a switch */
	const char *help;
	void *to; /* const char ** with arg, else bool * */
};

/* The next operand's index, options before it done; -1: an error was printed. "--" ends the options. */
int opt_parse(const struct opt *rows, int argc, char **argv);

/* The same where options may stand before and behind the operands: those are copied to operand, max of them
 * at most; how many there were. -1: an error was printed. */
int opt_operands(const struct opt *rows, int argc, char **argv, const char **operand, int max);

/* "pinfs VERB [OPTIONS] ...", from the rows, on standard output. */
void opt_help(const struct opt *rows);

/* The verbs: argv[0] is the verb's name, operands follow; the exit status. */
extern const struct opt run_opts[];
int cmd_run(int argc, char **argv); /* takes its options apart itself: the rest is a command line */
int cmd_in_a_run(int argc,
		 char **argv); /* this command line once more, in a run: for verbs that speak bpf(2) */
int cmd_mount(int argc, char **argv);
int cmd_umount(int argc, char **argv);
int cmd_ls(int argc, char **argv);
extern const struct opt prog_opts[];
int cmd_prog(int argc, char **argv); /* options may stand behind operands */
extern const struct opt feed_opts[];
int cmd_feed(int argc, char **argv);
extern const struct opt attach_opts[];
int cmd_attach(int argc, char **argv);
int cmd_detach(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_gc(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
