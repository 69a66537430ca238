module perf

go 1.23

require (
	github.com/cilium/ebpf v0.17.3
	golang.org/x/sys v0.30.0
)
