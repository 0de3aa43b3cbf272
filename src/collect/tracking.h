/* What is tracked, between the words of the wire and those of the model. */
#ifndef MS_COLLECT_TRACKING_H
#define MS_COLLECT_TRACKING_H

#include <stdbool.h>

#include "collect/region_reader.h"
#include "model/tracking.h"
#include "wire/region.h"

/*
 * Takes what a header says into the model; what is out of bounds there is brought into them. False
 * when the header was being written: then only the steps down are taken over.
 */
bool ms_watched_tracking(const struct ms_region_tracking_copy *copy,
                         struct ms_process_tracking *tracking);

void ms_settings_of_tracking(struct ms_tracking_settings *settings,
                             const struct ms_tracking *tracking);
void ms_tracking_of_settings(struct ms_tracking *tracking,
                             const struct ms_tracking_settings *settings);

#endif
