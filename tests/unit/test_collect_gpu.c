/* GPUs: NVIDIA's library as tests/gpu/fake_nvml.c plays it, and DRM in folders as kernels make
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/drm.h"
#include "collect/gpu.h"
#include "collect/nvml.h"
#include "collect_tree.h"

#define SECOND UINT64_C(1000000000)
#define GIB    (UINT64_C(1) << 30)

static struct ms_nvml_result result;
static char library[2][512];

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-6 * (1 + fabs(b));
}

static struct ms_nvml *open_fake(bool old, const char *script)
{
    char because[200];
    (void)setenv("FAKE_NVML", script, 1);
    memset(&result, 0, sizeof result);
    return ms_nvml_open(library[old ? 1 : 0], because, sizeof because);
}

static int begin(void **state)
{
    (void)state;
    tree_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    tree_end();
    return 0;
}

static void test_all_figures(void **state)
{
    (void)state;
    for (int old = 0; old < 2; old++) {
        struct ms_nvml *nvml = open_fake(old == 1, "gpus=2");
        assert_non_null(nvml);
        assert_true(ms_nvml_read(nvml, &result, SECOND));
        assert_int_equal(result.count, 2);
        const struct ms_gpu *gpu = &result.gpus[1];
        assert_string_equal(gpu->name, "NVIDIA Test B");
        assert_string_equal(gpu->uuid, "GPU-1");
        assert_string_equal(gpu->driver, "560.35.03");
        assert_true(near(gpu->pct, 42) && near(gpu->memory_traffic_pct, 17));
        assert_int_equal(gpu->memory_used_bytes, 20 * GIB);
        assert_int_equal(gpu->memory_total_bytes, 80 * GIB);
        assert_true(near(gpu->temperature_c, 61) && near(gpu->power_w, 123.456));
        assert_true(near(gpu->power_limit_w, 700) && near(gpu->sm_mhz, 1980));
        assert_true(near(gpu->memory_mhz, 2619) && near(gpu->sm_max_mhz, 2000));
        assert_true(near(gpu->pcie_sent_bytes_per_s, 1e6));
        assert_true(near(gpu->pcie_received_bytes_per_s, 2e6));
        assert_false(gpu->lost || gpu->partitioned);
        assert_true(result.told_memory[1]);
        if (old == 0) {
            assert_string_equal(gpu->pci, "00000000:02:00.0");
            assert_int_equal(gpu->energy_mj, 987654321);
            assert_int_equal(gpu->multiprocessors, 132);
            assert_string_equal(gpu->because, "");
        } else { /* what the old driver does not have is missing, not 0 */
            assert_int_equal(gpu->multiprocessors, 0);
            assert_false(result.told_time[1]);
            assert_non_null(strstr(gpu->because, "time of processes: the driver is too old"));
        }
        ms_nvml_close(nvml);
    }
}

/* One field that is not supported takes no other one with it. */
static void test_fields_not_supported(void **state)
{
    (void)state;
    struct ms_nvml *nvml = open_fake(false, "utilization=3 power=4 memory=3");
    assert_true(ms_nvml_read(nvml, &result, SECOND));
    const struct ms_gpu *gpu = &result.gpus[0];
    assert_true(isnan(gpu->pct) && isnan(gpu->memory_traffic_pct));
    assert_true(isnan(gpu->power_w) && isnan(gpu->power_limit_w));
    assert_int_equal(gpu->memory_total_bytes, 0); /* "not told" */
    assert_true(near(gpu->temperature_c, 61));
    assert_non_null(strstr(gpu->because, "utilization: not supported"));
    assert_non_null(strstr(gpu->because, "power: no permission"));
    assert_non_null(strstr(gpu->because, "memory: not supported"));
    assert_false(gpu->lost);
    ms_nvml_close(nvml);
}

