/* Disks, interfaces, frequencies, the processor and sensors, on machines that are not at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/cpu_identity.h"
#include "collect/cpu_list.h"
#include "collect/disks.h"
#include "collect/frequency.h"
#include "collect/interfaces.h"
#include "collect/sensors.h"
#include "collect_tree.h"

#define SECOND UINT64_C(1000000000)

static struct ms_descriptor_budget budget;
static struct ms_model *model;

static int begin(void **state)
{
    (void)state;
    tree_begin();
    budget = (struct ms_descriptor_budget){.limit = 100};
    model = ms_model_new(SECOND / 10, 0, 0);
    ms_machine_unknown(ms_model_system_mutable(model));
    return model == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    ms_model_free(model);
    tree_end();
    return budget.open == 0 ? 0 : -1;
}

static const struct ms_source_state *source(enum ms_source of)
{
    return ms_model_source(model, of);
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-6 * (1 + fabs(b));
}

#define LINE_OF_SDA " 8 0 sda 100 1 2000 400 50 1 1000 100 3 700 500 0 0 0 0 0 0\n"

static void test_disks(void **state)
{
    (void)state;
    const struct ms_system *system = ms_model_system(model);
    tree_put("block/sda/slaves/", NULL);
    tree_put("block/dm-0/slaves/sda", "");
    tree_put("block/loop0/slaves/", NULL);
    tree_put("block/cciss!c0d0/size", "1");
    tree_put("diskstats", LINE_OF_SDA " 8 1 sda1 100 1 2000 400 50 1 1000 100 3 700 500\n"
                                      " 253 0 dm-0 1 0 1 1 1 0 1 1 0 1 1\n"
                                      " 7 0 loop0 9 0 9 9 9 0 9 9 0 9 9\n"
                                      " 104 0 cciss/c0d0 1 0 1 1 1 0 1 1 0 1 1\n");
    struct ms_disks_reader *reader = ms_disks_reader_new(tree, tree);
    ms_disks_read(reader, &budget, model, SECOND);
    assert_int_equal(system->disk_count, 2); /* no partition; dm and loop have not moved */
    assert_string_equal(system->disks[0].name, "sda");
    assert_string_equal(system->disks[1].name, "cciss/c0d0");
    assert_true(isnan(system->disks[0].read_bytes_per_s)); /* no rate yet, so no 0 */
    assert_int_equal(system->disks[0].in_flight, 3);

    /* Two seconds: 40 reads of 4000 sectors in 500 ms, 10 writes of 1000 in 300; busy 1 s. */
    tree_put("diskstats", " 8 0 sda 140 1 6000 900 60 1 2000 400 0 1700 500 0 0 0 0 0 0\n"
                          " 8 1 sda1 140 1 6000 900 60 1 2000 400 0 1700 500\n"
                          " 253 0 dm-0 41 0 4001 501 11 0 1001 301 0 1 1\n"
                          " 7 0 loop0 9 0 9 9 9 0 9 9 0 9 9\n");
    ms_disks_read(reader, &budget, model, 3 * SECOND);
    assert_int_equal(system->disk_count, 2);
    const struct ms_disk *disk = &system->disks[0];
    assert_true(near(disk->reads_per_s, 20) && near(disk->writes_per_s, 5));
    assert_true(near(disk->read_bytes_per_s, 4000 * 512 / 2.0));
    assert_true(near(disk->write_bytes_per_s, 1000 * 512 / 2.0));
    assert_true(near(disk->busy_pct, 50) && near(disk->wait_ms, 800 / 50.0));
    assert_int_equal(disk->written_bytes, 1000 * 512);
    assert_string_equal(system->disks[1].name, "dm-0");
    assert_true(system->disks[1].stacked && !disk->stacked);
    /* What dm-0 moved is what sda moved: once in the sum. */
    assert_true(near(ms_system_disk_bytes_per_s(system), 5000 * 512 / 2.0));
    assert_int_equal(source(MS_SOURCE_DISKS)->condition, MS_SOURCE_AVAILABLE);

    /* Counters that begin anew (the disk was exchanged) are no traffic of exabytes. */
    tree_put("diskstats", " 8 0 sda 1 1 1 1 1 1 1 1 0 1 1\n");
    ms_disks_read(reader, &budget, model, 4 * SECOND);
    assert_true(near(system->disks[0].read_bytes_per_s, 0));
    assert_true(isnan(system->disks[0].wait_ms)); /* nothing was done: no mean */
    tree_put("diskstats", "");
    ms_disks_read(reader, &budget, model, 5 * SECOND);
    assert_int_equal(system->disk_count, 0);
    assert_true(isnan(ms_system_disk_bytes_per_s(system)));
    assert_int_equal(source(MS_SOURCE_DISKS)->condition, MS_SOURCE_UNAVAILABLE);
    ms_disks_reader_free(reader, &budget);
}

