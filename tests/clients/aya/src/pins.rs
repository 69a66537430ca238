// SPDX-License-Identifier: BSD-2-Clause

//! Pins: the program that is run twice, another process that reads, what goes with the `Ebpf` struct and what stays.

use std::error::Error;
use std::io::ErrorKind;
use std::path::Path;

use aya::maps::{Array, HashMap, Map, MapData, MapInfo};
use aya::pin::PinError;
use aya::programs::{ProgramInfo, TestRun, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};
use aya_obj::programs::XdpAttachType;

use crate::runs::packet;
use crate::say::{done, ls, map_info, reasons, say, Ours};
use crate::{Step, World};

fn exists(e: &PinError) -> bool {
    matches!(e, PinError::SyscallError(e) if e.io_error.kind() == ErrorKind::AlreadyExists)
}

/// As documentation has it: pin, and if somebody has been here, take what is there.
fn pin_or_take(map: &Map, path: &Path) -> Result<MapData, Box<dyn Error>> {
    match map.pin(path) {
        Ok(()) => println!("pin of the map: made"),
        Err(e) => println!("pin of the map: there already: {}: {}", exists(&e), reasons(&e)),
    }
    Ok(MapData::from_pin(path)?)
}

fn run_count(program: &Xdp, times: u32) -> Step {
    let opts = TestRunOptions { data_in: Some(&packet(17)), repeat: times, ..Default::default() };
    println!("run: {}", program.test_run(opts)?.return_value);
    Ok(())
}

/// To be run twice (and more often): the second one finds the pins of the first.
pub fn first(world: &World) -> Step {
    println!("counters there: {}", world.pin("counters").exists());
    println!("program there: {}", world.pin("count").exists());
    let mut bpf = EbpfLoader::new()
        .default_map_pin_directory(&world.dir)
        .map_pin_path("table", world.pin("table-by-path"))
        .override_global("step", &10u32, true)
        .load_file(&world.object)?;

    let mut table: Array<_, u64> = Array::try_from(bpf.map_mut("table").unwrap())?;
    let runs = table.get(&0, 0)? + 1;
    table.set(0, &runs, 0)?;
    println!("runs by map_pin_path: {runs}");
    let shared: HashMap<_, u32, u64> = HashMap::try_from(bpf.map("shared").unwrap())?;
    println!("shared by its name: {:?}", shared.iter().flatten().collect::<Vec<_>>());

    let reused = pin_or_take(bpf.map("counters").unwrap(), &world.pin("counters"))?;
    println!("the pin is our map: {}", reused.info()?.id() == map_info(bpf.map("counters").unwrap()).id());
    let reused: HashMap<_, u32, u64> = Map::from_map_data(reused)?.try_into()?;
    println!("counters: {:?}", reused.iter().flatten().collect::<Vec<_>>());

    let program: &mut Xdp = bpf.program_mut("count").unwrap().try_into()?;
    program.load()?;
    match program.pin(world.pin("count")) {
        Ok(()) => println!("pin of the program: made"),
        Err(e) => println!("pin of the program: there already: {}: {}", exists(&e), reasons(&e)),
    }
    run_count(program, 3)?;
    let pinned = Xdp::from_pin(world.pin("count"), XdpAttachType::Interface)?;
    println!("the pin is our program: {}", pinned.info()?.id() == program.info()?.id());
    let ours: HashMap<_, u32, u64> = HashMap::try_from(bpf.map("counters").unwrap())?;
    println!("counters of this run: {:?}", ours.iter().flatten().collect::<Vec<_>>());
    println!("pinned counters: {:?}", reused.iter().flatten().collect::<Vec<_>>());
    ls(&world.dir);
    Ok(())
}

/// Another process, without the object file: it runs the pinned program and reads.
pub fn reader(world: &World) -> Step {
    let program = Xdp::from_pin(world.pin("count"), XdpAttachType::Interface)?;
    let info = program.info()?;
    println!("program: {:?} {:?}, gpl {:?}", info.name_as_str(), info.program_type(), info.gpl_compatible());
    let mut maps = info
        .map_ids()?
        .unwrap_or_default()
        .into_iter()
        .map(|id| Ok::<_, aya::maps::MapError>(MapInfo::from_id(id)?.name_as_str().unwrap_or("?").to_owned()))
        .collect::<Result<Vec<_>, _>>()?;
    maps.sort();
    println!("its maps: {maps:?}");
    let counters: HashMap<_, u32, u64> = Map::from_map_data(MapData::from_pin(world.pin("counters"))?)?.try_into()?;
    let before = counters.get(&17, 0)?;
    run_count(&program, 1)?;
    run_count(&program, 4)?;
    println!("counted: {}", counters.get(&17, 0)? - before);
    let table: Array<_, u64> = Map::from_map_data(MapData::from_pin(world.pin("table-by-path"))?)?.try_into()?;
    say("table", table.iter().collect::<Result<Vec<_>, _>>());
    let id = MapInfo::from_pin(world.pin("shared"))?.id();
    say("by id", MapData::from_id(id).and_then(|m| Ok(m.info()?.max_entries())));
    Ok(())
}

