#include <stdio.h>

#include "cli/commands.h"
#include "cli/session.h"

int ms_record(const struct ms_options *options)
{
    (void)options;
    fputs("memscope-top: record is not built in\n", stderr);
    return MS_EXIT_FAILURE;
}
