# The workloads, and the program that measures what they and their watchers used.
BENCH_FLAGS := -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -O2 -g

$(BUILD)/tests/bench/workloads: tests/bench/workloads.c | deps-test
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_FLAGS) -fno-builtin-malloc -fno-builtin-free -fno-optimize-sibling-calls \
	    -pthread -o $@ $<

$(BUILD)/tests/bench/measure: tests/bench/measure.c | deps-test
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_FLAGS) -static -o $@ $<

$(BUILD)/tests/bench/io_cost: tests/bench/io_cost.c | deps-test
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_FLAGS) -o $@ $<

$(BUILD)/tests/bench/record_cost: tests/bench/record_cost.c $(LIBRARIES) | deps-test
	@mkdir -p $(@D)
	$(Q)$(CC) $(BASE) -o $@ $< -Wl,--start-group $(filter-out %/tui.a,$(LIBRARIES)) \
	    -Wl,--end-group $(LIBS)

BENCH_PROGRAMS := $(addprefix $(BUILD)/tests/bench/,workloads measure io_cost record_cost)

# So that what changes in the product does not leave them behind.
.PHONY: bench-programs
bench-programs: $(BENCH_PROGRAMS)

#: bench-record         what recordings cost, in bytes and time; ROUNDS=5 ONLY=moments,viewer,large
.PHONY: bench-record
bench-record: all $(BUILD)/tests/bench/record_cost $(BUILD)/tests/e2e/scale
	$(Q)BUILD=$(BUILD) PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/bench/record.py \
	    --rounds=$${ROUNDS:-5} --only=$(ONLY)

#: bench-io             what a call of read() costs more, in nanoseconds; ROUNDS=9
.PHONY: bench-io
bench-io: all $(BUILD)/tests/bench/io_cost
	$(Q)BUILD=$(BUILD) PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/bench/io_cost.py $${ROUNDS:-9}

#: bench                what watching costs, beside its peers; SCALE=1 ROUNDS=5 ONLY=W1,W6
#:                      WAYS=exact,heaptrack THREADS=1,8 (of W1) JSON=FILE
.PHONY: bench
bench: deps-bench
	$(Q)$(MAKE) --no-print-directory $(jobs) all e2e-programs $(BUILD)/tests/bench/workloads \
	    $(BUILD)/tests/bench/measure
	$(Q)BUILD=$(BUILD) PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/bench/bench.py \
	    --scale=$${SCALE:-1} --rounds=$${ROUNDS:-5} --only=$(ONLY) --ways=$(WAYS) \
	    --threads=$(THREADS) $(if $(JSON),--json=$(JSON))