static void test_nothing_there(void **state)
{
    (void)state;
    char because[200];
    assert_null(ms_nvml_open("libnvidia-ml-not-there.so.1", because, sizeof because));
    assert_non_null(strstr(because, "not installed"));
    assert_null(ms_nvml_open("libm.so.6", because, sizeof because));
    assert_non_null(strstr(because, "has no nvmlInit_v2"));
    const struct {
        const char *script, *why;
    } cases[] = {{"init=9", "driver is not loaded"},
                 {"init=18", "different versions"},
                 {"gpus=0", "has no GPU"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ms_nvml *nvml = open_fake(false, cases[i].script);
        assert_false(ms_nvml_read(nvml, &result, SECOND));
        assert_int_equal(result.count, 0);
        assert_non_null(strstr(result.because, cases[i].why));
        ms_nvml_close(nvml);
    }
}

static void test_lost_in_the_middle(void **state)
{
    (void)state;
    struct ms_nvml *nvml = open_fake(false, "gpus=2 lost=3");
    for (uint64_t i = 1; i <= 5; i++) {
        assert_true(ms_nvml_read(nvml, &result, i * SECOND)); /* the other one goes on */
        assert_int_equal(result.gpus[0].lost, i >= 3);
        assert_int_equal(result.gpus[0].read_ns, (i < 3 ? i : 2) * SECOND);
        assert_int_equal(result.gpus[1].read_ns, i * SECOND);
    }
    assert_true(ms_gpu_stale(&result.gpus[0], 5 * SECOND));
    assert_false(ms_gpu_stale(&result.gpus[1], 6 * SECOND));
    assert_true(ms_gpu_stale(&result.gpus[1], 11 * SECOND));
    assert_non_null(strstr(result.gpus[0].because, "lost"));
    assert_false(result.told_memory[0]);
    ms_nvml_close(nvml);
    nvml = open_fake(false, "handle=15"); /* from the start */
    assert_false(ms_nvml_read(nvml, &result, SECOND));
    assert_true(result.gpus[0].lost);
    ms_nvml_close(nvml);
}

static void put_rows(const char *text, char *script, size_t size, const char *more)
{
    tree_put("rows", text);
    (void)snprintf(script, size, "rows=%s/rows %s", tree, more);
}

static const struct ms_gpu_user *user(const struct ms_gpu *gpu, pid_t pid)
{
    for (size_t i = 0; i < gpu->user_count; i++) {
        if (gpu->users[i].pid == pid) {
            return &gpu->users[i];
        }
    }
    return NULL;
}

static void test_processes(void **state)
{
    (void)state;
    char script[256];
    /* Memory not told, no sample, a share that cannot be, no pid. */
    put_rows("0 10 1000 30\n0 11 - 20\n0 12 3000 -\n0 13 4000 140\n0 0 5 5\n1 10 77 1\n", script,
             sizeof script, "gpus=2");
    struct ms_nvml *nvml = open_fake(false, script);
    assert_true(ms_nvml_read(nvml, &result, SECOND));
    const struct ms_gpu *gpu = &result.gpus[0];
    assert_int_equal(gpu->user_count, 4);
    assert_int_equal(user(gpu, 10)->memory_bytes, 1000); /* in two lists: not twice */
    assert_true(near(user(gpu, 10)->pct, 30) && near(user(gpu, 10)->memory_pct, 5));
    assert_false(user(gpu, 11)->have_memory);
    assert_true(near(user(gpu, 11)->pct, 20));
    assert_true(near(user(gpu, 12)->pct, 0)); /* no sample: nothing of it ran */
    assert_true(near(user(gpu, 13)->pct, 0));
    assert_false(result.told_memory[0]); /* that of 11 is not known */
    assert_true(result.told_memory[1] && result.told_time[1]);
    ms_nvml_close(nvml);

    nvml = open_fake(true, script); /* rows of 16 bytes */
    assert_true(ms_nvml_read(nvml, &result, SECOND));
    assert_int_equal(user(gpu, 12)->memory_bytes, 3000);
    assert_true(isnan(user(gpu, 12)->pct));
    ms_nvml_close(nvml);

    put_rows("0 10 1000 30\n", script, sizeof script, "growing");
    nvml = open_fake(false, script); /* more rows than the call before told */
    assert_true(ms_nvml_read(nvml, &result, SECOND));
    assert_non_null(user(gpu, 10));
    assert_true(gpu->user_count > 10);
    ms_nvml_close(nvml);

    put_rows("0 10 1000 30\n", script, sizeof script, "users=4 time=3");
    nvml = open_fake(false, script);
    assert_true(ms_nvml_read(nvml, &result, SECOND));
    assert_int_equal(gpu->user_count, 0);
    assert_false(result.told_memory[0] || result.told_time[0]);
    assert_non_null(strstr(gpu->because, "processes: no permission"));
    ms_nvml_close(nvml);

    put_rows("0 10 1000 30\n", script, sizeof script, "mig utilization=3");
    nvml = open_fake(false, script);
    assert_true(ms_nvml_read(nvml, &result, SECOND));
    assert_true(gpu->partitioned && gpu->user_count == 0 && isnan(gpu->pct));
    assert_int_equal(gpu->memory_total_bytes, 80 * GIB);
    assert_non_null(strstr(gpu->because, "MIG"));
    assert_false(result.told_memory[0]);
    ms_nvml_close(nvml);
}

static struct ms_model *model;
static struct ms_gpu_reader *reader;

static void join_begin(const char *nvml, const char *script)
{
    const struct ms_gpu_options options = {
        .nvml = nvml, .proc = tree, .sys = tree, .period_ns = SECOND / 50};
    (void)setenv("FAKE_NVML", script, 1);
    model = ms_model_new(SECOND / 10, 0, 0);
    for (uint32_t id = 1; id <= 3; id++) {
        struct ms_process *process = ms_model_add_process(model, id);
        process->pid = (pid_t)(1000 + id);
    }
    tree_put("1001/status", "Name:\tx\nNSpid:\t1001\nUid: 0\n");
    tree_put("1002/status", "Name:\tNSpid: 7\nNSpid:\t1002\t31\t7\nUid: 0\n");
    tree_put("1003/status", "Name:\tx\nNSpid:\t1003\t1001\n"); /* within: another's outside */
    reader = ms_gpu_reader_new(&options);
}

static void join_end(void)
{
    ms_gpu_reader_free(reader);
    ms_model_free(model);
}

static void wait_for_gpus(enum ms_source of)
{
    for (int i = 0; i < 60000 && ms_model_source(model, of)->condition == MS_SOURCE_NOT_ASKED;
         i++) {
        ms_gpu_read(reader, model, SECOND);
        usleep(1000);
    }
}

static const struct ms_process *process_of(uint32_t id)
{
    return ms_model_process_by_id(model, id);
}

/* Drivers tell the pid outside or that within the container; somebody else's is nobody's. */
static void test_matching(void **state)
{
    (void)state;
    char script[256];
    put_rows("0 1001 1000 30\n0 7 2000 40\n0 4711 9000 9\n1 1001 500 20\n", script, sizeof script,
             "gpus=2");
    join_begin(library[0], script);
    wait_for_gpus(MS_SOURCE_NVIDIA_GPU);
    const struct ms_system *system = ms_model_system(model);
    assert_int_equal(system->gpu_count, 2);
    assert_int_equal(user(&system->gpus[0], 1001)->process_id, 1);
    assert_int_equal(user(&system->gpus[0], 7)->process_id, 2);
    assert_int_equal(user(&system->gpus[0], 4711)->process_id, 0);
    assert_true(process_of(1)->have_gpu);
    assert_int_equal(process_of(1)->gpu_bytes, 1500);
    assert_true(near(process_of(1)->gpu_pct, 50)); /* of two GPUs */
    assert_int_equal(process_of(2)->gpu_bytes, 2000);
    assert_int_equal(process_of(3)->gpu_bytes, 0);
    /* Histories are the model's: they stay when figures are taken over. */
    assert_int_equal(ms_model_tick_end(model, 2 * SECOND), 0);
    assert_non_null(system->gpus[0].history);
    struct ms_process *ended = ms_model_process_mutable(model, 1);
    ended->end_ns = 2 * SECOND;
    for (int i = 0; i < 6000 && process_of(1)->have_gpu; i++) {
        usleep(10000);
        ms_gpu_read(reader, model, 3 * SECOND);
    }
    assert_false(process_of(1)->have_gpu);
    assert_true(isnan(process_of(1)->gpu_pct));
    assert_non_null(system->gpus[0].history);
    join_end();
}

/* A driver that hangs: figures get old and then are missing; nobody waits for it. */
static void test_hang(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        join_begin(library[0], i == 0 ? "hang=init" : "hang=utilization");
        for (uint64_t k = 0; k < 5; k++) {
            ms_gpu_read(reader, model, SECOND + k);
        }
        assert_int_equal(ms_model_source(model, MS_SOURCE_NVIDIA_GPU)->condition,
                         MS_SOURCE_NOT_ASKED);
        ms_gpu_read(reader, model, 8 * SECOND);
        const struct ms_source_state *source = ms_model_source(model, MS_SOURCE_NVIDIA_GPU);
        assert_int_equal(source->condition, MS_SOURCE_UNAVAILABLE);
        assert_non_null(strstr(source->because, "no answer for 7 s"));
        assert_false(process_of(1)->have_gpu);
        join_end(); /* returns although the call does not */
    }
}

