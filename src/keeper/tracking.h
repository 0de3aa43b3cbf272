/* Changing what is tracked while the program runs. */
#ifndef MS_KEEPER_TRACKING_H
#define MS_KEEPER_TRACKING_H

#include "keeper/session.h"

/*
 * Takes over what a viewer wants, for region files made from now on and for those there are: main
 * headers first, then the slots in which somebody counts. Returns NULL, or in words why nothing was
 * changed (static storage).
 */
const char *ms_tracking_set(struct ms_keeper *keeper, const struct ms_message_tracking *wanted);

#endif
