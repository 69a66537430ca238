// SPDX-License-Identifier: BSD-2-Clause

// What the features package finds.
package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/features"
)

func one() asm.Instructions {
	return asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()}
}

func has(err error) string {
	switch {
	case err == nil:
		return "yes"
	case errors.Is(err, ebpf.ErrNotSupported):
		return "no"
	}
	return why(err)
}

func types() {
	for kind := ebpf.Hash; kind <= ebpf.Arena+3; kind++ {
		say("map type "+kind.String(), has(features.HaveMapType(kind)))
	}
	for kind := ebpf.SocketFilter; kind <= ebpf.Netfilter+3; kind++ {
		say("program type "+kind.String(), has(features.HaveProgramType(kind)))
	}
	say("map flag no prealloc", has(features.HaveMapFlag(features.BPF_F_NO_PREALLOC)))
	say("map flag rdonly prog", has(features.HaveMapFlag(features.BPF_F_RDONLY_PROG)))
	say("map flag wronly prog", has(features.HaveMapFlag(features.BPF_F_WRONLY_PROG)))
	say("map flag mmapable", has(features.HaveMapFlag(features.BPF_F_MMAPABLE)))
	say("map flag inner map", has(features.HaveMapFlag(features.BPF_F_INNER_MAP)))
	say("bounded loops", has(features.HaveBoundedLoops()))
	say("large instructions", has(features.HaveLargeInstructions()))
	say("v2 ISA", has(features.HaveV2ISA()))
	say("v3 ISA", has(features.HaveV3ISA()))
	say("v4 ISA", has(features.HaveV4ISA()))
	say("kprobe multi", has(features.HaveBPFLinkKprobeMulti()))
	say("kprobe session", has(features.HaveBPFLinkKprobeSession()))
	say("uprobe multi", has(features.HaveBPFLinkUprobeMulti()))
	version, err := features.LinuxVersionCode()
	say("version", version > 0, err)
}

// FnSkbUnderCgroup -> skb_under_cgroup
func kernelName(helper asm.BuiltinFunc) string {
	var b strings.Builder

	for i, r := range strings.TrimPrefix(helper.String(), "Fn") {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// One line a helper: the program types that have it, in figures; then those where the answer is neither yes nor no.
func helpers() {
	for helper := asm.FnMapLookupElem; helper <= asm.FnCgrpStorageDelete+2; helper++ {
		var yes, odd []string
		for kind := ebpf.SocketFilter; kind <= ebpf.Netfilter; kind++ {
			err := features.HaveProgramHelper(kind, helper)
			if err == nil {
				yes = append(yes, fmt.Sprint(uint32(kind)))
			} else if answer := has(err); answer != "no" && !strings.Contains(answer, "no feature probe") {
				odd = append(odd, fmt.Sprint(uint32(kind), strings.SplitN(answer, "load program:", 2)[1]))
			}
		}
		fmt.Println("helper", kernelName(helper), "types", yes, odd)
	}
}

func kernelBTF() {
	spec, err := btf.LoadKernelSpec()
	say("kernel spec", err)
	check(err)
	var task, bpfMap *btf.Struct
	say("task_struct", spec.TypeByName("task_struct", &task), len(task.Members) > 50)
	say("bpf_map", spec.TypeByName("bpf_map", &bpfMap))
	var kinds *btf.Enum
	say("enum bpf_map_type", spec.TypeByName("bpf_map_type", &kinds), len(kinds.Values))
	say("nothing", spec.TypeByName("no_such_struct", &task))
	n := 0
	for _, err := range spec.All() {
		check(err)
		n++
	}
	say("types", n > 1000)
	h, err := btf.FindHandle(func(i *btf.HandleInfo) bool { return i.IsVmlinux() })
	say("handle", err)
	if err == nil {
		i := must(h.Info())
		say("info", i.Name, i.IsKernel, i.IsVmlinux(), i.IsModule(), i.ID)
		same, err := h.Spec(nil)
		say("spec", err)
		if err == nil {
			m := 0
			for range same.All() {
				m++
			}
			say("the same number of types", m == n)
		}
		h.Close()
	}
	_, err = btf.LoadKernelModuleSpec("no_such_module")
	say("module", err)

	b, err := btf.NewBuilder([]btf.Type{&btf.Struct{Name: "go_made", Size: 4, Members: []btf.Member{{Name: "a",
		Type: &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}}}}}, nil)
	check(err)
	h, err = btf.NewHandle(b)
	say("new handle", err)
	if err == nil {
		i := must(h.Info())
		say("info", i.Name == "", i.IsKernel, i.ID > 1)
		same := must(h.Spec(nil))
		var made *btf.Struct
		say("its type", same.TypeByName("go_made", &made), made, made.Members[0].Type)
		h.Close()
	}
	_, err = btf.NewHandleFromRawBTF([]byte{1, 2, 3})
	say("raw rubbish", err)
	_, err = btf.NewHandleFromRawBTF(make([]byte, 24))
	say("raw zeros", err)
	m, err := ebpf.NewMap(&ebpf.MapSpec{Name: "go_typed", Type: ebpf.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 1,
		Key: &btf.Int{Name: "int", Size: 4}, Value: &btf.Struct{Name: "go_made", Size: 4, Members: []btf.Member{{Name: "a",
			Type: &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}}}}})
	say("a typed map", err)
	if err == nil {
		_, typed := must(m.Info()).BTFID()
		say("typed", typed)
		check(m.Put(uint32(1), int32(-7)))
		check(m.Pin(at("typed")))
		say("as text", readable(at("typed")))
		m.Close()
	}
	clean()
}
