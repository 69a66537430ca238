// SPDX-License-Identifier: BSD-2-Clause
/*
 * Options from rows: see cmd.h.
 */
#include "tool/cmd.h"
#include "tool/out.h"
#include <stdio.h>
#include <string.h>

static const struct opt *by_name(const struct opt *rows, const char *word, size_t len)
{
	for (; rows->name; rows++)
		if (strlen(rows->name) == len && !memcmp(rows->name, word, len))
			return rows;
	return NULL;
}

static const struct opt *by_letter(const struct opt *rows, char letter)
{
	for (; rows->name; rows++)
		if (rows->letter == letter)
			return rows;
	return NULL;
}

/* Sets what the row sets. value: what stood behind "=" or the letter, or NULL; next: the following word.
 * Words used, or -1. */
static int apply(const struct opt *o, const char *value, const char *next)
{
	if (!o->arg) {
		if (value) {
			out_error(0, "--%s takes no value", o->name);
			return -1;
		}
		*(bool *)o->to = true;
		return 1;
	}
	if (!value && !next) {
		out_error(0, "--%s wants %s", o->name, o->arg);
		return -1;
	}
	*(const char **)o->to = value ? value : next;
	return value ? 1 : 2;
}

static int parse_long(const struct opt *rows, const char *word, const char *next)
{
	size_t len = strcspn(word + 2, "=");
	const struct opt *o = by_name(rows, word + 2, len);

	if (!o) {
		out_error(0, "no such option: %s", word);
		return -1;
	}
	return apply(o, word[2 + len] ? word + 3 + len : NULL, next);
}

/* "-jv", "-sDIR", "-s DIR". */
static int parse_short(const struct opt *rows, const char *word, const char *next)
{
	for (const char *p = word + 1; *p; p++) {
		const struct opt *o = by_letter(rows, *p);

		if (!o) {
			out_error(0, "no such option: -%c", *p);
			return -1;
		}
		if (o->arg)
			return apply(o, p[1] ? p + 1 : NULL, next);
		apply(o, NULL, NULL);
	}
	return 1;
}

int opt_parse(const struct opt *rows, int argc, char **argv)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-' && argv[i][1]) {
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;
		int used;

		if (!strcmp(argv[i], "--"))
			return i + 1;
		used = argv[i][1] == '-' ? parse_long(rows, argv[i], next) : parse_short(rows, argv[i], next);
		if (used < 0)
			return -1;
		i += used;
	}
	return i;
}

int opt_operands(const struct opt *rows, int argc, char **argv, const char **operand, int max)
{
	int n = 0, at = 0;

	while (at < argc - 1) {
		int i = opt_parse(rows, argc - at, argv + at);

		if (i < 0)
			return -1;
		at += i;
		if (at < argc && n < max)
			operand[n] = argv[at];
		if (at < argc)
			n++;
	}
	return n;
}

void opt_help(const struct opt *rows)
{
	for (; rows->name; rows++) {
		char word[64];

		snprintf(word, sizeof(word), "--%s%s%s", rows->name, rows->arg ? " " : "",
			 rows->arg ? rows->arg : "");
		if (rows->letter)
			printf("  -%c, %-18s %s\n", rows->letter, word, rows->help);
		else
			printf("      %-18s %s\n", word, rows->help);
	}
}
