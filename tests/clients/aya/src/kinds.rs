// SPDX-License-Identifier: BSD-2-Clause

//! The map types of aya: from the outside, then with a program that uses each of them once.

use aya::maps::lpm_trie::Key;
use aya::maps::{
    Array, ArrayOfMaps, BloomFilter, HashMap, HashOfMaps, LpmTrie, MapData, PerCpuArray, PerCpuHashMap, PerCpuValues,
    Queue, RingBuf, Stack,
};
use aya::programs::{TestRun, TestRunOptions, Xdp};
use aya::util::nr_cpus;
use aya::Ebpf;

use crate::say::{done, map_info, say};
use crate::{Step, World};

const BPF_NOEXIST: u64 = 1;
const BPF_EXIST: u64 = 2;

fn info(bpf: &Ebpf) {
    let mut maps: Vec<_> = bpf.maps().collect();
    maps.sort_by_key(|m| m.0);
    for (name, map) in maps {
        let i = map_info(map);
        println!(
            "map {name}: {:?} {:?} key {} value {} entries {} flags {:#x}",
            i.name_as_str(),
            i.map_type(),
            i.key_size(),
            i.value_size(),
            i.max_entries(),
            i.map_flags()
        );
    }
}

fn hash(bpf: &mut Ebpf) -> Step {
    let mut map: HashMap<_, u32, u64> = HashMap::try_from(bpf.map_mut("counters").unwrap())?;

    say("hash, empty", map.get(&1, 0));
    for k in 1..=5u32 {
        map.insert(&k, &u64::from(k * 10), 0)?;
    }
    say("hash, insert again", map.insert(&1, &11, BPF_NOEXIST));
    say("hash, insert what is not there", map.insert(&9, &11, BPF_EXIST));
    say("hash, bad flags", map.insert(&9, &11, 77));
    say("hash, get", map.get(&3, 0));
    say("hash, get with flags", map.get(&3, 99));
    let mut all = map.iter().collect::<Result<Vec<_>, _>>()?;
    all.sort();
    println!("hash, all: {all:?}");
    let mut keys = map.keys().collect::<Result<Vec<_>, _>>()?;
    keys.sort();
    println!("hash, keys: {keys:?}");
    say("hash, remove", map.remove(&3));
    say("hash, remove again", map.remove(&3));
    println!("hash, left: {}", map.iter().count());
    let full = (100..).find_map(|k| map.insert(&k, &0, 0).err().map(|e| (k, e))).unwrap();
    println!("hash, full at {}: {}", full.0, crate::say::reasons(&full.1));
    Ok(())
}

fn per_cpu(bpf: &mut Ebpf) -> Step {
    let n = nr_cpus().map_err(|e| e.1)?.get() as usize;
    let values = |from: u64| PerCpuValues::try_from((0..n).map(|c| from + c as u64).collect::<Vec<u64>>());
    let as_given = |got: &PerCpuValues<u64>, from: u64| got.iter().enumerate().all(|(c, v)| *v == from + c as u64);

    let mut map: PerCpuHashMap<_, u32, u64> = PerCpuHashMap::try_from(bpf.map_mut("per_cpu").unwrap())?;
    map.insert(&7, values(70)?, 0)?;
    map.insert(&8, values(80)?, 0)?;
    println!("per-CPU hash: {}", as_given(&map.get(&7, 0)?, 70) && as_given(&map.get(&8, 0)?, 80));
    say("per-CPU hash, not there", map.get(&9, 0).map(|v| v.len() == n));
    println!("per-CPU hash, all: {}", map.iter().flatten().all(|(k, v)| as_given(&v, u64::from(k) * 10)));
    say("per-CPU hash, remove", map.remove(&8));
    println!("per-CPU hash, keys: {:?}", map.keys().flatten().collect::<Vec<_>>());

    let mut map: PerCpuHashMap<_, u32, u64> = PerCpuHashMap::try_from(bpf.map_mut("recent_cpu").unwrap())?;
    map.insert(&7, values(70)?, 0)?;
    println!("per-CPU LRU hash: {}", as_given(&map.get(&7, 0)?, 70));

    let mut map: PerCpuArray<_, u64> = PerCpuArray::try_from(bpf.map_mut("cells").unwrap())?;
    map.set(0, values(5)?, 0)?;
    println!("per-CPU array: {} {}", map.len(), as_given(&map.get(&0, 0)?, 5));
    println!("per-CPU array, untouched: {}", map.get(&1, 0)?.iter().all(|v| *v == 0));
    say("per-CPU array, too far", map.get(&2, 0).map(|v| v.len()));
    say("per-CPU values, too few", PerCpuValues::try_from(vec![1u64; n + 1]).map(|v| v.len()).map_err(|e| {
        std::io::Error::new(e.kind(), "not as many as CPUs")
    }));
    Ok(())
}

