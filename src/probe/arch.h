/* What the stack walker must know of the processor, by one name on all of them. */
#ifndef MS_PROBE_ARCH_H
#define MS_PROBE_ARCH_H

#if defined(__x86_64__)
#include "probe/arch_x86_64.h"
#elif defined(__aarch64__)
#include "probe/arch_aarch64.h"
#else
#error "no stack walk for this architecture yet"
#endif

#endif
