# The programs that the end-to-end tests watch: plain C and C++, nothing of ours linked in.
E2E_SOURCES  := $(wildcard tests/e2e/programs/*.c tests/e2e/programs/*.cc)
E2E_PROGRAMS := $(patsubst tests/e2e/programs/%,$(BUILD)/tests/e2e/%,\
                $(basename $(filter-out %/plugin.cc %/misuse_library.cc %/early.c %/box.c %/named.c %/count_shim.c %/sized_free.c %/own_malloc.c %/skip_free.c %/typed_glib.c %/unlucky.c %/starved.c %/slept.c,\
                $(E2E_SOURCES))))
E2E_LIBRARIES := $(addprefix $(BUILD)/tests/e2e/,plugin.so misuse_library.so early.so box.so named_alpha.so named_beta.so count_shim.so \
                 count_shim_sizeless.so libc.so.count_shim sized_free.so skip_free.so other_names.so unlucky.so starved.so slept.so)
# The allocators that are installed: a program that is linked to each.
E2E_ALLOCATORS := $(foreach name,jemalloc tcmalloc_minimal mimalloc,\
                  $(if $(wildcard /usr/lib/*/lib$(name).so),$(name)))
E2E_LINKED := $(addprefix $(BUILD)/tests/e2e/allocators-,$(E2E_ALLOCATORS)) \
              $(addprefix $(BUILD)/tests/e2e/,own_malloc own_malloc-hidden) \
              $(if $(wildcard /usr/lib/*/libjemalloc.a),$(BUILD)/tests/e2e/allocators-static)
E2E_FLAGS := -Wall -Wextra -O1 -g -D_GNU_SOURCE -pthread -fno-builtin-malloc -fno-builtin-free \
             -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-strdup \
             -Wno-unknown-attributes

.PHONY: e2e-programs
e2e-programs: all $(E2E_PROGRAMS) $(E2E_LIBRARIES) $(E2E_LINKED) \
    $(addprefix $(BUILD)/tests/e2e/,typed_glib typed_rust with_go) $(BUILD)/demo

# Relocated and constructed before the probe is.
$(BUILD)/tests/e2e/early_user: tests/e2e/programs/early_user.c $(BUILD)/tests/e2e/early.so
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(E2E_FLAGS) -o $@ $< $(BUILD)/tests/e2e/early.so -Wl,-rpath,'$$ORIGIN'

# Its library comes before libc.
$(BUILD)/tests/e2e/interposed: tests/e2e/programs/interposed.c $(BUILD)/tests/e2e/other_names.so
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(E2E_FLAGS) -fno-builtin -rdynamic -o $@ $< \
	    $(BUILD)/tests/e2e/other_names.so -Wl,-rpath,'$$ORIGIN'

$(BUILD)/tests/e2e/other_names.so: tests/e2e/programs/interposed.c | deps-test
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(E2E_FLAGS) -fno-builtin -DLIBRARY -shared -fPIC -o $@ $<

# It includes the public header.
$(BUILD)/tests/e2e/marks: E2E_FLAGS += -O2 -Iinclude

# As programs are built that run for long.
$(BUILD)/tests/e2e/burns: E2E_FLAGS += -O2

# Its libraries are found by this alone.
$(BUILD)/tests/e2e/modules: E2E_FLAGS += -Wl,--enable-new-dtags,-rpath,'$$ORIGIN'

$(BUILD)/tests/e2e/%: tests/e2e/programs/%.c | deps-test
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CC LD   $@")
	$(Q)$(CC) -std=gnu11 $(E2E_FLAGS) -rdynamic -o $@ $< -ldl -lm

$(BUILD)/tests/e2e/%: tests/e2e/programs/%.cc | deps-test
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CXX LD  $@")
	$(Q)$(CXX) -std=c++17 $(E2E_FLAGS) -fsized-deallocation -Wno-mismatched-dealloc -o $@ $<

# Nothing but the tool chain itself: no module, no cache of the user's.
$(BUILD)/tests/e2e/with_go: tests/e2e/programs/with_go.go | deps-test
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  GO      $@")
	$(Q)GO111MODULE=off GOFLAGS= GOCACHE=$(abspath $(BUILD))/go CGO_ENABLED=1 CC=gcc go build -o $@ $<

$(BUILD)/tests/e2e/allocators-%: tests/e2e/programs/allocators.cc | deps-test
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 $(E2E_FLAGS) -fsized-deallocation -o $@ $< \
	    -Wl,--no-as-needed $(if $(filter static,$*),-l:libjemalloc.a -lm,-l$*)

$(BUILD)/tests/e2e/own_malloc $(BUILD)/tests/e2e/own_malloc-hidden: \
    tests/e2e/programs/own_malloc.c | deps-test
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(E2E_FLAGS) $(if $(findstring hidden,$@),-DHIDDEN) -o $@ $<

$(BUILD)/tests/e2e/plugin.so $(BUILD)/tests/e2e/misuse_library.so: $(BUILD)/tests/e2e/%.so: \
    tests/e2e/programs/%.cc | deps-test
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 $(E2E_FLAGS) -shared -fPIC -o $@ $<

$(addprefix $(BUILD)/tests/e2e/,sized_free.so unlucky.so starved.so slept.so): $(BUILD)/tests/e2e/%.so: \
    tests/e2e/programs/%.c | deps-test
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(E2E_FLAGS) -shared -fPIC -o $@ $<

# It unwinds by libgcc, as C++ exceptions do.
$(BUILD)/tests/e2e/skip_free.so: tests/e2e/programs/skip_free.c | deps-test
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(E2E_FLAGS) -O2 -shared -fPIC -o $@ $< -ldl -lgcc_s

$(addprefix $(BUILD)/tests/e2e/,early.so box.so): $(BUILD)/tests/e2e/%.so: \
    tests/e2e/programs/%.c | deps-test
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(E2E_FLAGS) -shared -fPIC -o $@ $<

$(BUILD)/tests/e2e/named_%.so: tests/e2e/programs/named.c | deps-test
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(E2E_FLAGS) -DNAME=$* -shared -fPIC -o $@ $<

# The probe has a way of its own for each: an unknown allocator, one without malloc_usable_size, and
# what it takes by its name for libc.
$(BUILD)/tests/e2e/count_shim.so $(BUILD)/tests/e2e/libc.so.count_shim \
$(BUILD)/tests/e2e/count_shim_sizeless.so: tests/e2e/programs/count_shim.c | deps-test
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(E2E_FLAGS) -O2 $(if $(findstring sizeless,$@),-DNO_USABLE_SIZE) \
	    -fvisibility=default -shared -fPIC -o $@ $< -ldl

# Writes and lists the container of recordings (test_format.py).
e2e-programs: $(BUILD)/tests/e2e/blocks_client
$(BUILD)/tests/e2e/blocks_client: tests/e2e/blocks_client.c $(BUILD)/lib/record.a | deps-test
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CC LD   $@")
	$(Q)$(CC) $(BASE) -o $@ $< $(BUILD)/lib/record.a $(LIBS)

# What symbols are looked up in (test_symbols.py): a client as the viewer is one, a program full of
# inlined templates, and one object of it to link many copies of.
SYMBOLS := $(BUILD)/tests/e2e/symbols
e2e-programs: $(SYMBOLS)/client $(SYMBOLS)/inlined $(SYMBOLS)/inlined.o

$(SYMBOLS)/client: tests/e2e/symbol_client.c $(LIBRARIES) | deps-test
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CC LD   $@")
	$(Q)$(CC) $(BASE) -o $@ $< -Wl,--start-group $(BUILD)/lib/collect.a $(BUILD)/lib/model.a \
	    $(BUILD)/lib/wire.a -Wl,--end-group $(LIBS)

$(SYMBOLS)/inlined: tests/e2e/symbols/inlined.cc | deps-test
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CXX LD  $@")
	$(Q)$(CXX) -std=c++17 -O2 -g -DPROGRAM -Wl,--build-id -o $@ $<

$(SYMBOLS)/inlined.o: tests/e2e/symbols/inlined.cc | deps-test
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CXX     $@")
	$(Q)$(CXX) -std=c++17 -O1 -g3 -c -o $@ $<

$(BUILD)/tests/e2e/typed_glib: tests/e2e/programs/typed_glib.c | deps-test
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(E2E_FLAGS) -o $@ $< $$(pkg-config --cflags --libs gobject-2.0)

# The newer mangling keeps the parameters of types in names, whatever the compiler's default.
RUSTC ?= rustc
$(BUILD)/tests/e2e/typed_rust: tests/e2e/programs/typed_rust.rs | deps-test
	@mkdir -p $(@D)
	$(Q)MAKEFLAGS= $(RUSTC) --edition 2018 -g -C symbol-mangling-version=v0 -o $@ $<

# Programs of one nature each (test_natures.py), built as programs that run for long are.
e2e-programs: $(BUILD)/tests/e2e/natures/nature

$(BUILD)/tests/e2e/natures/%: tests/e2e/natures/%.c | deps-test
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CC LD   $@")
	$(Q)$(CC) -std=gnu11 $(E2E_FLAGS) -O2 -rdynamic -o $@ $<
