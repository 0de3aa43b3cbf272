/* See cpu_list.h. */
#include "collect/cpu_list.h"

#include "collect/proc_text.h"

#define CORES_AT_MOST 65536u

uint32_t ms_cpu_list_each(const char *text, size_t bytes, uint32_t of,
                          void (*take)(void *own, uint32_t core, uint32_t of), void *own)
{
    const char *at = text;
    const char *end = text + bytes;
    uint32_t count = 0;
    uint64_t first;
    while (ms_proc_number(&at, end, &first) && first < CORES_AT_MOST) {
        uint64_t last = first;
        if (at < end && *at == '-') {
            at++;
            if (!ms_proc_number(&at, end, &last) || last >= CORES_AT_MOST) {
                break;
            }
        }
        for (uint64_t core = first; core <= last && count < CORES_AT_MOST; core++) {
            if (take != NULL) {
                take(own, (uint32_t)core, of);
            }
            count++;
        }
        if (at == end || *at != ',') {
            break;
        }
        at++;
    }
    return count;
}
