# memscope-top: build, test, install. GNU make, no configure step.
# `make help` lists the targets. Local settings go into config.mk.
-include config.mk

VERSION := 0.1.0
RELEASE_DATE := 2026-11-21
prefix  ?= /usr/local
bindir  ?= $(prefix)/bin
libdir  ?= $(prefix)/lib
mandir  ?= $(prefix)/share/man
docdir  ?= $(prefix)/share/doc/memscope-top
BUILD   ?= build
CC      ?= cc
CXX     ?= c++
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)

comma := ,
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wvla
ifeq ($(CI),true)
WARNINGS += -Werror
endif
OPTIMISE ?= -O2 -g
BASE     := -std=gnu11 -D_GNU_SOURCE -Isrc $(WARNINGS) $(OPTIMISE) -MMD -MP \
            -DMS_VERSION='"$(VERSION)"'
MACHINE  := $(shell uname -m)
CONTROL_FLOW := $(if $(filter x86_64,$(MACHINE)),-fcf-protection=full,\
                $(if $(filter aarch64,$(MACHINE)),-mbranch-protection=standard))
# Inside other people's programs: nothing visible but the hooks, nothing but libc needed.
PROBE_FLAGS := -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-omit-frame-pointer \
               -fno-stack-protector -fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc \
               -fno-builtin-free -fno-semantic-interposition -fno-tree-slp-vectorize \
               $(CONTROL_FLOW)
# crt files without the note would make the linker drop it, and with it the program's shadow stack.
NOTES := $(if $(filter x86_64,$(MACHINE)),-Wl$(comma)-z$(comma)ibt -Wl$(comma)-z$(comma)shstk)
SANITIZE ?=

ROOMS := wire keeper collect model record analysis export tui cli
rooms_sources = $(sort $(wildcard src/$(1)/*.c))
objects       = $(patsubst %.c,$(BUILD)/$(2)/%.o,$(1))

LIBRARIES := $(foreach room,$(filter-out cli,$(ROOMS)),$(BUILD)/lib/$(room).a)
PROBE_SOURCES := $(call rooms_sources,probe) $(call rooms_sources,wire)
PROBE_CORE    := $(filter-out src/probe/hooks_%.c,$(call rooms_sources,probe))
PROBE         := $(BUILD)/libmemscope-probe.so
PROGRAM       := $(BUILD)/memscope-top
LIBS          := -lncursesw -ltinfo -ldw -lelf -lunwind-generic -liberty \
                 $(if $(filter x86_64,$(MACHINE)),-lcpuid) -lsensors -lzstd -lz -ldl -lpthread -lm

.PHONY: all help
all: $(PROGRAM) $(PROBE)

help:
	@sed -n 's/^#: \(.*\)/  make \1/p' $(MAKEFILE_LIST)

# --- rooms: one archive each, so that a test links only what it names ---
define room_archive
$(BUILD)/lib/$(1).a: $(call objects,$(call rooms_sources,$(1)),o)
	@mkdir -p $$(@D)
	$$(if $$(filter 1,$$(V)),,@echo "  AR      $$@")
	$(Q)rm -f $$@ && $(AR) rcs $$@ $$^
.PHONY: room-$(1)
room-$(1): $(BUILD)/lib/$(1).a
endef
$(foreach room,$(ROOMS),$(eval $(call room_archive,$(room))))

$(BUILD)/o/%.o: %.c
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CC      $<")
	$(Q)$(CC) $(BASE) $(SANITIZE) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Loops over thousands of numbers: several at a time.
$(addprefix $(BUILD)/o/src/record/,columns.o points.o): CFLAGS += -O3

$(BUILD)/pic/%.o: %.c
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CC pic  $<")
	$(Q)$(CC) $(BASE) $(PROBE_FLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(PROGRAM): $(call objects,$(call rooms_sources,cli),o) $(LIBRARIES)
	$(if $(filter 1,$(V)),,@echo "  LD      $@")
	$(Q)$(CC) $(OPTIMISE) $(SANITIZE) $(LDFLAGS) -o $@ $(filter %.o,$^) \
	    -Wl,--start-group $(LIBRARIES) -Wl,--end-group $(LIBS)

$(PROBE): $(call objects,$(PROBE_SOURCES),pic)
	$(if $(filter 1,$(V)),,@echo "  LD      $@")
	$(Q)$(CC) -shared $(OPTIMISE) $(PROBE_FLAGS) $(LDFLAGS) -Wl,-z,now -Wl,-z,nodelete $(NOTES) \
	    -Wl,-soname,libmemscope-probe.so -Wl,--no-undefined -o $@ $^
.PHONY: room-probe
room-probe: $(PROBE)

# The probe without its hooks, for unit tests: nothing in it takes over malloc.
$(BUILD)/lib/probe.a: $(call objects,$(PROBE_CORE),o)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# --- tests ---
UNIT_TESTS   := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
SCREEN_TESTS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/screens/test_*.c))
$(BUILD)/tests/%: $(BUILD)/o/tests/%.o $(LIBRARIES) $(BUILD)/lib/cli.a $(BUILD)/lib/probe.a
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  LD      $@")
	$(Q)$(CC) $(OPTIMISE) $(SANITIZE) $(LDFLAGS) -o $@ $< \
	    -Wl,--start-group $(BUILD)/lib/cli.a $(LIBRARIES) $(BUILD)/lib/probe.a -Wl,--end-group \
	    $(LIBS) -lcmocka -lpthread

.PHONY: unit-tests
unit-tests: $(UNIT_TESTS) $(SCREEN_TESTS)

#: test                 unit and screen tests (under a minute)
.PHONY: test
test: all unit-tests
	$(Q)BUILD=$(BUILD) tests/run unit screens

#: clean                removes what was built
.PHONY: clean
clean:
	rm -rf $(BUILD)

# Each folder of programs that tests, benchmarks and the demo need brings its own rules.
include $(wildcard mk/*.mk tests/*/*.mk contrib/*.mk)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.SECONDARY:
.DELETE_ON_ERROR:
