// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loads and stores: the stack and map values, at known offsets.
 *
 * The stack grows down from offset 0 to -512. A slot of 8 bytes written whole
 * keeps what it holds (SPILL), all else is bytes without a meaning (MISC). A
 * byte that was never written may be read by those who may load programs at
 * all; it counts as unknown.
 */
#include "prog/verifier.h"

static u32 size_of(u8 code)
{
	switch (BPF_SIZE(code)) {
	case BPF_B: return 1;
	case BPF_H: return 2;
	case BPF_W: return 4;
	default: return 8;
	}
}

static u64 max_of(u32 size)
{
	return size == 8 ? ~0ull : (1ull << size * 8) - 1;
}

static bool stack_inside(s64 off, u64 size)
{
	return off < 0 && off >= -STACK_SIZE && size <= (u64)-off;
}

static void touch(struct verifier *v, const struct vreg *p, s64 off)
{
	struct vframe *f = &v->frames[p->frame];

	f->depth = MAX(f->depth, (u32)-off);
	v->depth_of[f->sub] = MAX(v->depth_of[f->sub], f->depth);
}

/* Bytes lose what they held. */
static void scratch(struct vframe *f, s64 off, u64 size, u8 with)
{
	u32 at = (u32)(off + STACK_SIZE);

	for (u32 slot = at / 8; slot <= (at + size - 1) / 8; slot++)
		if (f->slot[slot * 8] == SLOT_SPILL)
			for (u32 k = 0; k < 8; k++)
				f->slot[slot * 8 + k] = SLOT_MISC;
	for (u64 k = 0; k < size; k++)
		f->slot[at + k] = with;
}

static int stack_access(struct verifier *v, u32 regno, const struct vreg *p, s64 off, u32 size, bool write)
{
	if (off % (s64)size) {
		vlog(v->log, "misaligned stack access off 0+%ld+%ld size %u\n", p->val, off - p->val, size);
		return -EACCES;
	}
	if (!stack_inside(off, size)) {
		vlog(v->log, "invalid %s stack R%u off=%ld size=%u\n", write ? "write to" : "read from",
		     regno, off, size);
		return -EACCES;
	}
	touch(v, p, off);
	return 0;
}

static bool overlaps(s64 off, u64 size, s32 field, u32 field_size)
{
	return field >= 0 && off < (s64)field + field_size && off + (s64)size > field;
}

static int value_access(struct verifier *v, u32 regno, const struct vreg *p, s64 off, u64 size, bool write)
{
	const struct prog_map *m = &v->maps[p->map];
	u32 flag = write ? BPF_F_RDONLY_PROG : BPF_F_WRONLY_PROG;

	if (m->map_flags & flag) {
		vlog(v->log, "%s map forbidden, value_size=%u off=%ld size=%lu\n",
		     write ? "write into" : "read from", m->value_size, off, size);
		return -EACCES;
	}
	if (off < 0 || size > m->value_size || (u64)off > m->value_size - size) {
		vlog(v->log, "invalid access to map value, value_size=%u off=%ld size=%lu\n", m->value_size,
		     off, size);
		vlog(v->log, "R%u min value is outside of the allowed memory range\n", regno);
		return -EACCES;
	}
	if (overlaps(off, size, m->spin_lock_off, 4)) {
		vlog(v->log, "direct access to bpf_spin_lock is disallowed\n");
		return -EACCES;
	}
	if (overlaps(off, size, m->timer_off, 16)) {
		vlog(v->log, "direct access to bpf_timer is disallowed\n");
		return -EACCES;
	}
	if (v->strict && size <= 8 && off % (s64)size) {
		vlog(v->log, "misaligned value access off 0+%ld+%ld size %lu\n", p->val, off - p->val, size);
		return -EACCES;
	}
	return 0;
}

/* May regno be followed at this offset? */
static int access_ok(struct verifier *v, u32 regno, const struct vreg *p, s64 off, u32 size, bool write)
{
	switch (p->type) {
	case REG_FP: return stack_access(v, regno, p, off, size, write);
	case REG_VALUE: return value_access(v, regno, p, off, size, write);
	case REG_CTX:
		vlog(v->log, "access to the context is not supported yet: off=%ld size=%u\n", off, size);
		break;
	default: vlog(v->log, "R%u invalid mem access '%s'\n", regno, vreg_name(p));
	}
	return -EACCES;
}