fn load_with(world: &World, what: &str, loader: &mut EbpfLoader<'_>) -> Option<Ebpf> {
    done(what, loader.default_map_pin_directory(&world.dir).load_file(&world.object))
}

/// Pins that do not fit the object.
pub fn incompatible(world: &World) -> Step {
    load_with(world, "another size", EbpfLoader::new().map_max_entries("shared", 17));
    load_with(world, "another map", EbpfLoader::new().map_pin_path("counters", world.pin("table-by-path")));
    load_with(world, "a program", EbpfLoader::new().map_pin_path("counters", world.pin("count")));
    load_with(world, "no such directory", EbpfLoader::new().map_pin_path("counters", world.pin("none/counters")));
    load_with(world, "no bpffs", EbpfLoader::new().map_pin_path("counters", Path::new("/proc/counters")));
    load_with(world, "a name with a dot", EbpfLoader::new().map_pin_path(".data", world.pin("x.data")));
    load_with(world, "frozen data, first", EbpfLoader::new().map_pin_path(".rodata", world.pin("rodata")));
    load_with(world, "frozen data, again", EbpfLoader::new().map_pin_path(".rodata", world.pin("rodata")));
    std::fs::remove_file(world.pin("rodata"))?;

    let map = MapData::from_pin(world.pin("count"));
    say("a program as a map", map.map(|m| m.info().map(|i| i.map_type().is_ok()).is_ok()));
    say("a map as a program", Xdp::from_pin(world.pin("counters"), XdpAttachType::Interface).map(|_| ()));
    say("no pin", MapData::from_pin(world.pin("none")).map(|_| ()));
    say("no pin of a program", ProgramInfo::from_pin(world.pin("none")).map(|_| ()));
    say("a directory", MapData::from_pin(&world.dir).map(|_| ()));
    say("an ordinary file", MapData::from_pin("/proc/self/stat").map(|_| ()));
    ls(&world.dir);
    Ok(())
}

pub fn unpin(world: &World) -> Step {
    let mut program = Xdp::from_pin(world.pin("count"), XdpAttachType::Interface)?;
    println!("program unpin: {:?}", program.unpin());
    println!("there: {}", world.pin("count").exists());
    println!("runs without its pin:");
    run_count(&program, 1)?;
    say("pin again", program.pin(world.pin("count-again")));
    println!("unpin: {:?}", program.unpin());
    println!("unpin twice: {:?}", program.unpin());
    for name in ["counters", "shared", "table-by-path"] {
        std::fs::remove_file(world.pin(name))?;
    }
    ls(&world.dir);
    Ok(())
}

/// What is dropped goes; what is pinned, or held by what is pinned, stays.
pub fn raii(world: &World) -> Step {
    let mut ours = Ours::default();
    let mut bpf = world.load()?;
    let all = bpf.maps().count();
    for name in ["count", "use_all", "landed"] {
        let program: &mut Xdp = bpf.program_mut(name).unwrap().try_into()?;
        program.load()?;
    }
    ours.add_all(&bpf, "");
    ours.say("loaded", all, 3, 0);
    let program: &mut Xdp = bpf.program_mut("landed").unwrap().try_into()?;
    say("unload", program.unload());
    ours.say("one unloaded", all, 2, 0);
    let program: &mut Xdp = bpf.program_mut("count").unwrap().try_into()?;
    program.pin(world.pin("kept"))?;
    bpf.map("line").unwrap().pin(world.pin("kept-line"))?;
    let taken = bpf.take_map("pile").unwrap();
    println!("taken twice: {}", bpf.take_map("pile").is_none());
    // A kernel 6.18 may keep a program array for ever that is listed while it is emptied: this one stays to the end.
    let _jumps = bpf.take_map("jumps");
    drop(bpf);
    // The program's maps, those that are pinned, those that were taken.
    ours.say("dropped", 7, 1, 0);
    drop(taken);
    ours.say("the taken one, too", 6, 1, 0);
    std::fs::remove_file(world.pin("kept"))?;
    ours.say("the program's pin removed", 3, 0, 0);
    std::fs::remove_file(world.pin("kept-line"))?;
    std::fs::remove_file(world.pin("shared"))?;
    ours.say("all pins removed", 1, 0, 0);

    let mut bpf = world.load()?;
    let program = bpf.program_mut("count").unwrap();
    say("pin before load", program.pin(world.pin("early")));
    let xdp: &mut Xdp = program.try_into()?;
    xdp.load()?;
    say("load twice", xdp.load());
    std::fs::remove_file(world.pin("shared"))?;
    ls(&world.dir);
    Ok(())
}
