// SPDX-License-Identifier: BSD-2-Clause

// Links of all kinds that can be had without tracing the kernel. Interface 1 is lo of a network namespace of the run's own.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// What a link tells of itself, against what it should.
func tell(l link.Link, program *ebpf.Program) {
	i, err := l.Info()
	if err != nil {
		say("info", err)
		return
	}
	say("info", i.Type, i.ID > 0, i.Program == id(program))
	if x := i.XDP(); x != nil {
		say("xdp", x.Ifindex)
	}
	if x := i.TCX(); x != nil {
		say("tcx", x.Ifindex, x.AttachType)
	}
	if x := i.Cgroup(); x != nil {
		say("cgroup", x.CgroupId > 0, x.AttachType)
	}
	if x := i.NetNs(); x != nil {
		say("netns", x.NetnsInode > 0, x.AttachType)
	}
	if x := i.RawTracepoint(); x != nil {
		say("raw tracepoint", x.Name)
	}
	if x := i.Netfilter(); x != nil {
		say("netfilter", *x)
	}
	if x := i.Tracing(); x != nil {
		say("tracing", *x)
	}
}

func id(p *ebpf.Program) ebpf.ProgramID { return first(must(p.Info()).ID()) }

func links() {
	objects := load()
	defer clean()
	defer objects.Close()

	l, err := link.AttachXDP(link.XDPOptions{Program: objects.GoPass, Interface: 1})
	say("xdp", err)
	check(err)
	tell(l, objects.GoPass)
	_, err = link.AttachXDP(link.XDPOptions{Program: objects.GoSum, Interface: 1})
	say("a second one", err)
	_, err = link.AttachXDP(link.XDPOptions{Program: objects.GoSum, Interface: 9999})
	say("no interface", err)
	_, err = link.AttachXDP(link.XDPOptions{Program: objects.GoSum, Interface: 1, Flags: link.XDPOffloadMode})
	say("offload", err)
	_, err = link.AttachXDP(link.XDPOptions{Program: objects.GoSum, Interface: 1, Flags: link.XDPDriverMode})
	say("driver", err)
	_, err = link.AttachXDP(link.XDPOptions{Program: objects.GoTc, Interface: 1})
	say("another type", err)
	say("update", l.Update(objects.GoSum))
	tell(l, objects.GoSum)
	say("update by another type", l.Update(objects.GoTc))
	raw, is := l.(interface {
		UpdateArgs(link.RawLinkUpdateOptions) error
		IsPinned() bool
	})
	say("raw", is)
	say("update, wrong old one", raw.UpdateArgs(link.RawLinkUpdateOptions{New: objects.GoPass, Old: objects.GoJump, Flags: 4}))
	say("update, right old one", raw.UpdateArgs(link.RawLinkUpdateOptions{New: objects.GoPass, Old: objects.GoSum, Flags: 4}))
	say("update, bad flags", raw.UpdateArgs(link.RawLinkUpdateOptions{New: objects.GoPass, Flags: 64}))

	say("pin", l.Pin(at("xdp")), raw.IsPinned())
	say("close", l.Close())
	again, err := link.LoadPinnedLink(at("xdp"), nil)
	say("load", err)
	check(err)
	say("its type", fmt.Sprintf("%T", again))
	tell(again, objects.GoPass)
	_, err = link.LoadPinnedLink(at("xdp"), &ebpf.LoadPinOptions{ReadOnly: true})
	say("load, read only", err)
	_, err = link.AttachXDP(link.XDPOptions{Program: objects.GoSum, Interface: 1})
	say("attached still", err)
	say("pin elsewhere", again.Pin(at("elsewhere")), list())
	say("detach", again.Detach(), again.Detach())
	tell(again, objects.GoPass)
	say("update when detached", again.Update(objects.GoSum))
	say("unpin", again.Unpin(), list())
	again.Close()
	l, err = link.AttachXDP(link.XDPOptions{Program: objects.GoSum, Interface: 1, Flags: link.XDPGenericMode})
	say("generic", err)
	l.Close()

	l, err = link.AttachRawTracepoint(link.RawTracepointOptions{Name: "sys_enter", Program: objects.GoRawTp})
	say("raw tracepoint", err)
	tell(l, objects.GoRawTp)
	say("update", l.Update(objects.GoRawTp))
	say("detach", l.Detach())
	say("pin", l.Pin(at("tp")))
	l.Close()
	l, err = link.LoadPinnedLink(at("tp"), nil)
	say("load", err)
	tell(l, objects.GoRawTp)
	say("unpin", l.Unpin())
	byID, err := link.NewFromID(must(l.Info()).ID)
	say("by id", err, fmt.Sprintf("%T", byID))
	byID.Close()
	l.Close()
	_, err = link.AttachRawTracepoint(link.RawTracepointOptions{Name: "no_such_point", Program: objects.GoRawTp})
	say("no such point", err)
	_, err = link.AttachRawTracepoint(link.RawTracepointOptions{Name: "sys_enter", Program: objects.GoPass})
	say("another type", err)
}

