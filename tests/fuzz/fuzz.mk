# Fuzzing without tools: every tests/fuzz/fuzz_NAME.c has LLVMFuzzerTestOneInput, driver.c mutates
# its seeds. Built with the sanitizers, so a bad access is a failure at once.
FUZZ_SOURCES  := $(wildcard tests/fuzz/fuzz_*.c)

#: fuzz-programs        builds the fuzzers (tests/run fuzz runs them; FUZZ_SECONDS each)
.PHONY: fuzz-programs
fuzz-programs:
	$(Q)$(MAKE) --no-print-directory $(jobs) BUILD=$(BUILD)/asan OPTIMISE="-O1 -g" \
	    SANITIZE="$(SANITIZERS)" fuzzers
	@mkdir -p $(BUILD)/tests/fuzz
	$(Q)for program in $(notdir $(basename $(FUZZ_SOURCES))); do \
	    ln -sf "$(abspath $(BUILD))/asan/tests/fuzz/$$program" $(BUILD)/tests/fuzz/; done

.PHONY: fuzzers
fuzzers: $(patsubst tests/%.c,$(BUILD)/tests/%,$(FUZZ_SOURCES))
$(BUILD)/tests/fuzz/%: $(BUILD)/o/tests/fuzz/%.o $(BUILD)/o/tests/fuzz/driver.o $(LIBRARIES) \
                       $(BUILD)/lib/probe.a
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  LD      $@")
	$(Q)$(CC) $(OPTIMISE) $(SANITIZE) $(LDFLAGS) -o $@ $(filter %.o,$^) \
	    -Wl,--start-group $(LIBRARIES) $(BUILD)/lib/probe.a -Wl,--end-group $(LIBS) -lpthread
