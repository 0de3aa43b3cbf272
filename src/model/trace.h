/* One event of a trace, in ids of the model: what a collector hands over and a recording holds. */
#ifndef MS_MODEL_TRACE_H
#define MS_MODEL_TRACE_H

#include <stdbool.h>
#include <stdint.h>

struct ms_trace_record {
    uint64_t time_ns, address, bytes;
    /* Of a free: of the block, where and by whom it was allocated. 0: not known. */
    uint32_t process_id, thread_id, site_id;
    uint32_t by_thread_id; /* who did it */
    bool is_free;
};

#endif
