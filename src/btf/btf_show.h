// SPDX-License-Identifier: BSD-2-Clause
/*
 * A value as text, by its type: what reading a pinned map shows.
 *
 * Compact form, no names: {1,-5,} for a struct or union, [1,2,] for an array, a
 * comma behind every part (but [1,2,},1,2,},] for an array of structs: its elements have
 * no opening brace); enumerators by name; pointers hashed; characters of
 * a char array quoted, up to the first NUL; bit fields in hexadecimal. A section
 * of global data is  section (".data") = {9  without a closing brace, as the
 * kernel has it.
 *
 * Text goes to the caller's sink in pieces. Nothing outside [data, data + size)
 * is read; a part that does not lie inside shows nothing.
 */
#ifndef PINFS_BTF_BTF_SHOW_H
#define PINFS_BTF_BTF_SHOW_H

#include "btf/btf.h"

struct btf_sink {
	void (*put)(struct btf_sink *s, const char *text, size_t n);
	void *arg; /* the owner's */
};

void btf_show(const struct btf_view *v, u32 type_id, const void *data, size_t size, struct btf_sink *s);

#endif
