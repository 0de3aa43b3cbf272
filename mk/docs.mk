# The manual pages are made from the tables of options, keys, metrics and judgements and kept in the tree, so
# that they can be read and installed without building; `make check` fails when one is stale.
MAN_GENERATOR := $(BUILD)/man-generate
$(MAN_GENERATOR): $(BUILD)/o/man/generate.o $(LIBRARIES)
	$(Q)$(CC) $(OPTIMISE) $(SANITIZE) $(LDFLAGS) -o $@ $< \
	    -Wl,--start-group $(LIBRARIES) -Wl,--end-group $(LIBS)
$(BUILD)/o/man/generate.o: CPPFLAGS += -DMS_DATE='"$(RELEASE_DATE)"'

$(BUILD)/memscope-top.%: $(MAN_GENERATOR) man/memscope-top.%.in
	$(Q)$(MAN_GENERATOR) < man/memscope-top.$*.in > $@

$(BUILD)/config.example: $(MAN_GENERATOR)
	$(Q)$(MAN_GENERATOR) config > $@

#: docs                 writes the manual pages and docs/config.example anew from the tables
.PHONY: docs docs-check
docs: $(BUILD)/memscope-top.1 $(BUILD)/memscope-top.7 $(BUILD)/config.example
	cp $(BUILD)/memscope-top.1 man/memscope-top.1
	cp $(BUILD)/memscope-top.7 man/memscope-top.7
	cp $(BUILD)/config.example docs/config.example

docs-check: $(BUILD)/memscope-top.1 $(BUILD)/memscope-top.7 $(BUILD)/config.example
	$(Q)cmp -s $(BUILD)/memscope-top.1 man/memscope-top.1 || \
	    { echo "man/memscope-top.1 is stale: run make docs and commit it"; exit 1; }
	$(Q)cmp -s $(BUILD)/memscope-top.7 man/memscope-top.7 || \
	    { echo "man/memscope-top.7 is stale: run make docs and commit it"; exit 1; }
	$(Q)cmp -s $(BUILD)/config.example docs/config.example || \
	    { echo "docs/config.example is stale: run make docs and commit it"; exit 1; }
