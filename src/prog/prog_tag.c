// SPDX-License-Identifier: BSD-2-Clause
/*
 * The program tag: SHA-256 (FIPS 180-4) over the instructions, maps left out.
 *
 * The immediates of ld_imm64 that name a map differ from load to load, so they
 * count as zero; all else is hashed as the client gave it.
 */
#include "prog/prog.h"
#include <string.h>

struct sha256 {
	u32 h[8];
	u64 len;
	u8 block[64];
};

/* Fractional parts of the cube roots of the first 64 primes. */
static const u32 K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static u32 ror(u32 v, int n)
{
	return v >> n | v << (32 - n);
}

static void schedule(u32 w[64], const u8 *block)
{
	for (int i = 0; i < 16; i++, block += 4)
		w[i] = (u32)block[0] << 24 | (u32)block[1] << 16 | (u32)block[2] << 8 | block[3];
	for (int i = 16; i < 64; i++) {
		u32 s0 = ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3;
		u32 s1 = ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10;

		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
}

static void compress(struct sha256 *s)
{
	u32 w[64], v[8];

	schedule(w, s->block);
	memcpy(v, s->h, sizeof(v));
	for (int i = 0; i < 64; i++) {
		u32 e = v[4], a = v[0];
		u32 t1 = v[7] + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + ((e & v[5]) ^ (~e & v[6])) + K[i] +
			 w[i];
		u32 t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		s->h[i] += v[i];
}

static void add(struct sha256 *s, const void *data, size_t n)
{
	const u8 *p = data;

	while (n--) {
		s->block[s->len++ % 64] = *p++;
		if (s->len % 64 == 0)
			compress(s);
	}
}

static void finish(struct sha256 *s)
{
	u64 bits = s->len * 8;
	u8 tail[8];

	add(s, "\x80", 1);
	while (s->len % 64 != 56)
		add(s, "", 1);
	for (int i = 0; i < 8; i++)
		tail[i] = (u8)(bits >> (56 - 8 * i));
	add(s, tail, sizeof(tail));
}

static bool names_map(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_IMM | BPF_DW) &&
	       (i->src_reg == BPF_PSEUDO_MAP_FD || i->src_reg == BPF_PSEUDO_MAP_VALUE ||
		i->src_reg == BPF_PSEUDO_MAP_IDX || i->src_reg == BPF_PSEUDO_MAP_IDX_VALUE);
}

void prog_tag(u8 tag[8], const struct bpf_insn *insns, u32 cnt)
{
	struct sha256 s = { .h = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
				   0x1f83d9ab, 0x5be0cd19 } };
	bool second = false;

	for (u32 i = 0; i < cnt; i++) {
		struct bpf_insn in = insns[i];

		if (second)
			in.imm = 0;
		second = !second && names_map(&in);
		if (second)
			in.imm = 0;
		add(&s, &in, sizeof(in));
	}
	finish(&s);
	for (int i = 0; i < 8; i++)
		tag[i] = (u8)(s.h[i / 4] >> (24 - 8 * (i % 4)));
}
