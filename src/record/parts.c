#include "record/parts.h"

const struct ms_part_kind *const ms_parts[MS_PART_TOTAL] = {
    [MS_PART_PROCESSES] = &ms_part_processes,
    [MS_PART_THREADS] = &ms_part_threads,
    [MS_PART_SYSTEM] = &ms_part_system,
};