static int fill(struct verifier *v, struct vreg *d, const struct vreg *p, s64 off, u32 size)
{
	struct vframe *f = &v->frames[p->frame];
	u32 at = (u32)(off + STACK_SIZE);
	const struct vreg *s = &f->spill[at / 8];

	if (f->slot[at] != SLOT_SPILL) {
		vreg_scalar(d, max_of(size));
	} else if (size == 8) {
		*d = *s;
	} else if (s->type != REG_SCALAR) {
		vlog(v->log, "invalid size of register fill\n");
		return -EACCES;
	} else {
		vreg_scalar(d, max_of(size));
	}
	return 0;
}

int verify_load(struct verifier *v, const struct bpf_insn *i)
{
	u32 size = size_of(i->code);
	struct vreg p, *d;
	int err;

	if (BPF_MODE(i->code) == 0x80 && size == 8) {
		vlog(v->log, "unknown opcode %x\n", i->code);
		return -EINVAL;
	}
	err = reg_read(v, i->src_reg);
	if (!err)
		err = reg_write(v, i->dst_reg);
	if (err)
		return err;
	p = *vreg(v, i->src_reg);
	err = access_ok(v, i->src_reg, &p, p.val + i->off, size, false);
	if (err)
		return err;
	d = vreg(v, i->dst_reg);
	if (p.type == REG_FP)
		err = fill(v, d, &p, p.val + i->off, size);
	else
		vreg_scalar(d, max_of(size));
	if (!err && BPF_MODE(i->code) == 0x80) {
		if (d->type != REG_SCALAR)
			return -EACCES;
		vreg_scalar(d, ~0ull);
	}
	return err;
}

static int spill(struct verifier *v, const struct vreg *p, s64 off, u32 size, const struct vreg *val)
{
	struct vframe *f = &v->frames[p->frame];

	if (val->type != REG_SCALAR && size != 8) {
		vlog(v->log, "invalid size of register spill\n");
		return -EACCES;
	}
	scratch(f, off, size, SLOT_MISC);
	if (size == 8) {
		scratch(f, off, size, SLOT_SPILL);
		f->spill[(u32)(off + STACK_SIZE) / 8] = *val;
	}
	return 0;
}

int verify_store(struct verifier *v, const struct bpf_insn *i)
{
	bool reg = BPF_CLASS(i->code) == BPF_STX;
	u32 size = size_of(i->code);
	struct vreg p, val = { 0 };
	int err = 0;

	if (BPF_MODE(i->code) != BPF_MEM) {
		vlog(v->log, "atomic operations are not supported yet\n");
		return -EINVAL;
	}
	if (reg ? i->imm != 0 : i->src_reg != 0) {
		vlog(v->log, "BPF_%s uses reserved fields\n", reg ? "STX" : "ST");
		return -EINVAL;
	}
	if (reg)
		err = reg_read(v, i->src_reg);
	if (!err)
		err = reg_read(v, i->dst_reg);
	if (err)
		return err;
	if (reg)
		val = *vreg(v, i->src_reg);
	else
		vreg_const(&val, i->imm);
	p = *vreg(v, i->dst_reg);
	err = access_ok(v, i->dst_reg, &p, p.val + i->off, size, true);
	if (!err && p.type == REG_FP && p.frame != v->frame && val.type == REG_FP) {
		vlog(v->log, "cannot spill pointers to stack into stack frame of the caller\n");
		err = -EINVAL;
	}
	if (!err && p.type == REG_FP)
		err = spill(v, &p, p.val + i->off, size, &val);
	return err;
}

int verify_mem_arg(struct verifier *v, u32 regno, u64 size, bool write)
{
	struct vreg p = *vreg(v, regno);

	if (p.type == REG_VALUE)
		return size ? value_access(v, regno, &p, p.val, size, write) : 0;
	if (p.type != REG_FP) {
		vlog(v->log, "R%u type=%s expected=fp, pkt, pkt_meta, map_key, map_value, mem\n", regno,
		     vreg_name(&p));
		return -EACCES;
	}
	if (size && !stack_inside(p.val, size)) {
		vlog(v->log, "invalid %s stack R%u off=%ld size=%lu\n", write ? "write to" : "read from",
		     regno, p.val, size);
		return stack_inside(p.val, 1) ? -EINVAL : -EACCES;
	}
	if (!size)
		return 0;
	touch(v, &p, p.val);
	if (write)
		scratch(&v->frames[p.frame], p.val, size, SLOT_MISC);
	return 0;
}
