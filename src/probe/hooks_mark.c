/* The functions of include/memscope.h, when we are there. */
#include "probe/allocate.h"
#include "probe/init.h"
#include "probe/mark.h"

MS_EXPORT void memscope_probe_mark(const char *text)
{
    const enum ms_gate gate = ms_gate();
    if (MS_LIKELY(gate == MS_GATE_COUNT)) {
        ms_mark_set(ms_current_thread(), text);
    } else if (gate == MS_GATE_ARENA) {
        ms_mark_missed();
    }
}
