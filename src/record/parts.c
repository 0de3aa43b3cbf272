#include "record/parts.h"

#include "record/parts_sites.h"

const struct ms_part_kind *const ms_parts[MS_PART_TOTAL] = {
    [MS_PART_PROCESSES] = &ms_part_processes, [MS_PART_THREADS] = &ms_part_threads,
    [MS_PART_SYSTEM] = &ms_part_system,       [MS_PART_SITES] = &ms_part_sites,
    [MS_PART_USAGES] = &ms_part_usages,       [MS_PART_ACTIVITIES] = &ms_part_activities,
    [MS_PART_FLOWS] = &ms_part_flows,         [MS_PART_MISUSES] = &ms_part_misuses,
};
