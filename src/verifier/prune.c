// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pruning: a path that arrives in a state like one seen there before is over.
 *
 * Where paths meet, states are kept in a list per instruction (a hash, as
 * several share a list). One whose `branches` is 0 has been walked to every end:
 * a state that it covers has nothing new to show. One that is still open is an
 * ancestor: meeting it unchanged is an endless loop, except where the
 * program may go round without end by design (callbacks, may_goto). Such a hit closes a
 * loop on a state whose marks may be incomplete yet, so all states on the way are
 * compared by range from then on (`loop`).
 *
 * Not every pass leaves a state: only if some instructions and jumps have gone
 * by since the last, or the place asks for it. States that never cover anything are dropped.
 */
#include "verifier/env.h"

#define JUMPS_BETWEEN 2u
#define INSNS_BETWEEN 8u
#define LOOP_JUMPS    20u
#define LOOP_INSNS    100u
#define HISTORY_LONG  40u

static struct explored **bucket(struct env *e, u32 insn)
{
	u32 site = cur_frame(e)->callsite;

	return &e->explored[(insn ^ site) % e->explored_size];
}

static bool same_place(const struct vstate *a, const struct vstate *b)
{
	for (u32 f = 0; f <= a->curframe; f++)
		if (a->frame[f]->callsite != b->frame[f]->callsite)
			return false;
	return true;
}

/* What nobody reads any more need not be compared. Only when all that follows has been walked. */
static void clean(struct env *e, struct vstate *st)
{
	st->cleaned = true;
	for (u32 f = 0; f <= st->curframe; f++) {
		struct frame *fr = st->frame[f];
		struct live_inst *in = st->frame[st->curframe]->live;
		u32 insn = f == st->curframe ? st->insn : st->frame[f + 1]->callsite;
		u64 live = live_before(in, st->insn, f);

		for (u32 r = 0; r < REG_FP; r++)
			if (!(e->aux[insn].live >> r & 1))
				reg_clear(&fr->reg[r]);
		for (u32 n = 0; n < fr->nr_slots; n++) {
			if (live >> n & 1 || fr->stack[n].type[7] == STACK_DYNPTR)
				continue;
			reg_clear(&fr->stack[n].r);
			memset(fr->stack[n].type, STACK_INVALID, 8);
		}
	}
}

static void clean_finished(struct env *e, struct explored *x)
{
	for (; x; x = x->next)
		if (!x->st.branches && !x->st.loop && !x->st.cleaned && x->st.insn == e->insn &&
		    x->st.curframe == e->cur->curframe && same_place(&x->st, e->cur))
			clean(e, &x->st);
}

/* Some register of the innermost frame must have changed for a loop to be worth a closer look. */
static bool maybe_looping(const struct vstate *old, const struct vstate *now)
{
	const struct frame *a = old->frame[old->curframe], *b = now->frame[now->curframe];

	if (old->curframe != now->curframe)
		return false;
	for (u32 r = 0; r < REG_FP; r++)
		if (a->reg[r].type != b->reg[r].type || a->reg[r].off != b->reg[r].off ||
		    a->reg[r].id != b->reg[r].id || a->reg[r].ref_obj_id != b->reg[r].ref_obj_id ||
		    memcmp(&a->reg[r].n, &b->reg[r].n, sizeof(a->reg[r].n)))
			return false;
	return true;
}

static bool async_differs(const struct vstate *a, const struct vstate *b)
{
	const struct frame *x = a->frame[a->curframe], *y = b->frame[b->curframe];

	return x->async_entry != y->async_entry;
}

/* The way from here back to the loop's head has marks that may come later. */
static void taint(struct env *e)
{
	for (struct vstate *st = e->cur->parent; st && !st->loop; st = st->parent)
		st->loop = true;
}

static int endless(struct env *e, struct vstate *old)
{
	say_line(e, e->insn, "; ");
	vlog(e->log, "infinite loop detected at insn %u\n", e->insn);
	vlog(e->log, "cur state:");
	say_state(e, e->cur, e->cur->curframe, true);
	vlog(e->log, "old state:");
	say_state(e, old, old->curframe, true);
	return -EINVAL;
}

struct vstate *state_before(struct env *e, u32 insn, const struct vstate *like, const struct vstate *than)
{
	u32 site = like->frame[like->curframe]->callsite;
	struct explored *x = e->explored[(insn ^ site) % e->explored_size];

