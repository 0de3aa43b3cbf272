/*
 * Where the debug information of a stripped file is: by build id below /usr/lib/debug/.build-id,
 * or by the name in .gnu_debuglink beside the file, in .debug/ and below /usr/lib/debug; each in
 * the root of the process first, then in ours. A file is taken only when it belongs to the other
 * for sure: equal build ids, or for want of them an equal checksum.
 */
#ifndef MS_COLLECT_DEBUG_FILE_H
#define MS_COLLECT_DEBUG_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "collect/file_root.h"

struct ms_debug_wanted {
    const struct ms_file_root *root;
    const char *path;      /* of the stripped file, as the process names it; absolute */
    const char *real_path; /* the same with links resolved; "" not known */
    const uint8_t *build_id;
    size_t build_id_bytes;
    const char *link; /* .gnu_debuglink, NULL: none */
    uint32_t link_checksum;
};

/* Returns a descriptor, -1: none found. `found` gets its path within the root that had it. */
int ms_debug_file_find(const struct ms_debug_wanted *wanted, char *found, size_t size);

/* A file that several share parts of their debug information in (.gnu_debugaltlink, by dwz). */
int ms_debug_file_find_shared(const struct ms_file_root *root, const char *debug_path,
                              const char *link, const uint8_t *build_id, size_t build_id_bytes);

#endif
