/* What went wrong with a stream that is written to. For src/export only. */
#ifndef MS_EXPORT_STREAM_H
#define MS_EXPORT_STREAM_H

#include <errno.h>
#include <stdio.h>

/* Right after the write that may have failed: 0 or -errno. */
static inline int ms_stream_error(FILE *out)
{
    return !ferror(out) ? 0 : errno != 0 ? -errno : -EIO;
}

/* Writes what is buffered. `error`: what went wrong before, or 0. */
static inline int ms_stream_end(FILE *out, int error)
{
    errno = 0;
    if (error == 0 && fflush(out) != 0) {
        return errno != 0 ? -errno : -EIO;
    }
    return error != 0 ? error : ms_stream_error(out);
}

#endif
