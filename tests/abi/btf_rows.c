// SPDX-License-Identifier: BSD-2-Clause
/*
 * BTF_LOAD, row by row: headers and sections, each kind right and wrong, what
 * types may lead to, logs, and seeded damage. Then MAP_CREATE with key and
 * value types, and what a BTF object says of itself.
 *
 * Of the damaged blobs a line tells a hundred verdicts, one letter each.
 */
#include "btf_blobs.h"
#include "rows.h"

#define ATTR_BTF_FLAGS 8 /* words of the attr, where the system's header has no name */
#define ATTR_BTF_TOKEN 9
#define MUTATIONS      20000

static char log_buf[1 << 16];

static int load_raw(const void *p, unsigned size, unsigned level)
{
	union row_attr a;

	memset(&a, 0, sizeof(a));
	a.a.btf = ptr(p);
	a.a.btf_size = size;
	if (level) {
		log_buf[0] = 0;
		a.a.btf_log_level = level;
		a.a.btf_log_buf = ptr(log_buf);
		a.a.btf_log_size = sizeof(log_buf);
	}
	return raw_bpf(BPF_BTF_LOAD, &a, ATTR_KNOWN);
}

static int load(const struct blob *b)
{
	return load_raw(b->b, b->size, 0);
}

/* The end of the log: its last line. */
static void say_log(void)
{
	char *last = NULL;

	for (char *line = strtok(log_buf, "\n"); line; line = strtok(NULL, "\n"))
		last = line;
	say(" \"%s\"", last ? last : "");
}

struct row {
	const char *text;
	w32 words[96];
};

#define ROW(text, ...)                                                                                       \
	{                                                                                                    \
		text,                                                                                        \
		{                                                                                            \
			__VA_ARGS__, BLOB_END                                                                \
		}                                                                                            \
	}
#define P(name) TYPE(name, K_PROTO, 0, 0)

