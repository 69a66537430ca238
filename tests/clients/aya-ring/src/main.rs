// SPDX-License-Identifier: BSD-2-Clause

//! aya's RingBuf, as it comes: by tokio's AsyncFd, and by poll(2).
//!
//!     aya-ring OBJECT DIR PUT [async]
//!
//! Loads the object, pins its program in DIR, has PUT run it in other processes, and prints what it saw. With
//! "async", nothing is polled by poll(2).

use std::env;
use std::error::Error;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aya::maps::{MapData, RingBuf};
use aya::programs::SocketFilter;
use aya::Ebpf;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

type Ring = RingBuf<MapData>;

#[derive(Default)]
struct Seen {
    n: u64,
    wrong: u64,
    next: u64,
}

impl Seen {
    /// All that is there, or as much as is wanted.
    fn take(&mut self, ring: &mut Ring, want: u64) {
        while self.n < want {
            let Some(item) = ring.next() else { break };
            let number = item.get(..8).map(|b| u64::from_ne_bytes(b.try_into().unwrap()));
            if item.len() != 16 || number != Some(self.next) {
                self.wrong += 1;
            }
            self.next = number.unwrap_or(self.next) + 1;
            self.n += 1;
        }
    }

    fn say(&self, what: &str) {
        println!("{what}: {} read, {} wrong", self.n, self.wrong);
    }
}

struct Put<'a> {
    program: &'a str,
    pin: &'a Path,
}

impl Put<'_> {
    fn start(&self, args: &[&str]) -> Child {
        Command::new(self.program).arg(self.pin).args(args).stdout(Stdio::null()).spawn().expect("PUT")
    }

    fn run(&self, args: &[&str]) {
        assert!(self.start(args).wait().expect("PUT").success());
    }
}

async fn read_async(fd: &mut AsyncFd<Ring>, seen: &mut Seen, want: u64) -> std::io::Result<()> {
    while seen.n < want {
        let mut guard = fd.readable_mut().await?;
        seen.take(guard.get_inner_mut(), want);
        if seen.n < want {
            guard.clear_ready();
        }
    }
    Ok(())
}

#[allow(deprecated)] // what existing programs call
async fn asynchronous(ring: Ring, put: &Put<'_>, seen: &mut Seen) -> Result<Ring, Box<dyn Error>> {
    let limit = Duration::from_secs(20);
    let mut fd = AsyncFd::new(ring)?;

    let early = timeout(Duration::from_millis(50), read_async(&mut fd, seen, 1)).await;
    println!("nothing: {}", if early.is_err() { "time is over" } else { "something" });
    let mut child = put.start(&["1000"]);
    timeout(limit, read_async(&mut fd, seen, 1000)).await??;
    child.wait()?;
    seen.say("of another process");
    let mut child = put.start(&["100", "0", "2000"]);
    timeout(limit, read_async(&mut fd, seen, 1100)).await??;
    child.wait()?;
    seen.say("one by one");
    put.run(&["3"]);
    timeout(limit, read_async(&mut fd, seen, 1103)).await??;
    seen.say("what was there before");
    let mut child = put.start(&["50", "2", "500"]);
    timeout(limit, read_async(&mut fd, seen, 1153)).await??;
    child.wait()?;
    seen.say("forced ones");
    Ok(fd.into_inner())
}

fn wait(ring: &Ring, ms: i32) -> (i32, i16) {
    let mut p = libc::pollfd { fd: ring.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let n = unsafe { libc::poll(&mut p, 1, ms) };
    (n, p.revents)
}

fn blocking(mut ring: Ring, put: &Put<'_>, seen: &mut Seen) -> Result<(), Box<dyn Error>> {
    println!("poll, nothing: {:?}", wait(&ring, 50));
    put.run(&["1"]);
    println!("poll, one: {:?}", wait(&ring, 20000));
    println!("poll, still: {:?}", wait(&ring, 20000));
    let want = seen.n + 1;
    seen.take(&mut ring, want);
    println!("poll, taken: {:?}", wait(&ring, 50));
    let mut child = put.start(&["200", "0", "500"]);
    let want = seen.n + 200;
    while seen.n < want && wait(&ring, 20000).0 == 1 {
        seen.take(&mut ring, want);
    }
    child.wait()?;
    seen.say("by poll");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().collect();
    let pin = Path::new(&args[2]).join("tell");
    let put = Put { program: &args[3], pin: &pin };
    let mut seen = Seen::default();

    let mut bpf = Ebpf::load_file(&args[1])?;
    let program: &mut SocketFilter = bpf.program_mut("tell").ok_or("no program")?.try_into()?;
    program.load()?;
    program.pin(&pin)?;
    let ring = RingBuf::try_from(bpf.take_map("events").ok_or("no map")?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ring = runtime.block_on(asynchronous(ring, &put, &mut seen))?;
    if args.len() < 5 {
        blocking(ring, &put, &mut seen)?;
    }
    println!("done");
    Ok(())
}
