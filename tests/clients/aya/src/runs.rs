// SPDX-License-Identifier: BSD-2-Clause

//! Programs: what is known of them, their runs, tail calls, counting.

use aya::maps::{Array, HashMap, ProgramArray};
use aya::programs::{
    CgroupSkb, RawTracePoint, RawTracePointRunOptions, SchedClassifier, SocketFilter, TestRun, TestRunOptions, Xdp,
};
use aya::sys::{enable_stats, Stats};
use aya::{EbpfLoader, VerifierLogLevel};

use crate::say::{done, say, Ours};
use crate::{Step, World};

/// A frame with an IPv4 header of a protocol.
pub fn packet(protocol: u8) -> [u8; 64] {
    let mut frame = [0; 64];
    frame[12..14].copy_from_slice(&[8, 0]);
    frame[14] = 0x45;
    frame[23] = protocol;
    frame
}

fn tail_calls(bpf: &mut aya::Ebpf) -> Step {
    let run = |bpf: &aya::Ebpf| {
        let program: &Xdp = bpf.program("jump").unwrap().try_into().unwrap();
        say("jump", program.test_run(TestRunOptions { data_in: Some(&packet(6)), ..Default::default() }).map(|r| r.return_value));
    };
    for name in ["jump", "landed"] {
        let program: &mut Xdp = bpf.program_mut(name).unwrap().try_into()?;
        program.load()?;
    }
    let mut jumps = ProgramArray::try_from(bpf.take_map("jumps").unwrap())?;
    run(bpf);
    let landed: &Xdp = bpf.program("landed").unwrap().try_into()?;
    say("set", jumps.set(0, landed.fd()?, 0));
    say("set too far", jumps.set(4, landed.fd()?, 0));
    println!("indices: {:?}", jumps.indices().flatten().collect::<Vec<_>>());
    run(bpf);
    let table: Array<_, u64> = Array::try_from(bpf.map("table").unwrap())?;
    println!("landed: {:?}", table.get(&3, 0)?);
    let classify: &mut SchedClassifier = bpf.program_mut("classify").unwrap().try_into()?;
    classify.load()?;
    say("set of another type", jumps.set(1, classify.fd()?, 0));
    say("clear", jumps.clear_index(&0));
    say("clear again", jumps.clear_index(&0));
    run(bpf);
    Ok(())
}

fn packets(bpf: &mut aya::Ebpf) -> Step {
    let mut out = [0; 128];
    let program: &mut Xdp = bpf.program_mut("count").unwrap().try_into()?;
    program.load()?;
    let frame = packet(1);
    let opts = TestRunOptions { data_in: Some(&frame), data_out: Some(&mut out), repeat: 5, ..Default::default() };
    let got = program.test_run(opts)?;
    println!("XDP: {} {} {}", got.return_value, got.data_size_out, out[..64] == frame);
    let mut little = [0; 10];
    let opts = TestRunOptions { data_in: Some(&frame), data_out: Some(&mut little), ..Default::default() };
    say("XDP, too little room", program.test_run(opts).map(|r| r.return_value));
    say("XDP, runt", program.test_run(TestRunOptions { data_in: Some(&[0; 13]), ..Default::default() }).map(|r| r.return_value));
    say("XDP, nothing", program.test_run(TestRunOptions::default()).map(|r| r.return_value));
    let ctx = [0u8; 24];
    let opts = TestRunOptions { data_in: Some(&frame), ctx_in: Some(&ctx[..20]), ..Default::default() };
    say("XDP, bad context", program.test_run(opts).map(|r| r.return_value));

    let program: &mut SchedClassifier = bpf.program_mut("classify").unwrap().try_into()?;
    say("classifier", program.test_run(TestRunOptions { data_in: Some(&frame), ..Default::default() }).map(|r| r.return_value));
    let program: &mut SocketFilter = bpf.program_mut("take_none").unwrap().try_into()?;
    program.load()?;
    say("socket filter", program.test_run(TestRunOptions { data_in: Some(&frame), ..Default::default() }).map(|r| r.return_value));
    let program: &mut CgroupSkb = bpf.program_mut("watch_in").unwrap().try_into()?;
    program.load()?;
    say("cgroup", program.test_run(TestRunOptions { data_in: Some(&frame), ..Default::default() }).map(|r| r.return_value));
    let program: &mut RawTracePoint = bpf.program_mut("enter").unwrap().try_into()?;
    program.load()?;
    say("raw tracepoint", program.test_run(RawTracePointRunOptions::default()).map(|r| r.return_value));
    say("raw tracepoint, on CPU 0", program.test_run(RawTracePointRunOptions { cpu: Some(0), ..Default::default() }).map(|r| r.return_value));
    say("raw tracepoint, on no CPU", program.test_run(RawTracePointRunOptions { cpu: Some(70000), ..Default::default() }).map(|r| r.return_value));

    let map: HashMap<_, u32, u64> = HashMap::try_from(bpf.map("counters").unwrap())?;
    let mut all = map.iter().collect::<Result<Vec<_>, _>>()?;
    all.sort();
    println!("counted: {all:?}");
    let total: Array<_, u64> = Array::try_from(bpf.map(".bss").unwrap())?;
    say("total", total.get(&0, 0));
    Ok(())
}

