# The report in a browser (tests/e2e/test_html.py): made-up sessions, and what drives the browser.
HTML_WORLD   := $(BUILD)/tests/html/world
HTML_DRIVER  := $(BUILD)/tests/html/node_modules/.package-lock.json
e2e-programs: $(HTML_WORLD) $(HTML_DRIVER)

$(HTML_WORLD): $(BUILD)/o/tests/html/world.o $(LIBRARIES)
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  LD      $@")
	$(Q)$(CC) $(OPTIMISE) $(SANITIZE) $(LDFLAGS) -o $@ $< \
	    -Wl,--start-group $(LIBRARIES) -Wl,--end-group $(LIBS)

# What is pinned in the lock file, with its checksums; no browser comes with it.
$(HTML_DRIVER): tests/html/package.json tests/html/package-lock.json | deps-test
	@mkdir -p $(BUILD)/tests/html
	$(Q)command -v npm >/dev/null || { echo "npm is missing: apt-get install npm"; exit 1; }
	$(if $(filter 1,$(V)),,@echo "  NPM     $(BUILD)/tests/html")
	$(Q)cp tests/html/package.json tests/html/package-lock.json $(BUILD)/tests/html
	$(Q)cd $(BUILD)/tests/html && npm ci --silent --ignore-scripts --no-audit --no-fund
	$(Q)touch $@
