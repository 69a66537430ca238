// SPDX-License-Identifier: BSD-2-Clause
/*
 * The verifier's inner model: what is known at one point of one path, and of the whole program.
 *
 *   env                 one verification
 *    |- aux[insn]       what was found out about an instruction, over all paths
 *    |- sub[]           subprograms
 *    |- cur ----------> vstate: the path being walked
 *    |- pending         vstates of branches not walked yet (a stack)
 *    |- explored[]      vstates seen at instructions where paths meet, for pruning
 *    '- hist[]          every instruction walked, linked to the one before it on its path
 *
 *   vstate -> frame[0..7] -> reg[0..10], stack slots (grown by need)
 *      '----> parent: the explored state that the path last passed
 *
 * A path's history is a branch of one tree in hist[], so that branches share
 * it and nothing is copied. A stack slot counts from the frame pointer down:
 * slot n is the 8 bytes at fp - 8 * (n + 1); type[7] describes its lowest byte.
 *
 * Whoever returns a negative errno has told the log why.
 */
#ifndef PINFS_VERIFIER_ENV_H
#define PINFS_VERIFIER_ENV_H

#include <string.h>
#include "util/str.h"
#include "verifier/bounds.h"
#include "verifier/verifier.h"

#define SUBPROGS_MAX   BPF_SUBPROGS_MAX
#define FRAMES_MAX     BPF_FRAMES_MAX
#define STACK_MAX      ((s32)BPF_STACK_MAX)
#define SLOTS_MAX      64u
#define JUMPS_MAX      8192u
#define OFF_LIMIT      (1 << 29) /* how far a pointer may be moved */
#define PACKET_OFF_MAX 0xffff
#define NO_SUB         (~0u)
#define ADD_CONST      (1u << 31) /* in a number's id: it is the other plus off */
#define RANGE_BEYOND   (-1)       /* reg.range: the pointer lies behind the packet's end */
#define RANGE_AT       (-2)       /* or at it */
#define REG_FP         10u
#define CALLER_SAVED   6u

enum reg_type {
	NOT_INIT,
	SCALAR_VALUE,
	PTR_TO_CTX,
	CONST_PTR_TO_MAP,
	PTR_TO_MAP_VALUE,
	PTR_TO_MAP_KEY,
	PTR_TO_STACK,
	PTR_TO_PACKET_META,
	PTR_TO_PACKET,
	PTR_TO_PACKET_END,
	PTR_TO_FLOW_KEYS,
	PTR_TO_SOCKET,
	PTR_TO_SOCK_COMMON,
	PTR_TO_TCP_SOCK,
	PTR_TO_BTF_ID,
	PTR_TO_UNTRUSTED_MEM,
	PTR_TO_BUF,
	PTR_TO_MEM,
	PTR_TO_FUNC,
	CONST_PTR_TO_DYNPTR,
};

/* reg.flags */
#define PTR_MAYBE_NULL 1u
#define MEM_RDONLY     2u
#define MEM_RINGBUF    4u
#define MEM_DYNPTR     8u /* a slice: valid as long as the dynptr ref_obj_id/id is */
#define PTR_TRUSTED    16u
#define PTR_UNTRUSTED  32u

struct reg {
	u8 type, flags;
	bool precise; /* the value matters for what was concluded; see precision.c */
	u8 frameno;   /* PTR_TO_STACK */
	s32 off;      /* fixed part of a pointer's offset; number with ADD_CONST: distance */
	u32 id;       /* those with the same id are linked: null checks, packet ranges, equal numbers */
	u32 ref_obj_id;
	union {
		u32 map_uid;   /* inner maps: which lookup it came from */
		u32 dynptr_id; /* memory: the dynptr that it is a slice of */
	};
	union {
		s32 range;    /* packet: bytes behind it known to be there */
		u32 map;      /* map pointer, value, key: index into res->maps */
		u32 mem_size; /* PTR_TO_MEM */
		u32 sub;      /* PTR_TO_FUNC */
		u32 dynptr;   /* DYNPTR_..., with DYNPTR_FIRST on the first of its slots */
		u32 btf_id;
	};
	bool inner;      /* map is of a map of maps' template */
	struct scalar n; /* number, or a pointer's variable offset */
};

