// SPDX-License-Identifier: BSD-2-Clause
/*
 * The one writer: a verb makes a tree of json-c values, and this prints it.
 *
 * With -j the tree is printed as it is. Without, a list of records becomes a
 * table (its columns chosen and titled by the verb, as wide as they need to
 * be), a record becomes lines of "key value", a list inside a record is joined by
 * commas, and what is absent is "-". So there is no second code for either.
 *
 * Errors go the same way: "pinfs: ..." on standard error, or {"error": "..."}.
 */
#ifndef PINFS_TOOL_OUT_H
#define PINFS_TOOL_OUT_H

#include <json-c/json.h>
#include "util/types.h"

extern bool out_json; /* -j */

struct out_column {
	const char *key;   /* "a.b": member b of member a */
	const char *title; /* NULL ends the list */
};

/* Prints and frees. */
void out_table(struct json_object *records, const struct out_column *columns);
void out_record(struct json_object *record);

/* Says what failed; err (errno or its negative) adds the system's text, 0 nothing. Always 1, an exit status.
 */
int out_error(int err, const char *fmt, ...) PRINTF(2, 3);

/* Short forms for building. A NULL string is null. */
void out_str(struct json_object *to, const char *key, const char *value);
void out_int(struct json_object *to, const char *key, s64 value);

#endif
