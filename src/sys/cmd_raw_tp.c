// SPDX-License-Identifier: BSD-2-Clause
/*
 * RAW_TRACEPOINT_OPEN and TASK_FD_QUERY.
 *
 * Which tracepoints there are is what the machine's BTF says: each has a type btf_trace_NAME there. Where
 * there is no BTF, a list of those that every kernel has.
 */
#include <fcntl.h>
#include <string.h>
#include "btf/btf_obj.h"
#include "link/link_types.h"
#include "sys/cmd_link.h"
#include "sys/fscalls.h"
#include "util/raw.h"
#include "util/str.h"

/* clang-format off */
static const char *const known[] = {
	"sys_enter", "sys_exit", "sched_switch", "sched_wakeup", "sched_wakeup_new", "sched_waking",
	"sched_process_fork", "sched_process_exec", "sched_process_exit", "sched_process_free",
	"sched_migrate_task", "sched_stat_runtime", "sched_process_wait", "signal_generate",
	"signal_deliver", "task_newtask", "task_rename", "irq_handler_entry", "irq_handler_exit",
	"softirq_entry", "softirq_exit", "softirq_raise", "timer_start", "timer_cancel",
	"timer_expire_entry", "timer_expire_exit", "hrtimer_start", "hrtimer_expire_entry",
	"workqueue_execute_start", "workqueue_execute_end", "workqueue_queue_work", "cpu_idle",
	"cpu_frequency", "kfree_skb", "consume_skb", "net_dev_queue", "net_dev_xmit", "netif_receive_skb",
	"netif_rx", "napi_poll", "tcp_retransmit_skb", "tcp_send_reset", "tcp_receive_reset",
	"tcp_destroy_sock", "tcp_rcv_space_adjust", "tcp_probe", "inet_sock_set_state",
	"sock_rcvqueue_full", "sock_exceed_buf_limit", "fib_table_lookup", "xdp_exception",
	"xdp_redirect", "xdp_redirect_err", "xdp_cpumap_kthread", "xdp_cpumap_enqueue", "xdp_devmap_xmit",
	"mem_disconnect", "mem_connect", "mem_return_failed", "block_rq_issue", "block_rq_complete",
	"block_rq_insert", "block_bio_queue", "block_bio_complete", "block_io_start", "block_io_done",
	"kmalloc", "kfree", "kmem_cache_alloc", "kmem_cache_free", "mm_page_alloc", "mm_page_free",
	"page_fault_user", "page_fault_kernel", "oom_score_adj_update", "mark_victim", "module_load",
	"module_free", "cgroup_mkdir", "cgroup_rmdir", "cgroup_attach_task", "writeback_dirty_folio",
	"ext4_da_write_begin", "bpf_trace_printk", "sched_pi_setprio", "sched_stat_wait",
	"sched_stat_sleep", "sched_stat_iowait", "sched_stat_blocked", "sched_kthread_stop",
	"sched_wait_task", "console",
};
/* clang-format on */

static bool well_known(const char *name)
{
	for (u32 i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i], name))
			return true;
	return false;
}

/* In the strings of BTF each name lies between two NULs. */
static bool tracepoint_exists(const char *name)
{
	char want[LINK_NAME_MAX + 16], *end;
	struct btf_blob b = { 0 };
	bool found;

	if (!*name)
		return false;
	if (btf_obj_read(BTF_ID_VMLINUX, 64u << 20, &b) || !b.kernel) {
		btf_blob_drop(&b);
		return well_known(name);
	}
	end = str_put(str_put(want + 1, "btf_trace_"), name);
	want[0] = 0;
	found = memmem(b.raw, b.read, want, (size_t)(end + 1 - want));
	btf_blob_drop(&b);
	return found;
}

/* The client's string, cut off where no tracepoint's name goes on. */
static int read_name(struct cmd_ctx *x, u64 from, char name[LINK_NAME_MAX])
{
	u32 n = 0;

	for (; n < LINK_NAME_MAX - 1; n++) {
		if (caller_in(x->c, name + n, from + n, 1))
			return -EFAULT;
		if (!name[n])
			return 0;
	}
	name[n] = 0;
	return 0;
}

