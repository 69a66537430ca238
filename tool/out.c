// SPDX-License-Identifier: BSD-2-Clause
/*
 * Printing one tree as JSON or for people: see out.h.
 */
#include "tool/out.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool out_json;

#define CELL 1024

static void print_json(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* Appends text to a cell; a cell that is full ends there. */
static void cell_add(char cell[CELL], const char *text)
{
	strncat(cell, text, CELL - 1 - strlen(cell));
}

static void cell_value(char cell[CELL], struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_null: break;
	case json_type_boolean: cell_add(cell, json_object_get_boolean(v) ? "yes" : "no"); break;
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(v); i++) {
			if (i)
				cell_add(cell, ",");
			cell_value(cell, json_object_array_get_idx(v, i));
		}
		break;
	case json_type_object: {
		bool first = true;

		json_object_object_foreach(v, key, member)
		{
			if (!first)
				cell_add(cell, " ");
			first = false;
			cell_add(cell, key);
			cell_add(cell, " ");
			cell_value(cell, member);
		}
		break;
	}
	default: cell_add(cell, json_object_get_string(v));
	}
}

static struct json_object *find(struct json_object *record, const char *key)
{
	char name[64];
	const char *dot = strchr(key, '.');
	struct json_object *v = NULL;

	if (!dot)
		return json_object_object_get_ex(record, key, &v) ? v : NULL;
	snprintf(name, sizeof(name), "%.*s", (int)(dot - key), key);
	return json_object_object_get_ex(record, name, &v) ? find(v, dot + 1) : NULL;
}

static void cell_of(char cell[CELL], struct json_object *record, const char *key)
{
	cell[0] = 0;
	cell_value(cell, find(record, key));
	if (!cell[0])
		cell_add(cell, "-");
}

static void print_row(struct json_object *record, const struct out_column *columns, const size_t *width)
{
	char cell[CELL];

	for (size_t c = 0; columns[c].title; c++) {
		bool last = !columns[c + 1].title;

		cell_of(cell, record, columns[c].key);
		printf("%-*s%s", last ? 0 : (int)width[c], cell, last ? "\n" : "  ");
	}
}

static void print_table(struct json_object *records, const struct out_column *columns)
{
	size_t n = json_object_array_length(records), width[32] = { 0 };
	char cell[CELL];

	if (!n)
		return;
	for (size_t c = 0; columns[c].title && c < ARRAY_SIZE(width); c++) {
		width[c] = strlen(columns[c].title);
		for (size_t i = 0; i < n; i++) {
			cell_of(cell, json_object_array_get_idx(records, i), columns[c].key);
			width[c] = MAX(width[c], strlen(cell));
		}
	}
	for (size_t c = 0; columns[c].title; c++) {
		bool last = !columns[c + 1].title;

		printf("%-*s%s", last ? 0 : (int)width[c], columns[c].title, last ? "\n" : "  ");
	}
	for (size_t i = 0; i < n; i++)
		print_row(json_object_array_get_idx(records, i), columns, width);
}

void out_table(struct json_object *records, const struct out_column *columns)
{
	if (out_json)
		print_json(records);
	else
		print_table(records, columns);
	json_object_put(records);
}

void out_record(struct json_object *record)
{
	char cell[CELL];

	if (out_json) {
		print_json(record);
	} else {
		json_object_object_foreach(record, key, value)
		{
			cell[0] = 0;
			cell_value(cell, value);
			printf("%s %s\n", key, cell[0] ? cell : "-");
		}
	}
	json_object_put(record);
}

int out_error(int err, const char *fmt, ...)
{
	char text[CELL] = "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (err) {
		cell_add(text, ": ");
		cell_add(text, strerror(abs(err)));
	}
	if (out_json) {
		struct json_object *o = json_object_new_object();

		out_str(o, "error", text);
		out_record(o);
	} else {
		fflush(stdout);
		fprintf(stderr, "pinfs: %s\n", text);
	}
	return 1;
}

void out_str(struct json_object *to, const char *key, const char *value)
{
	json_object_object_add(to, key, value ? json_object_new_string(value) : NULL);
}

void out_int(struct json_object *to, const char *key, s64 value)
{
	json_object_object_add(to, key, json_object_new_int64(value));
}
