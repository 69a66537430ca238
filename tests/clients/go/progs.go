// SPDX-License-Identifier: BSD-2-Clause

// Programs: loaded, run, asked for what they are, counted, refused.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

func programs() {
	say("memlock", rlimit.RemoveMemlock())
	coll, err := ebpf.NewCollectionWithOptions(must(loadObjects()), *options())
	say("collection", err)
	check(err)
	var names []string
	for name := range coll.Programs {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		p := coll.Programs[name]
		say(name, p.Type(), p.FD() > 2, p.IsPinned(), p.VerifierLog == "")
	}
	taken := coll.DetachProgram("go_pass")
	m := coll.DetachMap("go_hash")
	coll.Close()
	ret, _, err := taken.Test(make([]byte, 14))
	say("what was taken out stays", ret, err, m.Put(uint32(1), objectsPair{}))
	_, _, err = coll.Programs["go_sum"].Test(make([]byte, 14))
	say("what was closed does not", err)
	say("bind", taken.BindMap(m))
	taken.Close()
	say("closed", taken.FD(), taken.Pin(at("closed")))
	say("closed twice", taken.Close())

	var some struct {
		Pass *ebpf.Program `ebpf:"go_pass"`
		Hash *ebpf.Map     `ebpf:"go_hash"`
	}
	say("some of them", must(loadObjects()).LoadAndAssign(&some, options()), some.Pass.Type(), some.Hash.Type())
	var none struct {
		No *ebpf.Program `ebpf:"go_none"`
	}
	say("one that is not there", must(loadObjects()).LoadAndAssign(&none, options()))
	clean()
}

func runs() {
	objects := load()
	defer clean()
	defer objects.Close()

	ret, out, err := objects.GoSum.Test([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14})
	say("test", ret, out, err)
	_, _, err = objects.GoSum.Test(make([]byte, 13))
	say("too short", err)
	_, _, err = objects.GoSum.Test(nil)
	say("nothing", err)
	ret, out, err = objects.GoSum.Test(make([]byte, 3000))
	say("long", ret, len(out), err)
	_, _, err = objects.GoSum.Test(make([]byte, 100000))
	say("too long", err)

	opts := ebpf.RunOptions{Data: make([]byte, 20), DataOut: make([]byte, 64), Repeat: 1000}
	ret, err = objects.GoCount.Run(&opts)
	var n uint64
	check(objects.GoArray.Lookup(uint32(0), &n))
	say("run", ret, err, len(opts.DataOut), n)
	opts = ebpf.RunOptions{Data: make([]byte, 64), DataOut: make([]byte, 10)}
	ret, err = objects.GoSum.Run(&opts)
	say("an output that is too short", ret, len(opts.DataOut), err)

	in, out2 := make([]byte, 192), make([]byte, 192)
	binary.LittleEndian.PutUint32(in[8:], 41) // mark
	ret, err = objects.GoTc.Run(&ebpf.RunOptions{Data: make([]byte, 60), Context: in, ContextOut: out2})
	say("context", ret, err, binary.LittleEndian.Uint32(out2), binary.LittleEndian.Uint32(out2[8:]))
	in[4] = 1
	_, err = objects.GoTc.Run(&ebpf.RunOptions{Data: make([]byte, 60), Context: in})
	say("a bad context", err)
	pair := objectsPair{Left: 1}
	ret, err = objects.GoSyscall.Run(&ebpf.RunOptions{Context: pair, ContextOut: &pair})
	say("syscall", ret, err, pair.Left, pair.Right)
	_, err = objects.GoSyscall.Run(&ebpf.RunOptions{Data: make([]byte, 20), Context: pair})
	say("syscall with data", err)
	ret, err = objects.GoRawTp.Run(&ebpf.RunOptions{Context: [2]uint64{}, Flags: 1, CPU: 0})
	say("raw tracepoint", ret, err)
	_, err = objects.GoRawTp.Run(&ebpf.RunOptions{Context: [2]uint64{}, Flags: 1, CPU: 9999})
	say("no such CPU", err)
	_, err = objects.GoRawTp.Run(&ebpf.RunOptions{Data: make([]byte, 20)})
	say("data for one that takes none", err)
	_, _, err = objects.GoSock.Test(make([]byte, 20))
	say("one that cannot be run", err)
	_, err = objects.GoSum.Run(&ebpf.RunOptions{Data: make([]byte, 20), Flags: 1 << 9})
	say("bad flags", err)

	reset := 0
	ret, took, err := objects.GoPass.Benchmark(make([]byte, 14), 5000, func() { reset++ })
	say("benchmark", ret, took > 0 && took < time.Second, err)
	_, _, err = objects.GoPass.Benchmark(make([]byte, 14), 0, nil)
	say("benchmark of nothing", err)
}

