$(BUILD)/tests/bench/workloads: tests/bench/workloads.c | deps-test
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -O2 -g -fno-builtin-malloc \
	    -fno-builtin-free -fno-optimize-sibling-calls -pthread -o $@ $<

#: bench                what watching costs, beside heaptrack; SCALE=1 ROUNDS=5
.PHONY: bench
bench: deps-bench
	$(Q)$(MAKE) --no-print-directory $(jobs) all e2e-programs $(BUILD)/tests/bench/workloads
	$(Q)BUILD=$(BUILD) /usr/bin/python3 tests/bench/bench.py $${SCALE:-1} $${ROUNDS:-5}
	$(Q)BUILD=$(BUILD) /usr/bin/python3 tests/bench/gone.py 100 $${ROUNDS:-5}
