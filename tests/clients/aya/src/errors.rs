// SPDX-License-Identifier: BSD-2-Clause

//! What goes wrong, and in which words.

use aya::maps::{Array, HashMap, LpmTrie, MapData, MapInfo, PerCpuHashMap, Queue};
use aya::programs::{Extension, KProbe, ProgramError, SchedClassifier, TestRun, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};

use crate::say::{done, say};
use crate::{Step, World};

fn kinds(bpf: &mut Ebpf) -> Step {
    let map = bpf.map("counters").unwrap();
    say("key size", HashMap::<_, u64, u64>::try_from(map).map(|_| ()));
    say("value size", HashMap::<_, u32, u32>::try_from(map).map(|_| ()));
    say("not an array", Array::<_, u64>::try_from(map).map(|_| ()));
    say("not per CPU", PerCpuHashMap::<_, u32, u64>::try_from(map).map(|_| ()));
    say("not a trie", LpmTrie::<_, u32, u64>::try_from(map).map(|_| ()));
    say("queue's value", Queue::<_, u64>::try_from(bpf.map("line").unwrap()).map(|_| ()));
    println!("missing map: {}", bpf.map("missing").is_none() && bpf.map_mut("missing").is_none());
    println!("missing program: {}", bpf.program("missing").is_none());
    let [a, b, none] = bpf.maps_disjoint_mut(["counters", "line", "missing"]);
    println!("disjoint: {} {} {}", a.is_some(), b.is_some(), none.is_none());
    let program = bpf.program_mut("count").unwrap();
    say::<(), ProgramError>("not a classifier", <&mut SchedClassifier>::try_from(&mut *program).map(|_| ()));
    say::<(), ProgramError>("not a kprobe", <&mut KProbe>::try_from(&mut *program).map(|_| ()));
    let xdp: &mut Xdp = program.try_into()?;
    say("run before load", xdp.test_run(TestRunOptions::default()).map(|r| r.return_value));
    say("unload before load", xdp.unload());
    say("fd before load", xdp.fd().map(|_| ()));
    Ok(())
}

fn loading(world: &World) -> Step {
    let loader = || {
        let mut l = EbpfLoader::new();
        l.default_map_pin_directory(&world.dir);
        l
    };
    done("no file", loader().load_file("/nonexistent/aya.o"));
    done("no object", loader().load(b"not an object at all"));
    done("no entries", loader().map_max_entries("counters", 0).load_file(&world.object));
    done("too many entries", loader().map_max_entries("counters", u32::MAX).load_file(&world.object));
    done("odd ring", loader().map_max_entries("events", 5000).load_file(&world.object));
    done("a global that is not there", loader().override_global("nothing", &1u32, true).load_file(&world.object));
    done("a global of another size", loader().override_global("step", &1u64, true).load_file(&world.object));
    done("a global that need not be there", loader().override_global("nothing", &1u32, false).load_file(&world.object));
    let mut bpf = loader().extension("count").load_file(&world.object)?;
    let program: &mut Extension = bpf.program_mut("count").unwrap().try_into()?;
    let mut target = world.load()?;
    let xdp: &mut Xdp = target.program_mut("landed").unwrap().try_into()?;
    xdp.load()?;
    say("extension of what is not there", program.load(xdp.fd()?.try_clone()?, "missing"));
    Ok(())
}

pub fn all(world: &World) -> Step {
    let mut bpf = world.load()?;

    kinds(&mut bpf)?;
    loading(world)?;
    say("no such id", MapInfo::from_id(0x7fff_ffff).map(|i| i.id()));
    say("no such id", MapData::from_id(0x7fff_ffff).map(|_| ()));
    say("from no map", MapData::from_fd(std::fs::File::open("/dev/null")?.into()).map(|_| ()));
    say("a pin outside", bpf.map("counters").unwrap().pin("/tmp/counters"));
    say("a pin nowhere", bpf.map("counters").unwrap().pin(world.pin("none/counters")));
    say("a pin with a dot", bpf.map("counters").unwrap().pin(world.pin("a.b")));
    say("a pin with a NUL", bpf.map("counters").unwrap().pin("/sys/fs/bpf/a\0b"));
    say("a pin with a long name", bpf.map("counters").unwrap().pin(world.pin(&"n".repeat(256))).map_err(|e| {
        std::io::Error::other(crate::say::reasons(&e))
    }));
    std::fs::remove_file(world.pin("shared"))?;
    Ok(())
}