static const struct row rows[] = {
	/* int */
	ROW("int", INT32),
	ROW("int without name", INT(0, 4, 32)),
	ROW("int with dotted name", INT(N_dot, 4, 32)),
	ROW("int with bad name", INT(N_bad, 4, 32)),
	ROW("int of 0 bytes", INT(N_int, 0, 0)),
	ROW("int of 16 bytes", INT(N_int, 16, 128)),
	ROW("int of 129 bits", INT(N_int, 32, 129)),
	ROW("int of 3 bytes", INT(N_int, 3, 24)),
	ROW("int: more bits than bytes", INT(N_int, 1, 9)),
	ROW("int: bit offset", INT(N_int, 4, 0x00040008)),
	ROW("int: bit offset beyond", INT(N_int, 1, 0x00040008)),
	ROW("int: char", INT(N_char, 1, 0x02000008)),
	ROW("int: bool", INT(N_char, 1, 0x04000008)),
	ROW("int: signed char", INT(N_char, 1, 0x03000008)),
	ROW("int: unknown encoding", INT(N_char, 1, 0x08000008)),
	ROW("int: unknown bits", INT(N_char, 1, 0x10000008)),
	ROW("int: vlen", TYPE(N_int, K_INT, 1, 4), 32),
	ROW("int: kind flag", KTYPE(N_int, K_INT, 0, 4), 32),
	ROW("int cut", TYPE(N_int, K_INT, 0, 4)),
	ROW("name beyond the strings", INT(9999, 4, 32)),
	ROW("info: reserved bit", N_int, 0x01010000 | 0x20000000, 4, 32),
	ROW("kind 0", TYPE(0, 0, 0, 0)),
	ROW("kind 20", TYPE(0, 20, 0, 0)),
	ROW("kind 31", TYPE(0, 31, 0, 0)),
	ROW("half a type", INT32, 0, 0),
	/* pointers and modifiers */
	ROW("ptr", INT32, PTR(1)),
	ROW("ptr to void", PTR(0)),
	ROW("ptr to itself", PTR(1)),
	ROW("ptr to nothing", PTR(7)),
	ROW("ptr to a huge id", PTR(0x100000)),
	ROW("ptr with name", INT32, TYPE(N_A, K_PTR, 0, 1)),
	ROW("ptr with vlen", INT32, TYPE(0, K_PTR, 1, 1)),
	ROW("ptr with kind flag", INT32, KTYPE(0, K_PTR, 0, 1)),
	ROW("const", INT32, TYPE(0, K_CONST, 0, 1)),
	ROW("const void", TYPE(0, K_CONST, 0, 0)),
	ROW("const itself", TYPE(0, K_CONST, 0, 1)),
	ROW("const in a ring", TYPE(0, K_CONST, 0, 2), TYPE(0, K_VOLATILE, 0, 1)),
	ROW("const ptr in a ring", TYPE(0, K_CONST, 0, 2), PTR(1)),
	ROW("const with name", INT32, TYPE(N_A, K_CONST, 0, 1)),
	ROW("volatile", INT32, TYPE(0, K_VOLATILE, 0, 1)),
	ROW("restrict", INT32, PTR(1), TYPE(0, K_RESTRICT, 0, 2)),
	ROW("const of a func", INT32, P(0), TYPE(N_f, K_FUNC, 0, 2), TYPE(0, K_CONST, 0, 3)),
	ROW("const of a var", INT32, VAR(N_A, 1, 0), TYPE(0, K_CONST, 0, 2)),
	ROW("ptr to a func", INT32, P(0), TYPE(N_f, K_FUNC, 0, 2), PTR(3)),
	ROW("ptr to a func proto", P(0), PTR(1)),
	ROW("ptr to a fwd", TYPE(N_A, K_FWD, 0, 0), PTR(1)),
	ROW("typedef", INT32, TYPE(N_T, K_TYPEDEF, 0, 1)),
	ROW("typedef without name", INT32, TYPE(0, K_TYPEDEF, 0, 1)),
	ROW("typedef with bad name", INT32, TYPE(N_bad, K_TYPEDEF, 0, 1)),
	ROW("typedef of void", TYPE(N_T, K_TYPEDEF, 0, 0)),
	ROW("name begins with a digit", INT32, TYPE(N_digit, K_TYPEDEF, 0, 1)),
	ROW("long name", INT32, TYPE(N_long, K_TYPEDEF, 0, 1)),
	ROW("type tag", INT32, TYPE(N_A, K_TYPE_TAG, 0, 1), PTR(2)),
	ROW("type tag without name", INT32, TYPE(0, K_TYPE_TAG, 0, 1)),
	ROW("type tag with any name", INT32, TYPE(N_bad, K_TYPE_TAG, 0, 1)),
	ROW("type tag with kind flag", INT32, KTYPE(N_A, K_TYPE_TAG, 0, 1)),
	ROW("type tag with vlen", INT32, TYPE(N_A, K_TYPE_TAG, 1, 1)),
	ROW("type tag behind const", INT32, TYPE(N_A, K_TYPE_TAG, 0, 1), TYPE(0, K_CONST, 0, 2), PTR(3)),
	ROW("const behind type tag", INT32, TYPE(0, K_CONST, 0, 1), TYPE(N_A, K_TYPE_TAG, 0, 2), PTR(3)),
	ROW("two type tags", INT32, TYPE(N_A, K_TYPE_TAG, 0, 1), TYPE(N_A, K_TYPE_TAG, 0, 2), PTR(3)),
	/* fwd */
	ROW("fwd", TYPE(N_A, K_FWD, 0, 0)),
	ROW("fwd union", KTYPE(N_A, K_FWD, 0, 0)),
	ROW("fwd without name", TYPE(0, K_FWD, 0, 0)),
	ROW("fwd with type", TYPE(N_A, K_FWD, 0, 1)),
	ROW("fwd with vlen", TYPE(N_A, K_FWD, 1, 0)),
	/* array */
	ROW("array", INT32, ARRAY(1, 1, 4)),
	ROW("array of none", INT32, ARRAY(1, 1, 0)),
	ROW("array with name", INT32, TYPE(N_A, K_ARRAY, 0, 0), 1, 1, 4),
	ROW("array with size", INT32, TYPE(0, K_ARRAY, 0, 4), 1, 1, 4),
	ROW("array with vlen", INT32, TYPE(0, K_ARRAY, 1, 0), 1, 1, 4),
	ROW("array with kind flag", INT32, KTYPE(0, K_ARRAY, 0, 0), 1, 1, 4),
	ROW("array of void", INT32, ARRAY(0, 1, 4)),
	ROW("array without index", INT32, ARRAY(1, 0, 4)),
	ROW("array of itself", INT32, ARRAY(2, 1, 4)),
	ROW("array of the next", INT32, ARRAY(3, 1, 4), INT32),
	ROW("array of nothing", INT32, ARRAY(9, 1, 4)),
	ROW("array of const void", INT32, TYPE(0, K_CONST, 0, 0), ARRAY(2, 1, 4)),
	ROW("array of fwd", INT32, TYPE(N_A, K_FWD, 0, 0), ARRAY(2, 1, 4)),
	ROW("array of odd int", INT32, INT(N_A, 4, 31), ARRAY(2, 1, 4)),
	ROW("array with odd index", INT32, INT(N_A, 4, 31), ARRAY(1, 2, 4)),
	ROW("array with ptr index", INT32, PTR(1), ARRAY(1, 2, 4)),
	ROW("array with typedef index", INT32, TYPE(N_T, K_TYPEDEF, 0, 1), ARRAY(1, 2, 4)),
	ROW("array too large", INT32, ARRAY(1, 1, 0x40000000)),
	ROW("array largest", INT32, ARRAY(1, 1, 0x3fffffff)),
	ROW("arrays of arrays too large", INT32, ARRAY(1, 1, 0x10000), ARRAY(2, 1, 0x10000)),
	ROW("arrays of arrays", INT32, ARRAY(1, 1, 3), ARRAY(2, 1, 5)),
	ROW("array cut", INT32, TYPE(0, K_ARRAY, 0, 0), 1, 1),
	/* struct and union */
	ROW("struct", INT32, TYPE(N_A, K_STRUCT, 2, 8), MEMBER(N_b, 1, 0), MEMBER(N_c, 1, 32)),
	ROW("struct of nothing", TYPE(N_A, K_STRUCT, 0, 0)),
	ROW("struct without name", INT32, TYPE(0, K_STRUCT, 1, 4), MEMBER(N_b, 1, 0)),
	ROW("struct with bad name", INT32, TYPE(N_bad, K_STRUCT, 1, 4), MEMBER(N_b, 1, 0)),
	ROW("member without name", INT32, TYPE(N_A, K_STRUCT, 1, 4), MEMBER(0, 1, 0)),
	ROW("member with bad name", INT32, TYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_bad, 1, 0)),
	ROW("member name beyond", INT32, TYPE(N_A, K_STRUCT, 1, 4), MEMBER(9999, 1, 0)),
	ROW("member of void", INT32, TYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_b, 0, 0)),
	ROW("member of nothing", INT32, TYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_b, 9, 0)),
	ROW("member exceeds", INT32, TYPE(N_A, K_STRUCT, 1, 3), MEMBER(N_b, 1, 0)),
	ROW("member far out", INT32, TYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_b, 1, 64)),
	ROW("members out of order", INT32, TYPE(N_A, K_STRUCT, 2, 8), MEMBER(N_b, 1, 32), MEMBER(N_c, 1, 0)),
	ROW("members overlap", INT32, TYPE(N_A, K_STRUCT, 2, 8), MEMBER(N_b, 1, 0), MEMBER(N_c, 1, 8)),
	ROW("member at a bit", INT32, TYPE(N_A, K_STRUCT, 1, 8), MEMBER(N_b, 1, 3)),
	ROW("ptr member at a bit", INT32, PTR(1), TYPE(N_A, K_STRUCT, 1, 16), MEMBER(N_b, 2, 3)),
	ROW("struct in itself", TYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_b, 1, 0)),
	ROW("struct with ptr to itself", TYPE(N_A, K_STRUCT, 1, 8), MEMBER(N_b, 2, 0), PTR(1)),
	ROW("structs in each other", TYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_b, 2, 0), TYPE(N_A, K_STRUCT, 1, 4),
	    MEMBER(N_b, 1, 0)),
	ROW("struct in a struct", INT32, TYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_b, 1, 0),
	    TYPE(N_b, K_STRUCT, 1, 8), MEMBER(N_c, 2, 32)),
	ROW("inner struct exceeds", INT32, TYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_b, 1, 0),
	    TYPE(N_b, K_STRUCT, 1, 4), MEMBER(N_c, 2, 8)),
	ROW("member func", INT32, P(0), TYPE(N_f, K_FUNC, 0, 2), TYPE(N_A, K_STRUCT, 1, 8),
	    MEMBER(N_b, 3, 0)),
	ROW("member func proto", INT32, P(0), TYPE(N_A, K_STRUCT, 1, 8), MEMBER(N_b, 2, 0)),
	ROW("member fwd", TYPE(N_c, K_FWD, 0, 0), TYPE(N_A, K_STRUCT, 1, 8), MEMBER(N_b, 1, 0)),
	ROW("member var", INT32, VAR(N_c, 1, 0), TYPE(N_A, K_STRUCT, 1, 8), MEMBER(N_b, 2, 0)),
	ROW("member const", INT32, TYPE(0, K_CONST, 0, 1), TYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_b, 2, 0)),
	ROW("member array", INT32, ARRAY(1, 1, 4), TYPE(N_A, K_STRUCT, 1, 16), MEMBER(N_b, 2, 0)),
	ROW("member array exceeds", INT32, ARRAY(1, 1, 4), TYPE(N_A, K_STRUCT, 1, 15), MEMBER(N_b, 2, 0)),
	ROW("member flexible array", INT32, ARRAY(1, 1, 0), TYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_b, 2, 32)),
	ROW("union", INT32, TYPE(N_A, K_UNION, 2, 4), MEMBER(N_b, 1, 0), MEMBER(N_c, 1, 0)),
	ROW("union member at offset", INT32, TYPE(N_A, K_UNION, 1, 8), MEMBER(N_b, 1, 32)),
	ROW("union member exceeds", INT32, TYPE(N_A, K_UNION, 1, 3), MEMBER(N_b, 1, 0)),
	ROW("struct cut", INT32, TYPE(N_A, K_STRUCT, 2, 8), MEMBER(N_b, 1, 0)),
	/* bit fields */
	ROW("bit field", INT32, KTYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_b, 1, BITS(5, 3))),
	ROW("bit field of all bits", INT32, KTYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_b, 1, BITS(32, 0))),
	ROW("bit field too wide", INT32, KTYPE(N_A, K_STRUCT, 1, 8), MEMBER(N_b, 1, BITS(33, 0))),
	ROW("bit field exceeds", INT32, KTYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_b, 1, BITS(30, 3))),
	ROW("no bit field at a bit", INT32, KTYPE(N_A, K_STRUCT, 1, 8), MEMBER(N_b, 1, BITS(0, 3))),
	ROW("bit field of odd int", INT(N_int, 4, 31), KTYPE(N_A, K_STRUCT, 1, 4),
	    MEMBER(N_b, 1, BITS(3, 0))),
	ROW("bit field of ptr", INT32, PTR(1), KTYPE(N_A, K_STRUCT, 1, 8), MEMBER(N_b, 2, BITS(3, 0))),
	ROW("ptr in such a struct", INT32, PTR(1), KTYPE(N_A, K_STRUCT, 1, 8), MEMBER(N_b, 2, 0)),
	ROW("bit field of enum", TYPE(N_T, K_ENUM, 1, 4), N_b, 1, KTYPE(N_A, K_STRUCT, 1, 4),
	    MEMBER(N_b, 1, BITS(3, 1))),
	ROW("bit field of enum too wide", TYPE(N_T, K_ENUM, 1, 8), N_b, 1, KTYPE(N_A, K_STRUCT, 1, 8),
	    MEMBER(N_b, 1, BITS(33, 1))),
	ROW("bit field of array", INT32, ARRAY(1, 1, 1), KTYPE(N_A, K_STRUCT, 1, 4),
	    MEMBER(N_b, 2, BITS(3, 0))),
	/* enum */
	ROW("enum", TYPE(N_T, K_ENUM, 2, 4), N_b, 0, N_c, -1),
	ROW("enum signed", KTYPE(N_T, K_ENUM, 2, 4), N_b, 0, N_c, -1),
	ROW("enum of nothing", TYPE(N_T, K_ENUM, 0, 4)),
	ROW("enum of 1 byte", TYPE(N_T, K_ENUM, 1, 1), N_b, 0),
	ROW("enum of 3 bytes", TYPE(N_T, K_ENUM, 1, 3), N_b, 0),
	ROW("enum of 0 bytes", TYPE(N_T, K_ENUM, 1, 0), N_b, 0),
	ROW("enum of 16 bytes", TYPE(N_T, K_ENUM, 1, 16), N_b, 0),
	ROW("enumerator without name", TYPE(N_T, K_ENUM, 1, 4), 0, 0),
	ROW("enumerator with bad name", TYPE(N_T, K_ENUM, 1, 4), N_bad, 0),
	ROW("enumerator name beyond", TYPE(N_T, K_ENUM, 1, 4), 9999, 0),
	ROW("enum cut", TYPE(N_T, K_ENUM, 2, 4), N_b, 0),
	ROW("enum64", TYPE(N_T, K_ENUM64, 2, 8), N_b, 0, 0, N_c, -1, -1),
	ROW("enum64 signed", KTYPE(N_T, K_ENUM64, 1, 8), N_c, -1, -1),
	ROW("enum64 of 4 bytes", TYPE(N_T, K_ENUM64, 1, 4), N_b, 0, 0),
	ROW("enum64 of 5 bytes", TYPE(N_T, K_ENUM64, 1, 5), N_b, 0, 0),
	ROW("enum64 with bad name", TYPE(N_T, K_ENUM64, 1, 8), N_bad, 0, 0),
	/* functions */
	ROW("func proto", INT32, TYPE(0, K_PROTO, 2, 1), N_b, 1, N_c, 1),
	ROW("func proto with name", INT32, TYPE(N_A, K_PROTO, 0, 1)),
	ROW("func proto with kind flag", INT32, KTYPE(0, K_PROTO, 0, 1)),
	ROW("func proto: returns nothing there", INT32, TYPE(0, K_PROTO, 0, 9)),
	ROW("func proto: returns fwd", TYPE(N_A, K_FWD, 0, 0), TYPE(0, K_PROTO, 0, 1)),
	ROW("func proto: returns var", INT32, VAR(N_A, 1, 0), TYPE(0, K_PROTO, 0, 2)),
	ROW("func proto: returns const void", TYPE(0, K_CONST, 0, 0), TYPE(0, K_PROTO, 0, 1)),
	ROW("func proto: vararg", INT32, TYPE(0, K_PROTO, 2, 1), N_b, 1, 0, 0),
	ROW("func proto: vararg with name", INT32, TYPE(0, K_PROTO, 2, 1), N_b, 1, N_c, 0),
	ROW("func proto: vararg first", INT32, TYPE(0, K_PROTO, 2, 1), 0, 0, N_b, 1),
	ROW("func proto: only vararg", INT32, TYPE(0, K_PROTO, 1, 1), 0, 0),
	ROW("func proto: bad argument name", INT32, TYPE(0, K_PROTO, 1, 1), N_bad, 1),
	ROW("func proto: unnamed argument", INT32, TYPE(0, K_PROTO, 1, 1), 0, 1),
	ROW("func proto: argument of nothing", INT32, TYPE(0, K_PROTO, 1, 1), N_b, 9),
	ROW("func proto: argument fwd", TYPE(N_A, K_FWD, 0, 0), TYPE(0, K_PROTO, 1, 0), N_b, 1),
	ROW("func proto cut", INT32, TYPE(0, K_PROTO, 2, 1), N_b, 1),
	ROW("func", INT32, TYPE(0, K_PROTO, 1, 1), N_b, 1, TYPE(N_f, K_FUNC, 0, 2)),
	ROW("func global", INT32, P(0), TYPE(N_f, K_FUNC, 1, 2)),
	ROW("func extern", INT32, P(0), TYPE(N_f, K_FUNC, 2, 2)),
	ROW("func without name", INT32, P(0), TYPE(0, K_FUNC, 0, 2)),
	ROW("func of an int", INT32, TYPE(N_f, K_FUNC, 0, 1)),
	ROW("func of nothing", INT32, TYPE(N_f, K_FUNC, 0, 9)),
	ROW("func with an unnamed argument", INT32, TYPE(0, K_PROTO, 1, 1), 0, 1, TYPE(N_f, K_FUNC, 0, 2)),
	ROW("func with kind flag", INT32, P(0), KTYPE(N_f, K_FUNC, 0, 2)),
	/* variables and sections */
	ROW("var", INT32, VAR(N_A, 1, 0)),
	ROW("var global", INT32, VAR(N_A, 1, 1)),
	ROW("var extern", INT32, VAR(N_A, 1, 2)),
	ROW("var without name", INT32, VAR(0, 1, 0)),
	ROW("var of void", INT32, VAR(N_A, 0, 0)),
	ROW("var of const void", TYPE(0, K_CONST, 0, 0), VAR(N_A, 1, 0)),
	ROW("var of a func proto", P(0), VAR(N_A, 1, 0)),
	ROW("var of a var", INT32, VAR(N_A, 1, 0), VAR(N_b, 2, 0)),
	ROW("var of itself", VAR(N_A, 1, 0)),
	ROW("var of a ptr", INT32, PTR(1), VAR(N_A, 2, 0)),
	ROW("var of a later struct", VAR(N_A, 2, 0), TYPE(N_b, K_STRUCT, 1, 4), MEMBER(N_c, 3, 0), INT32),
	ROW("var cut", INT32, TYPE(N_A, K_VAR, 0, 1)),
	ROW("datasec", INT32, VAR(N_A, 1, 0), TYPE(N_data, K_DATASEC, 1, 4), SECVAR(2, 0, 4)),
	ROW("datasec of nothing", TYPE(N_data, K_DATASEC, 0, 4)),
	ROW("datasec of size 0", TYPE(N_data, K_DATASEC, 0, 0)),
	ROW("datasec without name", TYPE(0, K_DATASEC, 0, 4)),
	ROW("datasec ?.data", TYPE(N_question, K_DATASEC, 0, 4)),
	ROW("datasec with control character", TYPE(N_ctl, K_DATASEC, 0, 4)),
	ROW("datasec with kind flag", KTYPE(N_data, K_DATASEC, 0, 4)),
	ROW("datasec of an int", INT32, TYPE(N_data, K_DATASEC, 1, 4), SECVAR(1, 0, 4)),
	ROW("datasec of void", INT32, TYPE(N_data, K_DATASEC, 1, 4), SECVAR(0, 0, 4)),
	ROW("datasec var too short", INT32, VAR(N_A, 1, 0), TYPE(N_data, K_DATASEC, 1, 4), SECVAR(2, 0, 3)),
	ROW("datasec var of size 0", INT32, VAR(N_A, 1, 0), TYPE(N_data, K_DATASEC, 1, 4), SECVAR(2, 0, 0)),
	ROW("datasec var beyond", INT32, VAR(N_A, 1, 0), TYPE(N_data, K_DATASEC, 1, 4), SECVAR(2, 4, 4)),
	ROW("datasec var over the end", INT32, VAR(N_A, 1, 0), TYPE(N_data, K_DATASEC, 1, 7),
	    SECVAR(2, 4, 4)),
	ROW("datasec vars overlap", INT32, VAR(N_A, 1, 0), TYPE(N_data, K_DATASEC, 2, 8), SECVAR(2, 0, 4),
	    SECVAR(2, 3, 4)),
	ROW("datasec vars out of order", INT32, VAR(N_A, 1, 0), TYPE(N_data, K_DATASEC, 2, 8),
	    SECVAR(2, 4, 4), SECVAR(2, 0, 4)),
	ROW("const of a datasec", INT32, TYPE(N_data, K_DATASEC, 0, 4), TYPE(0, K_CONST, 0, 2)),
	/* float and tags */
	ROW("float 4", TYPE(N_f, K_FLOAT, 0, 4)),
	ROW("float 12", TYPE(N_f, K_FLOAT, 0, 12)),
	ROW("float 3", TYPE(N_f, K_FLOAT, 0, 3)),
	ROW("float with vlen", TYPE(N_f, K_FLOAT, 1, 4)),
	ROW("float member", TYPE(N_f, K_FLOAT, 0, 8), TYPE(N_A, K_STRUCT, 1, 16), MEMBER(N_b, 1, 64)),
	ROW("float member misaligned", TYPE(N_f, K_FLOAT, 0, 8), TYPE(N_A, K_STRUCT, 1, 16),
	    MEMBER(N_b, 1, 32)),
	ROW("float member exceeds", TYPE(N_f, K_FLOAT, 0, 16), TYPE(N_A, K_STRUCT, 1, 16),
	    MEMBER(N_b, 1, 64)),
	ROW("decl tag of a struct", INT32, TYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_b, 1, 0),
	    TYPE(N_c, K_DECL_TAG, 0, 2), -1),
	ROW("decl tag of a member", INT32, TYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_b, 1, 0),
	    TYPE(N_c, K_DECL_TAG, 0, 2), 0),
	ROW("decl tag of no member", INT32, TYPE(N_A, K_STRUCT, 1, 4), MEMBER(N_b, 1, 0),
	    TYPE(N_c, K_DECL_TAG, 0, 2), 1),
	ROW("decl tag index -2", INT32, VAR(N_A, 1, 0), TYPE(N_c, K_DECL_TAG, 0, 2), -2),
	ROW("decl tag of a var", INT32, VAR(N_A, 1, 0), TYPE(N_c, K_DECL_TAG, 0, 2), -1),
	ROW("decl tag of a var's part", INT32, VAR(N_A, 1, 0), TYPE(N_c, K_DECL_TAG, 0, 2), 0),
	ROW("decl tag of a func", INT32, P(0), TYPE(N_f, K_FUNC, 0, 2), TYPE(N_c, K_DECL_TAG, 0, 3), -1),
	ROW("decl tag of an argument", INT32, TYPE(0, K_PROTO, 1, 0), N_b, 1, TYPE(N_f, K_FUNC, 0, 2),
	    TYPE(N_c, K_DECL_TAG, 0, 3), 0),
	ROW("decl tag of a typedef", INT32, TYPE(N_T, K_TYPEDEF, 0, 1), TYPE(N_c, K_DECL_TAG, 0, 2), -1),
	ROW("decl tag of an int", INT32, TYPE(N_c, K_DECL_TAG, 0, 1), -1),
	ROW("decl tag without value", INT32, VAR(N_A, 1, 0), TYPE(0, K_DECL_TAG, 0, 2), -1),
	ROW("decl tag with kind flag", INT32, VAR(N_A, 1, 0), KTYPE(N_c, K_DECL_TAG, 0, 2), -1),
	ROW("decl tag with vlen", INT32, VAR(N_A, 1, 0), TYPE(N_c, K_DECL_TAG, 1, 2), -1),
	/* special fields */
	ROW("lock", INT32, TYPE(N_spin, K_STRUCT, 1, 4), MEMBER(N_b, 1, 0), TYPE(N_A, K_STRUCT, 2, 8),
	    MEMBER(N_b, 1, 0), MEMBER(N_c, 2, 32)),
	ROW("two locks", INT32, TYPE(N_spin, K_STRUCT, 1, 4), MEMBER(N_b, 1, 0), TYPE(N_A, K_STRUCT, 2, 8),
	    MEMBER(N_b, 2, 0), MEMBER(N_c, 2, 32)),
	ROW("lock misaligned", INT32, TYPE(N_spin, K_STRUCT, 1, 4), MEMBER(N_b, 1, 0),
	    TYPE(N_A, K_STRUCT, 1, 8), MEMBER(N_c, 2, 16)),
	ROW("lock of 8 bytes", INT32, TYPE(N_spin, K_STRUCT, 1, 8), MEMBER(N_b, 1, 0),
	    TYPE(N_A, K_STRUCT, 1, 8), MEMBER(N_c, 2, 0)),
	ROW("lock in a union", INT32, TYPE(N_spin, K_STRUCT, 1, 4), MEMBER(N_b, 1, 0),
	    TYPE(N_A, K_UNION, 1, 8), MEMBER(N_c, 2, 0)),
	ROW("timer", INT32, ARRAY(1, 1, 4), TYPE(N_timer, K_STRUCT, 1, 16), MEMBER(N_b, 2, 0),
	    TYPE(N_A, K_STRUCT, 1, 16), MEMBER(N_c, 3, 0)),
};