#define DYNPTR_FIRST 0x100u

enum slot_type { STACK_INVALID, STACK_SPILL, STACK_MISC, STACK_ZERO, STACK_DYNPTR };

struct slot {
	struct reg r;
	u8 type[8];
};

struct live_inst;

struct frame {
	struct reg reg[11];
	struct slot *stack;
	u32 nr_slots, cap;
	u32 callsite; /* instruction of the call */
	u32 sub;
	u8 frameno;
	bool callback, async;
	s8 ret_min, ret_max; /* of a callback */
	u32 callback_depth;
	u32 refs_before; /* callback: references held when it began */
	u32 async_entry;
	struct live_inst *live;
};

struct ref {
	u32 id, insn;
	bool lock; /* a spin lock: id is that of the pointer to it */
};

struct vstate {
	struct vstate *parent;
	struct frame *frame[FRAMES_MAX];
	u32 curframe;
	u32 branches;   /* paths that started here and are not over */
	u32 insn;       /* explored: where */
	u32 first;      /* instruction where the path since the parent begins */
	u32 last;       /* the instruction walked before this point */
	u32 hist;       /* last node of its history */
	u32 hist_start; /* the node that was last when the parent was made */
	u32 jmp_cnt;    /* jumps since then */
	u32 nr_refs, cap_refs;
	struct ref *refs;
	u32 active_locks;
	u32 lock_id, lock_map;
	u32 may_goto_depth, callback_unroll;
	bool in_sleepable;
	bool loop;    /* compared by range only: see prune.c */
	bool cleaned; /* what is dead was cleared */
};

struct explored {
	struct explored *next;
	u32 miss, hit;
	bool orphan; /* out of its list, kept for its children */
	struct vstate st;
};

struct pending {
	struct pending *next;
	u32 insn, prev;
	u64 log_mark;
	struct vstate st;
};

/* An instruction that was walked. */
struct hist {
	u32 prev;
	u32 insn;
	u32 stack;  /* HIST_STACK | frame << 8 | slot: a number was spilled or filled there */
	u32 linked; /* index into links[], 0: none */
};
#define HIST_STACK  0x10000u
#define HIST_CHUNK  10u
#define HIST_CHUNKS ((VERIFIER_INSNS_LIMIT >> HIST_CHUNK) + 2u)
#define LINKED_MAX  6u

struct links {
	u8 cnt;
	struct {
		u8 frame, idx; /* slot, or register with bit 7 */
	} e[LINKED_MAX];
};
#define LINK_REG 0x80u

/* insn_aux.flags */
#define AUX_PRUNE    1u
#define AUX_JUMP     2u
#define AUX_FORCE    4u /* always a checkpoint */
#define AUX_CALLBACK 8u
#define AUX_SEEN     16u
#define AUX_LDIMM    32u /* second half */
#define AUX_ZERO_OK  64u

struct insn_aux {
	u8 flags;
	u8 ptr;      /* enum reg_type that the access goes through, 0: none yet */
	u8 taken;    /* bit 0: fell through once, bit 1: jumped once */
	u16 live;    /* registers that are read before they are written */
	u16 map_bad; /* helper call: called with several maps */
	u32 map;     /* ld_imm64: index; helper call: map index + 1 */
	u32 scc;
	s32 ctx_off;
};

struct subprog {
	u32 start;
	u32 depth;   /* stack bytes */
	u32 type_id; /* BTF function, 0: none */
	bool global, called, verified, changes_pkt, sleeps, async, callback, tail_call, has_ld_abs, args_done;
	bool tail_reach, common_stack;
	u8 nr_args;
	struct sub_arg {
		u8 kind; /* enum arg_of_global */
		bool nullable;
		u32 size;
	} arg[5];
};

