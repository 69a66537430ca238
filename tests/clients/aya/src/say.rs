// SPDX-License-Identifier: BSD-2-Clause

//! What is printed, so that it is the same wherever it should be: no ids, no numbers of descriptors, no times.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use aya::maps::{loaded_maps, Map, MapInfo};
use aya::programs::{loaded_links, loaded_programs};
use aya::Ebpf;

/// A line of an error: without the verifier's time, and without a map's address, which is 0 for some.
fn plain(line: &str) -> String {
    if line.starts_with("verification time") {
        return "verification time".into();
    }
    if let (Some((before, _)), Some((_, after))) = (line.split_once(" = 0x"), line.split_once(';')) {
        return format!("{before} = ADDRESS ;{after}");
    }
    line.replace('\0', "\\0")
}

/// An error with all its reasons.
pub fn reasons(e: &dyn Error) -> String {
    let mut text = e.to_string();
    let mut next = e.source();
    while let Some(e) = next {
        let more = e.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        next = e.source();
    }
    text.lines().map(plain).collect::<Vec<_>>().join(" | ")
}

pub fn say<T: Debug, E: Error>(what: &str, got: Result<T, E>) {
    match got {
        Ok(value) => println!("{what}: {value:?}"),
        Err(e) => println!("{what}: error: {}", reasons(&e)),
    }
}

/// Of a value that is not printed.
pub fn done<T, E: Error>(what: &str, got: Result<T, E>) -> Option<T> {
    match got {
        Ok(value) => {
            println!("{what}: ok");
            Some(value)
        }
        Err(e) => {
            println!("{what}: error: {}", reasons(&e));
            None
        }
    }
}

pub fn map_info(map: &Map) -> MapInfo {
    let data = match map {
        Map::Array(d)
        | Map::ArrayOfMaps(d)
        | Map::BloomFilter(d)
        | Map::HashMap(d)
        | Map::HashOfMaps(d)
        | Map::LpmTrie(d)
        | Map::LruHashMap(d)
        | Map::PerCpuArray(d)
        | Map::PerCpuHashMap(d)
        | Map::PerCpuLruHashMap(d)
        | Map::ProgramArray(d)
        | Map::Queue(d)
        | Map::RingBuf(d)
        | Map::Stack(d) => d,
        _ => panic!("a map that the object does not have"),
    };
    data.info().expect("info of a map")
}

/// Objects of our own by id: others' may come and go beside them.
#[derive(Default)]
pub struct Ours {
    maps: BTreeMap<u32, String>,
    programs: BTreeMap<u32, String>,
    links: BTreeMap<u32, String>,
}

impl Ours {
    pub fn add_all(&mut self, bpf: &Ebpf, run: &str) {
        for (name, map) in bpf.maps() {
            self.maps.insert(map_info(map).id(), format!("{run}{name}"));
        }
        for (name, program) in bpf.programs() {
            if let Ok(info) = program.info() {
                self.programs.insert(info.id(), format!("{run}{name}"));
            }
        }
    }

    pub fn add_link(&mut self, id: u32, name: &str) {
        self.links.insert(id, name.into());
    }

    fn alive() -> (Vec<u32>, Vec<u32>, Vec<u32>) {
        // An object that goes while it is looked at is an error of its own, and no object any more.
        (
            loaded_maps().flatten().map(|m| m.id()).collect(),
            loaded_programs().flatten().map(|p| p.id()).collect(),
            loaded_links().flatten().map(|l| l.id()).collect(),
        )
    }

    fn names(ours: &BTreeMap<u32, String>, alive: &[u32]) -> Vec<String> {
        let mut names: Vec<_> = alive.iter().filter_map(|id| ours.get(id).cloned()).collect();
        names.sort();
        names
    }

    /// Which of ours there are, once there are as many as should be: a kernel frees some a little later.
    pub fn say(&self, what: &str, maps: usize, programs: usize, links: usize) {
        // Not at once: who lists a program array that is being emptied can make a kernel 6.18 keep it for ever.
        thread::sleep(Duration::from_millis(100));
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let (m, p, l) = Self::alive();
            let m = Self::names(&self.maps, &m);
            let p = Self::names(&self.programs, &p);
            let l = Self::names(&self.links, &l);
            if (m.len(), p.len(), l.len()) == (maps, programs, links) || Instant::now() > end {
                println!("{what}: maps {m:?}, programs {p:?}, links {l:?}");
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

pub fn ls(dir: &Path) {
    let mut names: Vec<_> = match fs::read_dir(dir) {
        Ok(entries) => entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect(),
        Err(e) => vec![e.to_string()],
    };
    names.sort();
    println!("ls: {names:?}");
}
