# The manual pages are made from the tables of options, keys, metrics and judgements and kept in the tree, so
# that they can be read and installed without building; `make check` fails when one is stale.
MAN_GENERATOR := $(BUILD)/man-generate
$(MAN_GENERATOR): $(BUILD)/o/man/generate.o $(LIBRARIES)
	$(Q)$(CC) $(OPTIMISE) $(SANITIZE) $(LDFLAGS) -o $@ $< \
	    -Wl,--start-group $(LIBRARIES) -Wl,--end-group $(LIBS)
$(BUILD)/o/man/generate.o: CPPFLAGS += -DMS_DATE='"$(RELEASE_DATE)"'

$(BUILD)/memscope-%: $(MAN_GENERATOR) man/memscope-%.in
	$(Q)$(MAN_GENERATOR) < man/memscope-$*.in > $@

$(BUILD)/memscope.3: $(MAN_GENERATOR) man/memscope.3.in
	$(Q)$(MAN_GENERATOR) < man/memscope.3.in > $@

$(BUILD)/config.example: $(MAN_GENERATOR)
	$(Q)$(MAN_GENERATOR) config > $@

# Completions of shells and the desktop entry, likewise. Names: bash and fish look for the program's name,
# zsh for one that begins with a low line.
COMPLETIONS := completions/memscope-top.bash completions/_memscope-top completions/memscope-top.fish \
               completions/memscope-top.desktop
COMPLETION_GENERATOR := $(BUILD)/completion-generate
$(COMPLETION_GENERATOR): $(BUILD)/o/completions/generate.o $(LIBRARIES)
	$(Q)$(CC) $(OPTIMISE) $(SANITIZE) $(LDFLAGS) -o $@ $< \
	    -Wl,--start-group $(LIBRARIES) -Wl,--end-group $(LIBS)
$(BUILD)/completions/_memscope-top: $(COMPLETION_GENERATOR) completions/memscope-top.zsh.in
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPLETION_GENERATOR) < completions/memscope-top.zsh.in > $@
$(BUILD)/completions/memscope-top.%: $(COMPLETION_GENERATOR) completions/memscope-top.%.in
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPLETION_GENERATOR) < completions/memscope-top.$*.in > $@

# What is made from tables and kept in the tree: file in the tree = file that is made.
GENERATED := man/memscope-top.1=$(BUILD)/memscope-top.1 man/memscope-top.7=$(BUILD)/memscope-top.7 \
             man/memscope-top-config.5=$(BUILD)/memscope-top-config.5 \
             man/memscope-format.5=$(BUILD)/memscope-format.5 man/memscope.3=$(BUILD)/memscope.3 \
             docs/config.example=$(BUILD)/config.example \
             $(foreach file,$(COMPLETIONS),$(file)=$(BUILD)/$(file))

#: docs                 writes manual pages, completions and docs/config.example anew from the tables
.PHONY: docs docs-check
docs: $(foreach pair,$(GENERATED),$(lastword $(subst =, ,$(pair))))
	$(foreach pair,$(GENERATED),cp $(lastword $(subst =, ,$(pair))) $(firstword $(subst =, ,$(pair)));)

docs-check: $(foreach pair,$(GENERATED),$(lastword $(subst =, ,$(pair))))
	$(Q)for pair in $(GENERATED); do cmp -s "$${pair%=*}" "$${pair#*=}" || \
	    { echo "$${pair%=*} is stale: run make docs and commit it"; exit 1; }; done
