/* Watching without a screen: the program has our descriptors, our lines go to stderr. */
#ifndef MS_CLI_PLAIN_H
#define MS_CLI_PLAIN_H

#include "cli/options.h"

/* Returns the exit status. */
int ms_plain(const struct ms_options *options);

#endif
