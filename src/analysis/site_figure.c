#include "analysis/site_figure.h"

static const struct ms_site_figure_info figures[] = {
#define MS_SITE_FIGURE_ROW(id, json_name, text, kind, where, words)                                \
    {.name = (json_name),                                                                          \
     .heading = (text),                                                                            \
     .unit = MS_UNIT_##kind,                                                                       \
     .provenance = MS_##where,                                                                     \
     .meaning = (words)},
    MS_SITE_FIGURES(MS_SITE_FIGURE_ROW)
#undef MS_SITE_FIGURE_ROW
};

const struct ms_site_figure_info *ms_site_figure_info(enum ms_site_figure figure)
{
    return &figures[figure];
}
