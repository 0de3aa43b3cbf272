/*
 * Code that several processes run: the frames of one are those of all, known by the build id of
 * their module and the place in its file. So a build that starts a compiler a thousand times asks
 * for its names once, and holds its frames once. What has no build id is not shared: the file may
 * be another one by the next start.
 */
#ifndef MS_COLLECT_SHARED_CODE_H
#define MS_COLLECT_SHARED_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

struct ms_shared_code; /* opaque; grows with the code that was met, never shrinks */

struct ms_shared_code *ms_shared_code_new(void);       /* NULL: no memory */
void ms_shared_code_free(struct ms_shared_code *code); /* accepts NULL */

/*
 * Number of a module, from 1: the same for the same file. `*path` is a string of the model. It
 * becomes the name under which the file was met first where that is another one: what the loader
 * calls /lib/libgmp.so.10 is /usr/lib/libgmp.so.10.4.1 to the kernel where these are links, and is
 * told from files of their own by the build id. 0: it is not to be shared, there is no memory, or
 * `code` is NULL.
 */
uint32_t ms_shared_code_module(struct ms_shared_code *code, const char **path,
                               const uint8_t *build_id, size_t build_id_bytes);

/* The frame at `file_offset` of a module; NULL: not met yet. */
struct ms_frame *ms_shared_code_find(const struct ms_shared_code *code, uint32_t module,
                                     uint64_t file_offset);
/* Without memory it is not shared. */
void ms_shared_code_add(struct ms_shared_code *code, uint32_t module, struct ms_frame *frame);

#endif
