/* Lists of cores as the kernel writes them: "0-3,8,10-11\n". */
#ifndef MS_COLLECT_CPU_LIST_H
#define MS_COLLECT_CPU_LIST_H

#include <stddef.h>
#include <stdint.h>

/*
 * Calls `take(own, core, of)` for each core of the list, at most 65,536 times; ends at the first
 * thing that is no list. Returns how many there were. `take` may be NULL.
 */
uint32_t ms_cpu_list_each(const char *text, size_t bytes, uint32_t of,
                          void (*take)(void *own, uint32_t core, uint32_t of), void *own);

#endif
