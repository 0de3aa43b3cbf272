#include "analysis/site_figure.h"

static const struct ms_site_figure_info figures[] = {
#define MS_SITE_FIGURE_ROW(id, of, json_name, text, in, where, words)                              \
    {.name = (json_name),                                                                          \
     .heading = (text),                                                                            \
     .kind = MS_FIGURES_##of,                                                                      \
     .unit = MS_UNIT_##in,                                                                         \
     .provenance = MS_##where,                                                                     \
     .meaning = (words)},
    MS_SITE_FIGURES(MS_SITE_FIGURE_ROW)
#undef MS_SITE_FIGURE_ROW
};

const struct ms_site_figure_info *ms_site_figure_info(enum ms_site_figure figure)
{
    return &figures[figure];
}
