/* A gzip file written piece by piece. For src/export only. */
#ifndef MS_EXPORT_GZIP_H
#define MS_EXPORT_GZIP_H

#include <stddef.h>
#include <stdio.h>

#include <zlib.h>

/* The first error stays and later calls do nothing. */
struct ms_gzip {
    FILE *out;
    z_stream stream;
    int error; /* 0 or -errno */
};

int ms_gzip_open(struct ms_gzip *gzip,
                 FILE *out); /* 0 or -ENOMEM: then there is nothing to close */
void ms_gzip_write(struct ms_gzip *gzip, const void *bytes, size_t count);
/* Ends the file and flushes the stream. 0 or the first -errno. */
int ms_gzip_close(struct ms_gzip *gzip);

#endif
