// SPDX-License-Identifier: BSD-2-Clause
//! What users of libbpf-rs do: a skeleton made by libbpf-cargo, data sections, maps of several kinds, pins,
//! a ring buffer, links.
//!
//! ```text
//! libbpf-rs first DIR     loads, runs, pins all in DIR
//! libbpf-rs second DIR    again: finds the pins, reuses the maps, sees what stands in the way
//! libbpf-rs plain DIR     maps without an object; ObjectBuilder
//! ```
//!
//! The output holds no ids, so it is the same on a kernel and under pinfs.

mod story {
    include!(concat!(env!("OUT_DIR"), "/story.skel.rs"));
}

use libbpf_rs as rs;
use libbpf_rs::query::{LinkTypeInfo, MapInfoIter, ProgInfoIter};
use libbpf_rs::skel::{OpenSkel, SkelBuilder};
use libbpf_rs::{Link, MapCore, MapFlags, MapHandle, MapType, ObjectBuilder, ProgramInput, RingBufferBuilder};
use std::mem::MaybeUninit;
use std::path::Path;
use std::time::Duration;
use story::*;

fn key(n: u32) -> [u8; 4] {
    n.to_ne_bytes()
}

fn word(b: &[u8]) -> u64 {
    let mut all = [0u8; 8];
    all[..b.len().min(8)].copy_from_slice(&b[..b.len().min(8)]);
    u64::from_ne_bytes(all)
}

fn say<T: std::fmt::Debug>(what: &str, r: rs::Result<T>) {
    match r {
        Ok(v) => println!("{what}: {v:?}"),
        Err(e) => println!("{what}: {:?}, {e}", e.kind()),
    }
}

fn shape(m: &impl MapCore) -> String {
    format!("{:?} {:?} key {} value {} max {}", m.name(), m.map_type(), m.key_size(), m.value_size(), m.max_entries())
}

fn sorted(m: &impl MapCore) -> Vec<(u64, u64)> {
    let mut all: Vec<_> = m
        .keys()
        .map(|k| (word(&k), m.lookup(&k, MapFlags::ANY).ok().flatten().map_or(0, |v| word(&v))))
        .collect();
    all.sort();
    all
}

fn packet(first: u8, len: usize) -> Vec<u8> {
    let mut p = vec![0; len];
    p[0] = first;
    p
}

fn run(p: &rs::ProgramMut<'_>, data: &[u8]) -> rs::Result<u32> {
    let mut out = vec![0; 256];
    p.test_run(ProgramInput { data_in: Some(data), data_out: Some(&mut out), ..Default::default() })
        .map(|o| o.return_value)
}

fn maps(skel: &StorySkel<'_>) -> rs::Result<()> {
    let m = &skel.maps;
    for n in [shape(&m.counters), shape(&m.per_cpu), shape(&m.events), shape(&m.queue)] {
        println!("{n}");
    }
    println!("counters: {:?}", sorted(&m.counters));
    say("update", m.counters.update(&key(500), &7u64.to_ne_bytes(), MapFlags::NO_EXIST));
    say("update, not there", m.counters.update(&key(501), &7u64.to_ne_bytes(), MapFlags::EXIST));
    say("update, there", m.counters.update(&key(500), &8u64.to_ne_bytes(), MapFlags::NO_EXIST));
    say("update, short key", m.counters.update(&[1, 2], &8u64.to_ne_bytes(), MapFlags::ANY));
    say("lookup", m.counters.lookup(&key(500), MapFlags::ANY));
    say("lookup, not there", m.counters.lookup(&key(501), MapFlags::ANY));
    say("lookup and delete", m.counters.lookup_and_delete(&key(500)));
    say("delete", m.counters.delete(&key(500)));
    let keys: Vec<u8> = (600..603).flat_map(key).collect();
    let values: Vec<u8> = (0..3u64).flat_map(|v| v.to_ne_bytes()).collect();
    say("update batch", m.counters.update_batch(&keys, &values, 3, MapFlags::ANY, MapFlags::ANY));
    let mut batch: Vec<_> =
        m.counters.lookup_batch(8, MapFlags::ANY, MapFlags::ANY)?.map(|(k, v)| (word(&k), word(&v))).collect();
    batch.sort();
    println!("lookup batch: {batch:?}");
    say("delete batch", m.counters.delete_batch(&keys, 3, MapFlags::ANY, MapFlags::ANY));
    let cpus = m.per_cpu.lookup_percpu(&key(0), MapFlags::ANY)?.unwrap_or_default();
    println!("per CPU: {} in all", cpus.iter().map(|v| word(v)).sum::<u64>());
    let all: Vec<Vec<u8>> = cpus.iter().map(|_| 3u64.to_ne_bytes().to_vec()).collect();
    say("update per CPU", m.per_cpu.update_percpu(&key(1), &all, MapFlags::ANY));
    say("per CPU, one value", m.per_cpu.update(&key(1), &3u64.to_ne_bytes(), MapFlags::ANY));
    for n in 1..6u32 {
        say("push", m.queue.update(&[], &key(n), MapFlags::ANY));
    }
    say("peek", m.queue.lookup(&[], MapFlags::ANY));
    say("pop", m.queue.lookup_and_delete(&[]));
    Ok(())
}

