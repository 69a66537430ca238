// SPDX-License-Identifier: BSD-2-Clause
/*
 * A process that gives up its user: what it has an fd of it may use, what it
 * would have to be allowed it is refused.
 */
#include <errno.h>
#include "abi/preload_client.h"

#define NOBODY 65534

static int refused(int ret)
{
	return ret == -1 && errno == EPERM;
}

static int child(int used, int fresh, int ro, uint32_t id)
{
	if (setresuid(NOBODY, NOBODY, NOBODY))
		return 1;
	if (set(used, 0, 11) || get(used, 0) != 11)
		return 2;
	if (set(fresh, 0, 12) || get(fresh, 0) != 12)
		return 3;
	if (!refused(set(ro, 0, 1)) || get(ro, 0) != 0)
		return 4;
	if (!refused(new_array()) || !refused(map_by_id(id)))
		return 5;
	return map_id(used) == id && map_id(fresh) ? 7 : 6;
}

int main(void)
{
	int used = new_array(), fresh = new_array(), ro = map_create(BPF_MAP_TYPE_ARRAY, 4, BPF_F_RDONLY);
	uint32_t id = map_id(used);
	pid_t pid;

	set(used, 0, 10);
	pid = fork();
	if (!pid)
		_exit(child(used, fresh, ro, id));
	ok(status_of(pid) == 7, "as nobody: maps that are open are used, none is made or found by id");
	ok(get(used, 0) == 11 && get(fresh, 0) == 12, "what it wrote is there");
	return done();
}
