/*
 * Temperatures, fans, power and voltages, by libsensors. A sensor behind a sick bus can block for
 * seconds, so they are read on a thread of their own, which there is only where there are chips.
 */
#ifndef MS_COLLECT_SENSORS_H
#define MS_COLLECT_SENSORS_H

#include <sensors/sensors.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

/* What is called of libsensors; tests have one of their own. */
struct ms_sensor_library {
    int (*init)(void);
    void (*cleanup)(void);
    const sensors_chip_name *(*detected_chips)(const sensors_chip_name *match, int *number);
    const sensors_feature *(*features)(const sensors_chip_name *chip, int *number);
    const sensors_subfeature *(*subfeature)(const sensors_chip_name *chip,
                                            const sensors_feature *feature,
                                            sensors_subfeature_type type);
    char *(*label)(const sensors_chip_name *chip, const sensors_feature *feature); /* by malloc */
    int (*value)(const sensors_chip_name *chip, int number, double *out);
    int (*chip_text)(char *out, size_t size, const sensors_chip_name *chip);
};
extern const struct ms_sensor_library ms_libsensors;

/* What a reading gives. A sensor with a fault, or that cannot be read, has the value NaN. */
struct ms_sensors_result {
    int error; /* of init: 0 or a number of libsensors */
    size_t count, left_out, unreadable;
    struct ms_sensor sensors[MS_SENSORS_MAX];
};

struct ms_sensors_reader; /* opaque */

/* `sys`: /sys but for tests; not copied. NULL: no memory. */
struct ms_sensors_reader *ms_sensors_reader_new(const char *sys,
                                                const struct ms_sensor_library *library);
void ms_sensors_reader_free(struct ms_sensors_reader *reader); /* accepts NULL */

/* Never blocks: takes what the thread has read; after ten seconds without an answer all values are
 * NaN. Sets the source SENSORS. */
void ms_sensors_read(struct ms_sensors_reader *reader, struct ms_model *model, uint64_t now_ns);

#endif