func chain(attach ebpf.AttachType, known map[ebpf.ProgramID]string, target int) {
	result, err := link.QueryPrograms(link.QueryOptions{Target: target, Attach: attach})
	if err != nil {
		say("query", err)
		return
	}
	var names []string
	for _, p := range result.Programs {
		_, has := p.LinkID()
		names = append(names, fmt.Sprintf("%s link %v", known[p.ID], has))
	}
	say("query", result.Revision, result.HaveLinkInfo(), names)
}

func tcx() {
	objects := load()
	defer clean()
	defer objects.Close()
	at := ebpf.AttachTCXIngress
	known := map[ebpf.ProgramID]string{}
	var progs []*ebpf.Program

	for i := range 6 {
		spec := must(loadObjects()).Programs["go_tc"]
		spec.Name = fmt.Sprintf("go_tc_%d", i)
		p := must(ebpf.NewProgram(spec))
		defer p.Close()
		progs = append(progs, p)
		known[id(p)] = string(rune('A' + i))
	}
	attach := func(p *ebpf.Program, anchor link.Anchor, revision uint64) link.Link {
		l, err := link.AttachTCX(link.TCXOptions{Interface: 1, Program: p, Attach: at, Anchor: anchor, ExpectedRevision: revision})
		say("attach "+known[id(p)], err)
		return l
	}
	chain(at, known, 1)
	a := attach(progs[0], nil, 0)
	tell(a, progs[0])
	chain(at, known, 1)
	b := attach(progs[1], link.Head(), 0)
	chain(at, known, 1)
	c := attach(progs[2], link.AfterLink(b), 0)
	chain(at, known, 1)
	d := attach(progs[3], link.BeforeProgram(progs[0]), 0)
	chain(at, known, 1)
	attach(progs[4], link.AfterLinkByID(1<<30), 0)
	attach(progs[4], link.BeforeProgramByID(1<<30), 0)
	attach(progs[4], link.BeforeProgram(progs[5]), 0)
	attach(progs[4], link.ReplaceProgram(progs[0]), 0)
	attach(progs[4], nil, 77)
	attach(progs[0], link.Tail(), 0)
	e := attach(progs[4], link.AfterLinkByID(must(c.Info()).ID), 5)
	chain(at, known, 1)
	say("update", c.Update(progs[5]))
	chain(at, known, 1)
	say("close", b.Close())
	chain(at, known, 1)
	say("attach by the old way", link.RawAttachProgram(link.RawAttachProgramOptions{Target: 1, Program: progs[1], Attach: at, Anchor: link.Tail()}))
	chain(at, known, 1)
	say("replace it", link.RawAttachProgram(link.RawAttachProgramOptions{Target: 1, Program: progs[2], Attach: at, Anchor: link.ReplaceProgram(progs[1])}))
	chain(at, known, 1)
	say("replace a link's", link.RawAttachProgram(link.RawAttachProgramOptions{Target: 1, Program: progs[1], Attach: at, Anchor: link.ReplaceProgram(progs[0])}))
	say("detach it", link.RawDetachProgram(link.RawDetachProgramOptions{Target: 1, Program: progs[2], Attach: at}))
	say("detach again", link.RawDetachProgram(link.RawDetachProgramOptions{Target: 1, Program: progs[2], Attach: at}))
	say("detach a link's", link.RawDetachProgram(link.RawDetachProgramOptions{Target: 1, Program: progs[0], Attach: at}))
	say("detach", a.Detach(), a.Detach())
	tell(a, progs[0])
	chain(at, known, 1)
	for _, l := range []link.Link{a, c, d, e} {
		l.Close()
	}
	chain(at, known, 1)
	chain(at, known, 9999)
	chain(ebpf.AttachTCXEgress, known, 1)
	_, err := link.AttachTCX(link.TCXOptions{Interface: 1, Program: objects.GoPass, Attach: at})
	say("another type", err)
	_, err = link.AttachTCX(link.TCXOptions{Interface: 0, Program: objects.GoTc, Attach: at})
	say("interface 0", err)
	_, err = link.AttachNetkit(link.NetkitOptions{Interface: 1, Program: objects.GoTc, Attach: ebpf.AttachNetkitPeer})
	say("netkit", err)
}