static void blob_rows(void)
{
	struct blob b;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd, e;

		blob_make(&b, rows[i].words);
		fd = load_raw(b.b, b.size, 1);
		e = errno;
		say("%s", rows[i].text);
		say_log();
		errno = e;
		result_fd(fd);
	}
}

static const w32 simple[] = { INT32, BLOB_END };

#define HEADER_ROW(text, ...)                                                                                \
	do {                                                                                                 \
		struct blob_header *h = (void *)b.b;                                                         \
		w32 size;                                                                                    \
		blob_make(&b, simple);                                                                       \
		size = b.size;                                                                               \
		(void)h;                                                                                     \
		__VA_ARGS__;                                                                                 \
		say("header: %s", text);                                                                     \
		result_fd(load_raw(b.b, size, 0));                                                           \
	} while (0)

static void header_rows(void)
{
	struct blob b;

	HEADER_ROW("good");
	HEADER_ROW("size 0", size = 0);
	HEADER_ROW("size 7", size = 7);
	HEADER_ROW("size 8", size = 8);
	HEADER_ROW("size 23", size = 23);
	HEADER_ROW("size 24", size = 24);
	HEADER_ROW("one byte short", size--);
	HEADER_ROW("one byte long", size++);
	HEADER_ROW("magic", h->magic++);
	HEADER_ROW("magic swapped", h->magic = 0x9feb);
	HEADER_ROW("version 0", h->version = 0);
	HEADER_ROW("version 2", h->version = 2);
	HEADER_ROW("flags", h->flags = 1);
	HEADER_ROW("hdr_len 8", h->hdr_len = 8);
	HEADER_ROW("hdr_len 20", h->hdr_len = 20);
	HEADER_ROW("hdr_len huge", h->hdr_len = ~0u);
	HEADER_ROW("hdr_len 28, nonzero", h->hdr_len = 28);
	HEADER_ROW("type_off 1", h->type_off = 1);
	HEADER_ROW("type_off 4", h->type_off = 4);
	HEADER_ROW("type_len 0", h->type_len = 0);
	HEADER_ROW("type_len huge", h->type_len = ~0u);
	HEADER_ROW("type_len one more", h->type_len++);
	HEADER_ROW("str_off 0", h->str_off = 0);
	HEADER_ROW("str_off one more", h->str_off++);
	HEADER_ROW("str_off huge", h->str_off = ~0u);
	HEADER_ROW("str_len 0", h->str_len = 0);
	HEADER_ROW("str_len one less", h->str_len--);
	HEADER_ROW("str_len one less and so the size", h->str_len--, size--);
	HEADER_ROW("strings do not begin with 0", b.b[24 + h->str_off] = 'a');
	HEADER_ROW("strings do not end with 0", b.b[size - 1] = 'a');
	HEADER_ROW("all wrong", memset(h, 0xff, 24));
	memmove(b.b + 28, b.b + 24, sizeof(b.b) - 28);
	HEADER_ROW("hdr_len 28", memmove(b.b + 28, b.b + 24, 1000); memset(b.b + 24, 0, 4); h->hdr_len = 28;
		   size += 4);
	HEADER_ROW("strings first", memmove(b.b + 24 + h->str_len, b.b + 24, 16);
		   memcpy(b.b + 24, blob_strs, h->str_len); h->str_off = 0; h->type_off = h->str_len);
}

#define ATTR_ROW(text, len, ...)                                                                             \
	do {                                                                                                 \
		union row_attr a;                                                                            \
		memset(&a, 0, sizeof(a));                                                                    \
		a.a.btf = ptr(b.b);                                                                          \
		a.a.btf_size = b.size;                                                                       \
		__VA_ARGS__;                                                                                 \
		say("attr: %s", text);                                                                       \
		result_fd(raw_bpf(BPF_BTF_LOAD, &a, len));                                                   \
	} while (0)

static void attr_rows(void)
{
	char small[8];
	struct blob b;

	blob_make(&b, simple);
	ATTR_ROW("16 bytes", 16);
	ATTR_ROW("20 bytes", 20);
	ATTR_ROW("24 bytes", 24);
	ATTR_ROW("28 bytes", 28);
	ATTR_ROW("32 bytes", 32);
	ATTR_ROW("40 bytes", 40);
	ATTR_ROW("168 bytes", 168);
	ATTR_ROW("NULL", 40, a.a.btf = 0);
	ATTR_ROW("bad pointer", 40, a.a.btf = 8);
	ATTR_ROW("half mapped", 40, a.a.btf_size = 64 << 10);
	ATTR_ROW("size 16 MiB", 40, a.a.btf = 8; a.a.btf_size = 16 << 20);
	ATTR_ROW("size above 16 MiB", 40, a.a.btf = 8; a.a.btf_size = (16 << 20) + 1);
	ATTR_ROW("flags 1", 40, a.w[ATTR_BTF_FLAGS] = 1);
	ATTR_ROW("token flag", 40, a.w[ATTR_BTF_FLAGS] = F_TOKEN_FD; a.w[ATTR_BTF_TOKEN] = 999);
	ATTR_ROW("token without flag", 40, a.w[ATTR_BTF_TOKEN] = 999);
	ATTR_ROW("log level without buffer", 40, a.a.btf_log_level = 1);
	ATTR_ROW("log buffer without level", 40, a.a.btf_log_buf = ptr(small); a.a.btf_log_size = 8);
	ATTR_ROW("log size without buffer", 40, a.a.btf_log_level = 1; a.a.btf_log_size = 8);
	ATTR_ROW("log buffer without size", 40, a.a.btf_log_level = 1; a.a.btf_log_buf = ptr(small));
	ATTR_ROW("log level 8", 40, a.a.btf_log_level = 8; a.a.btf_log_buf = ptr(log_buf);
		 a.a.btf_log_size = 4096);
	ATTR_ROW("log level 16", 40, a.a.btf_log_level = 16; a.a.btf_log_buf = ptr(log_buf);
		 a.a.btf_log_size = 4096);
	ATTR_ROW("log small", 40, a.a.btf_log_level = 1; a.a.btf_log_buf = ptr(small); a.a.btf_log_size = 8);
	ATTR_ROW("log bad", 40, a.a.btf_log_level = 1; a.a.btf_log_buf = 8; a.a.btf_log_size = 4096);
	ATTR_ROW("log bad, too large", 40, a.a.btf_log_level = 1; a.a.btf_log_buf = 8;
		 a.a.btf_log_size = 4096; a.a.btf_size = (16 << 20) + 1);
	for (unsigned size = 1; size < 260; size += 37) {
		union row_attr a;
		int e, fd;

		memset(&a, 0, sizeof(a));
		memset(log_buf, '#', sizeof(log_buf));
		a.a.btf = ptr(b.b);
		a.a.btf_size = b.size;
		a.a.btf_log_level = 1;
		a.a.btf_log_buf = ptr(log_buf);
		a.a.btf_log_size = size;
		fd = raw_bpf(BPF_BTF_LOAD, &a, 40);
		e = errno;
		log_buf[size + 1] = 0;
		for (char *p = log_buf; *p; p++)
			*p = *p == '\n' ? '|' : *p;
		say("log of %u: true size %u \"%s\" %c", size, a.w[7], log_buf, log_buf[size]);
		errno = e;
		result_fd(fd);
	}
}