fn lru(bpf: &mut Ebpf) -> Step {
    let mut map: HashMap<_, u32, u32> = HashMap::try_from(bpf.map_mut("recent").unwrap())?;

    for k in 0..100 {
        map.insert(&k, &k, 0)?;
    }
    let all = map.iter().collect::<Result<Vec<_>, _>>()?;
    println!("LRU, at most its size: {}", !all.is_empty() && all.len() <= 4);
    println!("LRU, the last one: {:?}", map.get(&99, 0)?);
    for (k, _) in all {
        map.remove(&k)?;
    }
    println!("LRU, emptied: {}", map.keys().count());
    Ok(())
}

fn lpm(bpf: &mut Ebpf) -> Step {
    let mut map: LpmTrie<_, [u8; 4], u32> = LpmTrie::try_from(bpf.map_mut("routes").unwrap())?;
    let at = |map: &LpmTrie<_, [u8; 4], u32>, a: [u8; 4]| map.get(&Key::new(32, a), 0);

    map.insert(&Key::new(8, [10, 0, 0, 0]), &8, 0)?;
    map.insert(&Key::new(16, [10, 1, 0, 0]), &16, 0)?;
    map.insert(&Key::new(24, [10, 1, 9, 0]), &24, 0)?;
    say("LPM 10.1.2.3", at(&map, [10, 1, 2, 3]));
    say("LPM 10.1.9.3", at(&map, [10, 1, 9, 3]));
    say("LPM 10.9.9.9", at(&map, [10, 9, 9, 9]));
    say("LPM 11.0.0.1", at(&map, [11, 0, 0, 1]));
    say("LPM, prefix too long", map.insert(&Key::new(33, [1, 2, 3, 4]), &1, 0));
    say("LPM, keys", map.keys().map(|k| k.map(|k| (k.prefix_len(), k.data()))).collect::<Result<Vec<_>, _>>());
    say("LPM, remove", map.remove(&Key::new(24, [10, 1, 9, 0])));
    say("LPM, remove again", map.remove(&Key::new(24, [10, 1, 9, 0])));
    say("LPM 10.1.9.3", at(&map, [10, 1, 9, 3]));
    Ok(())
}

fn lines(bpf: &mut Ebpf) -> Step {
    let mut queue: Queue<_, u32> = Queue::try_from(bpf.map_mut("line").unwrap())?;
    say("queue, empty", queue.pop(0));
    for v in [7, 8, 9, 10] {
        queue.push(&v, 0)?;
    }
    say("queue, full", queue.push(&11, 0));
    say("queue, the oldest goes", queue.push(&7, BPF_EXIST));
    for _ in 0..3 {
        say("queue", queue.pop(0));
    }
    println!("queue, capacity: {}", queue.capacity());

    let mut stack: Stack<_, u32> = Stack::try_from(bpf.map_mut("pile").unwrap())?;
    say("stack, empty", stack.pop(0));
    for v in [9, 10, 11, 12] {
        stack.push(&v, 0)?;
    }
    say("stack, full", stack.push(&13, 0));
    for _ in 0..3 {
        say("stack", stack.pop(0));
    }
    say("stack, pop with flags", stack.pop(1));
    println!("stack, capacity: {}", stack.capacity());

    let mut bloom: BloomFilter<_, u32> = BloomFilter::try_from(bpf.map_mut("seen").unwrap())?;
    say("bloom, empty", bloom.contains(&5, 0));
    say("bloom, insert", bloom.insert(&5, 0));
    say("bloom", bloom.contains(&5, 0));
    say("bloom, flags", bloom.insert(&5, 8));
    Ok(())
}

fn arrays(bpf: &mut Ebpf) -> Step {
    let mut array: Array<_, u64> = Array::try_from(bpf.map_mut("table").unwrap())?;
    array.set(2, &22, 0)?;
    say("array", array.iter().collect::<Result<Vec<_>, _>>());
    say("array, too far", array.set(4, &1, 0));
    say("array, NOEXIST", array.set(1, &1, BPF_NOEXIST));
    say("array, EXIST", array.set(1, &1, BPF_EXIST));

    for name in [".data", ".bss", ".rodata"] {
        let info = map_info(bpf.map(name).ok_or("no global data")?);
        println!("{name}: {:?}, value {}", info.name_as_str(), info.value_size());
    }
    let mut data: Array<_, u64> = Array::try_from(bpf.map_mut(".data").unwrap())?;
    say(".data", data.get(&0, 0));
    say(".data, set", data.set(0, &43, 0));
    let mut rodata: Array<_, u32> = Array::try_from(bpf.map_mut(".rodata").unwrap())?;
    say(".rodata", rodata.get(&0, 0));
    say(".rodata, set", rodata.set(0, &43, 0));
    Ok(())
}