/* No descriptor is free for a while: the rate is not that of the whole gap over one second. */
static void test_rates_after_a_gap(void **state)
{
    (void)state;
    struct ms_descriptor_budget none = {0};
    const struct ms_system *system = ms_model_system(model);
    struct ms_disks_reader *disks = ms_disks_reader_new(tree, tree);
    struct ms_interfaces_reader *interfaces = ms_interfaces_reader_new(tree, tree);
    char away[128];
    (void)snprintf(away, sizeof away, "%s-away", tree);
    tree_put("block/sda/slaves/", NULL);
    for (unsigned second = 1; second <= 6; second++) {
        const bool there = second != 2 && second != 3;
        char text[128];
        (void)snprintf(text, sizeof text, " 8 0 sda 1 1 %u 1 1 1 1 1 0 1 1\n", 1000 * second);
        tree_put("diskstats", text);
        (void)snprintf(text, sizeof text, "eth0:%u 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n", 1000 * second);
        tree_put("net/dev", text);
        assert_true(there || rename(tree, away) == 0);
        ms_disks_read(disks, &none, model, second * SECOND);
        ms_interfaces_read(interfaces, &none, model, second * SECOND);
        assert_true(there || rename(away, tree) == 0);
        assert_int_equal(system->disk_count, there ? 1 : 0);
        assert_int_equal(system->interface_count, there ? 1 : 0);
        if (there && second > 4) {
            assert_true(near(system->disks[0].read_bytes_per_s, 512000));
            assert_true(near(system->interfaces[0].received_bytes_per_s, 1000));
            assert_int_equal(system->interfaces[0].received_bytes, 1000 * (second - 1));
        } else if (there) {
            assert_true(isnan(system->disks[0].read_bytes_per_s));
            assert_true(isnan(system->interfaces[0].received_bytes_per_s));
        }
    }
    ms_disks_reader_free(disks, &none);
    ms_interfaces_reader_free(interfaces, &none);
}

static void test_disk_line_cut_anywhere(void **state)
{
    (void)state;
    const char *whole = LINE_OF_SDA;
    const size_t enough = (size_t)(strstr(whole, "700 ") - whole) + 4;
    for (size_t bytes = 0; bytes <= strlen(whole); bytes++) {
        char *exact = malloc(bytes + 1);
        struct ms_disk_counts counts = {.busy_ms = 1};
        assert_non_null(exact);
        memcpy(exact, whole, bytes);
        assert_int_equal(ms_disks_parse_line(exact, exact + bytes, &counts), bytes >= enough);
        assert_int_equal(counts.busy_ms, bytes >= enough ? 700 : 1);
        free(exact);
    }
    struct ms_disk_counts counts;
    const char *longer = " 8 0 a-name-that-is-longer-than-32-bytes-is-none 1 1 1 1 1 1 1 1 1 1 1\n";
    assert_false(ms_disks_parse_line(longer, longer + strlen(longer), &counts));
}

#define HEADING                                                                                    \
    "Inter-|   Receive                                      |  Transmit\n"                         \
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n"

static void test_interfaces(void **state)
{
    (void)state;
    const struct ms_system *system = ms_model_system(model);
    tree_put("class/net/eth0/device", "");
    tree_put("net/dev", HEADING "    lo: 100 10 0 0 0 0 0 0 100 10 0 0 0 0 0 0\n"
                                "veth1: 5 5 0 0 0 0 0 0 5 5 0 0 0 0 0 0\n"
                                "  ifb0: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
                                "  eth0:1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0\n");
    struct ms_interfaces_reader *reader = ms_interfaces_reader_new(tree, tree);
    ms_interfaces_read(reader, &budget, model, SECOND);
    assert_int_equal(system->interface_count, 3); /* ifb0 never carried anything */
    assert_string_equal(system->interfaces[0].name, "eth0");
    assert_true(system->interfaces[0].hardware);
    assert_int_equal(system->interfaces[0].errors, 4);
    assert_int_equal(system->interfaces[0].dropped, 6);
    assert_true(isnan(ms_system_network_bytes_per_s(system)));
    tree_put("net/dev", HEADING "    lo: 900 10 0 0 0 0 0 0 900 10 0 0 0 0 0 0\n"
                                "veth1: 505 5 0 0 0 0 0 0 505 5 0 0 0 0 0 0\n"
                                "  eth0:2000 20 1 2 0 0 0 0 2500 25 3 4 0 0 0 0\n");
    ms_interfaces_read(reader, &budget, model, 3 * SECOND);
    assert_true(near(system->interfaces[0].received_bytes_per_s, 500));
    assert_true(near(system->interfaces[0].sent_packets_per_s, 2.5));
    assert_int_equal(system->interfaces[0].received_bytes, 1000);
    /* veth1 carries what eth0 carries, and lo is no network. */
    assert_true(near(ms_system_network_bytes_per_s(system), 750));
    ms_interfaces_reader_free(reader, &budget);
}

