// SPDX-License-Identifier: BSD-2-Clause
/*
 * pinfs gc: removes what killed processes have left in a store.
 *
 * bpf(2) needs none of it to be right; gc gives the room back at once.
 */
#include "store/instance.h"
#include "store/store.h"
#include "sys/sys.h"
#include "tool/cmd.h"
#include "tool/out.h"
#include "tool/where.h"

int cmd_gc(int argc, char **argv)
{
	struct gc_result r = { 0 };
	struct json_object *o;
	u32 instances, elements;
	int err = where_open(0);

	if (err)
		return err;
	instances = instance_gc();
	elements = sys_gc(); /* first: an element that goes leaves its reference */
	err = store_gc(&r);
	if (err)
		return out_error(err, "gc of %s", the_store.path);
	o = json_object_new_object();
	out_int(o, "objects", r.objects);
	out_int(o, "elements", elements);
	out_int(o, "references", r.refs);
	out_int(o, "temporaries", r.temps);
	out_int(o, "instances", instances);
	out_record(o);
	return 0;
}