fn ring(skel: &StorySkel<'_>) -> rs::Result<()> {
    let mut seen = Vec::new();
    {
        let mut b = RingBufferBuilder::new();
        b.add(&skel.maps.events, |d: &[u8]| {
            seen.push((word(&d[..8]), word(&d[8..12]), word(&d[12..16])));
            0
        })?;
        let ring = b.build()?;
        say("poll", ring.poll(Duration::from_millis(100)));
        say("poll, nothing there", ring.poll(Duration::from_millis(10)));
        for first in [9, 8] {
            say("run", run(&skel.progs.count, &packet(first, 60)));
        }
        println!("consumed {}", ring.consume_raw());
        run(&skel.progs.count, &packet(7, 50))?;
        println!("poll_raw {}", ring.poll_raw(Duration::from_secs(5)));
    }
    println!("records: {seen:?}");
    let mut b = RingBufferBuilder::new();
    println!("not a ring: {:?}", b.add(&skel.maps.counters, |_: &[u8]| 0).err().map(|e| e.kind()));
    Ok(())
}

fn links(skel: &mut StorySkel<'_>, dir: &Path) -> rs::Result<()> {
    let path = dir.join("link");
    let mut link = skel.progs.count.attach_xdp(1)?;
    say("second link", skel.progs.count_and_drop.attach_xdp(1).map(|_| ()));
    say("update", link.update_prog(&skel.progs.count_and_drop));
    match link.info()?.info {
        LinkTypeInfo::Xdp(x) => println!("link: XDP at {}", x.ifindex),
        other => println!("link: {other:?}"),
    }
    say("pin", link.pin(&path));
    println!("pin path {:?}", link.pin_path());
    drop(link);
    say("after drop", skel.progs.count.attach_xdp(1).map(|_| ()));
    let mut link = Link::open(&path)?;
    say("detach", link.detach());
    say("free again", skel.progs.count.attach_xdp(1).map(|_| ()));
    say("unpin", link.unpin());
    say("open", Link::open(&path).map(|_| ()));
    say("attach by section", skel.progs.count.attach().map(|_| ()));
    Ok(())
}

fn mine(name: &std::ffi::OsStr) -> bool {
    ["counters", "per_cpu", "events", "queue", "count", "count_and_drop"].iter().any(|n| name == *n)
}

fn first(dir: &Path) -> rs::Result<()> {
    let mut room = MaybeUninit::uninit();
    let mut open = StorySkelBuilder::default().open(&mut room)?;
    open.maps.rodata_data.as_mut().unwrap().longest = 100;
    open.maps.data_data.as_mut().unwrap().start = 1000;
    let mut skel = open.load()?;
    for (first, len) in [(1, 60), (2, 60), (1, 100), (3, 101)] {
        say("run", run(&skel.progs.count, &packet(first, len)));
    }
    println!("packets {}", skel.maps.bss_data.as_ref().unwrap().packets);
    maps(&skel)?;
    ring(&skel)?;
    links(&mut skel, dir)?;
    say("pin map", skel.maps.counters.pin(dir.join("counters")));
    println!("is pinned {} {:?}", skel.maps.counters.is_pinned(), skel.maps.counters.get_pin_path());
    say("pin it there again", skel.maps.counters.pin(dir.join("counters")));
    say("pin it elsewhere", skel.maps.counters.pin(dir.join("elsewhere")));
    say("pin another there", skel.maps.queue.pin(dir.join("counters")));
    say("pin outside", skel.maps.queue.pin("/tmp/no-bpffs"));
    say("pin program", skel.progs.count.pin(dir.join("count")));
    let mut names: Vec<_> = MapInfoIter::default().filter(|m| mine(&m.name)).map(|m| m.name).collect();
    names.sort();
    names.dedup(); // a kernel has other people's, too
    println!("maps {names:?}");
    let mut names: Vec<_> = ProgInfoIter::default().filter(|p| mine(&p.name)).map(|p| p.name).collect();
    names.sort();
    names.dedup(); // a kernel has other people's, too
    println!("programs {names:?}");
    Ok(())
}