static char letter(int fd)
{
	int e = errno;

	if (fd >= 0) {
		close(fd);
		return '.';
	}
	switch (e) {
	case EINVAL: return 'I';
	case ENOTSUPP: return 'N';
	case E2BIG: return 'B';
	case EEXIST: return 'X';
	case EFAULT: return 'F';
	default: return '?';
	}
}

static void mutation_rows(void)
{
	uint64_t seed = 20240607;
	struct blob b;
	char line[101];

	for (unsigned i = 0; i < MUTATIONS; i++) {
		if (blob_rand(&seed) % 2)
			blob_make(&b, rows[blob_rand(&seed) % ARRAY_SIZE(rows)].words);
		else
			blob_random(&b, &seed);
		for (unsigned k = blob_rand(&seed) % 3; k; k--)
			blob_mutate(&b, &seed);
		line[i % 100] = letter(load(&b));
		if (i % 100 == 99) {
			line[100] = 0;
			say("damaged %u: %s\n", i - 99, line);
		}
	}
}

/* Types for maps: ids in the order they stand here. */
enum {
	T_INT = 1,
	T_LOCK,
	T_VALUE,
	T_LOCKED,
	T_TWO,
	T_VAR,
	T_SEC,
	T_SEC2,
	T_TYPEDEF,
	T_CHARS,
	T_TIMER,
	T_TIMED,
	T_PTR,
	T_KEY,
	T_DEEP,
	T_LONG,
	T_FWD
};