static void test_stale(void **state)
{
    (void)state;
    char script[256];
    put_rows("0 1001 1000 30\n", script, sizeof script, "");
    join_begin(library[0], script);
    wait_for_gpus(MS_SOURCE_NVIDIA_GPU);
    assert_true(process_of(1)->have_gpu);
    struct ms_gpu *gpu = &ms_model_system_mutable(model)->gpus[0];
    assert_int_equal(ms_model_tick_end(model, gpu->read_ns + SECOND), 0);
    double value = -1;
    assert_int_equal(ms_history_read(gpu->history, MS_RESOLUTION_FINE, 1, &value), 1);
    assert_true(near(value, 42));
    assert_int_equal(ms_model_tick_end(model, gpu->read_ns + 7 * SECOND), 0);
    assert_int_equal(ms_history_read(gpu->history, MS_RESOLUTION_FINE, 1, &value), 0);
    assert_true(isnan(value)); /* a gap, not the last figure for ever */
    join_end();
}

/* When the only one is lost that stays the reason, however long ago. */
static void test_all_lost(void **state)
{
    (void)state;
    char script[256];
    put_rows("0 1001 1000 30\n", script, sizeof script, "lost=2");
    join_begin(library[0], script);
    wait_for_gpus(MS_SOURCE_NVIDIA_GPU);
    const struct ms_source_state *source = ms_model_source(model, MS_SOURCE_NVIDIA_GPU);
    /* Whoever looks late never sees it work. */
    assert_true(process_of(1)->have_gpu || strstr(source->because, "lost") != NULL);
    for (int i = 0; i < 30000 && strstr(source->because, "lost") == NULL; i++) {
        usleep(2000);
        ms_gpu_read(reader, model, SECOND);
    }
    ms_gpu_read(reader, model, 60 * SECOND);
    assert_int_equal(source->condition, MS_SOURCE_PARTIAL);
    assert_non_null(strstr(source->because, "lost"));
    assert_true(ms_model_system(model)->gpus[0].lost);
    assert_false(process_of(1)->have_gpu);
    assert_true(isnan(process_of(1)->gpu_pct));
    join_end();
}

