// SPDX-License-Identifier: BSD-2-Clause

//! aya's PerfEventArray: samples, losses, waiting.  aya-perf OBJECT

use std::os::fd::{AsFd, AsRawFd};
use std::{env, fs, mem, process, thread, time::Duration};

use aya::maps::perf::{PerfEventArray, PerfEventArrayBuffer};
use aya::maps::MapData;
use aya::programs::Xdp;
use aya::Ebpf;
use bytes::BytesMut;

const XDP_ABORTED: u32 = 0;
const XDP_PASS: u32 = 2;

struct Tap {
    n: u32,
    bad: bool,
}

impl Tap {
    fn ok(&mut self, good: bool, text: String) {
        self.n += 1;
        self.bad |= !good;
        println!("{} {} - {}", if good { "ok" } else { "not ok" }, self.n, text);
    }
}

#[repr(C)]
#[derive(Default)]
struct TestRun {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    ctx: [u64; 3],
    flags: [u32; 4],
}

fn run(prog: i32, n: u64) -> u32 {
    let mut packet = [0u8; 64];
    packet[..8].copy_from_slice(&n.to_le_bytes());
    let mut attr = TestRun {
        prog_fd: prog as u32,
        data_in: packet.as_ptr() as u64,
        data_size_in: 64,
        ..Default::default()
    };
    let ret = unsafe {
        libc::syscall(libc::SYS_bpf, 10, &mut attr as *mut TestRun, mem::size_of::<TestRun>())
    };
    if ret != 0 {
        eprintln!("test run: {}", std::io::Error::last_os_error());
        process::exit(1);
    }
    attr.retval
}

fn stay() {
    unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(0, &mut set);
        libc::sched_setaffinity(0, mem::size_of_val(&set), &set);
    }
}

fn wait(buf: &PerfEventArrayBuffer<MapData>, ms: i32) -> i16 {
    let mut p = libc::pollfd { fd: buf.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
    unsafe { libc::poll(&mut p, 1, ms) };
    p.revents
}

struct Got {
    whole: u64,
    read: u64,
    lost: u64,
}

/// All that is there; each sample must be the one after the last.
fn drain(buf: &mut PerfEventArrayBuffer<MapData>, mut next: u64) -> Got {
    let mut out: Vec<BytesMut> = (0..10).map(|_| BytesMut::with_capacity(256)).collect();
    let mut got = Got { whole: 0, read: 0, lost: 0 };
    loop {
        let e = buf.read_events(&mut out).expect("read_events");
        got.lost += e.lost as u64;
        if e.read == 0 {
            return got;
        }
        for b in out.iter().take(e.read) {
            got.read += 1;
            if b.len() >= 12
                && b[..4] == 0x1234u32.to_le_bytes()
                && b[4..12] == next.to_le_bytes()
            {
                got.whole += 1;
            }
            next += 1;
        }
    }
}

fn main() {
    let mut tap = Tap { n: 0, bad: false };
    stay();
    let code = fs::read(env::args().nth(1).expect("an object")).expect("the object");
    let mut bpf = Ebpf::load(&code).expect("load");
    let xdp: &mut Xdp = bpf.program_mut("put_out").unwrap().try_into().unwrap();
    xdp.load().expect("program");
    let prog = xdp.fd().unwrap().as_fd().as_raw_fd();
    let mut events: PerfEventArray<MapData> =
        bpf.take_map("events").unwrap().try_into().expect("array");

    tap.ok(run(prog, 0) == XDP_ABORTED, "without an event there is an error".into());
    let mut buf = events.open(0, Some(2)).expect("open");
    tap.ok(wait(&buf, 0) == 0, "nothing is there".into());
    for n in 0..10 {
        run(prog, n);
    }
    tap.ok(wait(&buf, 1000) == libc::POLLIN, "it is ready".into());
    let g = drain(&mut buf, 0);
    tap.ok(g.whole == 10 && g.read == 10 && g.lost == 0, format!("{} of {} samples are whole", g.whole, g.read));
    tap.ok(wait(&buf, 0) == 0, "and then no more".into());

    let fits = (0..1000).filter(|n| run(prog, *n) == XDP_PASS).count() as u64;
    let g = drain(&mut buf, 0);
    tap.ok(g.read == fits && g.whole == fits && fits < 1000, format!("of 1000 without a reader {} come", g.read));
    run(prog, 5);
    let g = drain(&mut buf, 5);
    tap.ok(g.lost == 1000 - fits && g.whole == 1, format!("{} are told lost", g.lost));
    wait(&buf, 0);

    let t = thread::spawn(move || {
        stay();
        thread::sleep(Duration::from_millis(100));
        run(prog, 77)
    });
    let r = wait(&buf, 20000);
    tap.ok(r == libc::POLLIN && drain(&mut buf, 77).whole == 1, "a reader that waits is woken".into());
    t.join().unwrap();
    drop(buf);
    println!("1..{}", tap.n);
    process::exit(tap.bad as i32);
}