static const w32 map_types[] = {
	INT32,
	TYPE(N_spin, K_STRUCT, 1, 4),
	MEMBER(N_b, T_INT, 0),
	TYPE(N_A, K_STRUCT, 2, 8),
	MEMBER(N_b, T_INT, 0),
	MEMBER(N_c, T_INT, 32),
	TYPE(N_A, K_STRUCT, 2, 8),
	MEMBER(N_b, T_INT, 0),
	MEMBER(N_c, T_LOCK, 32),
	TYPE(N_A, K_UNION, 2, 8),
	MEMBER(N_b, T_INT, 0),
	MEMBER(N_c, T_LONG, 0),
	VAR(N_A, T_INT, 0),
	TYPE(N_data, K_DATASEC, 1, 4),
	SECVAR(T_VAR, 0, 4),
	TYPE(N_data, K_DATASEC, 2, 8),
	SECVAR(T_VAR, 0, 4),
	SECVAR(T_VAR, 4, 4),
	TYPE(N_T, K_TYPEDEF, 0, T_INT),
	ARRAY(T_INT, T_INT, 4),
	TYPE(N_timer, K_STRUCT, 1, 16),
	MEMBER(N_b, T_CHARS, 0),
	TYPE(N_A, K_STRUCT, 1, 16),
	MEMBER(N_b, T_TIMER, 0),
	PTR(T_INT),
	TYPE(N_A, K_STRUCT, 2, 8),
	MEMBER(N_b, T_INT, 0),
	MEMBER(N_c, T_INT, 32),
	TYPE(N_A, K_STRUCT, 2, 16),
	MEMBER(N_b, T_INT, 0),
	MEMBER(N_c, T_LOCKED, 64),
	INT(N_A, 8, 64),
	TYPE(N_A, K_FWD, 0, 0),
	BLOB_END,
};

