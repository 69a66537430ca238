// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where jumps go: see jit.h.
 *
 * Code is laid out again and again, each time from its beginning, until nothing
 * gets shorter. code_off holds the layout of this round for what has been passed,
 * and that of the round before for what is still to come:
 *
 *     backward   known exactly: code_off[to] - here
 *     forward    as it was: code_off[to] - end of this instruction, both of the round before
 *
 * The first round guesses too much, so distances only shrink, and a jump that was
 * short stays short. Each round costs the whole program, so that after some the
 * long jumps stay as they are (`frozen`). The last round writes: there, both
 * ways of reckoning agree.
 */
#include "exec/jit.h"

void jit_guess(struct jit *j)
{
	for (u32 i = 0; i <= j->im->cnt; i++)
		j->im->code_off[i] = i * JIT_INSN_MAX;
	for (u32 s = 0; s < j->im->nr_subs; s++)
		j->subs[s].end = s + 1 < j->im->nr_subs ? j->im->sub[s + 1].start * JIT_INSN_MAX
							: j->im->cnt * JIT_INSN_MAX;
}

static u32 emitted(const struct jit *j)
{
	return (u32)(j->e.p - j->start);
}

static u32 here(const struct jit *j)
{
	return j->pos + emitted(j);
}

/* From the end of a jump of len bytes that is emitted now. */
static s32 distance(const struct jit *j, u32 to, u32 len)
{
	u32 off = j->im->code_off[to];

	return to <= j->at ? (s32)(off - here(j) - len) : (s32)(off - j->old_end);
}

/* May it be one of two bytes? */
static bool is_short(const struct jit *j, u32 to, u32 long_len)
{
	if (j->frozen && j->old_len - emitted(j) == long_len)
		return false;
	return fits8(distance(j, to, 2));
}

void jit_jmp(struct jit *j, u32 to)
{
	s32 d;

	if (to == j->at + 1)
		return;
	if (is_short(j, to, 5)) {
		d = distance(j, to, 2);
		enc8(&j->e, 0xeb);
		enc8(&j->e, (u32)d);
	} else {
		d = distance(j, to, 5);
		enc8(&j->e, 0xe9);
		enc32(&j->e, (u32)d);
	}
}

void jit_jcc(struct jit *j, enum x86_cond cc, u32 to)
{
	s32 d;

	if (is_short(j, to, 6)) {
		d = distance(j, to, 2);
		enc8(&j->e, 0x70 | (u32)cc);
		enc8(&j->e, (u32)d);
	} else {
		d = distance(j, to, 6);
		enc8(&j->e, 0x0f);
		enc8(&j->e, 0x80 | (u32)cc);
		enc32(&j->e, (u32)d);
	}
}

void jit_call(struct jit *j, const void *target)
{
	if (code_reaches(target)) {
		uintptr_t next = (uintptr_t)j->code + here(j) + 5;

		enc8(&j->e, 0xe8);
		enc32(&j->e, (u32)((uintptr_t)target - next));
	} else {
		enc_mov_imm(&j->e, R11, ptr_to_u64(target));
		enc8(&j->e, 0x41);
		enc8(&j->e, 0xff);
		enc8(&j->e, 0xc0 | 2 << 3 | (R11 & 7));
	}
}

void jit_call_sub(struct jit *j, u32 sub)
{
	u32 next = here(j) + 5;

	enc8(&j->e, 0xe8);
	enc32(&j->e, j->im->sub_off[sub] - next);
}

void jit_probe(struct jit *j, const u8 *from, int zero)
{
	if (!j->code)
		return;
	j->probes[j->nr_probes++] = (struct code_probe){
		.at = (u32)sizeof(struct code_head) + j->pos + (u32)(from - j->start),
		.len = (u8)(j->e.p - from),
		.zero = (s8)zero,
	};
}