static void test_neither(void **state)
{
    (void)state;
    join_begin("libnvidia-ml-not-there.so.1", "");
    ms_gpu_read(reader, model, SECOND);
    assert_int_equal(ms_model_source(model, MS_SOURCE_NVIDIA_GPU)->condition,
                     MS_SOURCE_UNAVAILABLE);
    assert_int_equal(ms_model_source(model, MS_SOURCE_DRM_GPU)->condition, MS_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(ms_model_source(model, MS_SOURCE_DRM_GPU)->because, "/sys/class/drm"));
    assert_null(ms_model_system(model)->gpus);
    assert_false(process_of(1)->have_gpu);
    join_end();
}

#define I915                                                                                       \
    "pos:\t0\nflags:\t02100002\ndrm-driver:\ti915\ndrm-client-id:\t7\n"                            \
    "drm-pdev:\t0000:00:02.0\ndrm-total-system0:\t9 MiB\ndrm-resident-system0:\t5 MiB\n"           \
    "drm-engine-render:\t%llu ns\ndrm-engine-video:\t400 ns\ndrm-engine-capacity-video:\t2\n"

static void test_drm_client(void **state)
{
    (void)state;
    struct ms_drm_client client;
    char text[1024];
    (void)snprintf(text, sizeof text, I915, 9288864723ULL);
    assert_true(ms_drm_parse(text, strlen(text), &client));
    assert_string_equal(client.driver, "i915");
    assert_string_equal(client.device, "0000:00:02.0");
    assert_true(client.have_id && client.id == 7);
    assert_int_equal(client.engine_count, 2);
    assert_int_equal(client.engines[0].busy, 9288864723ULL);
    assert_int_equal(client.engines[1].capacity, 2);
    assert_int_equal(client.bytes, 5 << 20); /* resident, of the machine: it has none of its own */

    const char *amd = "drm-driver:\tamdgpu\ndrm-client-id:\t1\ndrm-memory-vram:\t12 KiB\n"
                      "drm-memory-gtt:\t99 KiB\ndrm-total-vram:\t50 KiB\ndrm-engine-gfx:\t5 ns\n";
    assert_true(ms_drm_parse(amd, strlen(amd), &client));
    assert_int_equal(client.bytes, 12 << 10);
    const char *xe = "drm-driver:\txe\ndrm-client-id:\t3\ndrm-resident-vram0:\t108\n"
                     "drm-cycles-rcs:\t28257900\ndrm-total-cycles-rcs:\t7655183225\n";
    assert_true(ms_drm_parse(xe, strlen(xe), &client));
    assert_true(client.engines[0].by_cycles);
    assert_int_equal(client.engines[0].all, 7655183225ULL);
    assert_int_equal(client.bytes, 108);
    for (size_t bytes = 0; bytes < strlen(text); bytes++) {
        char *exact = malloc(bytes + 1);
        assert_non_null(exact);
        memcpy(exact, text, bytes);
        (void)ms_drm_parse(exact, bytes, &client);
        free(exact);
    }
    assert_false(ms_drm_parse("pos:\t0\n", 7, &client));
}

