# Call stacks judged by libunwind (test_stacks.py): a build of the probe that compares every stack,
# and programs made of traps.
STACKS        := $(BUILD)/tests/e2e/stacks
JUDGED_PROBE  := $(BUILD)/tests/e2e/libmemscope-probe-judged.so
JUDGE_OBJECTS := $(call objects,$(wildcard tests/e2e/stacks/judge*.c),pic)
STACKS_FLAGS  := -Wall -Wextra -g -D_GNU_SOURCE -pthread -rdynamic -fno-builtin-malloc \
                 -fno-builtin-free -Itests/e2e/stacks -Wno-unknown-attributes

# As compilers are asked to make frames: compiled-NAME.
compiled_O0     := -O0
compiled_leafy  := -O1 -fomit-frame-pointer
compiled_O2     := -O2
compiled_framed := -O2 -fno-omit-frame-pointer
compiled_O3     := -O3 -funroll-loops
compiled_Os     := -Os
# Nothing is mapped between its segments.
compiled_gaps   := -O2 -Wl,-z,max-page-size=0x200000
COMPILED := O0 leafy O2 framed O3 Os gaps

ifeq ($(MACHINE),x86_64)
e2e-programs: $(JUDGED_PROBE) $(STACKS)/traps $(STACKS)/traps-200.so $(STACKS)/traps-1000.so \
              $(COMPILED:%=$(STACKS)/compiled-%) \
              $(STACKS)/exceptions-O0 $(STACKS)/exceptions-O2
endif

$(JUDGE_OBJECTS): | deps-test

# What has the short way of an event in it is compiled again, the judge after the event.
JUDGED_SOURCES := $(shell grep -lE 'ms_event_allocated|"probe/allocate.h"' src/probe/*.c)
JUDGED_OBJECTS := $(call objects,$(JUDGED_SOURCES),judged) $(JUDGE_OBJECTS) \
                  $(call objects,$(filter-out $(JUDGED_SOURCES),$(PROBE_SOURCES)),pic)

$(BUILD)/judged/%.o: %.c | deps-test
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CC jdg  $<")
	$(Q)$(CC) $(BASE) $(PROBE_FLAGS) -include tests/e2e/stacks/judged_event.h \
	    $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Walks are only counted.
$(JUDGED_PROBE): $(JUDGED_OBJECTS)
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  LD      $@")
	$(Q)$(CC) -shared $(OPTIMISE) $(PROBE_FLAGS) $(LDFLAGS) -Wl,-z,now -Wl,-z,nodelete $(NOTES) \
	    -Wl,-soname,libmemscope-probe.so -Wl,--wrap=ms_stack_capture -Wl,--no-undefined -o $@ $^

$(STACKS)/traps: $(addprefix tests/e2e/stacks/,traps.c scripts.c signals.c modules.c frames.S) \
                 $(wildcard tests/e2e/stacks/*.h) | deps-test
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CC LD   $@")
	$(Q)$(CC) -std=gnu11 $(STACKS_FLAGS) -O1 -o $@ $(filter-out %.h,$^) -ldl

# The same file twice, but for the size of its frames.
$(STACKS)/traps-%.so: tests/e2e/stacks/plugin.S tests/e2e/stacks/frame_macros.h | deps-test
	@mkdir -p $(@D)
	$(Q)$(CC) -shared -DPLUGIN_BYTES=$* -o $@ $<

$(STACKS)/compiled-%: tests/e2e/stacks/compiled.c | deps-test
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CC LD   $@")
	$(Q)$(CC) -std=gnu11 $(STACKS_FLAGS) $(compiled_$*) -o $@ $<

$(STACKS)/exceptions-%: tests/e2e/stacks/exceptions.cc | deps-test
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CXX LD  $@")
	$(Q)$(CXX) -std=c++20 $(STACKS_FLAGS) -$* -o $@ $<
