// SPDX-License-Identifier: BSD-2-Clause

//! Links: attached, pinned, opened again by another process, given another program, detached.

use std::fs::File;
use std::net::UdpSocket;

use aya::programs::links::{FdLink, LinkInfo, PinnedLink};
use aya::programs::tc::{
    qdisc_add_clsact, qdisc_detach_program, NlOptions, SchedClassifierLink, TcAttachType, TcHandle,
};
use aya::programs::xdp::{XdpLink, XdpMode};
use aya::programs::{
    loaded_links, LinkOrder, RawTracePoint, SchedClassifier, SkLookup, SocketFilter, TcAttach, Xdp,
};
use aya::Ebpf;

use crate::say::{done, ls, say, Ours};
use crate::{Step, World};

fn xdp<'a>(bpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Xdp, Box<dyn std::error::Error>> {
    let program: &mut Xdp = bpf.program_mut(name).ok_or("no program")?.try_into()?;
    Ok(program)
}

fn show(what: &str, info: &LinkInfo, program: u32) {
    println!("{what}: {:?}, our program {}", info.link_type(), info.program_id() == program);
}

/// Attaches, pins the link, and ends.
pub fn attach(world: &World) -> Step {
    let mut ours = Ours::default();
    let mut bpf = world.load()?;
    let program = xdp(&mut bpf, "count")?;
    say("attach before load", program.attach(&world.interface, XdpMode::Skb).map(|_| ()));
    program.load()?;
    let id = program.info()?.id();
    say("no such interface", program.attach(c"nosuch0", XdpMode::Skb).map(|_| ()));
    say("no such index", program.attach(0x7fff_fffe, XdpMode::Skb).map(|_| ()));
    say("by the driver", program.attach(&world.interface, XdpMode::Driver).map(|_| ()));
    say("by the hardware", program.attach(&world.interface, XdpMode::Hardware).map(|_| ()));
    let link = program.attach(&world.interface, XdpMode::Default)?;
    say("attach another", program.attach(&world.interface, XdpMode::Skb).map(|_| ()));
    say("detach", program.detach(link));

    let link = program.attach(&world.interface, XdpMode::Skb)?;
    let link: FdLink = program.take_link(link)?.try_into()?;
    show("link", &link.info()?, id);
    ours.add_link(link.info()?.id(), "xdp");
    ours.add_all(&bpf, "");
    println!("listed: {}", loaded_links().flatten().any(|l| l.program_id() == id));
    say("pin on a directory", link.pin(&world.dir).map(|_| ()));
    // That took the link, and dropped it.
    ours.say("after that", bpf.maps().count(), 1, 0);

    let program = xdp(&mut bpf, "count")?;
    let link = program.attach(&world.interface, XdpMode::Skb)?;
    let link: FdLink = program.take_link(link)?.try_into()?;
    let mut ours = Ours::default();
    ours.add_link(link.info()?.id(), "xdp");
    let pinned = link.pin(world.pin("xdp-link"))?;
    drop(pinned);
    drop(bpf);
    ours.say("pinned and dropped", 0, 0, 1);
    ls(&world.dir);
    Ok(())
}

/// Another process takes the pinned link over.
pub fn reopen(world: &World) -> Step {
    let mut ours = Ours::default();
    let mut bpf = world.load()?;
    let program = xdp(&mut bpf, "landed")?;
    program.load()?;
    let id = program.info()?.id();
    say("the place is taken", program.attach(&world.interface, XdpMode::Skb).map(|_| ()));

    let link: FdLink = PinnedLink::from_pin(world.pin("xdp-link"))?.into();
    show("link", &link.info()?, id);
    ours.add_link(link.info()?.id(), "xdp");
    let link: XdpLink = link.try_into()?;
    let link = program.attach_to_link(link)?;
    let link: FdLink = program.take_link(link)?.try_into()?;
    show("link with our program", &link.info()?, id);
    drop(link);
    ours.say("dropped", 0, 0, 1);
    let pinned = PinnedLink::from_pin(world.pin("xdp-link"))?;
    let link = pinned.unpin()?;
    println!("there: {}", world.pin("xdp-link").exists());
    ours.say("without its pin", 0, 0, 1);
    drop(link);
    ours.say("dropped, too", 0, 0, 0);
    say("a link of no pin", PinnedLink::from_pin(world.pin("xdp-link")).map(|_| ()));
    let link = PinnedLink::from_pin(world.pin("shared"))?;
    say("a map as a link", FdLink::from(link).info().map(|i| i.link_type().is_ok()));

    let link = xdp(&mut bpf, "landed")?.attach(&world.interface, XdpMode::Skb);
    done("the place is free", link);
    drop(bpf);
    std::fs::remove_file(world.pin("shared"))?;
    ls(&world.dir);
    Ok(())
}

fn query(world: &World, at: TcAttachType) {
    match SchedClassifier::query_tcx(&world.interface, at) {
        Ok((revision, programs)) => {
            let names: Vec<_> = programs.iter().map(|p| p.name_as_str().unwrap_or("?").to_owned()).collect();
            println!("tcx {at:?}: revision {revision}, {names:?}");
        }
        Err(e) => println!("tcx {at:?}: {}", crate::say::reasons(&e)),
    }
}

