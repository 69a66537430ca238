// SPDX-License-Identifier: BSD-2-Clause
/*
 * BTF made by hand: what the rows and the mutation loops of the BTF tests share.
 *
 * A blob is words of the type section, in the order of ids, and one string
 * section for all: names lie in slots of 8 bytes, so that a name's offset is a
 * constant. blob_make puts a header before them; blob_random makes types that
 * are right in themselves and lead anywhere; blob_mutate damages a blob.
 * Everything random comes from one seeded generator, so that the same seed gives
 * the same blobs wherever the program runs.
 */
#ifndef PINFS_TESTS_BTF_BLOBS_H
#define PINFS_TESTS_BTF_BLOBS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint32_t w32;

enum {
	K_INT = 1,
	K_PTR,
	K_ARRAY,
	K_STRUCT,
	K_UNION,
	K_ENUM,
	K_FWD,
	K_TYPEDEF,
	K_VOLATILE,
	K_CONST,
	K_RESTRICT,
	K_FUNC,
	K_PROTO,
	K_VAR,
	K_DATASEC,
	K_FLOAT,
	K_DECL_TAG,
	K_TYPE_TAG,
	K_ENUM64
};

enum {
	N_int = 8,
	N_char = 16,
	N_A = 24,
	N_b = 32,
	N_c = 40,
	N_data = 48,
	N_T = 56,
	N_f = 64,
	N_dot = 72,
	N_bad = 80,
	N_digit = 88,
	N_ctl = 96,
	N_spin = 104,
	N_timer = 120,
	N_question = 136,
	N_long = 144
};

static const char blob_strs[] = "\0\0\0\0\0\0\0\0"
				"int\0\0\0\0\0"
				"char\0\0\0\0"
				"A\0\0\0\0\0\0\0"
				"b\0\0\0\0\0\0\0"
				"c\0\0\0\0\0\0\0"
				".data\0\0\0"
				"T\0\0\0\0\0\0\0"
				"f\0\0\0\0\0\0\0"
				"a.b\0\0\0\0\0"
				"a-b\0\0\0\0\0"
				"1a\0\0\0\0\0\0"
				"a\001b\0\0\0\0\0"
				"bpf_spin_lock\0\0\0"
				"bpf_timer\0\0\0\0\0\0\0"
				"?.data\0\0"
				"a2345678901234567890123456789012345678901234567890\0";

#define INFO(kind, kflag, vlen)     ((w32)(kflag) << 31 | (w32)(kind) << 24 | (w32)(vlen))
#define TYPE(name, kind, vlen, st)  (name), INFO(kind, 0, vlen), (w32)(st)
#define KTYPE(name, kind, vlen, st) (name), INFO(kind, 1, vlen), (w32)(st)
#define INT(name, size, bits)       TYPE(name, K_INT, 0, size), (w32)(bits)
#define INT32                       INT(N_int, 4, 0x01000020)
#define PTR(to)                     TYPE(0, K_PTR, 0, to)
#define ARRAY(elem, index, n)       TYPE(0, K_ARRAY, 0, 0), (elem), (index), (n)
#define MEMBER(name, type, off)     (name), (w32)(type), (w32)(off)
#define BITS(n, off)                ((w32)(n) << 24 | (off))
#define VAR(name, type, linkage)    TYPE(name, K_VAR, 0, type), (linkage)
#define SECVAR(type, off, size)     (type), (off), (size)
#define BLOB_END                    0xfeedbeefu
#define BLOB_MAX                    4096u

struct blob {
	unsigned char b[BLOB_MAX];
	w32 size, types; /* bytes, of which types */
};

struct blob_header {
	uint16_t magic;
	uint8_t version, flags;
	w32 hdr_len, type_off, type_len, str_off, str_len;
};

/* words up to BLOB_END. */
static inline void blob_make(struct blob *o, const w32 *words)
{
	struct blob_header h = { .magic = 0xeb9f, .version = 1, .hdr_len = sizeof(h) };
	w32 n = 0;

	while (words[n] != BLOB_END)
		n++;
	h.type_len = h.str_off = n * 4;
	h.str_len = sizeof(blob_strs);
	memset(o->b, 0, sizeof(o->b));
	memcpy(o->b, &h, sizeof(h));
	memcpy(o->b + sizeof(h), words, n * 4);
	memcpy(o->b + sizeof(h) + n * 4, blob_strs, sizeof(blob_strs));
	o->types = n * 4;
	o->size = (w32)sizeof(h) + n * 4 + (w32)sizeof(blob_strs);
}

