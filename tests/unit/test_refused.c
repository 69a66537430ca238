// SPDX-License-Identifier: BSD-2-Clause
/*
 * The list of refused helpers in docs/ABI.md is exactly what the tables say: those
 * that some program type which can be run may call on a kernel, and that have no function here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "helper/helper.h"
#include "progtype/prog_types.h"
#include "tests/lib/tap.h"
#include "util/uapi.h"

#define BEGIN "Refused helpers: "

static char *read_doc(void)
{
	static char text[1 << 18];
	FILE *f = fopen("docs/ABI.md", "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = 0;
	return text;
}

/* Without a function in any attach type's own row, too. */
static bool lacks(const struct prog_type *t, s32 id)
{
	const struct bpf_func_proto *h = prog_helper(t, id);

	if (h && !h->func)
		return true;
	for (const struct prog_attach *a = t->attach; a && a->first <= a->last; a++) {
		h = prog_helper_at(t, a, id);
		if (h && !h->func)
			return true;
	}
	return false;
}

static bool refused(s32 id)
{
	/* The one is no call, the other is refused for what it asks. */
	if (id == BPF_FUNC_tail_call || id == BPF_FUNC_get_func_ip)
		return false;
	for (u32 t = 1; t < BPF_PROG_TYPES_END; t++)
		if (prog_type_get(t)->run != RUN_NONE && lacks(prog_type_get(t), id))
			return true;
	return false;
}

/* Is it in the list, between quotes? */
static bool listed(const char *list, const char *end, const char *name)
{
	char quoted[64];
	const char *at;

	snprintf(quoted, sizeof(quoted), "`%s`", name + strlen("bpf_"));
	at = strstr(list, quoted);
	return at && at < end;
}

int main(void)
{
	const char *list = strstr(read_doc(), BEGIN), *end = list ? strstr(list, "(`") : NULL;
	u32 known = 0, in_doc = 0;

	ok(list && end, "docs/ABI.md has the list");
	if (!list || !end)
		return done();
	for (const char *p = list; p < end; p++)
		in_doc += *p == '`';
	in_doc /= 2;
	for (s32 id = 1; id < (s32)HELPERS_MAX; id++) {
		const char *name = helper_get(id)->name;

		if (!refused(id)) {
			if (listed(list, end, name))
				ok(0, "%s is listed, but can be called", name);
			continue;
		}
		known++;
		ok(listed(list, end, name), "%s is listed", name);
	}
	ok(known == in_doc, "%u are refused, and %u are listed", known, in_doc);
	return done();
}