/* Live stack slots: see live_stack.c. */
struct live_mask {
	u64 read, lost, before; /* lost: overwritten for certain */
};

struct live_inst {
	struct live_inst *next; /* of the same call, or of all roots */
	struct live_inst *up;
	struct live_inst **kid;               /* per instruction: what it called */
	u32 callsite, sub, start, len, depth; /* depth: frames 0..depth have masks */
	bool callback;
	struct live_mask *mask[FRAMES_MAX];
	u8 *seen;
};

/* A set of subprograms. */
struct sub_set {
	u64 bit[SUBPROGS_MAX / 64];
};

struct env {
	const struct verify_req *req;
	struct verify_result *res;
	struct vlog *log;
	const struct prog_type *type;
	struct bpf_insn *insns;
	u32 cnt;
	struct insn_aux *aux;
	struct subprog *sub;
	u32 nr_subs;
	bool strict;

	struct vstate *cur;
	u32 insn, prev; /* being walked; walked before */
	struct pending *pending;
	u32 nr_pending;
	struct explored **explored;
	u32 explored_size;
	u32 processed, jmps, prev_processed, prev_jmps;
	u32 id_gen;
	u32 sub_now; /* root of this walk */

	struct hist *hist[HIST_CHUNKS];
	u32 nr_hist;
	struct links *links;
	u32 nr_links, cap_links;

	/* CFG. */
	u32 *post;             /* instructions, successors first */
	u32 *post_start;       /* per subprogram: where its part of post begins; [nr_subs] the end */
	u32 *pred_at, *pred;   /* predecessors */
	u32 *exit_at, *exits;  /* exits[exit_at[n] ..]: where subprogram n ends */
	struct sub_set *calls; /* who is called by whom */
	struct live_inst *live_insts;
	u32 *live_queue;
	u32 cap_queue;
	struct live_inst *live_now; /* that of the instruction being walked */
	u64 wrote[FRAMES_MAX];      /* slots that it overwrote */
	bool live_dirty;

	/* What changed since the state was last printed. */
	struct idmap *idmap;
	u32 peak_now;
	u32 scratched_regs;
	u64 scratched_slots;
	u64 insn_log_pos, insn_text_pos;
	u32 last_line;

	/* Memory. */
	struct chunk *chunks;
	u8 *mem_at, *mem_end;
	size_t mem_total;
	void *mem_free[160];
};

#define VERBOSE(e)  ((e)->log && (e)->log->level & (VLOG_LEVEL1 | VLOG_LEVEL2))
#define VERBOSE2(e) ((e)->log && (e)->log->level & VLOG_LEVEL2)

/* mem.c */
void *vmem(struct env *e, size_t size);     /* zeroed; NULL: none left */
void *vmem_get(struct env *e, size_t size); /* the same, contents unknown */
void vmem_put(struct env *e, void *p, size_t size);
/* Nothing more will be taken: before vmem_drop. */
void vmem_end(struct env *e);
void vmem_drop(void *arena);

/* log.c */
void say_state(struct env *e, const struct vstate *st, u32 frameno, bool all);
void say_insn_state(struct env *e);
void say_insn(struct env *e);
void say_line(struct env *e, u32 insn, const char *prefix);
void say_snum(struct env *e, s64 v);
void say_tnum(struct env *e, struct tnum t);
const char *reg_text(struct env *e, const struct reg *r);
void scratched_reg(struct env *e, u32 regno);
void scratched_slot(struct env *e, u32 slot);
int bad(struct env *e, int err, const char *text); /* text and newline; returns err */

/* state.c */
static inline struct frame *cur_frame(struct env *e)
{
	return e->cur->frame[e->cur->curframe];
}

static inline struct reg *cur_reg(struct env *e, u32 regno)
{
	return &e->cur->frame[e->cur->curframe]->reg[regno];
}

static inline bool is_scalar(const struct reg *r)
{
	return r->type == SCALAR_VALUE;
}

