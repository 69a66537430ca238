// SPDX-License-Identifier: BSD-2-Clause
/*
 * Places in a list of programs: see mprog.h.
 *
 * A place is a number: where the entry itself is for REPLACE and for a detach, one less than the anchor's for
 * BEFORE, one more for AFTER; several of them must agree (ERANGE).
 */
#include "link/mprog.h"
#include "util/err.h"
#include "util/uapi.h"

#define NOWHERE   (-ERANGE)
#define MPROG_MAX (ATTACH_MAX - 1)

static int find(const struct attach_list *l, u32 prog_id, u32 link_id)
{
	for (u32 i = 0; i < l->nr; i++)
		if (l->e[i].prog_id == prog_id && (!link_id || l->e[i].link_id == link_id))
			return (int)i;
	return -ENOENT;
}

/* One more place: it must be the one there is, if there is one. */
static int agree(int *at, int place)
{
	if (place < -1)
		return place;
	if (*at >= -1 && *at != place)
		return -ERANGE;
	*at = place;
	return 0;
}

static int relative(const struct attach_list *l, const struct mprog_place *w, int *at)
{
	int anchor = w->rel_prog ? find(l, w->rel_prog, w->rel_link) : 0, err = 0;

	if (w->flags & BPF_F_BEFORE)
		err = agree(at, anchor < 0 ? anchor : w->rel_prog ? anchor - 1 : -1);
	if (!err && (w->flags & BPF_F_AFTER))
		err = agree(at, anchor < 0 ? anchor : w->rel_prog ? anchor + 1 : (int)l->nr);
	if (!err && *at < -1 && (w->rel_prog || w->flags))
		err = -EINVAL;
	return err;
}

int mprog_attach(struct attach_list *l, const struct mprog_place *w, const struct attach_entry *e)
{
	int at = NOWHERE, err;

	if (w->expected_revision && w->expected_revision != attach_shown(l))
		return -ESTALE;
	if (find(l, e->prog_id, 0) >= 0)
		return -EEXIST;
	if (w->rel_err)
		return w->rel_err;
	if (w->flags & BPF_F_REPLACE) {
		at = find(l, w->old_prog, 0);
		if (at < 0)
			return at;
		if (l->e[at].link_id)
			return -EBUSY;
	} else if (l->nr >= MPROG_MAX) {
		return -ERANGE;
	}
	err = relative(l, w, &at);
	if (err)
		return err;
	if (w->flags & BPF_F_REPLACE) {
		l->e[at] = *e;
		return 0;
	}
	if (at < -1)
		at = (int)l->nr;
	else if (w->flags & BPF_F_BEFORE)
		at++;
	l->flags |= ATTACH_COUNTS_ANEW;
	attach_entry_insert(l, MIN((u32)at, l->nr), e);
	return 0;
}

int mprog_detach(struct attach_list *l, const struct mprog_place *w, u32 prog_id)
{
	int at = NOWHERE, err;

	if (w->flags & BPF_F_REPLACE)
		return -EINVAL;
	if (w->expected_revision && w->expected_revision != attach_shown(l))
		return -ESTALE;
	if (w->rel_err)
		return w->rel_err;
	if (prog_id) {
		at = find(l, prog_id, 0);
		if (at < 0)
			return at;
	}
	err = relative(l, w, &at);
	if (err)
		return err;
	if (!l->nr)
		return -ENOENT;
	if (at < -1 || at >= (int)l->nr)
		at = (int)l->nr - 1;
	if (at < 0)
		at = 0;
	if (l->e[at].link_id)
		return -EBUSY;
	attach_entry_remove(l, (u32)at);
	return 0;
}