func cgroups() {
	objects := load()
	defer clean()
	defer objects.Close()
	known := map[ebpf.ProgramID]string{id(objects.GoCgroup): "skb", id(objects.GoSock): "sock"}
	group := must(os.Open(cgroup))
	fd := int(group.Fd())
	ingress := ebpf.AttachCGroupInetIngress

	l, err := link.AttachCgroup(link.CgroupOptions{Path: cgroup, Attach: ingress, Program: objects.GoCgroup})
	say("cgroup", err, fmt.Sprintf("%T", l))
	tell(l, objects.GoCgroup)
	chain(ingress, known, fd)
	say("update", l.Update(objects.GoCgroup))
	say("pin", l.Pin(at("cgroup")))
	l.Close()
	l = must(link.LoadPinnedLink(at("cgroup"), nil))
	say("its type", fmt.Sprintf("%T", l))
	tell(l, objects.GoCgroup)
	say("detach", l.Detach())
	tell(l, objects.GoCgroup)
	say("unpin", l.Unpin())
	l.Close()
	chain(ingress, known, fd)

	rawLink, err := link.AttachRawLink(link.RawLinkOptions{Target: fd, Program: objects.GoSock, Attach: ebpf.AttachCGroupInetSockCreate})
	say("raw link", err)
	tell(rawLink, objects.GoSock)
	chain(ebpf.AttachCGroupInetSockCreate, known, fd)
	rawLink.Close()
	_, err = link.AttachRawLink(link.RawLinkOptions{Target: fd, Program: objects.GoSock, Attach: ingress})
	say("another hook", err)
	_, err = link.AttachRawLink(link.RawLinkOptions{Target: 9999, Program: objects.GoSock, Attach: ebpf.AttachCGroupInetSockCreate})
	say("no fd", err)
	_, err = link.AttachCgroup(link.CgroupOptions{Path: "/tmp", Attach: ingress, Program: objects.GoCgroup})
	say("not a cgroup", err)
	_, err = link.AttachCgroup(link.CgroupOptions{Path: "/nowhere", Attach: ingress, Program: objects.GoCgroup})
	say("nothing", err)

	say("attach", link.RawAttachProgram(link.RawAttachProgramOptions{Target: fd, Program: objects.GoCgroup, Attach: ingress}))
	chain(ingress, known, fd)
	say("attach again", link.RawAttachProgram(link.RawAttachProgramOptions{Target: fd, Program: objects.GoCgroup, Attach: ingress}))
	_, err = link.AttachCgroup(link.CgroupOptions{Path: cgroup, Attach: ingress, Program: objects.GoCgroup})
	say("a link beside it", err)
	say("detach", link.RawDetachProgram(link.RawDetachProgramOptions{Target: fd, Program: objects.GoCgroup, Attach: ingress}))
	say("detach again", link.RawDetachProgram(link.RawDetachProgramOptions{Target: fd, Program: objects.GoCgroup, Attach: ingress}))
}

