// SPDX-License-Identifier: BSD-2-Clause
#include "helper/helper_ids.h"
#define INT .ret = RET_INTEGER
PROTO(skb_store_bytes, MOVES, INT, ARGS(CTX, ANY, IN, SIZE, ANY));
PROTO(skb_load_bytes, INT, ARGS(CTX, ANY, OUT, SIZE));
PROTO(skb_load_bytes_relative, INT, ARGS(CTX, ANY, OUT, SIZE, ANY));
PROTO(skb_pull_data, MOVES, INT, ARGS(CTX, ANY));
PROTO(skb_change_tail, MOVES, INT, ARGS(CTX, ANY, ANY));
PROTO(skb_change_head, MOVES, INT, ARGS(CTX, ANY, ANY));
PROTO(skb_change_type, INT, ARGS(CTX, ANY));
PROTO(skb_change_proto, MOVES, INT, ARGS(CTX, ANY, ANY));
PROTO(skb_adjust_room, MOVES, INT, ARGS(CTX, ANY, ANY, ANY));
PROTO(skb_vlan_push, MOVES, INT, ARGS(CTX, ANY, ANY));
PROTO(skb_vlan_pop, MOVES, INT, ARGS(CTX));
PROTO(get_hash_recalc, INT, ARGS(CTX));
PROTO(set_hash, INT, ARGS(CTX, ANY));
PROTO(set_hash_invalid, INT, ARGS(CTX));
PROTO(skb_ecn_set_ce, INT, ARGS(CTX));
PROTO(skb_set_tstamp, INT, ARGS(CTX, ANY, ANY));
PROTO(get_cgroup_classid, INT, ARGS(CTX));
const struct bpf_func_proto bpf_get_cgroup_classid_curr_proto = {
	.name = "bpf_get_cgroup_classid",
	INT,
};
PROTO(skb_cgroup_classid, INT, ARGS(CTX));
PROTO(skb_cgroup_id, INT, ARGS(CTX));
PROTO(get_route_realm, INT, ARGS(CTX));
PROTO(get_socket_cookie, INT, ARGS(CTX));
PROTO(get_socket_uid, INT, ARGS(CTX));
PROTO(get_netns_cookie, INT, ARGS(CTX | ARG_F_NULL));
PROTO(skb_get_tunnel_key, INT, ARGS(CTX, OUT, SIZE, ANY));
PROTO(skb_set_tunnel_key, INT, ARGS(CTX, IN, SIZE, ANY));
PROTO(skb_get_tunnel_opt, INT, ARGS(CTX, OUT, SIZE));
PROTO(skb_set_tunnel_opt, INT, ARGS(CTX, IN, SIZE));
PROTO(skb_get_xfrm_state, INT, ARGS(CTX, ANY, OUT, SIZE, ANY));
PROTO(lwt_push_encap, MOVES, INT, ARGS(CTX, ANY, IN, SIZE));
PROTO(lwt_seg6_store_bytes, MOVES, INT, ARGS(CTX, ANY, IN, SIZE));
PROTO(lwt_seg6_adjust_srh, MOVES, INT, ARGS(CTX, ANY, ANY));
PROTO(lwt_seg6_action, MOVES, INT, ARGS(CTX, ANY, IN, SIZE));
