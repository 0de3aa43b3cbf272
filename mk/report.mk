# The page of the HTML report: its parts are put together, with the hashes that its content security
# policy names, and become bytes of the program. The order is that in which scripts are read.
REPORT_SCRIPTS := $(addprefix src/export/report/,data.js series.js stacks.js tree.js format.js dom.js \
                  theme.js plot.js table.js focus.js tiles.js answers.js condition.js cards.js rankings.js \
                  series_shown.js columns.js marks.js chart.js timeline.js timeline_panel.js correlation.js \
                  flame_pixels.js scatter.js correlation_panel.js flame.js flame_panel.js hotspots.js \
                  leaks.js types.js flows.js insights.js system.js page.js start.js)
REPORT_PARTS   := src/export/report/report.html src/export/report/style.css
REPORT_PAGE    := $(BUILD)/report.html

$(REPORT_PAGE): src/export/report/assemble $(REPORT_PARTS) $(REPORT_SCRIPTS)
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  PAGE    $@")
	$(Q)src/export/report/assemble $(REPORT_PARTS) $(REPORT_SCRIPTS) > $@

$(BUILD)/o/src/export/html_page.o: CPPFLAGS += -DMS_REPORT_PAGE='"$(REPORT_PAGE)"'
$(BUILD)/o/src/export/html_page.o: $(REPORT_PAGE)

.PHONY: report-check
report-check:
	$(Q)command -v node >/dev/null || { echo "node is missing: apt-get install nodejs"; exit 1; }
	$(Q)for script in $(REPORT_SCRIPTS) tests/html/*.cjs; do node --check $$script || exit 1; done