fn in_maps(bpf: &mut Ebpf) -> Step {
    let a: Array<MapData, u64> = Array::create(2, 0)?;
    let b: Array<MapData, u64> = Array::create(2, 0)?;
    let other: Array<MapData, u32> = Array::create(2, 0)?;
    let larger: Array<MapData, u64> = Array::create(3, 0)?;

    let mut outer: ArrayOfMaps<_, Array<MapData, u64>> = bpf.map_mut("by_index").unwrap().try_into()?;
    println!("array of maps: {}", outer.len());
    say("array of maps, empty", outer.get(&0, 0).map(|m| m.len()));
    say("array of maps, set", outer.set(1, &a, 0));
    say("array of maps, larger", outer.set(0, &larger, 0));
    let mut inner = outer.get(&1, 0)?;
    inner.set(0, &1, 0)?;
    say("array of maps, the same map", a.get(&0, 0));

    let mut outer: ArrayOfMaps<_, Array<MapData, u32>> = bpf.map_mut("by_index").unwrap().try_into()?;
    say("array of maps, another kind", outer.set(0, &other, 0));
    say("array of maps, as another kind", outer.get(&1, 0).map(|m| m.len()));

    let mut outer: HashOfMaps<_, u32, Array<MapData, u64>> = bpf.map_mut("by_key").unwrap().try_into()?;
    say("hash of maps, insert", outer.insert(&1, &b, 0));
    say("hash of maps, insert", outer.insert(&2, &b, 0));
    say("hash of maps, insert again", outer.insert(&2, &b, BPF_NOEXIST));
    say("hash of maps, get", outer.get(&2, 0).map(|m| m.len()));
    say("hash of maps, remove", outer.remove(&2));
    say("hash of maps, get", outer.get(&2, 0).map(|m| m.len()));
    println!("hash of maps, keys: {:?}", outer.keys().flatten().collect::<Vec<_>>());
    Ok(())
}

/// The program's word on each map, and what it has left in them.
fn from_inside(bpf: &mut Ebpf) -> Step {
    let program: &mut Xdp = bpf.program_mut("use_all").unwrap().try_into()?;
    program.load()?;
    let mut ring = RingBuf::try_from(bpf.take_map("events").unwrap())?;
    println!("ring, empty: {}", ring.next().is_none());
    let program: &mut Xdp = bpf.program_mut("use_all").unwrap().try_into()?;
    let opts = TestRunOptions { data_in: Some(&[0; 64]), ..Default::default() };
    println!("inside: {}", program.test_run(opts)?.return_value);
    println!("ring: {:?}", ring.next().map(|i| i.to_vec()));
    println!("ring, empty: {}", ring.next().is_none());

    let map: PerCpuHashMap<_, u32, u64> = PerCpuHashMap::try_from(bpf.map("per_cpu").unwrap())?;
    println!("per-CPU hash, sum: {}", map.get(&1, 0)?.iter().sum::<u64>());
    let map: PerCpuArray<_, u64> = PerCpuArray::try_from(bpf.map("cells").unwrap())?;
    println!("per-CPU array, sum: {}", map.get(&1, 0)?.iter().sum::<u64>());
    let map: HashMap<_, u32, u32> = HashMap::try_from(bpf.map("recent").unwrap())?;
    println!("LRU: {:?}", map.iter().flatten().collect::<Vec<_>>());
    let outer: ArrayOfMaps<_, Array<MapData, u64>> = bpf.map("by_index").unwrap().try_into()?;
    println!("array of maps: {:?}", outer.get(&1, 0)?.iter().flatten().collect::<Vec<_>>());
    let outer: HashOfMaps<_, u32, Array<MapData, u64>> = bpf.map("by_key").unwrap().try_into()?;
    println!("hash of maps: {:?}", outer.get(&1, 0)?.iter().flatten().collect::<Vec<_>>());
    Ok(())
}

/// Without an object.
fn alone(world: &World) -> Step {
    let mut map: HashMap<MapData, [u8; 6], u32> = HashMap::create(4, 0)?;
    map.insert(&[1, 2, 3, 4, 5, 6], &1, 0)?;
    say("alone", map.iter().collect::<Result<Vec<_>, _>>());
    say("alone, pin", map.pin(world.pin("alone")));
    let again: HashMap<_, [u8; 6], u32> = aya::maps::Map::from_map_data(MapData::from_pin(world.pin("alone"))?)?.try_into()?;
    say("alone, from its pin", again.get(&[1, 2, 3, 4, 5, 6], 0));
    std::fs::remove_file(world.pin("alone"))?;
    say("alone, LPM without NO_PREALLOC", LpmTrie::<MapData, [u8; 4], u32>::create(4, 0).map(|_| ()));
    say("alone, empty", Queue::<MapData, u32>::create(0, 0).map(|_| ()));
    done("alone, ring", RingBuf::<MapData>::create(8192, 0));
    say("alone, odd ring", RingBuf::<MapData>::create(5000, 0).map(|_| ()));
    Ok(())
}

pub fn all(world: &World) -> Step {
    let mut bpf = world.load()?;

    info(&bpf);
    hash(&mut bpf)?;
    per_cpu(&mut bpf)?;
    lru(&mut bpf)?;
    lpm(&mut bpf)?;
    lines(&mut bpf)?;
    arrays(&mut bpf)?;
    in_maps(&mut bpf)?;
    from_inside(&mut bpf)?;
    alone(world)?;
    std::fs::remove_file(world.pin("shared"))?;
    Ok(())
}
