// SPDX-License-Identifier: BSD-2-Clause

//! Programs: what is known of them, their runs, tail calls, counting.

use std::error::Error;

use aya::maps::{Array, HashMap, MapData, ProgramArray};
use aya::programs::{
    CgroupSkb, ProgramError, RawTracePoint, RawTracePointRunOptions, SchedClassifier, SocketFilter, TestRun,
    TestRunOptions, TestRunResult, Xdp,
};
use aya::sys::{enable_stats, Stats};
use aya::{EbpfLoader, VerifierLogLevel};

use crate::say::{done, say, Ours};
use crate::{Step, World};

/// A run's options: a frame, once.
fn with(frame: &[u8]) -> TestRunOptions<'_> {
    TestRunOptions { data_in: Some(frame), ..Default::default() }
}

/// The program's answer.
fn answer(run: Result<TestRunResult, ProgramError>) -> Result<u32, ProgramError> {
    run.map(|r| r.return_value)
}

fn enter_on(program: &RawTracePoint, cpu: Option<u32>) -> Result<u32, ProgramError> {
    program.test_run(RawTracePointRunOptions { cpu, ..Default::default() }).map(|r| r.return_value)
}

/// A frame with an IPv4 header of a protocol.
pub fn packet(protocol: u8) -> [u8; 64] {
    let mut frame = [0; 64];
    frame[12..14].copy_from_slice(&[8, 0]);
    frame[14] = 0x45;
    frame[23] = protocol;
    frame
}

fn tail_calls(bpf: &mut aya::Ebpf) -> Result<ProgramArray<MapData>, Box<dyn Error>> {
    let run = |bpf: &aya::Ebpf| {
        let program: &Xdp = bpf.program("jump").unwrap().try_into().unwrap();
        say("jump", answer(program.test_run(with(&packet(6)))));
    };
    for name in ["jump", "landed"] {
        let program: &mut Xdp = bpf.program_mut(name).unwrap().try_into()?;
        program.load()?;
    }
    let mut jumps: ProgramArray<MapData> = ProgramArray::try_from(bpf.take_map("jumps").unwrap())?;
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
    Ok(jumps)
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
    say("XDP, too little room", answer(program.test_run(opts)));
    say("XDP, runt", answer(program.test_run(with(&[0; 13]))));
    say("XDP, nothing", answer(program.test_run(TestRunOptions::default())));
    let ctx = [0u8; 24];
    let opts = TestRunOptions { data_in: Some(&frame), ctx_in: Some(&ctx[..20]), ..Default::default() };
    say("XDP, bad context", answer(program.test_run(opts)));

    let program: &mut SchedClassifier = bpf.program_mut("classify").unwrap().try_into()?;
    say("classifier", answer(program.test_run(with(&frame))));
    let program: &mut SocketFilter = bpf.program_mut("take_none").unwrap().try_into()?;
    program.load()?;
    say("socket filter", answer(program.test_run(with(&frame))));
    let program: &mut CgroupSkb = bpf.program_mut("watch_in").unwrap().try_into()?;
    program.load()?;
    say("cgroup", answer(program.test_run(with(&frame))));
    let program: &mut RawTracePoint = bpf.program_mut("enter").unwrap().try_into()?;
    program.load()?;
    say("raw tracepoint", enter_on(program, None));
    say("raw tracepoint, on CPU 0", enter_on(program, Some(0)));
    say("raw tracepoint, on no CPU", enter_on(program, Some(70000)));

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
        println!(
            "program {name}: {:?} {:?}, gpl {:?}, tag {:016x}, memory {}",
            info.name_as_str(),
            info.program_type(),
            info.gpl_compatible(),
            info.tag(),
            info.memory_locked()?,
        );
        println!(
            "program {name}: {} maps, {:?} instructions verified, translated {}, types {}",
            info.map_ids()?.unwrap_or_default().len(),
            info.verified_instruction_count(),
            info.size_translated().is_some(),
            info.btf_id().is_some(),
        );
        println!(
            "program {name}: by us {}, lately {}",
            info.created_by_uid() == Some(unsafe { libc::getuid() }),
            info.loaded_at().is_some_and(|t| t.elapsed().is_ok_and(|d| d.as_secs() < 600)),
        );
    }
    Ok(())
}

pub fn programs(world: &World) -> Step {
    let mut bpf = EbpfLoader::new()
        .default_map_pin_directory(&world.dir)
        .override_global("answer", &4242u64, true)
        .load_file(&world.object)?;

    let jumps = tail_calls(&mut bpf)?;
    packets(&mut bpf)?;
    infos(&bpf)?;
    let mut ours = Ours::default();
    ours.add_all(&bpf, "");
    ours.say("loaded", bpf.maps().count(), 7, 0);
    drop(jumps);

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
    let run = |program: &Xdp| program.test_run(TestRunOptions { repeat: 10, ..with(&packet(1)) }).map(|_| ());

    let wanted = done("stats", enable_stats(Stats::RunTime));
    let before = program.info()?.run_count();
    run(program)?;
    let info = program.info()?;
    println!("counted: {} {}", info.run_count() - before, info.run_time().as_nanos() > 0);
    drop(wanted);
    std::fs::remove_file(world.pin("shared"))?;
    Ok(())
}