static inline bool reg_is_const(const struct reg *r)
{
	return r->type == SCALAR_VALUE && tnum_is_const(r->n.var);
}

static inline bool reg_is_null(const struct reg *r)
{
	return r->type == SCALAR_VALUE && tnum_equals(r->n.var, 0);
}

static inline bool is_packet(const struct reg *r)
{
	return r->type == PTR_TO_PACKET || r->type == PTR_TO_PACKET_META;
}

static inline bool is_sock(const struct reg *r)
{
	return r->type == PTR_TO_SOCKET || r->type == PTR_TO_SOCK_COMMON || r->type == PTR_TO_TCP_SOCK;
}

static inline bool slot_is_spill(const struct slot *s)
{
	return s->type[7] == STACK_SPILL;
}

static inline bool slot_is_scalar(const struct slot *s)
{
	return s->type[7] == STACK_SPILL && s->r.type == SCALAR_VALUE;
}

static inline bool slot_is_scalar64(const struct slot *s)
{
	return s->type[0] == STACK_SPILL && s->r.type == SCALAR_VALUE;
}

void reg_clear(struct reg *r);
void reg_unknown(struct reg *r);
void reg_const(struct reg *r, u64 v);
void reg_zero_offset(struct reg *r); /* variable offset 0 */
void mark_unknown(struct env *e, u32 regno);
void mark_const(struct env *e, u32 regno, u64 v);
void mark_not_init(struct env *e, u32 regno);
void clear_caller_saved(struct env *e);
int frame_grow(struct env *e, struct frame *f, u32 bytes);
struct frame *frame_new(struct env *e, u32 frameno, u32 callsite, u32 sub);
void frame_free(struct env *e, struct frame *f);
int state_copy(struct env *e, struct vstate *to, const struct vstate *from);
void state_free(struct env *e, struct vstate *st);
struct vstate *push_branch(struct env *e, u32 insn, u32 prev);
int pop_branch(struct env *e); /* 1: there was one; it is cur now */
void update_branches(struct env *e, struct vstate *st);
const struct verifier_map *reg_map(const struct env *e, const struct reg *r);
int reg_readable(struct env *e, u32 regno); /* may it be read? */
int reg_writable(struct env *e, u32 regno); /* may it be written? */
struct reg_iter {
	struct vstate *st;
	u32 f, i;
};
/* Every register and spilled register of all frames; NULL at the end. */
struct reg *reg_next(struct reg_iter *it);

/* cfg.c, subprog.c, maps.c, scc.c, live_regs.c */
int subprogs_find(struct env *e);
int subprogs_check(struct env *e);
void subprogs_callers(struct env *e, struct sub_set *set);
u32 subprog_of(const struct env *e, u32 insn);
u32 subprog_begin(const struct env *e, u32 insn); /* NO_SUB: none begins there */
static inline u32 sub_end(const struct env *e, u32 sub)
{
	return e->sub[sub + 1].start;
}
int func_info_types(struct env *e);
int func_info_check(struct env *e);
int maps_resolve(struct env *e);
int cfg_check(struct env *e);
int cfg_order(struct env *e);

int live_regs_compute(struct env *e);
u32 insn_targets(const struct env *e, u32 at, u32 to[2]);
bool insn_calls_callback(const struct env *e, const struct bpf_insn *i);
bool insn_calls_sync(const struct env *e, const struct bpf_insn *i);
bool insn_is_may_goto(const struct bpf_insn *i);
static inline bool insn_is_call(const struct bpf_insn *i, u32 src)
{
	return i->code == (BPF_JMP | BPF_CALL) && i->src_reg == src;
}
static inline bool insn_is_ld64(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_IMM | BPF_DW);
}
static inline bool insn_is_func(const struct bpf_insn *i)
{
	return insn_is_ld64(i) && i->src_reg == BPF_PSEUDO_FUNC;
}
u32 size_of(u8 code);

