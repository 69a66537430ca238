// SPDX-License-Identifier: BSD-2-Clause
/*
 * A sudo for runs: see sudo.c.
 */
#ifndef PINFS_TOOL_SUDO_H
#define PINFS_TOOL_SUDO_H

/* This process as sudo: its exit status, when no command took its place. */
int sudo_main(int argc, char **argv);

/* Puts the directory that has it in front of PATH, for children. -ENOENT: it was not installed; -ENOMEM. */
int sudo_into_path(void);

#endif