fn second(dir: &Path) -> rs::Result<()> {
    let old = MapHandle::from_pinned_path(dir.join("counters"))?;
    println!("{} {:?}", shape(&old), sorted(&old));
    let mut room = MaybeUninit::uninit();
    let mut open = StorySkelBuilder::default().open(&mut room)?;
    say("reuse another map's", open.maps.queue.reuse_pinned_map(dir.join("counters")));
    say("reuse nothing", open.maps.counters.reuse_pinned_map(dir.join("nothing")));
    let mut room2 = MaybeUninit::uninit();
    let mut open = StorySkelBuilder::default().open(&mut room2)?;
    say("reuse", open.maps.counters.reuse_pinned_map(dir.join("counters")));
    say("set pin path", open.maps.queue.set_pin_path(dir.join("queue")));
    let mut skel = open.load()?;
    say("run", run(&skel.progs.count, &packet(1, 60)));
    println!("{:?}", sorted(&old));
    println!("the same map: {}", old.info()?.info.id == skel.maps.counters.info()?.info.id);
    say("pin program", skel.progs.count.pin(dir.join("count")));
    say("unpin program", skel.progs.count.unpin(dir.join("count")));
    say("unpin map", skel.maps.counters.unpin(dir.join("counters")));
    say("open", MapHandle::from_pinned_path(dir.join("counters")).map(|m| shape(&m)));
    say("pinned by load", MapHandle::from_pinned_path(dir.join("queue")).map(|m| shape(&m)));
    Ok(())
}

fn plain_maps(dir: &Path) -> rs::Result<()> {
    let opts = rs::libbpf_sys::bpf_map_create_opts {
        sz: std::mem::size_of::<rs::libbpf_sys::bpf_map_create_opts>() as _,
        ..Default::default()
    };
    let mut m = MapHandle::create(MapType::Array, Some("by_hand"), 4, 8, 3, &opts)?;
    println!("{}", shape(&m));
    say("update", m.update(&key(2), &9u64.to_ne_bytes(), MapFlags::ANY));
    say("beyond", m.update(&key(3), &9u64.to_ne_bytes(), MapFlags::ANY));
    println!("{:?}", sorted(&m));
    say("pin", m.pin(dir.join("by_hand")));
    say("again", m.pin(dir.join("by_hand")));
    say("by id", MapHandle::from_map_id(m.info()?.info.id).map(|m| shape(&m)));
    say("no such id", MapHandle::from_map_id(u32::MAX - 1).map(|_| ()));
    say("freeze", m.freeze());
    say("update", m.update(&key(2), &9u64.to_ne_bytes(), MapFlags::ANY));
    say("unpin", m.unpin(dir.join("by_hand")));
    say("bad", MapHandle::create(MapType::Hash, Some("bad"), 0, 8, 3, &opts).map(|_| ()));
    for t in [MapType::Hash, MapType::RingBuf, MapType::Arena, MapType::StructOps] {
        say(&format!("{t:?} is there"), t.is_supported());
    }
    Ok(())
}

fn builder(dir: &Path, object: &str) -> rs::Result<()> {
    let open = ObjectBuilder::default().name("named")?.open_file(object)?;
    println!("{:?}: maps {:?}", open.name(), open.maps().map(|m| m.name().to_owned()).collect::<Vec<_>>());
    let mut o = open.load()?;
    for p in o.progs_mut() {
        println!("{:?} {:?} {:?}", p.name(), p.section(), p.prog_type());
    }
    for mut m in o.maps_mut() {
        let name = m.name().to_owned();
        say("pin", m.pin(dir.join(&name)));
        say("unpin", m.unpin(dir.join(&name)));
    }
    Ok(())
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let dir = Path::new(&args[2]);
    rs::set_print(None);
    let r = match args[1].as_str() {
        "first" => first(dir),
        "second" => second(dir),
        _ => plain_maps(dir).and_then(|_| builder(dir, &args[3])),
    };
    if let Err(e) = r {
        println!("failed: {:?}, {e:?}", e.kind());
        std::process::exit(1);
    }
}
