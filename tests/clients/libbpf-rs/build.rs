// SPDX-License-Identifier: BSD-2-Clause
use libbpf_cargo::SkeletonBuilder;
use std::{env, path::PathBuf};

const SOURCE: &str = "src/bpf/story.bpf.c";

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap()).join("story.skel.rs");
    SkeletonBuilder::new()
        .source(SOURCE)
        .clang_args(["-I", "/usr/include/x86_64-linux-gnu"])
        .rustfmt("/no/rustfmt") // it is not part of every toolchain, and nobody reads this file
        .build_and_generate(&out)
        .expect("the object is compiled and its skeleton made");
    println!("cargo:rerun-if-changed={SOURCE}");
}
