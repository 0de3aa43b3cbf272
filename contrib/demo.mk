DEMO := $(BUILD)/demo

$(DEMO): contrib/demo/demo.c | deps
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CC LD   $@")
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -O1 -g -pthread -o $@ $<

#: demo                 builds everything and watches the demo program live
.PHONY: demo
demo:
	$(Q)$(MAKE) --no-print-directory $(jobs) all $(DEMO)
	$(Q)if [ -t 0 ] && [ -t 1 ]; then \
	    exec $(PROGRAM) $(DEMO); \
	else \
	    exec $(PROGRAM) --plain -- $(DEMO) 10; \
	fi
