# pinfs: the BPF virtual filesystem and object model in user space.
#
#   make           build/pinfs and build/libpinfs-preload.so, usable from there
#   make deps      install the Debian packages that are missing
#   make demo      deps, build, and the real walk-through with bpftool
#   make test      deps, build, all tests (fault tests at a tenth of their count)
#   make soak      the fault tests at full count
#   make test-kernel  the kernel's side of the tests alone, without pinfs: what a kernel prints
#   make bench     kernel and pinfs side by side, as ratios
#   make fuzz      1,000,000 random bpf() calls
#   make check     layers, headers alone, format, warnings as errors
#   make install   DESTDIR and PREFIX are honoured
#
# Sources are found by wildcard: a new file needs no line here. SAN=address or
# SAN=thread builds a sanitized variant into its own directory. V=1 shows commands.

PREFIX  ?= /usr/local
SAN     ?=
B       := build$(if $(SAN),-$(SAN))
CC      ?= gcc
OPT     ?= -O2 -g
Q       := $(if $(V),,@)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wpointer-arith -Wundef -Wvla -Wno-unused-parameter -Werror
CFLAGS_ALL := -std=gnu11 $(OPT) -mcx16 -fPIC -fvisibility=hidden -fno-strict-aliasing -ftls-model=initial-exec \
	-D_GNU_SOURCE -Isrc -I. $(WARN) $(CFLAGS)
# Sanitizers change what is used and known; warnings are judged in the plain build.
ifneq ($(SAN),)
CFLAGS_ALL += -Wno-error
endif
ifeq ($(SAN),address)
CFLAGS_ALL += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
else ifeq ($(SAN),thread)
CFLAGS_ALL += -fsanitize=thread
LDFLAGS += -fsanitize=thread
endif