static void map_row(int btf, unsigned type, unsigned key, unsigned value, unsigned key_id, unsigned value_id,
		    unsigned max, unsigned flags)
{
	union row_attr a;
	int fd;

	memset(&a, 0, sizeof(a));
	a.a.map_type = type;
	a.a.key_size = key;
	a.a.value_size = value;
	a.a.max_entries = max;
	a.a.map_flags = flags;
	a.a.btf_fd = btf;
	a.a.btf_key_type_id = key_id;
	a.a.btf_value_type_id = value_id;
	say("map %s key %u:%u value %u:%u max %u flags %x", type_name(type), key, key_id, value, value_id,
	    max, flags);
	fd = raw_bpf(BPF_MAP_CREATE, &a, ATTR_KNOWN);
	if (fd >= 0) {
		struct bpf_map_info info = { 0 };
		union row_attr q;

		memset(&q, 0, sizeof(q));
		q.a.info.bpf_fd = fd;
		q.a.info.info_len = sizeof(info);
		q.a.info.info = ptr(&info);
		must(!raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &q, ATTR_KNOWN), "info");
		say(" (btf %d %u %u)", info.btf_id != 0, info.btf_key_type_id, info.btf_value_type_id);
	}
	result_fd(fd);
}

static void map_rows(void)
{
	/* Type, key size, value size, entries, flags: good without BTF. */
	static const struct {
		unsigned type, key, value, max, flags;
	} maps[] = {
		{ BPF_MAP_TYPE_HASH, 4, 8, 4, 0 },
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0 },
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0 },
		{ BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0 },
		{ BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 4, 0 },
		{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 4, 0 },
		{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 1, 0 },
		{ BPF_MAP_TYPE_LRU_HASH, 4, 8, 4, 0 },
		{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 4, 0 },
		{ BPF_MAP_TYPE_LPM_TRIE, 8, 8, 4, 1 },
		{ BPF_MAP_TYPE_QUEUE, 0, 8, 4, 0 },
		{ BPF_MAP_TYPE_STACK, 0, 8, 4, 0 },
		{ BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 4, 0 },
		{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0 },
		{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4, 0 },
		{ BPF_MAP_TYPE_HASH, 4, 16, 4, 0 },
		{ BPF_MAP_TYPE_ARRAY, 4, 16, 4, 0 },
		{ BPF_MAP_TYPE_HASH, 8, 8, 4, 0 },
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 4, BPF_F_RDONLY_PROG },
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 4, BPF_F_MMAPABLE },
		{ BPF_MAP_TYPE_LRU_HASH, 4, 16, 4, 0 },
		{ BPF_MAP_TYPE_PERCPU_HASH, 4, 16, 4, 0 },
	};
	static const unsigned keys[] = { 0, T_INT, T_VALUE, T_TYPEDEF, T_PTR, T_FWD, 99 };
	static const unsigned values[] = { T_INT,   T_VALUE, T_LOCKED, T_SEC, T_SEC2, T_TWO,
					   T_TIMED, T_DEEP,  T_PTR,    T_VAR, T_FWD,  99 };
	struct blob b;
	int btf;

	blob_make(&b, map_types);
	btf = load(&b);
	must(btf >= 0, "types for maps");
	for (unsigned m = 0; m < ARRAY_SIZE(maps); m++)
		for (unsigned k = 0; k < ARRAY_SIZE(keys); k++)
			for (unsigned v = 0; v < ARRAY_SIZE(values); v++)
				map_row(btf, maps[m].type, maps[m].key, maps[m].value, keys[k], values[v],
					maps[m].max, maps[m].flags);
	map_row(btf, BPF_MAP_TYPE_HASH, 4, 8, T_INT, 0, 4, 0);
	map_row(999, BPF_MAP_TYPE_HASH, 4, 8, T_INT, T_VALUE, 4, 0);
	map_row(999, BPF_MAP_TYPE_HASH, 4, 8, 0, 0, 4, 0);
	map_row(1, BPF_MAP_TYPE_HASH, 4, 8, T_INT, T_VALUE, 4, 0);
	close(btf);
}