fn infos(bpf: &aya::Ebpf) -> Step {
    let mut programs: Vec<_> = bpf.programs().collect();
    programs.sort_by_key(|p| p.0);
    for (name, program) in programs {
        let Ok(info) = program.info() else {
            println!("program {name}: not loaded");
            continue;
        };
        let mut maps = info.map_ids()?.unwrap_or_default().len();
        if maps > 0 && info.btf_id().is_none() {
            maps = 0;
        }
        println!(
            "program {name}: {:?} {:?}, gpl {:?}, {maps} maps, {:?} instructions verified, translated {}, by us {}, tag {:016x}, memory {}",
            info.name_as_str(),
            info.program_type(),
            info.gpl_compatible(),
            info.verified_instruction_count(),
            info.size_translated().is_some(),
            info.created_by_uid() == Some(unsafe { libc::getuid() }),
            info.tag(),
            info.memory_locked()?,
        );
        println!("program {name}: loaded lately: {}", info.loaded_at().is_some_and(|t| t.elapsed().is_ok_and(|d| d.as_secs() < 600)));
    }
    Ok(())
}

pub fn programs(world: &World) -> Step {
    let mut bpf = EbpfLoader::new()
        .default_map_pin_directory(&world.dir)
        .override_global("answer", &4242u64, true)
        .load_file(&world.object)?;

    tail_calls(&mut bpf)?;
    packets(&mut bpf)?;
    infos(&bpf)?;
    let mut ours = Ours::default();
    ours.add_all(&bpf, "");
    ours.say("loaded", bpf.maps().count() + 1, 7, 0);

    let program: &mut Xdp = bpf.program_mut("refused").unwrap().try_into()?;
    say("refused", program.load());
    for level in [VerifierLogLevel::DISABLE, VerifierLogLevel::STATS] {
        let mut bpf = EbpfLoader::new()
            .default_map_pin_directory(&world.dir)
            .verifier_log_level(level)
            .load_file(&world.object)?;
        let program: &mut Xdp = bpf.program_mut("refused").unwrap().try_into()?;
        say("refused, less is said", program.load());
    }
    std::fs::remove_file(world.pin("shared"))?;
    Ok(())
}

/// Runs are counted while somebody wants them to be.
pub fn stats(world: &World) -> Step {
    let mut bpf = world.load()?;
    let program: &mut Xdp = bpf.program_mut("count").unwrap().try_into()?;
    program.load()?;
    let run = |program: &Xdp| program.test_run(TestRunOptions { data_in: Some(&packet(1)), repeat: 10, ..Default::default() });

    let wanted = done("stats", enable_stats(Stats::RunTime));
    let before = program.info()?.run_count();
    run(program)?;
    let info = program.info()?;
    println!("counted: {} {}", info.run_count() - before, info.run_time().as_nanos() > 0);
    drop(wanted);
    std::fs::remove_file(world.pin("shared"))?;
    Ok(())
}