/* live_stack.c */
struct live_inst *live_root(struct env *e, u32 sub);
struct live_inst *live_enter(struct env *e, struct live_inst *up, u32 callsite, u32 sub, bool callback);
int live_read(struct env *e, const struct frame *by, u32 frameno, u64 slots);
void live_begin(struct env *e);
int live_step(struct env *e); /* what the instruction surely overwrote, once it is walked */
void live_wrote(struct env *e, u32 frameno, u64 slots);
u64 live_before(const struct live_inst *in, u32 insn, u32 frameno);

/* walk.c */
int walk(struct env *e);
int walk_main(struct env *e);
int walk_global(struct env *e, u32 sub);
int stack_depth_check(struct env *e);

/* alu.c, ptr_alu.c */
int do_alu(struct env *e, const struct bpf_insn *i);
int ptr_alu(struct env *e, const struct bpf_insn *i, struct reg *ptr, struct reg *num, u32 dst);
int ptr_bounds_sane(struct env *e, const struct reg *r, u8 type);
void assign_scalar_id(struct env *e, struct reg *r);

/* branch.c */
int do_cond_jump(struct env *e, const struct bpf_insn *i, u32 *next);
void sync_linked(struct env *e, struct vstate *st, struct reg *known, const struct links *l);
void mark_ptr_or_null(struct env *e, struct vstate *st, u32 regno, bool null);

/* access.c, stack.c, ctx.c, packet.c, atomic.c */
int check_mem(struct env *e, u32 insn, u32 regno, s32 off, u32 size, bool write, s32 val, bool strict,
	      bool sx);
int do_load(struct env *e, const struct bpf_insn *i);
int do_store(struct env *e, const struct bpf_insn *i);
int do_atomic(struct env *e, const struct bpf_insn *i);
int do_ld_abs(struct env *e, const struct bpf_insn *i, u32 *next);
int refuse_ld_abs(struct env *e); /* the program's type has none */
int mem_region(struct env *e, u32 regno, s64 off, u64 size, u64 mem_size, bool zero_ok);
int check_region_bounds(struct env *e, u32 regno, s32 off, u64 size, u64 mem_size, bool zero_ok);
int check_map_access(struct env *e, u32 regno, s32 off, u64 size, bool zero_ok);
int check_map_flags(struct env *e, u32 regno, s32 off, u64 size, bool write);
int check_packet(struct env *e, u32 regno, s32 off, u64 size, bool zero_ok);
int check_stack_off(struct env *e, u32 regno, s32 off, u64 size, bool write, bool helper);
int stack_read(struct env *e, u32 regno, s32 off, u32 size, s32 dst);
int stack_write(struct env *e, u32 regno, s32 off, u32 size, s32 val);
int stack_range(struct env *e, u32 regno, s32 off, u64 size, bool zero_ok, bool write, bool uninit);
int check_ctx(struct env *e, u32 insn, u32 regno, s32 off, u32 size, bool write, s32 val);
int check_ctx_reg(struct env *e, const struct reg *r, u32 regno);
int check_fixed_offset(struct env *e, const struct reg *r, u32 regno, bool fixed_ok);
const char *mem_text(struct env *e, const struct reg *r);
void find_packet_range(struct vstate *st, const struct reg *dst, u8 type, bool right_open);
void clear_packet_pointers(struct env *e);
bool may_access_packet(struct env *e, bool write, const struct bpf_func_proto *h);

/* kernel_ptr.c */
const char *kernel_struct_name(const struct env *e, u32 id); /* "" when there is none */
int access_btf(struct env *e, u32 regno, s32 off, u32 size, bool write, s32 val);
int access_untrusted(struct env *e, u32 regno, bool write, s32 val);
int access_buf(struct env *e, u32 regno, s32 off, u64 size, bool write, s32 val);
int check_struct_arg(struct env *e, u32 regno, const char *wanted);
int check_iter_ctx(struct env *e, u32 insn, s32 off, u32 size, bool write, s32 val);

