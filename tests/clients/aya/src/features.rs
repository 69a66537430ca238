// SPDX-License-Identifier: BSD-2-Clause

//! What aya finds out about its kernel.

use aya::maps::MapType;
use aya::programs::{LsmAttachType, ProgramType};
use aya::sys::{
    is_bpf_global_data_supported, is_bpf_name_supported, is_btf_feature_supported, is_btf_supported,
    is_cpumap_prog_id_supported, is_devmap_prog_id_supported, is_helper_supported, is_map_supported,
    is_perf_link_supported, is_program_supported, is_uprobe_multi_supported, BtfFeature, UProbeMultiFeature,
};

use crate::say::say;
use crate::{Step, World};

fn maps() {
    use MapType::*;
    for kind in [
        Unspecified, Hash, Array, ProgramArray, PerfEventArray, PerCpuHash, PerCpuArray, StackTrace, CgroupArray, LruHash,
        LruPerCpuHash, LpmTrie, ArrayOfMaps, HashOfMaps, DevMap, SockMap, CpuMap, XskMap, SockHash, CgroupStorage,
        ReuseportSockArray, PerCpuCgroupStorage, Queue, Stack, SkStorage, DevMapHash, StructOps, RingBuf, InodeStorage,
        TaskStorage, BloomFilter, UserRingBuf, CgrpStorage, Arena, InsnArray,
    ] {
        say(&format!("map {kind:?}"), is_map_supported(kind));
    }
}

fn programs() {
    use ProgramType::*;
    for kind in [
        Unspecified, SocketFilter, KProbe, SchedClassifier, SchedAction, TracePoint, Xdp, PerfEvent, CgroupSkb, CgroupSock,
        LwtInput, LwtOutput, LwtXmit, SockOps, SkSkb, CgroupDevice, SkMsg, RawTracePoint, CgroupSockAddr, LwtSeg6local,
        LircMode2, SkReuseport, FlowDissector, CgroupSysctl, RawTracePointWritable, CgroupSockopt, StructOps, SkLookup,
        Syscall, Netfilter,
    ] {
        say(&format!("program {kind:?}"), is_program_supported(kind));
    }
}

/// What attaches to kernel functions: kernels differ, and pinfs does not load it.
pub fn tracing(_: &World) -> Step {
    use ProgramType::*;
    for kind in [Tracing, Extension, Lsm(LsmAttachType::Mac), Lsm(LsmAttachType::Cgroup)] {
        say(&format!("program {kind:?}"), is_program_supported(kind));
    }
    Ok(())
}

fn helpers() {
    use aya_obj::generated::bpf_func_id::*;
    for helper in [
        BPF_FUNC_map_lookup_elem, BPF_FUNC_redirect, BPF_FUNC_redirect_map, BPF_FUNC_xdp_adjust_head,
        BPF_FUNC_xdp_load_bytes, BPF_FUNC_skb_load_bytes, BPF_FUNC_ktime_get_ns, BPF_FUNC_probe_read_kernel,
        BPF_FUNC_get_attach_cookie, BPF_FUNC_ringbuf_output, BPF_FUNC_perf_event_output, BPF_FUNC_tail_call,
        BPF_FUNC_get_current_pid_tgid, BPF_FUNC_sk_lookup_tcp, BPF_FUNC_trace_printk, BPF_FUNC_for_each_map_elem,
        BPF_FUNC_loop, BPF_FUNC_dynptr_from_mem, BPF_FUNC_get_prandom_u32, BPF_FUNC_spin_lock, BPF_FUNC_csum_diff,
    ] {
        for kind in [ProgramType::Xdp, ProgramType::SchedClassifier, ProgramType::TracePoint, ProgramType::CgroupSkb] {
            say(&format!("helper {helper:?} of {kind:?}"), is_helper_supported(kind, helper));
        }
    }
}

pub fn all(_: &World) -> Step {
    say("names", is_bpf_name_supported());
    say("global data", is_bpf_global_data_supported());
    say("perf link", is_perf_link_supported());
    say("uprobe multi", is_uprobe_multi_supported(UProbeMultiFeature::LinkCreation));
    say("uprobe multi, by process", is_uprobe_multi_supported(UProbeMultiFeature::ProcessScopedPidFilter));
    say("programs of CPU maps", is_cpumap_prog_id_supported());
    say("programs of device maps", is_devmap_prog_id_supported());
    say("BTF", is_btf_supported());
    for f in [
        BtfFeature::Func,
        BtfFeature::FuncGlobal,
        BtfFeature::DataSec,
        BtfFeature::DataSecZero,
        BtfFeature::Float,
        BtfFeature::DeclTag,
        BtfFeature::TypeTag,
        BtfFeature::Enum64,
    ] {
        say(&format!("BTF {f:?}"), is_btf_feature_supported(f));
    }
    maps();
    programs();
    helpers();
    Ok(())
}
