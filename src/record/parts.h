/* What is in ms_parts. For src/record only. */
#ifndef MS_RECORD_PARTS_H
#define MS_RECORD_PARTS_H

#include "record/layout.h"

/* Each in the file of its name. */
extern const struct ms_part_kind ms_part_processes;
extern const struct ms_part_kind ms_part_threads;
extern const struct ms_part_kind ms_part_system;

/* Of a writer of processes: their arguments are told as unknown. */
void ms_part_processes_hide_arguments(struct ms_part_writer *writer);

#endif
