# What memscope-top needs, by the names of Debian 12 and Ubuntu 24.04.
# Elsewhere: install what corresponds and build with DEPS=no.

# To build: a C compiler, curses with wide characters, ELF and DWARF readers, the unwinder of
# sampled stacks, the demangler, readers of sensors and of the processor's identity (the latter of
# x86 only).
BUILD_PACKAGES := gcc libc6-dev libncurses-dev libdw-dev libelf-dev libunwind-dev libiberty-dev \
                  libsensors-dev libzstd-dev zlib1g-dev $(if $(filter x86_64,$(MACHINE)),libcpuid-dev)

# To test: cmocka for unit tests (and libunwind as the judge of call stacks); the rest are the programs
# that the end-to-end tests watch and the tools that they compare with. redis-tools holds the
# server too, without starting a service. The last ones are the allocators that programs bring.
# Node.js of another origin brings npm itself and conflicts with Debian's.
NODE_PACKAGES := $(if $(shell command -v node),,nodejs) $(if $(shell command -v npm),,npm)
TEST_PACKAGES := g++ libcmocka-dev musl-tools python3 python3-jsonschema valgrind \
                 sqlite3 redis-tools tmux git file procps perl strace gdb binutils ripgrep \
                 libjemalloc-dev libgoogle-perftools-dev libmimalloc-dev electric-fence \
                 libclang-rt-dev heaptrack zstd rustc libglib2.0-dev pkg-config dwz \
                 libdebuginfod-dev xz-utils make postgresql time iproute2 chromium golang-go zsh fish \
                 $(NODE_PACKAGES)

# To compare in `make bench`, besides heaptrack; a missing one is said there and left out.
BENCH_PACKAGES := libjemalloc2 libgoogle-perftools-dev
