/* What the screen of changes (`D`) is told: see struct ms_tui_options. */
#ifndef MS_TUI_CHANGES_H
#define MS_TUI_CHANGES_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/diff.h"

struct ms_tui_changes {
    const struct ms_diff *diff; /* NULL: `why` says why there is none */
    const char *why;
    size_t marks;       /* that lie before the moment shown */
    size_t marks_back;  /* the one that is compared with: 0 the last; `marks`: the beginning */
    const char *mark;   /* its text, hostile; "" none; valid until the next call */
    uint64_t before_ns; /* moment that is compared with, in time of the model */
};

#endif
