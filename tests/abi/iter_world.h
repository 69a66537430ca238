// SPDX-License-Identifier: BSD-2-Clause
/*
 * What tests of iterator programs share: the machine's BTF, an assembler, and PROG_LOAD of such a program.
 */
#ifndef PINFS_TESTS_ITER_WORLD_H
#define PINFS_TESTS_ITER_WORLD_H

#include <linux/btf.h>
#include "rows.h"

#define F_SLEEPABLE 16u

#define I(c, d, s, o, i)                                                                                     \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (short)(o), .imm = (i) })
#define LDX(sz, d, s, o) I(BPF_LDX | BPF_MEM | sz, d, s, o, 0)
#define LD(d, s, o)      LDX(BPF_DW, d, s, o)
#define ST(d, s, o)      I(BPF_STX | BPF_MEM | BPF_DW, d, s, o, 0)
#define MOV(d, i)        I(0xb7, d, 0, 0, i)
#define MOVR(d, s)       I(0xbf, d, s, 0, 0)
#define ADD(d, i)        I(0x07, d, 0, 0, i)
#define ADDR(d, s)       I(0x0f, d, s, 0, 0)
#define AND(d, i)        I(0x57, d, 0, 0, i)
#define JEQ(d, i, o)     I(0x15, d, 0, o, i)
#define JA(o)            I(0x05, 0, 0, o, 0)
#define CALL(n)          I(0x85, 0, 0, 0, n)
#define CALLP(rel)       I(0x85, 0, 1, 0, rel)
#define MAPFD(d, fd)     I(0x18, d, 1, 0, fd), I(0, 0, 0, 0, 0)
#define EXIT             I(0x95, 0, 0, 0, 0)
#define END              MOV(0, 0), EXIT
#define ZERO_FMT         MOV(2, 0), ST(10, 2, -8), MOVR(2, 10), ADD(2, -8)

/* ---- the machine's BTF ---- */

static unsigned char *btf;
static const unsigned char *types, *types_end;
static const char *strs;

static inline void read_btf(void)
{
	const struct btf_header *h;
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY);
	size_t n = 0, room = 32 << 20;
	ssize_t r;

	btf = malloc(room);
	must(btf && fd >= 0, "vmlinux BTF");
	while ((r = read(fd, btf + n, room - n)) > 0)
		n += (size_t)r;
	close(fd);
	h = (const void *)btf;
	must(n > sizeof(*h), "vmlinux BTF");
	types = btf + h->hdr_len + h->type_off;
	types_end = types + h->type_len;
	strs = (const char *)btf + h->hdr_len + h->str_off;
}

static inline unsigned tail(const struct btf_type *t)
{
	unsigned n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG: return 4;
	case BTF_KIND_ARRAY: return 12;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_ENUM64:
	case BTF_KIND_DATASEC: return n * 12;
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO: return n * 8;
	default: return 0;
	}
}

static inline const struct btf_type *type_of(unsigned id)
{
	static const unsigned char *place;
	static unsigned last;
	const unsigned char *p = types;

	if (id && id == last)
		return (const void *)place;

	for (unsigned n = 1; p < types_end; n++) {
		if (n == id) {
			last = id;
			place = p;
			return (const void *)p;
		}
		p += sizeof(struct btf_type) + tail((const void *)p);
	}
	return NULL;
}

static inline unsigned find(const char *name, unsigned kind)
{
	static struct {
		char name[64];
		unsigned kind, id;
	} known[64];
	static unsigned nr;
	const unsigned char *p = types;

	for (unsigned n = 0; n < nr; n++)
		if (known[n].kind == kind && !strcmp(known[n].name, name))
			return known[n].id;

	for (unsigned n = 1; p < types_end; n++) {
		const struct btf_type *t = (const void *)p;

		if (BTF_INFO_KIND(t->info) == kind && !strcmp(strs + t->name_off, name)) {
			if (nr < ARRAY_SIZE(known) && strlen(name) < sizeof(known[0].name)) {
				strcpy(known[nr].name, name);
				known[nr].kind = kind;
				known[nr++].id = n;
			}
			return n;
		}
		p += sizeof(struct btf_type) + tail(t);
	}
	return 0;
}

/* Offset of a member that the struct has itself. */
static inline int off(const char *type, const char *name)
{
	const struct btf_type *t = type_of(find(type, BTF_KIND_STRUCT));
	const struct btf_member *m = (const void *)(t + 1);

	for (unsigned n = BTF_INFO_VLEN(t->info); n; n--, m++)
		if (!strcmp(strs + m->name_off, name))
			return (int)(BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset) /
			       8;
	must(0, name);
	return -1;
}

/* ---- programs ---- */

static char log_buf[1 << 20];

static inline int load(const char *target, const struct bpf_insn *insns, unsigned n, unsigned flags)
{
	char func[64];
	union row_attr a;

	snprintf(func, sizeof(func), "bpf_iter_%s", target);
	memset(&a, 0, sizeof(a));
	a.a.prog_type = BPF_PROG_TYPE_TRACING;
	a.a.expected_attach_type = BPF_TRACE_ITER;
	a.a.attach_btf_id = find(func, BTF_KIND_FUNC);
	a.a.insns = ptr(insns);
	a.a.insn_cnt = n;
	a.a.license = ptr("GPL");
	a.a.prog_flags = flags;
	a.a.log_level = 2;
	a.a.log_buf = ptr(log_buf);
	a.a.log_size = sizeof(log_buf);
	log_buf[0] = 0;
	return raw_bpf(BPF_PROG_LOAD, &a, ATTR_KNOWN);
}

#endif