static inline w32 blob_rand(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (w32)(*seed >> 33);
}

#define R(n) (blob_rand(seed) % (w32)(n))

static inline w32 blob_name(uint64_t *seed)
{
	static const w32 names[] = { N_int, N_char, N_A, N_b, N_c, N_T, N_f, N_dot };

	return names[R(8)];
}

/* One type with ids below n; words written. */
static inline w32 blob_random_type(w32 *w, w32 n, uint64_t *seed)
{
	w32 kind = 1 + R(19), v = R(3), *p = w + 3, at = 0;

	w[0] = blob_name(seed);
	w[2] = R(n);
	w[1] = INFO(kind, 0, 0);
	switch (kind) {
	case K_INT:
		w[2] = 1u << R(5);
		*p++ = R(4) ? w[2] * 8 : R(w[2] * 8 + 1) | R(3) << 16;
		break;
	case K_ARRAY:
		w[0] = w[2] = 0;
		*p++ = R(n), *p++ = R(3) ? 1 : R(n), *p++ = R(5);
		break;
	case K_STRUCT:
	case K_UNION: {
		w32 k = !R(3);

		w[1] = INFO(kind, k, v);
		w[2] = 8u << R(4);
		while (v--) {
			*p++ = blob_name(seed), *p++ = R(n);
			*p++ = kind == K_UNION ? 0 : at | (k && !R(2) ? R(40) << 24 : 0);
			at += R(4) ? 8 * R(9) : R(64);
		}
		break;
	}
	case K_ENUM:
		w[1] = INFO(kind, R(2), v), w[2] = 1u << R(4);
		while (v--)
			*p++ = blob_name(seed), *p++ = R(9) - 3;
		break;
	case K_ENUM64:
		w[1] = INFO(kind, R(2), v), w[2] = 1u << R(4);
		while (v--)
			*p++ = blob_name(seed), *p++ = R(9), *p++ = R(3) - 1;
		break;
	case K_FWD: w[1] = INFO(kind, R(2), 0), w[2] = 0; break;
	case K_FUNC: w[1] = INFO(kind, 0, R(2)); break;
	case K_PROTO:
		w[0] = 0, w[1] = INFO(kind, 0, v);
		while (v--)
			*p++ = R(4) ? blob_name(seed) : 0, *p++ = R(n);
		break;
	case K_VAR: *p++ = R(2); break;
	case K_DATASEC:
		w[0] = R(2) ? N_data : N_question, w[1] = INFO(kind, 0, v), w[2] = 64;
		while (v--) {
			*p++ = R(n), *p++ = at, *p = 1 + R(16);
			at += *p++;
		}
		break;
	case K_FLOAT: w[2] = 2u << R(4); break;
	case K_DECL_TAG: w[1] = INFO(kind, !R(4), 0), *p++ = R(4) - 1; break;
	case K_TYPE_TAG: w[1] = INFO(kind, !R(4), 0); break;
	case K_TYPEDEF: break;
	default: w[0] = 0;
	}
	return (w32)(p - w);
}

/* Types that lead anywhere; the first is an int, so that something can hold. */
static inline void blob_random(struct blob *o, uint64_t *seed)
{
	w32 words[512] = { INT32 }, n = 3 + R(10), at = 4;

	for (w32 i = 2; i < n; i++)
		at += blob_random_type(words + at, n, seed);
	words[at] = BLOB_END;
	blob_make(o, words);
}

static inline void blob_mutate(struct blob *o, uint64_t *seed)
{
	w32 v, at = 24 + R(o->types / 4) * 4, how = R(10);

	if (how < 4) { /* a small number: another id, vlen, offset */
		v = R(12);
		memcpy(o->b + at, &v, 4);
	} else if (how < 7) {
		o->b[at + R(4)] ^= (unsigned char)(1u << R(8));
	} else if (how < 8) { /* another kind */
		o->b[at + 3] = (unsigned char)(R(21) | (R(2) << 7));
	} else if (how < 9) {
		o->b[R(o->size)] = (unsigned char)R(256);
	} else {
		o->b[R(24)] ^= (unsigned char)(1u << R(8));
	}
}

#undef R

#endif