pub fn tcx(world: &World) -> Step {
    let mut a = world.load()?;
    let mut b = world.load()?;
    let first: &mut SchedClassifier = a.program_mut("classify").unwrap().try_into()?;
    first.load()?;
    let second: &mut SchedClassifier = b.program_mut("classify").unwrap().try_into()?;
    second.load()?;

    query(world, TcAttachType::Ingress);
    let link = first.attach(&world.interface, TcAttachType::Ingress)?;
    query(world, TcAttachType::Ingress);
    say("the same once more", first.attach(&world.interface, TcAttachType::Ingress).map(|_| ()));
    let before = TcAttach::Tcx { attach_type: TcAttachType::Ingress, order: LinkOrder::before_program(first)? };
    let other = second.attach(&world.interface, before)?;
    query(world, TcAttachType::Ingress);
    let (_, programs) = SchedClassifier::query_tcx(&world.interface, TcAttachType::Ingress)?;
    println!("before: {}", programs[0].id() == second.info()?.id());
    let taken = second.take_link(other)?;
    let third = TcAttach::Tcx { attach_type: TcAttachType::Egress, order: LinkOrder::after_link(&taken)? };
    say("after a link of the other side", second.attach(&world.interface, third).map(|_| ()));
    let link_fd: FdLink = taken.try_into()?;
    show("link", &link_fd.info()?, second.info()?.id());
    let taken: SchedClassifierLink = link_fd.try_into()?;
    let replaced = second.attach_to_link(taken)?;
    say("detach", second.detach(replaced));
    say("detach", first.detach(link));
    query(world, TcAttachType::Ingress);
    query(world, TcAttachType::Egress);
    std::fs::remove_file(world.pin("shared"))?;
    Ok(())
}

/// The same programs as filters of tc, by netlink.
pub fn netlink(world: &World) -> Step {
    let mut a = world.load()?;
    let mut b = world.load()?;
    let first: &mut SchedClassifier = a.program_mut("classify").unwrap().try_into()?;
    first.load()?;
    let second: &mut SchedClassifier = b.program_mut("classify").unwrap().try_into()?;
    second.load()?;
    let at = |side: TcAttachType, priority: u16, handle: u16| TcAttach::Netlink {
        parent: side.into(),
        options: NlOptions { priority, handle: TcHandle::new(0, handle), ..NlOptions::default() },
    };
    let place = |program: &SchedClassifier, link| -> Result<(u16, u32), Box<dyn std::error::Error>> {
        let _ = program;
        let link: &SchedClassifierLink = link;
        Ok((link.priority()?, link.handle()?.into()))
    };

    say("no clsact", first.attach(&world.interface, at(TcAttachType::Ingress, 0, 0)).map(|_| ()));
    say("a clsact", qdisc_add_clsact(&world.interface));
    say("another", qdisc_add_clsact(&world.interface));
    let one = first.attach(&world.interface, at(TcAttachType::Ingress, 0, 0))?;
    let one = first.take_link(one)?;
    println!("the first: {:?}", place(first, &one)?);
    let two = second.attach(&world.interface, at(TcAttachType::Ingress, 0, 0))?;
    let two = second.take_link(two)?;
    println!("the second: {:?}", place(second, &two)?);
    let three = second.attach(&world.interface, at(TcAttachType::Egress, 7, 3))?;
    let three = second.take_link(three)?;
    println!("the other side: {:?}", place(second, &three)?);
    say("the place is taken", first.attach(&world.interface, at(TcAttachType::Egress, 7, 3)).map(|_| ()));
    done("another program there", first.attach_to_link(three));
    drop(two);
    say("by name", qdisc_detach_program(&world.interface, TcAttachType::Ingress.into(), "classify"));
    say("by name again", qdisc_detach_program(&world.interface, TcAttachType::Ingress.into(), "classify"));
    drop(one);
    say("unknown", qdisc_detach_program(&world.interface, TcAttachType::Egress.into(), "nothing"));
    Ok(())
}

/// sk_lookup, raw tracepoints.
pub fn others(world: &World) -> Step {
    let mut ours = Ours::default();
    let mut bpf = world.load()?;
    let netns = File::open("/proc/self/ns/net")?;
    let program: &mut SkLookup = bpf.program_mut("choose").unwrap().try_into()?;
    program.load()?;
    let link = program.attach(&netns)?;
    let link = program.take_link(link)?;
    drop(link);
    let link = program.attach(&netns);
    done("sk_lookup", link);
    say("sk_lookup at no namespace", program.attach(File::open("/dev/null")?).map(|_| ()));

    let program: &mut RawTracePoint = bpf.program_mut("enter").unwrap().try_into()?;
    program.load()?;
    say("no such tracepoint", program.attach("no_such_tracepoint").map(|_| ()));
    done("raw tracepoint", program.attach("sys_enter"));
    let mut programs: Vec<_> = bpf.programs().collect();
    programs.sort_by_key(|p| p.0);
    for (name, program) in programs {
        let Ok(info) = program.info() else { continue };
        for link in loaded_links().flatten().filter(|l| l.program_id() == info.id()) {
            println!("{name}: {:?}", link.link_type());
            ours.add_link(link.id(), name);
        }
    }
    ours.say("attached", 0, 0, 2);
    drop(bpf);
    ours.say("dropped", 0, 0, 0);
    std::fs::remove_file(world.pin("shared"))?;
    Ok(())
}

/// A filter of a socket of our own.
pub fn socket(world: &World) -> Step {
    let mut bpf = world.load()?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let program: &mut SocketFilter = bpf.program_mut("take_none").unwrap().try_into()?;
    program.load()?;
    say("detach of nothing", SocketFilter::detach(&socket));
    say("attach", program.attach(&socket));
    say("attach again", program.attach(&socket));
    say("detach", SocketFilter::detach(&socket));
    say("to no socket", program.attach(File::open("/dev/null")?));
    std::fs::remove_file(world.pin("shared"))?;
    Ok(())
}
