# Fuzzing without tools: every tests/fuzz/fuzz_NAME.c has LLVMFuzzerTestOneInput, driver.c makes up
# its inputs. Built with the sanitizers, so a bad access is a failure at once. With clang the same
# programs are led by the coverage that their inputs reach, by libFuzzer.
FUZZ_SOURCES  := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_ENGINE   ?= $(BUILD)/o/tests/fuzz/driver.o
FUZZ_CLANG    ?= clang

#: fuzz-programs        builds the fuzzers (tests/run fuzz runs them; FUZZ_SECONDS each)
.PHONY: fuzz-programs
fuzz-programs:
	$(Q)$(MAKE) --no-print-directory $(jobs) BUILD=$(BUILD)/asan OPTIMISE="-O1 -g" \
	    SANITIZE="$(SANITIZERS)" fuzzers
	@mkdir -p $(BUILD)/tests/fuzz
	$(Q)for program in $(notdir $(basename $(FUZZ_SOURCES))); do \
	    ln -sf "$(abspath $(BUILD))/asan/tests/fuzz/$$program" $(BUILD)/tests/fuzz/; done

#: fuzz-guided          builds the fuzzers for libFuzzer, into $(BUILD)/guided/tests/fuzz (clang)
.PHONY: fuzz-guided
fuzz-guided:
	$(Q)$(MAKE) --no-print-directory $(jobs) BUILD=$(BUILD)/guided CC="$(FUZZ_CLANG)" \
	    OPTIMISE="-O1 -g" SANITIZE="$(SANITIZERS) -fsanitize=fuzzer-no-link" \
	    FUZZ_ENGINE=-fsanitize=fuzzer fuzzers

.PHONY: fuzzers
fuzzers: $(patsubst tests/%.c,$(BUILD)/tests/%,$(FUZZ_SOURCES))
$(BUILD)/tests/fuzz/%: $(BUILD)/o/tests/fuzz/%.o $(filter %.o,$(FUZZ_ENGINE)) $(LIBRARIES) \
                       $(BUILD)/lib/cli.a $(BUILD)/lib/probe.a
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  LD      $@")
	$(Q)$(CC) $(OPTIMISE) $(SANITIZE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter-out %.o,$(FUZZ_ENGINE)) \
	    -Wl,--start-group $(BUILD)/lib/cli.a $(LIBRARIES) $(BUILD)/lib/probe.a -Wl,--end-group $(LIBS) -lpthread