static void put_amdgpu(void)
{
    tree_put("class/drm/card1/device/uevent",
             "DRIVER=amdgpu\nPCI_ID=1002:744C\nPCI_SLOT_NAME=0000:03:00.0\n");
    tree_put("class/drm/card1/device/gpu_busy_percent", "37\n");
    tree_put("class/drm/card1/device/mem_info_vram_used", "1000000\n");
    tree_put("class/drm/card1/device/mem_info_vram_total", "8000000\n");
    tree_put("class/drm/card1/device/hwmon/hwmon3/temp1_input", "45000\n");
    tree_put("class/drm/card1/device/hwmon/hwmon3/power1_average", "55500000\n");
    tree_put("class/drm/card1/device/hwmon/hwmon3/freq1_input", "2400000000\n");
    tree_put("class/drm/card1-HDMI-A-1/status", "connected\n");
}

static void put_client(int pid, int descriptor, const char *device, const char *text)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%d/fd/%d", pid, descriptor);
    tree_link(name, device);
    (void)snprintf(name, sizeof name, "%d/fdinfo/%d", pid, descriptor);
    tree_put(name, text);
}

static struct ms_drm_result drm_result;

static void test_drm(void **state)
{
    (void)state;
    char text[1024];
    const struct ms_drm_input input = {.count = 2, .processes = {{1001, 1}, {1002, 2}}};
    put_amdgpu();
    tree_put("class/drm/card0/device/uevent",
             "DRIVER=i915\nPCI_ID=8086:4680\nPCI_SLOT_NAME=0000:00:02.0\n");
    tree_put("class/drm/card2/device/uevent", "DRIVER=nvidia\nPCI_SLOT_NAME=0000:04:00.0\n");
    tree_put("class/drm/card3/device/uevent", "DRIVER=bochs-drm\nPCI_SLOT_NAME=0000:05:00.0\n");
    (void)snprintf(text, sizeof text, I915, 1000000000ULL);
    put_client(1001, 5, "/dev/dri/renderD128", text);
    put_client(1001, 6, "/dev/dri/renderD128", text); /* dup: the same client */
    put_client(1001, 7, "/dev/null", text);
    put_client(1002, 5, "/dev/dri/renderD128", text); /* inherited over fork */
    struct ms_drm *drm = ms_drm_new(tree, tree);
    ms_drm_read(drm, &input, &drm_result, SECOND);
    assert_int_equal(drm_result.count, 2);
    assert_int_equal(drm_result.silent, 1);
    assert_string_equal(drm_result.names, "bochs-drm");
    const struct ms_gpu *intel = &drm_result.gpus[0];
    const struct ms_gpu *amd = &drm_result.gpus[1];
    assert_true(near(amd->pct, 37) && amd->memory_total_bytes == 8000000);
    assert_true(near(amd->temperature_c, 45) && near(amd->power_w, 55.5));
    assert_true(near(amd->sm_mhz, 2400));
    assert_true(isnan(intel->pct) && intel->because[0] != '\0');
    assert_int_equal(intel->user_count, 1);
    assert_int_equal(intel->users[0].process_id, 1);
    assert_int_equal(intel->users[0].memory_bytes, 5 << 20);
    assert_true(isnan(intel->users[0].pct)); /* one reading is no rate */

    (void)snprintf(text, sizeof text, I915, 1500000000ULL);
    tree_put("1001/fdinfo/5", text);
    tree_put("1001/fdinfo/6", text);
    ms_drm_read(drm, &input, &drm_result, 3 * SECOND);
    assert_true(near(intel->users[0].pct, 25)); /* half a second of two */
    ms_drm_free(drm);
}