CORE_DIRS := util shm store isa btf map helper progtype verifier exec prog link sys
CORE_SRC  := $(wildcard $(CORE_DIRS:%=src/%/*.c))
PRE_SRC   := $(wildcard src/frontend/preload/*.c)
TOOL_SRC  := $(wildcard tool/*.c src/frontend/notify/*.c src/frontend/trace/*.c)
CORE_OBJ  := $(CORE_SRC:%.c=$B/%.o)
PRE_OBJ   := $(PRE_SRC:%.c=$B/%.o)
TOOL_OBJ  := $(TOOL_SRC:%.c=$B/%.o)
LIB       := $B/libpinfs.a
UNIT_SRC  := $(wildcard tests/unit/*.c tests/map/*.c tests/crash/*.c)
UNIT_BIN  := $(UNIT_SRC:%.c=$B/%)
# Ordinary programs that know nothing of pinfs: dynamic, static (X.static), and Go.
CLIENT_SRC := $(wildcard tests/abi/*.c tests/clients/*.c fuzz/*.c)
CLIENT_BIN := $(CLIENT_SRC:%.c=$B/%)
STATIC_BIN := $(patsubst %.c,$B/%.static,$(filter-out tests/clients/limits.c,$(CLIENT_SRC)))
GO         := $(firstword $(shell command -v go) /usr/local/go/bin/go)
GO_BIN     := $(patsubst %.go,$B/%.go.static,$(wildcard tests/clients/*.go))
BPF_OBJ    := $(patsubst %.c,$B/%.o,$(wildcard tests/clients/bpf/*.c))
# One of them in all versions of the instruction set; the fourth wants a newer clang than Debian's own.
BPF_CLANG  := $(or $(shell command -v clang-22 || command -v clang-19),clang)
BPF_CPU    := v1 v2 v3 $(if $(shell $(BPF_CLANG) -target bpf -mcpu=help -x c -c /dev/null -o /dev/null 2>&1 | grep -w v4),v4)
BPF_CPU_OBJ := $(BPF_CPU:%=$B/tests/clients/bpf/progs.%.o)
BENCH_BIN := $(patsubst %.c,$B/%,$(wildcard bench/*.c))
TESTLIB_OBJ := $(patsubst %.c,$B/%.o,$(wildcard tests/lib/*.c))

all: $B/pinfs $B/libpinfs-preload.so $B/sudo/sudo

$B/pinfs: $(TOOL_OBJ) $(LIB)
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(TOOL_OBJ) $(LIB) -ljson-c -lpcap -lpthread

$B/libpinfs-preload.so: $(PRE_OBJ) $(LIB) src/frontend/preload/exports.map
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -shared -Wl,-z,defs,-z,now,-z,nodelete,--version-script=src/frontend/preload/exports.map -o $@ \
		$(PRE_OBJ) $(LIB) -lpthread -ldl

# The command by another name, for run --sudo.
$B/sudo/sudo:
	$(Q)mkdir -p $(@D) && ln -sfn ../pinfs $@

lib: $(LIB)
$(LIB): $(CORE_OBJ)
	@echo "  AR   $@"
	$(Q)rm -f $@ && $(AR) qcs $@ $^

$B/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# Unit, map and crash tests see the layers; they link the core library.
$(UNIT_BIN): $B/%: $B/%.o $(TESTLIB_OBJ) $(LIB)
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(TESTLIB_OBJ) $(LIB) -lcmocka -lpthread

CLIENT_CC = $(CC) -std=gnu11 -O1 -g -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-parameter -Itests

# A program that bpftool has written the half of.
SKEL := $B/tests/clients/bpf/progs.skel.h
$(SKEL): $B/tests/clients/bpf/progs.o
	@echo "  SKEL $@"
	$(Q)PATH=$$PATH:/usr/sbin bpftool gen skeleton $< name progs >$@.tmp && mv $@.tmp $@
# Another one, which needs no libbpf.
LIGHT := $B/tests/clients/bpf/light.skel.h
$(LIGHT): $B/tests/clients/bpf/progs.o
	@echo "  SKEL $@"
	$(Q)PATH=$$PATH:/usr/sbin bpftool gen skeleton -L $< name light >$@.tmp && mv $@.tmp $@
$B/tests/clients/light $B/tests/clients/light.static: $(LIGHT)
$B/tests/clients/light $B/tests/clients/light.static: CLIENT_CC += -I$B/tests/clients/bpf
$B/tests/clients/libbpf_progs $B/tests/clients/libbpf_progs.static: $(SKEL)
$B/tests/clients/libbpf_progs $B/tests/clients/libbpf_progs.static: CLIENT_CC += -I$B/tests/clients/bpf
$B/tests/clients/libbpf_%.static: STATIC_LIBS := -lbpf -lelf -lz

$(CLIENT_BIN): $B/%: %.c $(wildcard tests/abi/*.h tests/lib/*.h fuzz/*.h)
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$(Q)$(CLIENT_CC) -o $@ $< -Wl,--as-needed -lbpf -lpthread

ifneq ($(wildcard /usr/include/seccomp.h),)
$B/tests/clients/limits: CLIENT_CC += -Wl,--no-as-needed -lseccomp
endif

# Nothing can be preloaded into these.
$(STATIC_BIN): $B/%.static: %.c $(wildcard tests/abi/*.h tests/lib/*.h fuzz/*.h)
	@mkdir -p $(@D)
	@echo "  CC   $< (static)"
	$(Q)$(CLIENT_CC) -static-pie -o $@ $< $(STATIC_LIBS) -lpthread

$(GO_BIN): $B/%.go.static: %.go
	@mkdir -p $(@D)
	@echo "  GO   $<"
	$(Q)CGO_ENABLED=0 GOFLAGS=-mod=mod $(GO) build -o $@ $<

# In other languages, with libraries of their own. What cannot be built here leaves a reason for the tests (X.skip).
$B/tests/clients/go-%.static: $(wildcard tests/clients/go-*/*)
	@mkdir -p $(@D)
	@echo "  GO   tests/clients/go-$*"
	$(Q)tests/clients/build.sh go-$* $@

$B/tests/clients/go.static: $(wildcard tests/clients/go/*) tests/clients/bpf/go.c
	@mkdir -p $(@D)
	@echo "  GO   tests/clients/go"
	$(Q)tests/clients/build.sh go $@

# One workspace, and one cargo a target; the second would only wait for the first.
RUST_SRC  := $(wildcard tests/clients/Cargo.* tests/clients/rust-toolchain.toml \
	$(foreach d,aya aya-ring aya-perf libbpf-rs,$(patsubst %,tests/clients/$d/%,*.toml *.rs src/* src/bpf/*)))
RUST_GNU  := $(patsubst %,$B/tests/clients/%.gnu,aya aya-ring aya-perf libbpf-rs)
RUST_MUSL := $(patsubst %,$B/tests/clients/%.musl,aya aya-ring)
$(RUST_GNU) &: $(RUST_SRC)
	@mkdir -p $B/tests/clients
	@echo "  RUST tests/clients/{aya,aya-ring,aya-perf,libbpf-rs} (gnu)"
	$(Q)tests/clients/build.sh rust x86_64-unknown-linux-gnu $(RUST_GNU)

$(RUST_MUSL) &: $(RUST_SRC) | $(RUST_GNU)
	@mkdir -p $B/tests/clients
	@echo "  RUST tests/clients/{aya,aya-ring} (musl)"
	$(Q)tests/clients/build.sh rust x86_64-unknown-linux-musl $(RUST_MUSL)

# The C clients once more, with another libbpf than the machine's.
$B/tests/clients/libbpf-new: $(wildcard tests/clients/libbpf_*.c) tests/clients/Cargo.lock $(SKEL)
	@echo "  CC   tests/clients/libbpf_*.c (libbpf of libbpf-sys)"
	$(Q)CC="$(CC)" tests/clients/build.sh libbpf-new $@

# What takes long, and by itself uses all CPUs, comes first.
FOREIGN_BIN := $(RUST_GNU) $(RUST_MUSL) $B/tests/clients/libbpf-new \
	$B/tests/clients/go-ring.static $B/tests/clients/go-perf.static $B/tests/clients/go.static

# Object files for programs that use libbpf.
$(BPF_OBJ): $B/tests/clients/bpf/%.o: tests/clients/bpf/%.c
	@mkdir -p $(@D)
	@echo "  BPF  $<"
	$(Q)clang -target bpf -O2 -g -Wall -Werror -I/usr/include/$(shell $(CC) -print-multiarch) -c -o $@ $<

$(BPF_CPU_OBJ): $B/tests/clients/bpf/progs.%.o: tests/clients/bpf/progs.c
	@mkdir -p $(@D)
	@echo "  BPF  $< ($*)"
	$(Q)$(BPF_CLANG) -target bpf -mcpu=$* -O2 -g -Wall -Werror -I/usr/include/$(shell $(CC) -print-multiarch) -c -o $@ $<

$(BENCH_BIN): $B/%: $B/%.o $(LIB)
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) -lpthread

$B/bench/bench_hash: $B/tests/lib/maptest.o

clients-bin: $(FOREIGN_BIN) $(CLIENT_BIN) $(STATIC_BIN) $(GO_BIN) $(BPF_OBJ) $(BPF_CPU_OBJ)
tests-bin: all clients-bin $(UNIT_BIN)
bench-bin: all $(BENCH_BIN)
fuzz-bin: all $(filter $B/fuzz/%,$(CLIENT_BIN) $(STATIC_BIN))

deps:
	$(Q)scripts/deps.sh

# On all CPUs, unless the caller has said how many.
ALL_CPUS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

test: deps
	$(Q)$(MAKE) --no-print-directory $(ALL_CPUS) tests-bin
	$(Q)scripts/run-tests.sh $(TESTS)

# What docs/CLIENTS.md says, from what the test sees.
clients-doc: deps
	$(Q)$(MAKE) --no-print-directory $(ALL_CPUS) tests-bin
	$(Q)REWRITE=1 scripts/run-tests.sh cli/bpftool

# Needs nothing of src/.
test-kernel: deps
	$(Q)$(MAKE) --no-print-directory $(ALL_CPUS) clients-bin
	$(Q)scripts/test-kernel.sh $(TESTS)

soak: deps
	$(Q)$(MAKE) --no-print-directory $(ALL_CPUS) tests-bin
	$(Q)PINFS_TEST_SCALE=100 scripts/run-tests.sh $(TESTS)

demo: deps
	$(Q)$(MAKE) --no-print-directory $(ALL_CPUS) all $B/tests/clients/packets $B/tests/clients/bpf/story.o
	$(Q)scripts/demo.sh

bench: deps
	$(Q)$(MAKE) --no-print-directory $(ALL_CPUS) bench-bin
	$(Q)scripts/bench.sh

fuzz: deps
	$(Q)$(MAKE) --no-print-directory $(ALL_CPUS) fuzz-bin
	$(Q)scripts/fuzz.sh

# Some clients include what a tool has written.
check: deps
	$(Q)$(MAKE) --no-print-directory $(ALL_CPUS) $(SKEL) $(LIGHT)
	$(Q)scripts/check.sh

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pinfs/sudo $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 755 $B/pinfs $(DESTDIR)$(PREFIX)/bin/pinfs
	install -m 755 $B/libpinfs-preload.so $(DESTDIR)$(PREFIX)/lib/pinfs/libpinfs-preload.so
	ln -sfn ../../../bin/pinfs $(DESTDIR)$(PREFIX)/lib/pinfs/sudo/sudo
	install -m 644 man/pinfs.1 $(DESTDIR)$(PREFIX)/share/man/man1/pinfs.1
	install -m 644 man/pinfs.5 $(DESTDIR)$(PREFIX)/share/man/man5/pinfs.5

# For scripts/check.sh.
objects: $(CORE_OBJ) $(PRE_OBJ) $(TOOL_OBJ) $(TESTLIB_OBJ) $(UNIT_SRC:%.c=$B/%.o) $(CLIENT_BIN)
cflags:
	@echo $(CFLAGS_ALL)
cc:
	@echo $(CC)

clean:
	rm -rf build build-address build-thread

# Of our own objects alone: other tools leave files of that name, too.
-include $(patsubst %.o,%.d,$(CORE_OBJ) $(PRE_OBJ) $(TOOL_OBJ) $(TESTLIB_OBJ)) $(UNIT_SRC:%.c=$B/%.d) $(BENCH_BIN:%=%.d)

.PHONY: all lib clients-bin tests-bin bench-bin fuzz-bin deps test test-kernel clients-doc soak demo bench fuzz check install objects cflags cc clean
.SECONDARY:
.DELETE_ON_ERROR:
