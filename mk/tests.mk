# The tiers: test (under a minute), check (under ten), soak (by hand).
SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=undefined
# It sees no fences, and gcc says so at each: what they order here is between processes.
THREAD_SANITIZER := -fsanitize=thread -Wno-unknown-warning-option -Wno-tsan
UNIT_GROUPS := unit screens

# All cores, unless the caller already said how many jobs.
jobs = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

#: check                everything that CI runs: adds real programs, sanitizers, short fuzzing
.PHONY: check
check:
	$(Q)$(MAKE) --no-print-directory $(jobs) deps-test
	$(Q)$(MAKE) --no-print-directory $(jobs) all unit-tests e2e-programs fuzz-programs \
	    bench-programs
	$(Q)$(MAKE) --no-print-directory docs-check report-check
	$(Q)tests/includes
	$(Q)BUILD=$(BUILD) tests/run $(UNIT_GROUPS) e2e fuzz
	$(Q)$(MAKE) --no-print-directory $(jobs) asan
	@echo "check: all passed"

# Sanitized builds have folders of their own; the probe is not sanitized (it would need the
# sanitizer inside the program), its rooms are, through the unit tests.
#: asan                 unit tests under the address and undefined-behaviour sanitizers
.PHONY: asan
asan:
	$(Q)$(MAKE) --no-print-directory $(jobs) BUILD=$(BUILD)/asan OPTIMISE="-O1 -g" \
	    SANITIZE="$(SANITIZERS)" unit-tests
	$(Q)BUILD=$(BUILD)/asan ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 \
	    tests/run $(UNIT_GROUPS)

#: tsan                 unit tests under the thread sanitizer
.PHONY: tsan
tsan:
	$(Q)$(MAKE) --no-print-directory $(jobs) BUILD=$(BUILD)/tsan OPTIMISE="-O1 -g" \
	    SANITIZE="$(THREAD_SANITIZER)" unit-tests
	$(Q)BUILD=$(BUILD)/tsan TEST_TIME_LIMIT=1800 TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan.supp \
	    tests/run $(UNIT_GROUPS)

#: cov                  line coverage of the unit tests, per file
.PHONY: cov
cov:
	$(Q)$(MAKE) --no-print-directory $(jobs) BUILD=$(BUILD)/cov OPTIMISE="-O0 -g" \
	    SANITIZE="--coverage" unit-tests
	$(Q)find $(BUILD)/cov -name '*.gcda' -delete
	$(Q)BUILD=$(BUILD)/cov tests/run $(UNIT_GROUPS)
	$(Q)find $(BUILD)/cov/o/src -name '*.gcda' -exec gcov -n -r {} + 2>/dev/null | awk \
	    "/^File 'src.*c'/ { name = \$$2 } \
	     /^Lines executed/ && name { split(\$$0, part, /[:% ]/); print part[3] \"%\", name; name = \"\" }" \
	    | sort -n

#: soak                 the same tests with hundreds of rounds; by hand, hours
.PHONY: soak
soak:
	$(Q)$(MAKE) --no-print-directory $(jobs) deps-test
	$(Q)$(MAKE) --no-print-directory $(jobs) all unit-tests e2e-programs fuzz-programs
	$(Q)BUILD=$(BUILD) SOAK=$${SOAK:-200} TEST_TIME_LIMIT=14400 tests/run e2e fuzz
