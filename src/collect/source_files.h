/*
 * Source files of watched programs, found where debug information says they are: in the process'
 * own root when it has another one than we, else here. Names are the program's, so hostile: only
 * regular files are opened, nothing blocks on a device or FIFO, and what is kept is bounded.
 */
#ifndef MS_COLLECT_SOURCE_FILES_H
#define MS_COLLECT_SOURCE_FILES_H

#include <sys/types.h>

#include "model/source_text.h"

#define MS_SOURCE_BYTES_MAX (2u << 20) /* of one file */
#define MS_SOURCE_FILES_MAX 4u         /* kept; of the next ones the oldest goes */

struct ms_source_files; /* opaque */

struct ms_source_files *ms_source_files_new(void);        /* NULL: no memory */
void ms_source_files_free(struct ms_source_files *files); /* accepts NULL */

/*
 * The text of `file`, read anew when it has changed. A name that is not absolute is looked for from
 * the process' working directory. `pid` 0: a process that is not there any more. Valid until the
 * next call; why there is no text is in it.
 */
const struct ms_source_text *ms_source_files_get(struct ms_source_files *files, pid_t pid,
                                                 const char *file);

#endif
