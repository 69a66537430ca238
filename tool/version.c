// SPDX-License-Identifier: BSD-2-Clause
/*
 * pinfs version: of the command, of the store's format, and the kernel whose answers are given.
 */
#include "store/store.h"
#include "tool/cmd.h"
#include "tool/out.h"

#define VERSION    "0.1.0"
#define ANSWERS_AS "6.18"

int cmd_version(int argc, char **argv)
{
	struct json_object *o = json_object_new_object();

	out_str(o, "pinfs", VERSION);
	out_int(o, "store-format", STORE_STAMP);
	out_str(o, "answers-as-linux", ANSWERS_AS);
	out_record(o);
	return 0;
}