static void info_row(const char *text, int fd, struct bpf_btf_info *info, unsigned len)
{
	union row_attr q;
	int r;

	memset(&q, 0, sizeof(q));
	q.a.info.bpf_fd = fd;
	q.a.info.info_len = len;
	q.a.info.info = ptr(info);
	r = raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &q, ATTR_KNOWN);
	say("info: %s: size %u id %d name_len %u kernel %u len %u", text, info->btf_size, info->id != 0,
	    info->name_len, info->kernel_btf, q.a.info.info_len);
	result(r);
}

static void info_rows(void)
{
	unsigned char out[BLOB_MAX];
	struct bpf_btf_info info;
	char name[16] = "################";
	union row_attr q;
	struct blob b;
	int fd;

	blob_make(&b, simple);
	fd = load(&b);
	must(fd >= 0, "a blob");
	say("access mode %x\n", (unsigned)fcntl(fd, F_GETFL) & O_ACCMODE);
	memset(&info, 0, sizeof(info));
	info_row("nothing", fd, &info, sizeof(info));
	info = (struct bpf_btf_info){ .btf = ptr(out), .btf_size = sizeof(out) };
	memset(out, 0, sizeof(out));
	info_row("all", fd, &info, sizeof(info));
	say("bytes equal: %d\n", !memcmp(out, b.b, b.size));
	info = (struct bpf_btf_info){ .btf = ptr(out), .btf_size = 10 };
	memset(out, '#', sizeof(out));
	info_row("10 bytes", fd, &info, sizeof(info));
	say("bytes equal: %d %d\n", !memcmp(out, b.b, 10), out[10] == '#');
	info = (struct bpf_btf_info){ .btf_size = 10 };
	info_row("10 bytes to nowhere", fd, &info, sizeof(info));
	info = (struct bpf_btf_info){ .name = ptr(name), .name_len = sizeof(name) };
	info_row("name", fd, &info, sizeof(info));
	say("name \"%s\"\n", name);
	info = (struct bpf_btf_info){ .name = ptr(name) };
	info_row("name without length", fd, &info, sizeof(info));
	info = (struct bpf_btf_info){ .name_len = 4 };
	info_row("length without name", fd, &info, sizeof(info));
	for (unsigned len = 0; len < 40; len += 8) {
		unsigned char room[64] = { 0 };

		info_row("room", fd, (void *)room, len);
	}
	close(fd);

	memset(&q, 0, sizeof(q));
	q.a.btf_id = 1;
	fd = raw_bpf(BPF_BTF_GET_FD_BY_ID, &q, ATTR_KNOWN);
	say("the kernel's");
	result(fd);
	if (fd < 0)
		return;
	info = (struct bpf_btf_info){
		.btf = ptr(out), .btf_size = sizeof(out), .name = ptr(name), .name_len = sizeof(name)
	};
	info_row("the kernel's", fd, &info, sizeof(info));
	say("name \"%s\" magic %02x%02x\n", name, out[1], out[0]);
	info = (struct bpf_btf_info){ .name = ptr(name), .name_len = 4 };
	info_row("the kernel's, short name", fd, &info, sizeof(info));
	say("name \"%s\"\n", name);
	map_row(fd, BPF_MAP_TYPE_HASH, 4, 8, 1, 1, 4, 0);
	close(fd);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	header_rows();
	attr_rows();
	blob_rows();
	mutation_rows();
	map_rows();
	info_rows();
	return 0;
}
