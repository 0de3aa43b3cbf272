/* The tables of fields of what the model is made of. For src/record only. */
#ifndef MS_RECORD_FIELDS_TABLES_H
#define MS_RECORD_FIELDS_TABLES_H

#include "record/fields.h"

/* Rates are derived in every tick, from what the others hold: only a state has them. */
extern const struct ms_fields ms_fields_process;
extern const struct ms_fields ms_fields_process_rates;
extern const struct ms_fields ms_fields_process_inside;
extern const struct ms_fields ms_fields_connection;

extern const struct ms_fields ms_fields_thread;
extern const struct ms_fields ms_fields_thread_rates;

extern const struct ms_fields ms_fields_past;
extern const struct ms_fields ms_fields_sample;

extern const struct ms_fields ms_fields_session;
extern const struct ms_fields ms_fields_system;
extern const struct ms_fields ms_fields_core;
extern const struct ms_fields ms_fields_disk;
extern const struct ms_fields ms_fields_interface;
extern const struct ms_fields ms_fields_sensor;
extern const struct ms_fields ms_fields_gpu;
extern const struct ms_fields ms_fields_gpu_user;
extern const struct ms_fields ms_fields_source;
extern const struct ms_fields ms_fields_trace;

/* Rows of structs that lie in several others; `at` is the member. */
#define MS_FIELDS_OF_HEAP(type, at)                                                                \
    MS_FIELD(type, at.allocations), MS_FIELD(type, at.deallocations),                              \
        MS_FIELD(type, at.bytes_allocated), MS_FIELD(type, at.bytes_freed),                        \
        MS_FIELD(type, at.peak_bytes), MS_FIELD(type, at.reallocations),                           \
        MS_FIELD(type, at.failed_calls), MS_FIELD(type, at.temporary),                             \
        MS_FIELD(type, at.waste_bytes), MS_FIELD(type, at.frees_for_others),                       \
        MS_FIELD(type, at.bytes_freed_for_others), MS_FIELD(type, at.foreign_frees),               \
        MS_FIELD(type, at.mmap_bytes), MS_FIELD(type, at.munmap_bytes)
#define MS_FIELDS_OF_STALL(type, at)                                                               \
    MS_FIELD(type, at.some_avg10_pct), MS_FIELD(type, at.some_avg60_pct),                          \
        MS_FIELD(type, at.full_avg10_pct), MS_FIELD(type, at.full_avg60_pct),                      \
        MS_FIELD(type, at.some_us), MS_FIELD(type, at.full_us)
#define MS_FIELDS_OF_PRESSURE(type, at)                                                            \
    MS_FIELD(type, at.have), MS_FIELDS_OF_STALL(type, at.cpu),                                     \
        MS_FIELDS_OF_STALL(type, at.memory), MS_FIELDS_OF_STALL(type, at.io)

#endif
