/* See sensors.h. */
#include "collect/sensors.h"

#include <inttypes.h>
#include <math.h>
#include <sensors/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/background.h"
#include "collect/proc_file.h"
#include "wire/clock.h"

#define PERIOD_NS MS_NS_PER_S
#define STALE_NS  (10 * MS_NS_PER_S)

static void ignore_parse_error(const char *error, int line)
{
    (void)error; /* of the user's sensors3.conf; its place would be the terminal */
    (void)line;
}

static void ignore_parse_error_of(const char *error, const char *file, int line)
{
    (void)file;
    ignore_parse_error(error, line);
}

static int init_library(void)
{
    sensors_parse_error = ignore_parse_error;
    sensors_parse_error_wfn = ignore_parse_error_of;
    return sensors_init(NULL);
}

const struct ms_sensor_library ms_libsensors = {.init = init_library,
                                                .cleanup = sensors_cleanup,
                                                .detected_chips = sensors_get_detected_chips,
                                                .features = sensors_get_features,
                                                .subfeature = sensors_get_subfeature,
                                                .label = sensors_get_label,
                                                .value = sensors_get_value,
                                                .chip_text = sensors_snprintf_chip_name};

/* Which subfeatures of a feature are read; -1: none. */
struct place {
    const sensors_chip_name *chip;
    int value, fault;
};

struct list {
    const struct ms_sensor_library *library;
    bool begun;
    struct place places[MS_SENSORS_MAX];
};

struct kind {
    enum ms_sensor_kind kind;
    sensors_feature_type feature;
    sensors_subfeature_type value, other_value, fault, high, critical;
};

#define NO_SUBFEATURE SENSORS_SUBFEATURE_UNKNOWN
static const struct kind kinds[] = {
    {MS_SENSOR_TEMPERATURE, SENSORS_FEATURE_TEMP, SENSORS_SUBFEATURE_TEMP_INPUT, NO_SUBFEATURE,
     SENSORS_SUBFEATURE_TEMP_FAULT, SENSORS_SUBFEATURE_TEMP_MAX, SENSORS_SUBFEATURE_TEMP_CRIT},
    {MS_SENSOR_FAN, SENSORS_FEATURE_FAN, SENSORS_SUBFEATURE_FAN_INPUT, NO_SUBFEATURE,
     SENSORS_SUBFEATURE_FAN_FAULT, SENSORS_SUBFEATURE_FAN_MAX, NO_SUBFEATURE},
    {MS_SENSOR_POWER, SENSORS_FEATURE_POWER, SENSORS_SUBFEATURE_POWER_AVERAGE,
     SENSORS_SUBFEATURE_POWER_INPUT, NO_SUBFEATURE, SENSORS_SUBFEATURE_POWER_CAP,
     SENSORS_SUBFEATURE_POWER_CRIT},
    {MS_SENSOR_VOLTAGE, SENSORS_FEATURE_IN, SENSORS_SUBFEATURE_IN_INPUT, NO_SUBFEATURE,
     NO_SUBFEATURE, SENSORS_SUBFEATURE_IN_MAX, SENSORS_SUBFEATURE_IN_CRIT},
};

static int number_of(const struct list *list, const sensors_chip_name *chip,
                     const sensors_feature *feature, sensors_subfeature_type type)
{
    const sensors_subfeature *found =
        type == NO_SUBFEATURE ? NULL : list->library->subfeature(chip, feature, type);
    return found != NULL && (found->flags & SENSORS_MODE_R) != 0 ? found->number : -1;
}

static double value_of(const struct list *list, const sensors_chip_name *chip, int number)
{
    double value;
    return number >= 0 && list->library->value(chip, number, &value) == 0 ? value : (double)NAN;
}

static void add_feature(struct list *list, struct ms_sensors_result *result,
                        const sensors_chip_name *chip, const sensors_feature *feature,
                        const struct kind *kind)
{
    int value = number_of(list, chip, feature, kind->value);
    value = value < 0 ? number_of(list, chip, feature, kind->other_value) : value;
    if (value < 0) {
        return; /* it has limits only */
    }
    if (result->count == MS_SENSORS_MAX) {
        result->left_out++;
        return;
    }
    list->places[result->count] = (struct place){
        .chip = chip, .value = value, .fault = number_of(list, chip, feature, kind->fault)};
    struct ms_sensor *sensor = &result->sensors[result->count++];
    char name[128];
    char *label = list->library->label(chip, feature);
    const int named = list->library->chip_text(name, sizeof name, chip);
    (void)snprintf(sensor->chip, sizeof sensor->chip, "%.*s", (int)sizeof sensor->chip - 1,
                   named > 0 ? name : "");
    (void)snprintf(sensor->label, sizeof sensor->label, "%.*s", (int)sizeof sensor->label - 1,
                   label != NULL ? label : "");
    free(label);
    sensor->kind = kind->kind;
    sensor->value = NAN;
    sensor->high = value_of(list, chip, number_of(list, chip, feature, kind->high));
    sensor->critical = value_of(list, chip, number_of(list, chip, feature, kind->critical));
}

static void list_chip(struct list *list, struct ms_sensors_result *result,
                      const sensors_chip_name *chip)
{
    int number = 0;
    const sensors_feature *feature;
    while ((feature = list->library->features(chip, &number)) != NULL) {
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            if (kinds[i].feature == feature->type) {
                add_feature(list, result, chip, feature, &kinds[i]);
            }
        }
    }
}