/* call.c, args.c */
int do_call(struct env *e, const struct bpf_insn *i, u32 *next);
int check_mem_arg(struct env *e, u32 regno, u64 size, bool zero_ok, bool write, bool uninit,
		  const struct bpf_func_proto *h);
int check_size_arg(struct env *e, u32 regno, u32 mem, bool zero_ok, bool write, bool uninit,
		   const struct bpf_func_proto *h);
struct call_meta {
	const struct bpf_func_proto *h;
	s32 id;
	const struct verifier_map *map;
	struct reg map_reg;
	bool has_map;
	u32 uninit_reg, uninit_size; /* memory that the helper will fill */
	u32 release;                 /* register with a reference to be released */
	u32 ref_obj_id;
	u64 alloc_size;
	u32 sub; /* callback */
	u32 dynptr_id;
	u32 dynptr_reg;
	u8 ret_sock;
	bool borrowed; /* the socket is not the program's to release */
	bool dynptr_release;
	u32 timer_map, timer_uid; /* of the timer argument; NIL: none */
	s64 const_key;            /* an array's index, where it is known; else -1 */
	u32 dynptr_new;           /* kinds of the dynptr that the helper makes, 0: none */
	u32 dynptr_new_reg;
};
int check_args(struct env *e, struct call_meta *m);

/* func.c, callback.c, btf_args.c */
int call_subprog(struct env *e, const struct bpf_insn *i, u32 *next);
int leave_frame(struct env *e, u32 *next);
int leave_early(struct env *e, bool unknown, u32 *next);
bool insn_leaves(const struct bpf_insn *i);         /* an exit, or one that may end a subprogram */
const char *sub_name(const struct env *e, u32 sub); /* "" without BTF */
int push_callback(struct env *e, const struct bpf_insn *i, struct call_meta *m);
enum arg_of_global { GARG_SCALAR, GARG_CTX, GARG_MEM, GARG_DYNPTR };
int btf_args_of(struct env *e, u32 sub);
int btf_args_check(struct env *e, u32 sub);
int btf_args_setup(struct env *e, u32 sub);

/* ref.c, dynptr.c */
int ref_acquire(struct env *e, u32 insn);
int ref_release(struct env *e, u32 id);
int ref_check_leak(struct env *e, const char *what);
int lock_acquire(struct env *e, u32 regno);
int lock_release(struct env *e, u32 regno);
int resource_check(struct env *e, const char *what);
int dynptr_arg(struct env *e, u32 regno, u32 arg, u32 kinds, struct call_meta *m);
int dynptr_destroy_at(struct env *e, struct frame *f, u32 slot);
int dynptr_finish(struct env *e, struct call_meta *m);
const char *dynptr_text(u32 kinds);
int dynptr_release(struct env *e, u32 regno, u32 ref);

/* prune.c, equal.c */
int state_visited(struct env *e); /* 1: seen before */
/* The open state at insn that was left most recently, before `than`, with the same calls around it. */
struct vstate *state_before(struct env *e, u32 insn, const struct vstate *like, const struct vstate *than);
enum exact { NOT_EXACT, EXACT, RANGE_WITHIN };
bool states_equal(struct env *e, struct vstate *old, struct vstate *now, enum exact exact);

/* precision.c */
int hist_push(struct env *e);
struct hist *hist_at(struct env *e, u32 n);
int mark_precise(struct env *e, u32 regno);
int mark_slot_precise(struct env *e, u32 frameno, u32 slot);
int precision_propagate(struct env *e, const struct vstate *old, bool *changed);
void mark_all_imprecise(struct env *e, struct vstate *st);
void hist_stack(struct env *e, u32 frameno, u32 slot);
int hist_links(struct env *e, const struct links *l);

/* exit.c */
int do_exit(struct env *e, u32 *next); /* 1: the path is over */
void widen_since(struct env *e, struct vstate *st);
int check_return(struct env *e, u32 regno, const char *what);

/* fixup.c */
int fixup(struct env *e);

#endif
