// SPDX-License-Identifier: BSD-2-Clause
/*
 * The JIT's driver: see jit.h.
 *
 *     block   head | code of subprogram 0, 1, ... | probes
 *
 * The layout is found without memory for the code: each instruction is written
 * into the same few bytes and only its length is kept. When nothing gets shorter
 * any more, the block is allocated and everything written once more, in place.
 */
#include "exec/jit.h"
#include "isa/insn_valid.h"
#include "util/err.h"

/* Rounds after which long jumps stay long. */
#define ROUNDS 12

enum { UNTRIED, YES, NO };

static _Atomic int available;

/* Whether pages may be sealed is found out by sealing one. */
static int try_code(void)
{
	struct code_head *h;

	jit_cpu_init();
	if (code_init())
		return NO;
	h = code_alloc(PAGE);
	if (!h)
		return NO;
	h->size = PAGE;
	h->nr_probes = 0;
	if (code_seal(h, PAGE))
		return NO;
	code_free(h, PAGE);
	return YES;
}

bool jit_available(void)
{
	if (available == UNTRIED)
		available = try_code();
	return available == YES;
}

static u32 sub_end(const struct image *im, u32 s)
{
	return s + 1 < im->nr_subs ? im->sub[s + 1].start : im->cnt;
}

static bool uses_run(const struct bpf_insn *in)
{
	u8 mode = BPF_MODE(in->code);

	switch (in->code) {
	case BPF_JMP | BPF_CALL: return !in->src_reg;
	case BPF_JMP | BPF_TAIL_CALL:
	case BPF_JMP | BPF_JCOND: return true;
	default: return BPF_CLASS(in->code) == BPF_LD && (mode == BPF_ABS || mode == BPF_IND);
	}
}

/* What a subprogram needs; counts the loads that may fault. */
static void look(struct jit *j, u32 s)
{
	const struct image *im = j->im;
	struct jit_sub *sub = &j->subs[s];

	for (u32 i = im->sub[s].start; i < sub_end(im, s); i++) {
		const struct bpf_insn *in = &im->insns[i];
		u8 mode = BPF_MODE(in->code);

		sub->regs |= (u16)(1u << in->dst_reg);
		if (in->code != (BPF_JMP | BPF_CALL))
			sub->regs |= (u16)(1u << in->src_reg);
		sub->tail |= in->code == (BPF_JMP | BPF_TAIL_CALL);
		sub->calls |= uses_run(in) || in->code == (BPF_JMP | BPF_CALL);
		j->needs_run |= uses_run(in);
		j->nr_probes += BPF_CLASS(in->code) == BPF_LDX &&
				(mode == BPF_PROBE_MEM || mode == BPF_PROBE_MEMSX);
		if (insn_is_wide(in->code))
			i++;
	}
	sub->frame = sub->regs >> BPF_REG_10 & 1;
}

/* Begins the next piece of code. While the layout is being found all are written to the same place. */
static void begin(struct jit *j, u8 *scratch)
{
	j->start = j->code ? j->code + j->pos : scratch;
	j->e.p = j->start;
}

static void finish(struct jit *j)
{
	j->pos += (u32)(j->e.p - j->start);
}

static void lay_sub(struct jit *j, u32 s, u8 *scratch)
{
	const struct image *im = j->im;
	u32 end = sub_end(im, s), width;

	j->sub = s;
	im->sub_off[s] = j->pos;
	begin(j, scratch);
	jit_emit_prologue(j);
	finish(j);
	for (u32 i = im->sub[s].start; i < end; i += width) {
		width = insn_is_wide(im->insns[i].code) ? 2 : 1;
		j->at = i;
		j->old_end = i + width < end ? im->code_off[i + width] : j->subs[s].end;
		j->old_len = j->old_end - im->code_off[i];
		im->code_off[i] = j->pos;
		begin(j, scratch);
		jit_emit_insn(j, &im->insns[i]);
		finish(j);
		if (width == 2)
			im->code_off[i + 1] = j->pos;
	}
	j->subs[s].end = j->pos;
}

/* One round; the size of the code. */
static u32 lay_out(struct jit *j, u8 *scratch)
{
	j->pos = 0;
	for (u32 s = 0; s < j->im->nr_subs; s++)
		lay_sub(j, s, scratch);
	j->im->code_off[j->im->cnt] = j->pos;
	j->im->sub_off[j->im->nr_subs] = j->pos;
	return j->pos;
}

/* No piece gets longer from one round to the next, so that an equal size means an equal layout. */
static u32 find_layout(struct jit *j)
{
	u8 scratch[2 * JIT_INSN_MAX];
	u32 size = 0, before;
	u32 round = 0;

	jit_guess(j);
	do {
		before = size;
		j->frozen = round++ >= ROUNDS;
		size = lay_out(j, scratch);
	} while (size != before);
	return size;
}

static int write_code(struct jit *j, struct image *im, u32 size)
{
	u32 probes = ROUND_UP((u32)sizeof(struct code_head) + size, 8u), nr = j->nr_probes;
	size_t all = probes + nr * sizeof(struct code_probe);
	struct code_head *h = code_alloc(all);
	int err;

	if (!h)
		return -ENOMEM;
	*h = (struct code_head){ .size = (u32)all, .probes = probes, .nr_probes = nr };
	j->code = (u8 *)(h + 1);
	j->probes = (struct code_probe *)((char *)h + probes);
	j->nr_probes = 0;
	lay_out(j, NULL);
	err = code_seal(h, all);
	if (err)
		return err;
	im->code = h + 1;
	im->code_size = size;
	im->enter = (u64(*)(void *, struct run *))(uintptr_t)im->code;
	return 0;
}

int jit_image(struct image *im)
{
	struct jit j;

	/* Of the table of subprograms only what there is is written: it is large. */
	memset(&j, 0, offsetof(struct jit, subs));
	memset(j.subs, 0, im->nr_subs * sizeof(j.subs[0]));
	j.im = im;
	for (u32 s = 0; s < im->nr_subs; s++)
		look(&j, s);
	return write_code(&j, im, find_layout(&j));
}

void jit_free(struct image *im)
{
	struct code_head *h = (struct code_head *)im->code - 1;

	code_free(h, h->size);
}

u64 jit_sub(const struct image *im, u32 sub, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, struct run *r)
{
	return jit_enter_sub(a1, a2, a3, a4, a5, r, (const char *)im->code + im->sub_off[sub]);
}