static long open_raw_tp(struct cmd_ctx *x, const struct link_prog *p)
{
	struct link_req r = { .prog = &p->h, .prog_id = p->f.h->id };
	struct link_hdr h = { .cookie = x->attr->raw_tp_open.cookie };
	int err;

	switch (p->h.o.kind) {
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE: break;
	default: return -EINVAL;
	}
	err = read_name(x, x->attr->raw_tp_open.name, h.raw_tp.name);
	if (!err && !tracepoint_exists(h.raw_tp.name))
		err = -ENOENT;
	return err ? err : link_install(x, &raw_tp_link_ops, &r, &h);
}

long cmd_raw_tp_open(struct cmd_ctx *x)
{
	struct link_prog p;
	long ret = link_prog_get(x, (int)x->attr->raw_tp_open.prog_fd, &p);

	if (ret)
		return ret;
	ret = open_raw_tp(x, &p);
	link_prog_put(&p);
	return ret;
}

/* ---- TASK_FD_QUERY ---- */

/* The text of another process's fd, or of one's own. -ENOENT: no such process, -EBADF. */
static long fd_text(u32 pid, u32 fd, char *text, size_t size)
{
	char path[64], *p;
	struct stat st;
	long n;

	p = str_put_u64(str_put(path, "/proc/"), pid, 10);
	if (!pid || pid > 0x7fffffff || raw_fstatat(AT_FDCWD, path, &st, 0))
		return -ENOENT;
	str_put_u64(str_put(p, "/fd/"), fd, 10);
	n = raw_readlinkat(AT_FDCWD, path, text, size - 1);
	if (n < 0)
		return n == -ENOENT ? -EBADF : n;
	text[n] = 0;
	return n;
}

static int put_query(struct cmd_ctx *x, const char *name, u32 prog_id)
{
	u32 room = x->attr->task_fd_query.buf_len, n = (u32)strlen(name), fits = MIN(room, n + 1);
	u64 to = x->attr->task_fd_query.buf, zero = 0;
	int err, cut = 0;

	err = cmd_put_u32(x, BPF_ATTR_OFF(task_fd_query.buf_len), n);
	if (!err && room && to) {
		err = caller_out(x->c, to, name, fits - 1);
		if (!err)
			err = caller_out(x->c, to + fits - 1, "", 1);
		cut = fits < n + 1 ? -ENOSPC : 0;
	}
	if (!err)
		err = cmd_put_u32(x, BPF_ATTR_OFF(task_fd_query.prog_id), prog_id);
	if (!err)
		err = cmd_put_u32(x, BPF_ATTR_OFF(task_fd_query.fd_type), 0 /* BPF_FD_TYPE_RAW_TRACEPOINT */);
	if (!err)
		err = caller_out(x->c, x->uattr + BPF_ATTR_OFF(task_fd_query.probe_offset), &zero,
				 sizeof(zero));
	if (!err)
		err = caller_out(x->c, x->uattr + BPF_ATTR_OFF(task_fd_query.probe_addr), &zero,
				 sizeof(zero));
	return err ? err : cut;
}

long cmd_task_fd_query(struct cmd_ctx *x)
{
	const union bpf_attr_new *u = x->attr;
	const struct link_ops *ops;
	enum obj_type type;
	struct link_hdr h;
	char text[1024];
	long err = cmd_need_cap(x);
	u32 id;

	if (err)
		return err;
	if (u->task_fd_query.flags)
		return -EINVAL;
	err = fd_text(u->task_fd_query.pid, u->task_fd_query.fd, text, sizeof(text));
	if (err < 0)
		return err;
	if (strstr(text, "[perf_event]"))
		return -EOPNOTSUPP;
	if (!fs_object_text(text, &type, &id))
		return -ENOTSUPP;
	if (type == OBJ_PERF)
		return -EOPNOTSUPP;
	if (type != OBJ_LINK || obj_read_header(OBJ_LINK, id, &h.o, sizeof(h)))
		return -ENOTSUPP;
	((char *)h.w)[sizeof(h.w) - 1] = 0;
	ops = link_ops_get(h.o.kind);
	/* Links with a name and a cookie: raw tracepoints. */
	if (ops != &raw_tp_link_ops)
		return -ENOTSUPP;
	return put_query(x, h.raw_tp.name, atomic_load(&h.prog_id));
}
