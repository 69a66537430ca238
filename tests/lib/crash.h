// SPDX-License-Identifier: BSD-2-Clause
/*
 * Faults on maps: clients that are killed, stopped or jump away, and damaged memory.
 *
 * A crash_case describes a map type's share: how to make the map, one random
 * operation that checks its answers, a thorough check of a map that nobody is
 * changing (both report by mt_fail), and single operations to be reached at
 * every instruction. Each function below prints one line of TAP.
 *
 *     static const struct crash_case hash = { "hash 4/8", &hashtab_ops, { ... }, ... };
 *     crash_kill(&hash, test_scale(5000));
 */
#ifndef PINFS_TESTS_CRASH_H
#define PINFS_TESTS_CRASH_H

#include "tests/lib/maptest.h"

enum crash_what { STEP_UPDATE, STEP_DELETE, STEP_TAKE };

/* One operation to be single-stepped. */
struct crash_step {
	const char *name;
	enum crash_what what;
	u64 key, flags; /* numbers for mt_key, mt_value */
};

struct crash_case {
	const char *name;
	const struct map_ops *ops;
	struct map_attr attr;
	void (*one)(struct maptest *t);
	void (*check)(struct maptest *t);
	/* Brings the map into the state in which a step begins, whatever it is in. */
	void (*reset)(struct maptest *t, const struct crash_step *s);
	/* Work of a peer while the one in the step is stopped: nothing may fail or take long. */
	void (*peer)(struct maptest *t, const struct crash_step *s);
	const struct crash_step *steps;
	u32 steps_nr;
};

/* A process works, others are killed at random moments of their work. */
void crash_kill(const struct crash_case *c, long kills);
/* A worker is stopped again and again; meanwhile the test works: how long does the worst batch take? */
void crash_stop(const struct crash_case *c, long stops);
/* A timer's handler works on the same map, and returns or jumps out; a second process works too. */
void crash_signal(const struct crash_case *c, double seconds, bool jump);

/* What happens to the process that is stopped at an instruction of the step, after the peer's work. */
enum crash_end { END_KILL, END_JUMP, END_RESUME };
/* Every `stride`th instruction of every step. */
void crash_step(const struct crash_case *c, enum crash_end end, u32 stride);

/* Two processes race with BPF_NOEXIST for one key: exactly one wins. For types with keys and deletes. */
void crash_race(const struct crash_case *c, long rounds);

/* Words of the map's file are overwritten with nonsense: errors, but no crash and no hang. */
void crash_damage(const struct crash_case *c, long rounds);

#endif
