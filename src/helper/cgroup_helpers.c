// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers on cgroups, sysctl and storage that hangs on kernel objects: prototypes only.
 *
 * None of these objects exists here. See sock_helpers.c.
 */
#include "helper/helper_ids.h"

#define INT .ret = RET_INTEGER

PROTO(skb_under_cgroup, INT, ARGS(CTX, MAP, ANY), .maps = T(CGROUP_ARRAY));
PROTO(current_task_under_cgroup, INT, ARGS(MAP, ANY), .maps = T(CGROUP_ARRAY));
PROTO(get_current_cgroup_id, INT);
PROTO(get_current_ancestor_cgroup_id, INT, ARGS(ANY));
PROTO(sk_cgroup_id, INT, ARGS(SOCK));
PROTO(sk_ancestor_cgroup_id, INT, ARGS(SOCK, ANY));
PROTO(get_retval, INT);
PROTO(set_retval, INT, ARGS(ANY));

/* ---- sysctl ---- */

PROTO(sysctl_get_name, INT, ARGS(CTX, OUT, SIZE, ANY));
PROTO(sysctl_get_current_value, INT, ARGS(CTX, OUT, SIZE));
PROTO(sysctl_get_new_value, INT, ARGS(CTX, OUT, SIZE));
PROTO(sysctl_set_new_value, INT, ARGS(CTX, IN, SIZE));

/* ---- storage ---- */

#define STORAGE .ret = RET_MAP_VALUE | RET_F_NULL, .special = HELPER_STORAGE_GET

PROTO(get_local_storage, .ret = RET_MAP_VALUE, .special = HELPER_GET_LOCAL_STORAGE, ARGS(MAP, ANY),
      .maps = T(CGROUP_STORAGE) | T(PERCPU_CGROUP_STORAGE));
PROTO(sk_storage_get, STORAGE, ARGS(MAP, SOCK, VALUE_OR_NULL, ANY), .maps = T(SK_STORAGE));
PROTO(sk_storage_delete, INT, ARGS(MAP, SOCK), .maps = T(SK_STORAGE));
PROTO(inode_storage_get, STORAGE, ARGS(MAP, BTF_OR_NULL, VALUE_OR_NULL, ANY), .maps = T(INODE_STORAGE));
PROTO(inode_storage_delete, INT, ARGS(MAP, BTF_OR_NULL), .maps = T(INODE_STORAGE));
PROTO(task_storage_get, STORAGE, ARGS(MAP, BTF_OR_NULL, VALUE_OR_NULL, ANY), .maps = T(TASK_STORAGE));
PROTO(task_storage_delete, INT, ARGS(MAP, BTF_OR_NULL), .maps = T(TASK_STORAGE));
PROTO(cgrp_storage_get, STORAGE, ARGS(MAP, BTF_OR_NULL, VALUE_OR_NULL, ANY), .maps = T_CGRP_STORAGE);
PROTO(cgrp_storage_delete, INT, ARGS(MAP, BTF_OR_NULL), .maps = T_CGRP_STORAGE);