// Numbers that depend on the machine are told by whether they are there.
func info() {
	objects := load()
	defer clean()
	defer objects.Close()

	check(objects.GoHash.Freeze())
	for _, m := range []*ebpf.Map{objects.GoHash, objects.GoArray, objects.GoPercpu, objects.GoOuter, objects.GoCalls, objects.GoRing,
		objects.GoPerf, objects.GoByName} {
		i, err := m.Info()
		say("map", i.Type, i.KeySize, i.ValueSize, i.MaxEntries, i.Flags, i.Name, err)
		id, has := i.ID()
		btfID, hasBTF := i.BTFID()
		extra, hasExtra := i.MapExtra()
		lock, hasLock := i.Memlock()
		say("more", id > 0, has, btfID > 0, hasBTF, extra, hasExtra, lock > 0, hasLock, i.Frozen())
		h, err := m.Handle()
		say("handle", h != nil, err)
		if h != nil && err == nil {
			hi, err := h.Info()
			say("its info", hi.IsKernel, hi.IsVmlinux(), hi.IsModule(), hi.Name == "", hi.ID == btfID, err)
			spec, err := h.Spec(nil)
			say("its types", err)
			var pair *btf.Struct
			if err == nil {
				say("struct pair", spec.TypeByName("pair", &pair), pair != nil && len(pair.Members) == 3)
			}
			h.Close()
		}
	}
	for _, p := range []*ebpf.Program{objects.GoCount, objects.GoSum, objects.GoPass, objects.GoTc, objects.GoSyscall} {
		i, err := p.Info()
		say("program", i.Type, i.Name, i.Tag, err)
		check(err)
		id, has := i.ID()
		uid, hasUID := i.CreatedByUID()
		btfID, hasBTF := i.BTFID()
		loaded, hasLoaded := i.LoadTime()
		verified, hasVerified := i.VerifiedInstructions()
		lock, hasLock := i.Memlock()
		size, err1 := i.TranslatedSize()
		jited, err2 := i.JitedSize()
		ids, hasMaps := i.MapIDs()
		say("more", id > 0, has, uid, hasUID, btfID > 0, hasBTF, loaded > 0, hasLoaded, verified, hasVerified, lock > 0, hasLock)
		say("sizes", size > 0, err1, jited > 0, err2)
		say("maps", len(ids), hasMaps)
		code, hasCode := i.JitedInsns()
		lens, hasLens := i.JitedFuncLens()
		syms, hasSyms := i.JitedKsymAddrs()
		jlines, hasJlines := i.JitedLineInfos()
		sum := uint32(0)
		for _, n := range lens {
			sum += n
		}
		say("machine code", len(code) > 0, hasCode, len(lens), hasLens, sum > 0 && int(sum) <= len(code), len(syms), hasSyms, len(jlines), hasJlines)
		lines, err := i.LineInfos()
		say("lines", len(lines), err)
		funcs, err := i.FuncInfos()
		for _, f := range funcs {
			say("function", f.Func.Name, f.Func.Linkage)
		}
		say("functions", err)
		insns, err := i.Instructions()
		say("instructions", len(insns) > 0, err)
		source := 0
		for _, in := range insns {
			if in.Source() != nil {
				source++
			}
		}
		say("with source", source == len(lines), insns[0].Symbol())
		h, err := p.Handle()
		say("handle", h != nil, err)
		if err == nil {
			h.Close()
		}
		s, err := p.Stats()
		say("stats", s.Runtime, s.RunCount, s.RecursionMisses, err)
	}
	for key := range uint32(3) {
		p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "go_three", Type: ebpf.SocketFilter, License: []string{"GPL", "MIT", ""}[key],
			Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, int32(key)), asm.Return()}})
		say("program by instructions", err)
		i := must(p.Info())
		insns, err := i.Instructions()
		say("its text", strings.Join(strings.Fields(fmt.Sprint(insns)), " "), err, i.Tag)
		_, err = i.LineInfos()
		say("its lines", err)
		_, hasBTF := i.BTFID()
		maps, hasMaps := i.MapIDs()
		say("its maps", len(maps), hasMaps, hasBTF)
		p.Close()
	}
}

