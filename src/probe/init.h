/* From "nothing is known yet" to counting or off. */
#ifndef MS_PROBE_INIT_H
#define MS_PROBE_INIT_H

#include <stdbool.h>

#include "probe/real.h"

/* Who serves a call of the malloc family. */
enum ms_gate {
    MS_GATE_COUNT, /* the real function, and count it */
    MS_GATE_REAL,  /* the real function alone */
    MS_GATE_ARENA  /* too early for either: the bootstrap arena */
};

/* When ms_ready is not MS_READY_COUNTING. Initialises if that is possible now. */
MS_HIDDEN enum ms_gate ms_gate_slow(void);

/* Is the calling code part of our own initialisation (or of what it calls)? */
MS_HIDDEN bool ms_initialising(void);

/* Until then nothing of ours may be used that is reached by PLT, GOT or thread pointer. */
MS_HIDDEN bool ms_relocated(void);

static inline enum ms_gate ms_gate(void)
{
    return MS_LIKELY(ms_ready == MS_READY_COUNTING) ? MS_GATE_COUNT : ms_gate_slow();
}

#endif
