#include "export/gzip.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "export/stream.h"

#define GZIP_WINDOW (15 + 16) /* zlib's way to ask for a gzip header */

int ms_gzip_open(struct ms_gzip *gzip, FILE *out)
{
    memset(gzip, 0, sizeof *gzip);
    gzip->out = out;
    return deflateInit2(&gzip->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8,
                        Z_DEFAULT_STRATEGY) == Z_OK
               ? 0
               : -ENOMEM;
}

static void deflate_all(struct ms_gzip *gzip, int flush)
{
    unsigned char buffer[16384];
    do {
        gzip->stream.next_out = buffer;
        gzip->stream.avail_out = sizeof buffer;
        deflate(&gzip->stream, flush);
        errno = 0;
        fwrite(buffer, 1, sizeof buffer - gzip->stream.avail_out, gzip->out);
        gzip->error = ms_stream_error(gzip->out);
    } while (gzip->error == 0 && gzip->stream.avail_out == 0);
}

void ms_gzip_write(struct ms_gzip *gzip, const void *bytes, size_t count)
{
    if (gzip->error == 0 && count > 0) {
        gzip->stream.next_in = (Bytef *)(uintptr_t)bytes;
        gzip->stream.avail_in = (uInt)count;
        deflate_all(gzip, Z_NO_FLUSH);
    }
}

int ms_gzip_close(struct ms_gzip *gzip)
{
    if (gzip->error == 0) {
        gzip->stream.avail_in = 0;
        deflate_all(gzip, Z_FINISH);
    }
    deflateEnd(&gzip->stream);
    return ms_stream_end(gzip->out, gzip->error);
}
