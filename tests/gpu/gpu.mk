# NVIDIA's management library as the tests need it: as of now, and as of an old driver. Each has a
# folder of its own, as LD_LIBRARY_PATH wants it.
FAKE_NVML := $(BUILD)/tests/gpu/now/libnvidia-ml.so.1 $(BUILD)/tests/gpu/old/libnvidia-ml.so.1
unit-tests e2e-programs: $(FAKE_NVML)

$(FAKE_NVML): $(BUILD)/tests/gpu/%/libnvidia-ml.so.1: tests/gpu/fake_nvml.c
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CC LD   $@")
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -O1 -g -shared -fPIC \
	    $(if $(filter old,$*),-DOLD_DRIVER) -o $@ $<
