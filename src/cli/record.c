/* Recording is watching without a screen; the session keeps what it sees in a file. */
#include "cli/commands.h"
#include "cli/plain.h"

int ms_record(const struct ms_options *options)
{
    return ms_plain(options);
}
