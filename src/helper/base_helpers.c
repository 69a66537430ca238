// SPDX-License-Identifier: BSD-2-Clause
#include "helper/helper_ids.h"
#define INT .ret = RET_INTEGER
PROTO(ktime_get_ns, INT);
PROTO(ktime_get_boot_ns, INT);
PROTO(ktime_get_coarse_ns, INT);
PROTO(ktime_get_tai_ns, INT);
PROTO(jiffies64, INT);
PROTO(get_prandom_u32, INT);
PROTO(get_smp_processor_id, INT, .special = HELPER_CPU_NUMBER);
PROTO(get_numa_node_id, INT);
PROTO(get_current_pid_tgid, INT);
PROTO(get_current_uid_gid, INT);
PROTO(get_current_comm, INT, ARGS(OUT, SIZE));
PROTO(get_attach_cookie, INT, ARGS(CTX));
PROTO(probe_read, GPL, INT, ARGS(OUT, SIZE0, ANY));
PROTO(probe_read_str, GPL, INT, ARGS(OUT, SIZE0, ANY));
PROTO(probe_read_user, GPL, INT, ARGS(OUT, SIZE0, ANY));
PROTO(probe_read_user_str, GPL, INT, ARGS(OUT, SIZE0, ANY));
PROTO(probe_read_kernel, GPL, INT, ARGS(OUT, SIZE0, ANY));
PROTO(probe_read_kernel_str, GPL, INT, ARGS(OUT, SIZE0, ANY));
PROTO(copy_from_user, .sleeps = true, INT, ARGS(OUT, SIZE0, ANY));