static void test_drm_joined(void **state)
{
    (void)state;
    put_amdgpu();
    put_client(1002, 4, "/dev/dri/card1",
               "drm-driver:\tamdgpu\ndrm-client-id:\t1\ndrm-pdev:\t0000:03:00.0\n"
               "drm-memory-vram:\t64 KiB\n");
    tree_put("1001/fd/", NULL);
    tree_put("1003/fd/", NULL);
    join_begin("libnvidia-ml-not-there.so.1", "");
    wait_for_gpus(MS_SOURCE_DRM_GPU);
    for (int i = 0; i < 30000 && process_of(2)->gpu_bytes == 0; i++) {
        ms_gpu_read(reader, model, SECOND + (uint64_t)i);
        usleep(2000);
    }
    const struct ms_system *system = ms_model_system(model);
    assert_int_equal(system->gpu_count, 1);
    assert_false(system->gpus[0].nvidia);
    assert_int_equal(process_of(2)->gpu_bytes, 64 << 10);
    assert_true(process_of(1)->have_gpu && process_of(1)->gpu_bytes == 0);
    assert_int_equal(ms_model_source(model, MS_SOURCE_DRM_GPU)->condition, MS_SOURCE_AVAILABLE);
    join_end();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const char *build = getenv("BUILD") != NULL ? getenv("BUILD") : "build";
    (void)snprintf(library[0], sizeof library[0], "%s/tests/gpu/now/libnvidia-ml.so.1", build);
    (void)snprintf(library[1], sizeof library[1], "%s/tests/gpu/old/libnvidia-ml.so.1", build);
    const struct CMUnitTest tests[] = {
        TEST(test_all_figures),   TEST(test_fields_not_supported),
        TEST(test_nothing_there), TEST(test_lost_in_the_middle),
        TEST(test_processes),     TEST(test_matching),
        TEST(test_hang),          TEST(test_stale),
        TEST(test_all_lost),      TEST(test_neither),
        TEST(test_drm_client),    TEST(test_drm),
        TEST(test_drm_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
