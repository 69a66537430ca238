// SPDX-License-Identifier: BSD-2-Clause
/*
 * One row a helper: its number and its prototype.
 */
#include "helper/helper_ids.h"

#define ROW(id_, name_) [id_] = &bpf_##name_##_proto,

static const struct bpf_func_proto *const helpers[HELPERS_MAX] = { HELPER_IDS(ROW) };

/* Nothing can call it; it has a number and a name. */
PROTO(unspec, .ret = RET_VOID);

const struct bpf_func_proto *helper_get(s32 id)
{
	return id >= 0 && id < (s32)HELPERS_MAX ? helpers[id] : NULL;
}
