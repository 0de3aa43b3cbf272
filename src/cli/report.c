#include <stdio.h>

#include "cli/commands.h"
#include "cli/session.h"

int ms_report(const struct ms_options *options)
{
    (void)options;
    fputs("memscope-top: report is not built in\n", stderr);
    return MS_EXIT_FAILURE;
}