static void test_interface_lines(void **state)
{
    (void)state;
    struct ms_interface_counts counts;
    const char *odd = "eth0:1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
    assert_true(ms_interfaces_parse_line(odd, odd + strlen(odd), &counts));
    assert_string_equal(counts.name, "eth0:1");
    assert_int_equal(counts.sent_bytes, 9);
    for (size_t bytes = 0; bytes < strlen(odd); bytes++) {
        char *exact = malloc(bytes + 1);
        assert_non_null(exact);
        memcpy(exact, odd, bytes);
        assert_false(ms_interfaces_parse_line(exact, exact + bytes, &counts));
        free(exact);
    }
    const char *heading = HEADING;
    assert_false(ms_interfaces_parse_line(heading, heading + strlen(heading), &counts));
}

/* More than there is room for: hardware stays, and that some are left out is said. */
static void test_many_interfaces(void **state)
{
    (void)state;
    static char text[64 << 10];
    size_t used = 0;
    for (int i = 0; i < 60; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "veth%d: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n", i);
    }
    (void)snprintf(text + used, sizeof text - used, "ens3: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n");
    tree_put("net/dev", text);
    tree_put("class/net/ens3/device", "");
    struct ms_interfaces_reader *reader = ms_interfaces_reader_new(tree, tree);
    ms_interfaces_read(reader, &budget, model, SECOND);
    assert_int_equal(ms_model_system(model)->interface_count, MS_INTERFACES_MAX);
    assert_string_equal(ms_model_system(model)->interfaces[0].name, "ens3");
    assert_int_equal(source(MS_SOURCE_INTERFACES)->condition, MS_SOURCE_PARTIAL);
    assert_non_null(strstr(source(MS_SOURCE_INTERFACES)->because, "29 more"));
    ms_interfaces_reader_free(reader, &budget);
}