	for (; x; x = x->next)
		if (x->st.insn == insn && x->st.branches && &x->st != than &&
		    x->st.curframe == like->curframe && same_place(&x->st, like))
			return &x->st;
	return NULL;
}

enum outcome { MISS = 0, HIT = 1 };

/* An open state at this place: an ancestor. *add: is a new state worth it? */
static int meet_ancestor(struct env *e, struct explored *x, bool force, bool *add)
{
	bool callback = e->aux[e->insn].flags & AUX_CALLBACK;

	if (async_differs(&x->st, e->cur))
		return MISS;
	if ((callback ||
	     (insn_is_may_goto(&e->insns[e->insn]) && x->st.may_goto_depth != e->cur->may_goto_depth)) &&
	    states_equal(e, &x->st, e->cur, RANGE_WITHIN)) {
		x->hit++;
		taint(e);
		return HIT;
	}
	if (!callback && maybe_looping(&x->st, e->cur) && states_equal(e, &x->st, e->cur, EXACT) &&
	    x->st.may_goto_depth == e->cur->may_goto_depth &&
	    x->st.callback_unroll == e->cur->callback_unroll)
		return endless(e, &x->st);
	if (!force && e->jmps - e->prev_jmps < LOOP_JUMPS && e->processed - e->prev_processed < LOOP_INSNS)
		*add = false;
	return MISS;
}

static int meet_finished(struct env *e, struct explored *x)
{
	if (!states_equal(e, &x->st, e->cur, x->st.loop ? RANGE_WITHIN : NOT_EXACT))
		return MISS;
	x->hit++;
	if (x->st.loop)
		taint(e);
	if (precision_propagate(e, &x->st, NULL))
		return -ENOMEM;
	return HIT;
}

/* A state that cost more comparisons than it saved. */
static void drop_if_useless(struct env *e, struct explored **at, bool add)
{
	struct explored *x = *at;
	u32 n = e->aux[e->insn].flags & AUX_FORCE && x->st.branches ? 64 : 3;

	if (add)
		x->miss++;
	if (x->miss <= x->hit * n + n)
		return;
	*at = x->next;
	/* Its children go on without the list. */
	if (x->st.branches) {
		x->orphan = true;
		return;
	}
	e->peak_now--;
	state_free(e, &x->st);
	vmem_put(e, x, sizeof(*x));
}

static int look(struct env *e, bool force, bool *add)
{
	struct explored **at = bucket(e, e->insn);
	u32 n = 0;
	int ret;

	clean_finished(e, *at);
	while (*at) {
		struct explored *x = *at;

		n++;
		if (x->st.insn == e->insn) {
			ret = x->st.branches ? meet_ancestor(e, x, force, add) : meet_finished(e, x);
			if (ret)
				return ret;
			drop_if_useless(e, at, *add);
			if (*at != x)
				continue;
		}
		at = &(*at)->next;
	}
	e->res->max_states = MAX(e->res->max_states, n);
	return MISS;
}

static int keep(struct env *e)
{
	struct explored *x = vmem(e, sizeof(*x)), **at = bucket(e, e->insn);
	struct vstate *st = e->cur;
	int err;

	if (!x)
		return -ENOMEM;
	e->res->total_states++;
	e->peak_now++;
	e->res->peak_states = MAX(e->res->peak_states, e->peak_now);
	e->prev_jmps = e->jmps;
	e->prev_processed = e->processed;
	mark_all_imprecise(e, st);
	err = state_copy(e, &x->st, st);
	if (err)
		return err;
	x->st.insn = e->insn;
	x->st.branches = 1;
	x->next = *at;
	*at = x;
	st->parent = &x->st;
	st->first = e->insn;
	st->hist_start = st->hist;
	st->jmp_cnt = 0;
	st->branches = 1;
	return 0;
}

int state_visited(struct env *e)
{
	bool force = e->req->flags & BPF_F_TEST_STATE_FREQ || e->aux[e->insn].flags & AUX_FORCE ||
		     e->cur->jmp_cnt > HISTORY_LONG;
	bool add = force;
	int ret;

	if (e->jmps - e->prev_jmps >= JUMPS_BETWEEN && e->processed - e->prev_processed >= INSNS_BETWEEN)
		add = true;
	ret = look(e, force, &add);
	if (ret || !add)
		return ret;
	return keep(e);
}
