/* All that is read of the machine: each part at its own rate, with the reason where it is missing.
 */
#ifndef MS_COLLECT_MACHINE_READER_H
#define MS_COLLECT_MACHINE_READER_H

#include <stdint.h>

#include "collect/proc_file.h"
#include "model/model.h"

struct ms_machine_reader; /* opaque */

/* Fills the names and the identity of the machine at once. NULL: no memory. */
struct ms_machine_reader *ms_machine_reader_new(struct ms_model *model);
/* Waits for nothing that blocks. Accepts NULL. */
void ms_machine_reader_free(struct ms_machine_reader *reader, struct ms_descriptor_budget *budget);

/* Once a tick. */
void ms_machine_read(struct ms_machine_reader *reader, struct ms_descriptor_budget *budget,
                     struct ms_model *model, uint64_t now_ns);

#endif