static void test_frequency(void **state)
{
    (void)state;
    struct ms_system *system = ms_model_system_mutable(model);
    system->cores = 3;
    tree_put("devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "3400123\n");
    tree_put("devices/system/cpu/cpu2/cpufreq/scaling_cur_freq", "800000\n");
    struct ms_frequency_reader *reader = ms_frequency_reader_new(tree, tree);
    ms_frequency_read(reader, &budget, model);
    assert_true(fabsf(system->core[0].mhz - 3400.123F) < 0.01F && isnan(system->core[1].mhz));
    assert_true(fabs(system->mhz - (3400.123 + 800) / 2) < 0.01);
    assert_int_equal(budget.open, 2);
    tree_put("devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1000000\n");
    ms_frequency_read(reader, &budget, model);
    assert_true(fabsf(system->core[0].mhz - 1000) < 0.01F);
    assert_int_equal(source(MS_SOURCE_FREQUENCY)->condition, MS_SOURCE_AVAILABLE);
    ms_frequency_reader_free(reader, &budget);
}

static void test_frequency_of_cpuinfo(void **state)
{
    (void)state;
    struct ms_system *system = ms_model_system_mutable(model);
    system->cores = 2;
    tree_put("cpuinfo", "processor\t: 0\ncpu MHz\t\t: 2000.250\n\nprocessor\t: 1\n"
                        "cpu MHz\t\t: 0.000\n\nprocessor\t: 9\ncpu MHz\t\t: 7.0\n");
    struct ms_frequency_reader *reader = ms_frequency_reader_new(tree, tree);
    ms_frequency_read(reader, &budget, model);
    assert_true(fabsf(system->core[0].mhz - 2000.25F) < 0.01F && isnan(system->core[1].mhz));
    assert_int_equal(source(MS_SOURCE_FREQUENCY)->condition, MS_SOURCE_PARTIAL);
    ms_frequency_reader_free(reader, &budget);
    tree_put("cpuinfo", "processor\t: 0\n");
    reader = ms_frequency_reader_new(tree, tree);
    ms_frequency_read(reader, &budget, model);
    assert_true(isnan(system->core[0].mhz) && isnan(system->mhz));
    assert_int_equal(source(MS_SOURCE_FREQUENCY)->condition, MS_SOURCE_UNAVAILABLE);
    ms_frequency_reader_free(reader, &budget);
}

#define GENOA                                                                                      \
    "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\n"                 \
    "model name\t: AMD EPYC 9R14\nstepping\t: 1\nflags\t\t: fpu vme %s lahf_lm\n\n"                \
    "processor\t: 1\nvendor_id\t: other\n"

static void test_identity(void **state)
{
    (void)state;
    char text[512];
    struct ms_cpuinfo kernel;
    (void)snprintf(text, sizeof text, GENOA, "svm");
    ms_cpuinfo_parse(text, strlen(text), &kernel);
    assert_string_equal(kernel.vendor, "AuthenticAMD");
    assert_string_equal(kernel.brand, "AMD EPYC 9R14");
    assert_true(kernel.have_numbers && !kernel.hypervisor);
    assert_int_equal(kernel.model, 17);

    struct ms_cpu_identity out = {0};
    struct ms_cpuid_answer library = {.have = true,
                                      .vendor = "AuthenticAMD",
                                      .brand = "AMD  EPYC 9R14 ",
                                      .codename = "EPYC (Genoa)",
                                      .family = 25,
                                      .model = 17,
                                      .stepping = 1};
    ms_cpu_identity_judge(&kernel, &library, &out);
    assert_string_equal(out.codename, "EPYC (Genoa)");
    assert_string_equal(out.codename_because, "");

    /* A library that is older than the processor names the nearest one, whatever the model. */
    library.other_model_same_name = true;
    ms_cpu_identity_judge(&kernel, &library, &out);
    assert_string_equal(out.codename, "");
    assert_non_null(strstr(out.codename_because, "nearest"));
    library.other_model_same_name = false;
    library.model = 1;
    ms_cpu_identity_judge(&kernel, &library, &out);
    assert_string_equal(out.codename, "");
    assert_non_null(strstr(out.codename_because, "do not agree"));
    assert_int_equal(out.model, 17); /* the kernel's word */
    library.model = 17;
    (void)snprintf(text, sizeof text, GENOA, "hypervisor");
    ms_cpuinfo_parse(text, strlen(text), &kernel);
    ms_cpu_identity_judge(&kernel, &library, &out);
    assert_string_equal(out.codename, "");
    assert_true(out.hypervisor[0] != '\0');
    library = (struct ms_cpuid_answer){.because = "built without libcpuid"};
    ms_cpu_identity_judge(&kernel, &library, &out);
    assert_string_equal(out.codename_because, "built without libcpuid");
    assert_true(out.have);
}

static void put_core(unsigned core, unsigned package, const char *siblings, const char *l2,
                     const char *l2_size)
{
    char name[128];
    char text[32];
    (void)snprintf(name, sizeof name, "devices/system/cpu/cpu%u/topology/physical_package_id",
                   core);
    (void)snprintf(text, sizeof text, "%u\n", package);
    tree_put(name, text);
    const struct {
        const char *name, *text;
    } files[] = {{"topology/thread_siblings_list", siblings},
                 {"cache/index0/shared_cpu_list", siblings},
                 {"cache/index0/level", "1\n"},
                 {"cache/index0/type", "Data\n"},
                 {"cache/index0/size", "48K\n"},
                 {"cache/index0/coherency_line_size", "64\n"},
                 {"cache/index1/shared_cpu_list", l2},
                 {"cache/index1/level", "2\n"},
                 {"cache/index1/type", "Unified\n"},
                 {"cache/index1/size", l2_size},
                 {"cache/index1/coherency_line_size", "64\n"}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(name, sizeof name, "devices/system/cpu/cpu%u/%s", core, files[i].name);
        tree_put(name, files[i].text);
    }
}

/* Two sockets, hardware threads, small cores that share a larger second-level cache. */
static void test_topology(void **state)
{
    (void)state;
    struct ms_cpu_identity out = {0};
    assert_false(ms_cpu_topology_read(tree, &out));
    tree_put("devices/system/cpu/online", "0-3,6-7\n");
    put_core(0, 0, "0-1\n", "0-1\n", "1280K\n");
    put_core(1, 0, "0-1\n", "0-1\n", "1280K\n");
    put_core(2, 0, "2\n", "2-3\n", "2048K\n");
    put_core(3, 0, "3\n", "2-3\n", "2048K\n");
    put_core(6, 3, "6-7\n", "6-7\n", "1280K\n");
    put_core(7, 3, "6-7\n", "6-7\n", "1280K\n");
    assert_true(ms_cpu_topology_read(tree, &out));
    assert_int_equal(out.packages, 2);
    assert_int_equal(out.physical_cores, 4);
    assert_int_equal(out.logical_cores, 6);
    assert_int_equal(out.cache_count, 3);
    assert_int_equal(out.caches[0].instances, 4);
    assert_int_equal(out.caches[0].kind, 'd');
    assert_int_equal(out.caches[1].bytes, 1280 << 10);
    assert_int_equal(out.caches[1].instances, 2);
    assert_int_equal(out.caches[2].instances, 1);
    assert_int_equal(ms_cpu_list_each("0-3,8,x", 7, 0, NULL, NULL), 5);
    assert_int_equal(ms_cpu_list_each("5-99999999", 10, 0, NULL, NULL), 0);
}

/* This machine: what is said of it is the kernel's word, with a codename or the reason for none. */
static void test_identity_here(void **state)
{
    (void)state;
    ms_cpu_identity_read(model, "/proc", "/sys");
    const struct ms_cpu_identity *identity = &ms_model_system(model)->identity;
    assert_true((identity->codename[0] == '\0') == (identity->codename_because[0] != '\0'));
    assert_int_not_equal(source(MS_SOURCE_CPU_IDENTITY)->condition, MS_SOURCE_NOT_ASKED);
    ms_cpu_identity_read(model, tree, tree); /* no file at all */
    assert_false(identity->have);
    assert_string_equal(identity->codename, "");
    assert_int_not_equal(source(MS_SOURCE_CPU_IDENTITY)->condition, MS_SOURCE_AVAILABLE);
    assert_non_null(strstr(source(MS_SOURCE_CPU_IDENTITY)->because, "does not name"));
}

/* A library of sensors with two chips: one good, one with a fault and one that cannot be read. */
static sensors_chip_name chips[2];
static sensors_feature features[4] = {{.name = "temp1", .type = SENSORS_FEATURE_TEMP},
                                      {.name = "fan1", .type = SENSORS_FEATURE_FAN},
                                      {.name = "temp2", .type = SENSORS_FEATURE_TEMP},
                                      {.name = "power1", .type = SENSORS_FEATURE_POWER}};
static sensors_subfeature subfeatures[] = {
    {.number = 0, .type = SENSORS_SUBFEATURE_TEMP_INPUT, .mapping = 0, .flags = SENSORS_MODE_R},
    {.number = 1, .type = SENSORS_SUBFEATURE_TEMP_CRIT, .mapping = 0, .flags = SENSORS_MODE_R},
    {.number = 2, .type = SENSORS_SUBFEATURE_FAN_INPUT, .mapping = 1, .flags = SENSORS_MODE_R},
    {.number = 3, .type = SENSORS_SUBFEATURE_TEMP_INPUT, .mapping = 2, .flags = SENSORS_MODE_R},
    {.number = 4, .type = SENSORS_SUBFEATURE_TEMP_FAULT, .mapping = 2, .flags = SENSORS_MODE_R},
    {.number = 5, .type = SENSORS_SUBFEATURE_POWER_INPUT, .mapping = 3, .flags = SENSORS_MODE_R}};
static int init_error;
static atomic_bool blocks;

static int fake_init(void)
{
    return init_error;
}

static void fake_cleanup(void)
{
}

static const sensors_chip_name *fake_chips(const sensors_chip_name *match, int *number)
{
    assert_null(match);
    return *number < 2 ? &chips[(*number)++] : NULL;
}

static const sensors_feature *fake_features(const sensors_chip_name *chip, int *number)
{
    return *number < 2 ? &features[2 * (chip - chips) + (*number)++] : NULL;
}

static const sensors_subfeature *fake_subfeature(const sensors_chip_name *chip,
                                                 const sensors_feature *feature,
                                                 sensors_subfeature_type type)
{
    (void)chip;
    for (size_t i = 0; i < sizeof subfeatures / sizeof subfeatures[0]; i++) {
        if (subfeatures[i].type == type && &features[subfeatures[i].mapping] == feature) {
            return &subfeatures[i];
        }
    }
    return NULL;
}

static char *fake_label(const sensors_chip_name *chip, const sensors_feature *feature)
{
    (void)chip;
    return strdup(feature->name);
}

static int fake_value(const sensors_chip_name *chip, int number, double *out)
{
    static const double values[] = {61.5, 100, 1200, 255, 1, 0};
    (void)chip;
    for (int i = 0; i < 1000 && blocks; i++) {
        usleep(10000);
    }
    *out = values[number];
    return number == 5 ? -5 : 0;
}

static int fake_chip_text(char *out, size_t size, const sensors_chip_name *chip)
{
    return snprintf(out, size, "chip-%d", (int)(chip - chips));
}

static const struct ms_sensor_library fake = {.init = fake_init,
                                              .cleanup = fake_cleanup,
                                              .detected_chips = fake_chips,
                                              .features = fake_features,
                                              .subfeature = fake_subfeature,
                                              .label = fake_label,
                                              .value = fake_value,
                                              .chip_text = fake_chip_text};

static void wait_for_sensors(struct ms_sensors_reader *reader)
{
    for (int i = 0; i < 60000 && source(MS_SOURCE_SENSORS)->condition == MS_SOURCE_NOT_ASKED; i++) {
        ms_sensors_read(reader, model, SECOND);
        usleep(1000);
    }
}

static void test_sensors(void **state)
{
    (void)state;
    const struct ms_system *system = ms_model_system(model);
    tree_put("class/hwmon/hwmon0/name", "coretemp");
    struct ms_sensors_reader *reader = ms_sensors_reader_new(tree, &fake);
    wait_for_sensors(reader);
    assert_int_equal(system->sensor_count, 4);
    assert_true(near(system->sensors[0].value, 61.5) && near(system->sensors[0].critical, 100));
    assert_true(isnan(system->sensors[0].high));
    assert_string_equal(system->sensors[0].chip, "chip-0");
    assert_int_equal(system->sensors[1].kind, MS_SENSOR_FAN);
    assert_true(isnan(system->sensors[2].value)); /* 255 degrees of a sensor with a fault */
    assert_true(isnan(system->sensors[3].value)); /* it cannot be read: not 0 W */
    assert_int_equal(source(MS_SOURCE_SENSORS)->condition, MS_SOURCE_PARTIAL);
    assert_non_null(strstr(source(MS_SOURCE_SENSORS)->because, "2 of 4"));
    /* One blocks: the values become old, then missing; leaving waits for nobody. */
    blocks = true;
    usleep(1100000);
    ms_sensors_read(reader, model, 2 * SECOND);
    assert_true(near(system->sensors[0].value, 61.5));
    ms_sensors_read(reader, model, 30 * SECOND);
    assert_true(isnan(system->sensors[0].value));
    assert_non_null(strstr(source(MS_SOURCE_SENSORS)->because, "blocks"));
    ms_sensors_reader_free(reader);
    blocks = false;
    usleep(50000); /* the abandoned thread frees what was its own */
}

static void test_no_sensors(void **state)
{
    (void)state;
    struct ms_sensors_reader *reader = ms_sensors_reader_new(tree, &fake);
    wait_for_sensors(reader);
    assert_int_equal(source(MS_SOURCE_SENSORS)->condition, MS_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(source(MS_SOURCE_SENSORS)->because, "no sensor chips"));
    ms_sensors_reader_free(reader);
    tree_put("class/hwmon/hwmon0/name", "coretemp");
    init_error = -4;
    reader = ms_sensors_reader_new(tree, &fake);
    ms_model_source_set(model, MS_SOURCE_SENSORS, MS_SOURCE_NOT_ASKED, NULL);
    wait_for_sensors(reader);
    assert_int_equal(source(MS_SOURCE_SENSORS)->condition, MS_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(source(MS_SOURCE_SENSORS)->because, "libsensors"));
    ms_sensors_reader_free(reader);
    init_error = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_disks),      TEST(test_rates_after_a_gap),    TEST(test_disk_line_cut_anywhere),
        TEST(test_interfaces), TEST(test_interface_lines),      TEST(test_many_interfaces),
        TEST(test_frequency),  TEST(test_frequency_of_cpuinfo), TEST(test_identity),
        TEST(test_topology),   TEST(test_identity_here),        TEST(test_sensors),
        TEST(test_no_sensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
