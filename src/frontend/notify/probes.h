// SPDX-License-Identifier: BSD-2-Clause
/*
 * What of the machine's mechanisms works here: one row each, tested for real.
 *
 * `pinfs run` chooses by these rows, and `pinfs doctor` prints them. Each test
 * runs in a process of its own (probe_run forks), so that nothing it does to
 * itself is left behind.
 */
#ifndef PINFS_NOTIFY_PROBES_H
#define PINFS_NOTIFY_PROBES_H

#include "frontend/notify/filter.h"
#include "util/types.h"

#define PROBE_WHY 160

struct probe {
	const char *name;
	const char *description;
	/* 1: works; 0: does not. why: a short reason or detail, may stay empty. */
	int (*test)(char *why, size_t size);
};

extern const struct probe probes[];
extern const u32 probes_nr;

/* NULL: no such row. */
const struct probe *probe_find(const char *name);

/* The row's test, in a child. 0 also when the child dies. */
int probe_run(const struct probe *p, char *why, size_t size);

/* How calls can be had here, if the tracer that two of the ways need works: rows "trace" and "trace-stops".
 */
enum filter_how trace_how(void);

/* By name; false for an unknown one. */
bool probe_ok(const char *name, char *why, size_t size);

#endif
