/* Where figures come from, what is missing and why; what is missing comes first. */
#include <stdio.h>

#include "tui/system.h"

static const struct {
    const char *word;
    enum ms_colour colour;
} conditions[] = {
    [MS_SOURCE_NOT_ASKED] = {"not read", MS_COLOUR_DIM},
    [MS_SOURCE_AVAILABLE] = {"available", MS_COLOUR_BALANCED},
    [MS_SOURCE_UNAVAILABLE] = {"unavailable", MS_COLOUR_ALERT_MEDIUM},
    [MS_SOURCE_PARTIAL] = {"in part", MS_COLOUR_ALERT_MEDIUM},
};

size_t ms_system_sources_missing(const struct ms_model *model)
{
    size_t missing = 0;
    for (int source = 0; source < MS_SOURCE_TOTAL; source++) {
        const enum ms_source_condition condition =
            ms_model_source(model, (enum ms_source)source)->condition;
        missing += condition == MS_SOURCE_UNAVAILABLE || condition == MS_SOURCE_PARTIAL ? 1u : 0u;
    }
    return missing;
}

static void put_source(struct ms_sheet *sheet, enum ms_source source)
{
    const struct ms_source_state *state = ms_model_source(sheet->view->model, source);
    const int second = sheet->columns >= 60 ? 34 : 14;
    ms_grid_pen(sheet->grid, conditions[state->condition].colour, 0);
    ms_grid_put(sheet->grid, sheet->row, 1, 12, conditions[state->condition].word);
    ms_grid_pen(sheet->grid, MS_COLOUR_DEFAULT, 0);
    if (second > 14) {
        ms_grid_put(sheet->grid, sheet->row, 14, 19, ms_source_name(source));
    }
    ms_sheet_text(sheet, second, MS_COLOUR_DEFAULT, ms_source_what(source));
    if (state->because[0] != '\0') {
        ms_sheet_text(sheet, 14, MS_COLOUR_DIM, state->because);
    }
}

void ms_system_sources_page(struct ms_sheet *sheet)
{
    static const enum ms_source_condition order[] = {MS_SOURCE_UNAVAILABLE, MS_SOURCE_PARTIAL,
                                                     MS_SOURCE_NOT_ASKED, MS_SOURCE_AVAILABLE};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        for (int source = 0; source < MS_SOURCE_TOTAL; source++) {
            if (ms_model_source(sheet->view->model, (enum ms_source)source)->condition ==
                order[i]) {
                put_source(sheet, (enum ms_source)source);
            }
        }
    }
}