func netns() {
	objects := load()
	defer clean()
	defer objects.Close()
	ns := must(os.Open("/proc/self/ns/net"))

	l, err := link.AttachNetNs(int(ns.Fd()), objects.GoLookup)
	say("netns", err)
	check(err)
	tell(l, objects.GoLookup)
	say("update", l.Update(objects.GoLookup))
	say("pin", l.Pin(at("lookup")))
	l.Close()
	again := must(link.LoadPinnedLink(at("lookup"), nil))
	tell(again, objects.GoLookup)
	say("detach", again.Detach())
	tell(again, objects.GoLookup)
	say("unpin", again.Unpin())
	again.Close()
	_, err = link.AttachNetNs(int(ns.Fd()), objects.GoPass)
	say("another type", err)

	spec := &ebpf.ProgramSpec{Name: "go_filter", Type: ebpf.Netfilter, AttachType: ebpf.AttachNetfilter, License: "GPL", Instructions: one()}
	p, err := ebpf.NewProgram(spec)
	say("netfilter program", err)
	if err != nil {
		return
	}
	defer p.Close()
	filter, err := link.AttachNetfilter(link.NetfilterOptions{Program: p, ProtocolFamily: 2, Hook: 1, Priority: -10})
	say("netfilter", err)
	if err == nil {
		tell(filter, p)
		_, err = link.AttachNetfilter(link.NetfilterOptions{Program: p, ProtocolFamily: 2, Hook: 1, Priority: -10})
		say("the same priority", err)
		filter.Close()
	}
	_, err = link.AttachNetfilter(link.NetfilterOptions{Program: p, ProtocolFamily: 77, Hook: 1, Priority: 1})
	say("no such family", err)
}

func iterators() {
	objects := load()
	defer clean()
	defer objects.Close()

	it, err := link.AttachIter(link.IterOptions{Program: objects.GoIterMaps})
	say("iterator", err)
	check(err)
	tell(it, objects.GoIterMaps)
	read := func() {
		r, err := it.Open()
		say("open", err)
		raw, err := io.ReadAll(r)
		say("read", err)
		fmt.Print(string(raw))
		r.Close()
	}
	read()
	extra := newMap("late", ebpf.Hash, 4, 4, 5)
	read()
	extra.Close()
	say("pin", it.Pin(at("maps")))
	raw, err := os.ReadFile(at("maps"))
	say("cat", strings.Count(string(raw), "\n"), err)
	it.Close()
	l, err := link.LoadPinnedLink(at("maps"), nil)
	say("load", err, fmt.Sprintf("%T", l))
	l.Close()

	for i := range uint32(4) {
		check(objects.GoArray.Put(i, uint64(i)*10))
	}
	elems, err := link.AttachIter(link.IterOptions{Program: objects.GoIterElem, Map: objects.GoArray})
	say("elements", err)
	check(err)
	tell(elems, objects.GoIterElem)
	r := must(elems.Open())
	raw, err = io.ReadAll(r)
	say("read", err)
	fmt.Print(string(raw))
	r.Close()
	_, err = link.AttachIter(link.IterOptions{Program: objects.GoIterElem, Map: objects.GoRing})
	say("elements of a ring", err)
	_, err = link.AttachIter(link.IterOptions{Program: objects.GoIterElem})
	say("elements of nothing", err)
	_, err = link.AttachIter(link.IterOptions{Program: objects.GoPass})
	say("another type", err)
	say("update", elems.Update(objects.GoIterMaps))
	say("detach", elems.Detach())
	elems.Close()
}

// What a kernel without probes, and pinfs, cannot attach to.
func refused() {
	kprobe, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "go_kprobe", Type: ebpf.Kprobe, License: "GPL", Instructions: one()})
	say("kprobe program", err)
	_, err = link.Kprobe("vprintk", kprobe, nil)
	say("kprobe", err)
	_, err = link.Kretprobe("vprintk", kprobe, nil)
	say("kretprobe", err)
	multi, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "go_multi", Type: ebpf.Kprobe, AttachType: ebpf.AttachTraceKprobeMulti, License: "GPL", Instructions: one()})
	say("kprobe multi program", err)
	if err == nil {
		_, err = link.KprobeMulti(multi, link.KprobeMultiOptions{Symbols: []string{"vprintk"}})
		say("kprobe multi", err)
	}
	ex, err := link.OpenExecutable("/proc/self/exe")
	say("executable", err)
	if err == nil {
		_, err = ex.Uprobe("main.main", kprobe, nil)
		say("uprobe", err)
	}
	point, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "go_point", Type: ebpf.TracePoint, License: "GPL", Instructions: one()})
	say("tracepoint program", err)
	_, err = link.Tracepoint("syscalls", "sys_enter_no_such_call", point, nil)
	say("no such tracepoint", err)
	_, err = link.AttachLSM(link.LSMOptions{Program: point})
	say("lsm", err)
	_, err = link.AttachTracing(link.TracingOptions{Program: point})
	say("tracing", err)
}