// Walks all ids of the machine; other programs' objects are looked away from.
// The ids of all maps or programs of a struct that bpf2go has written.
func idsOf[ID ebpf.MapID | ebpf.ProgramID](of any) map[ID]bool {
	ids, v := map[ID]bool{}, reflect.ValueOf(of)

	for i := range v.NumField() {
		switch object := v.Field(i).Interface().(type) {
		case *ebpf.Map:
			id, _ := must(object.Info()).ID()
			ids[ID(id)] = true
		case *ebpf.Program:
			id, _ := must(object.Info()).ID()
			ids[ID(id)] = true
		}
	}
	return ids
}

// All ids are walked; of others' objects, which come and go meanwhile, nothing is said.
func ids() {
	objects := load()
	defer clean()
	defer objects.Close()
	maps, programs := idsOf[ebpf.MapID](objects.objectsMaps), idsOf[ebpf.ProgramID](objects.objectsPrograms)
	tp := must(link.AttachRawTracepoint(link.RawTracepointOptions{Name: "sys_enter", Program: objects.GoRawTp}))
	defer tp.Close()

	var names []string
	rising, last := true, ebpf.MapID(0)
	for {
		id, err := ebpf.MapGetNextID(last)
		if err != nil {
			say("maps end", err)
			break
		}
		rising, last = rising && id > last, id
		m, err := ebpf.NewMapFromID(id)
		if err != nil {
			continue
		}
		if i, err := m.Info(); err == nil && maps[id] {
			got, _ := i.ID()
			names = append(names, fmt.Sprint(i.Name, " ", got == id))
		}
		m.Close()
	}
	sort.Strings(names)
	say("maps", rising, names)

	names, rising = nil, true
	for last := ebpf.ProgramID(0); ; {
		id, err := ebpf.ProgramGetNextID(last)
		if err != nil {
			say("programs end", err)
			break
		}
		rising, last = rising && id > last, id
		p, err := ebpf.NewProgramFromID(id)
		if err != nil {
			continue
		}
		if i, err := p.Info(); err == nil && programs[id] {
			names = append(names, i.Name)
		}
		p.Close()
	}
	sort.Strings(names)
	say("programs", rising, names)

	it := new(link.Iterator)
	defer func() { it.Close() }()
	mine, found := must(tp.Info()).ID, false
	for it.Next() {
		found = found || it.ID == mine
	}
	// A link that is being made has an id a moment before it can be had.
	for errors.Is(it.Err(), unix.EAGAIN) {
		it.Close()
		for it = new(link.Iterator); it.Next(); {
			found = found || it.ID == mine
		}
	}
	say("links", found, it.Err())
	handles := new(btf.HandleIterator)
	btfID, _ := must(objects.GoHash.Info()).BTFID()
	kernel := false
	found = false
	for handles.Next() {
		i := must(handles.Handle.Info())
		found, kernel = found || i.ID == btfID, kernel || i.IsVmlinux()
	}
	say("btf", found, kernel, handles.Err())

	_, err := ebpf.NewMapFromID(1 << 30)
	say("no map", text(err))
	_, err = ebpf.NewProgramFromID(1 << 30)
	say("no program", text(err))
	_, err = link.NewFromID(1 << 30)
	say("no link", text(err))
	_, err = btf.NewHandleFromID(1 << 30)
	say("no btf", text(err))
	_, err = ebpf.MapGetNextID(math.MaxUint32)
	say("after the last", err)
	m, err := ebpf.NewMapFromFD(must(unix.Dup(objects.GoHash.FD())))
	say("map from fd", err, m.Type())
	_, err = ebpf.NewMapFromFD(must(unix.Dup(objects.GoPass.FD())))
	say("map from a program's fd", err)
	p, err := ebpf.NewProgramFromFD(must(unix.Dup(objects.GoPass.FD())))
	say("program from fd", err, p.Type())
	l, err := link.NewFromFD(must(unix.Dup(tp.(interface{ FD() int }).FD())))
	say("link from fd", err, must(l.Info()).ID == mine)
	f := must(os.Open("/dev/null"))
	_, err = ebpf.NewMapFromFD(must(unix.Dup(int(f.Fd()))))
	say("map from another fd", err)

	for _, object := range []int{objects.GoHash.FD(), objects.GoPass.FD(), tp.(interface{ FD() int }).FD()} {
		name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", object))
		say("descriptor", name, err)
		raw, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", object))
		var fields []string
		for _, line := range strings.Split(string(raw), "\n") {
			fields = append(fields, strings.Split(line, ":")[0])
		}
		say("its lines", fields, err)
	}
	id, _ := must(objects.GoHash.Info()).ID()
	objects.GoHash.Close()
	objects.GoOuter.Close()
	gone := false
	for range 200 {
		if _, err = ebpf.NewMapFromID(id); errors.Is(err, os.ErrNotExist) {
			gone = true
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	say("a closed map goes", gone)
}

// Errors with an id in them: only what comes behind it.
func text(err error) string {
	s := why(err)
	return s[strings.LastIndex(s, ":")+1:]
}

func verifier() {
	bad := map[string]asm.Instructions{
		"uninitialised":      {asm.Mov.Reg(asm.R0, asm.R2), asm.Return()},
		"no exit":            {asm.Mov.Imm(asm.R0, 0)},
		"out of bounds":      {asm.LoadMem(asm.R0, asm.R1, 4000, asm.Word), asm.Return()},
		"leak":               {asm.Mov.Reg(asm.R0, asm.R10), asm.Return()},
		"stack":              {asm.StoreImm(asm.R10, -520, 1, asm.DWord), asm.Mov.Imm(asm.R0, 0), asm.Return()},
		"unknown helper":     {asm.BuiltinFunc(9999).Call(), asm.Mov.Imm(asm.R0, 0), asm.Return()},
		"helper's arguments": {asm.FnMapLookupElem.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return()},
		"endless":            {asm.Mov.Imm(asm.R0, 0).WithSymbol("again"), asm.Ja.Label("again"), asm.Return()},
		"dead":               {asm.Mov.Imm(asm.R0, 0), asm.Return(), asm.Mov.Imm(asm.R0, 1), asm.Return()},
	}
	var names []string
	for name := range bad {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		spec := &ebpf.ProgramSpec{Name: "go_bad", Type: ebpf.SocketFilter, License: "GPL", Instructions: bad[name]}
		p, err := ebpf.NewProgram(spec)
		say(name, err, p == nil)
		var verr *ebpf.VerifierError
		if errors.As(err, &verr) {
			say("cause", verr.Cause)
			for _, line := range verr.Log {
				fmt.Println("|", line)
			}
		}
		fmt.Printf("%+v\n", verr)
		fmt.Printf("%-2v\n", verr)
	}
	spec := must(loadObjects())
	for _, level := range []ebpf.LogLevel{ebpf.LogLevelBranch, ebpf.LogLevelInstruction, ebpf.LogLevelStats, ebpf.LogLevelBranch | ebpf.LogLevelStats} {
		p, err := ebpf.NewProgramWithOptions(&ebpf.ProgramSpec{Name: "go_good", Type: ebpf.SocketFilter, License: "GPL",
			Instructions: asm.Instructions{asm.LoadMem(asm.R0, asm.R1, 0, asm.Word), asm.JGT.Imm(asm.R0, 5, "out"), asm.Mov.Imm(asm.R0, 7),
				asm.Return().WithSymbol("out")}}, ebpf.ProgramOptions{LogLevel: level})
		say(fmt.Sprint("log level ", level), err)
		for _, line := range strings.Split(p.VerifierLog, "\n") {
			if !strings.HasPrefix(line, "verification time") {
				fmt.Println("|", line)
			}
		}
		p.Close()
	}
	_, err := ebpf.NewProgramWithOptions(spec.Programs["go_pass"], ebpf.ProgramOptions{LogLevel: 1, LogSizeStart: 16})
	say("a small log grows", err)
	_, err = ebpf.NewProgramWithOptions(spec.Programs["go_pass"], ebpf.ProgramOptions{LogDisabled: true})
	say("no log", err)
	_, err = ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.ProgramType(99), Instructions: bad["dead"], License: "GPL"})
	say("no such type", err)
	_, err = ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SocketFilter, License: "MIT", Instructions: asm.Instructions{
		asm.FnTracePrintk.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return()}})
	say("not GPL", err)
	_, err = ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SocketFilter, License: "GPL", Instructions: slices.Repeat(asm.Instructions{
		asm.Mov.Imm(asm.R0, 0)}, 100)})
	say("a hundred and no exit", err)
}

func stats() {
	objects := load()
	defer clean()
	defer objects.Close()
	run := func() *ebpf.ProgramStats {
		_, err := objects.GoPass.Run(&ebpf.RunOptions{Data: make([]byte, 14), Repeat: 10})
		check(err)
		return must(objects.GoPass.Stats())
	}
	before := run()
	closer, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	say("enable", err)
	check(err)
	during := run()
	say("counted", during.RunCount-before.RunCount, during.Runtime > before.Runtime, during.RecursionMisses)
	second, err := ebpf.EnableStats(0)
	say("enable twice", err)
	say("close", closer.Close())
	more := run()
	say("still counted", more.RunCount-during.RunCount)
	second.Close()
	_, err = ebpf.EnableStats(77)
	say("another kind", err)
}
