# Packages come by themselves: what is compiled asks for them first. DEPS=no leaves that out.
DEPS ?= yes
need_packages = $(if $(filter no,$(DEPS)),@:,$(Q)mk/need-packages)

#: deps                 installs the packages that building needs (listed first; apt-get)
.PHONY: deps
deps:
	$(need_packages) "to build memscope-top" $(BUILD_PACKAGES)

#: deps-test            installs the packages that `make check` needs
.PHONY: deps-test
deps-test: deps
	$(need_packages) "to test memscope-top" $(TEST_PACKAGES)

.PHONY: deps-bench
deps-bench: deps-test
	$(need_packages) "to compare in make bench" $(BENCH_PACKAGES) \
	    || echo "bench: goes on without what could not be installed"

# Order only: looking costs milliseconds and never makes anything out of date.
PRODUCT_OBJECTS := $(foreach room,$(ROOMS),$(call objects,$(call rooms_sources,$(room)),o)) \
                   $(call objects,$(PROBE_SOURCES),pic) $(call objects,$(PROBE_CORE),o)
TEST_OBJECTS    := $(call objects,$(wildcard tests/*/*.c),o)
$(sort $(PRODUCT_OBJECTS)): | deps
$(TEST_OBJECTS): | deps-test
