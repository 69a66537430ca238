module go-client

go 1.25.0

tool github.com/cilium/ebpf/cmd/bpf2go

require github.com/cilium/ebpf v0.22.0

require (
	golang.org/x/sync v0.20.0 // indirect
	golang.org/x/sys v0.43.0 // indirect
)