static void begin(struct list *list, struct ms_sensors_result *result)
{
    list->begun = true;
    result->error = list->library->init();
    if (result->error != 0) {
        return;
    }
    int number = 0;
    const sensors_chip_name *chip;
    while ((chip = list->library->detected_chips(NULL, &number)) != NULL) {
        list_chip(list, result, chip);
    }
}

static bool read_sensors(void *own, const void *input, void *out)
{
    struct list *list = own;
    struct ms_sensors_result *result = out;
    (void)input;
    if (!list->begun) {
        begin(list, result);
    }
    result->unreadable = 0;
    for (size_t i = 0; i < result->count; i++) {
        const struct place *place = &list->places[i];
        const double fault = value_of(list, place->chip, place->fault);
        const double value = value_of(list, place->chip, place->value);
        result->sensors[i].value = fault > 0 ? (double)NAN : value;
        result->unreadable += isnan(result->sensors[i].value) ? 1 : 0;
    }
    return result->error == 0 && result->count > 0;
}

static void end_sensors(void *own)
{
    struct list *list = own;
    if (list->begun) {
        list->library->cleanup();
    }
    free(list);
}

struct ms_sensors_reader {
    const char *sys;
    const struct ms_sensor_library *library;
    struct ms_background *background; /* NULL: no chips, or not begun */
    bool begun;
    uint64_t taken_ns; /* when the last result came, or the thread began */
    struct ms_sensors_result result;
};

struct ms_sensors_reader *ms_sensors_reader_new(const char *sys,
                                                const struct ms_sensor_library *library)
{
    struct ms_sensors_reader *reader = calloc(1, sizeof *reader);
    if (reader != NULL) {
        reader->sys = sys;
        reader->library = library;
    }
    return reader;
}

void ms_sensors_reader_free(struct ms_sensors_reader *reader)
{
    if (reader != NULL) {
        ms_background_stop(reader->background);
        free(reader);
    }
}

static bool has_chips(const struct ms_sensors_reader *reader)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/class/hwmon", reader->sys);
    return ms_proc_has_entries(path);
}

static void none(struct ms_model *model)
{
    ms_model_source_set(model, MS_SOURCE_SENSORS, MS_SOURCE_UNAVAILABLE,
                        ms_model_system(model)->identity.hypervisor[0] != '\0'
                            ? "no sensor chips (a virtual machine)"
                            : "no sensor chips: the kernel has no driver of any loaded "
                              "(sensors-detect finds them)");
}

static void start(struct ms_sensors_reader *reader, struct ms_model *model)
{
    reader->begun = true;
    if (!has_chips(reader)) {
        none(model);
        return;
    }
    const struct ms_background_job job = {.result_bytes = sizeof reader->result,
                                          .period_ns = PERIOD_NS,
                                          .read = read_sensors,
                                          .end = end_sensors};
    struct list *list = calloc(1, sizeof *list);
    if (list != NULL) {
        list->library = reader->library;
        reader->background = ms_background_start(&job, list);
    }
    const bool asked = reader->background != NULL;
    ms_model_source_set(model, MS_SOURCE_SENSORS,
                        asked ? MS_SOURCE_NOT_ASKED : MS_SOURCE_UNAVAILABLE,
                        asked ? "no answer yet" : "no thread to read them could be had");
}

static void does_not_answer(struct ms_model *model, uint64_t silent_ns)
{
    struct ms_system *system = ms_model_system_mutable(model);
    char because[120];
    for (size_t i = 0; i < system->sensor_count; i++) {
        system->sensors[i].value = NAN;
    }
    (void)snprintf(because, sizeof because, "no answer for %" PRIu64 " s: a sensor blocks",
                   silent_ns / MS_NS_PER_S);
    ms_model_source_set(model, MS_SOURCE_SENSORS, MS_SOURCE_UNAVAILABLE, because);
}

static void tell(const struct ms_sensors_result *result, struct ms_model *model)
{
    char because[120];
    if (result->error != 0) {
        (void)snprintf(because, sizeof because, "libsensors: %.80s",
                       sensors_strerror(result->error));
        ms_model_source_set(model, MS_SOURCE_SENSORS, MS_SOURCE_UNAVAILABLE, because);
    } else if (result->count == 0) {
        none(model);
    } else if (result->unreadable + result->left_out > 0) {
        (void)snprintf(because, sizeof because,
                       "%zu of %zu tell no value (a fault, or nothing connected), %zu left out",
                       result->unreadable, result->count, result->left_out);
        ms_model_source_set(model, MS_SOURCE_SENSORS, MS_SOURCE_PARTIAL, because);
    } else {
        ms_model_source_set(model, MS_SOURCE_SENSORS, MS_SOURCE_AVAILABLE, NULL);
    }
}

void ms_sensors_read(struct ms_sensors_reader *reader, struct ms_model *model, uint64_t now_ns)
{
    const struct ms_sensors_result *result = &reader->result;
    struct ms_system *system = ms_model_system_mutable(model);
    if (!reader->begun) {
        reader->taken_ns = now_ns;
        start(reader, model);
    }
    if (reader->background == NULL) {
        return;
    }
    if (ms_background_take(reader->background, &reader->result)) {
        reader->taken_ns = now_ns;
        system->sensor_count = result->count;
        memcpy(system->sensors, result->sensors, result->count * sizeof system->sensors[0]);
        tell(result, model);
        if (result->error != 0 || result->count == 0) {
            ms_background_stop(reader->background); /* nothing more comes */
            reader->background = NULL;
        }
    } else if (now_ns > reader->taken_ns + STALE_NS) {
        does_not_answer(model, now_ns - reader->taken_ns);
    }
}
