// SPDX-License-Identifier: BSD-2-Clause

//! What aya's users do, step by step; each step prints what it saw.
//!
//!     aya OBJECT DIR STEP [INTERFACE]
//!
//! OBJECT is tests/clients/bpf/aya.c compiled, DIR a directory of a bpffs. Steps that come after one
//! another find what the ones before have left there: they are processes of their own.

mod errors;
mod features;
mod kinds;
mod links;
mod pins;
mod runs;
mod say;

use std::env;
use std::error::Error;
use std::ffi::CString;
use std::path::PathBuf;
use std::process::ExitCode;

use aya::{Ebpf, EbpfLoader};

pub type Step = Result<(), Box<dyn Error>>;

pub struct World {
    pub object: PathBuf,
    pub dir: PathBuf,
    pub interface: CString,
}

impl World {
    pub fn pin(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// With maps that are pinned by name in DIR.
    pub fn load(&self) -> Result<Ebpf, aya::EbpfError> {
        EbpfLoader::new().default_map_pin_directory(&self.dir).load_file(&self.object)
    }
}

type StepFn = fn(&World) -> Step;

const STEPS: &[(&str, StepFn)] = &[
    ("kinds", kinds::all),
    ("ring", kinds::ring),
    ("programs", runs::programs),
    ("stats", runs::stats),
    ("first", pins::first),
    ("reader", pins::reader),
    ("incompatible", pins::incompatible),
    ("unpin", pins::unpin),
    ("raii", pins::raii),
    ("attach", links::attach),
    ("reopen", links::reopen),
    ("tcx", links::tcx),
    ("netlink", links::netlink),
    ("others", links::others),
    ("socket", links::socket),
    ("errors", errors::all),
    ("features", features::all),
    ("tracing", features::tracing),
];

fn run() -> Step {
    let args: Vec<String> = env::args().collect();
    let [_, object, dir, step, rest @ ..] = args.as_slice() else {
        return Err("aya OBJECT DIR STEP [INTERFACE]".into());
    };
    let interface = CString::new(rest.first().map_or("lo", |s| s.as_str()))?;
    let world = World { object: object.into(), dir: dir.into(), interface };
    let step = STEPS.iter().find(|s| s.0 == step).ok_or("no such step")?;

    step.1(&world)?;
    println!("{}: done", step.0);
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            println!("failed: {}", say::reasons(&*e));
            ExitCode::FAILURE
        }
    }
}
