# Call stacks judged by libunwind (test_stacks.py): a build of the probe that compares every stack.
JUDGED_PROBE := $(BUILD)/tests/e2e/libmemscope-probe-judged.so
JUDGE_OBJECT := $(BUILD)/pic/tests/e2e/stacks/judge.o

e2e-programs: $(JUDGED_PROBE)

$(JUDGE_OBJECT): | deps-test

# ms_stack_capture as accounting calls it is the judge's, which calls the probe's own.
$(JUDGED_PROBE): $(call objects,$(PROBE_SOURCES),pic) $(JUDGE_OBJECT)
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  LD      $@")
	$(Q)$(CC) -shared $(OPTIMISE) $(PROBE_FLAGS) $(LDFLAGS) -Wl,-z,now -Wl,-z,nodelete $(NOTES) \
	    -Wl,-soname,libmemscope-probe.so -Wl,--wrap=ms_stack_capture -Wl,--no-undefined -o $@ $^
