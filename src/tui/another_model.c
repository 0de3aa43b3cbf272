/* After a leap in time: what the screens kept of a model goes, what the user chose stays. */
#include "tui/correlations.h"
#include "tui/flows.h"
#include "tui/leaks.h"
#include "tui/rankings.h"
#include "tui/screen.h"
#include "tui/system.h"
#include "tui/timelines.h"
#include "tui/types.h"
#include "tui/verdicts.h"

static void forget_points(struct ms_plot_points *points)
{
    const uint64_t version = points->version;
    ms_plot_points_fini(points);
    *points = (struct ms_plot_points){.version = version, .made_ns = 0, .seconds = UINT32_MAX};
}

static void forget_timelines(struct ms_timelines_view *timelines)
{
    for (size_t i = 0; i < timelines->cache_count; i++) {
        timelines->cache[i].id = 0;
    }
    timelines->count = 0;
}

void ms_tui_another_model(struct ms_tui *tui)
{
    ms_call_tree_forget(tui->hotspots.tree);
    tui->hotspots.lines.count = 0;
    tui->hotspots.lines.key = 0;
    ms_verdicts_free(tui->verdicts);
    tui->verdicts = NULL;
    ms_focus_view_free(tui->focus);
    tui->focus = NULL;
    ms_flows_view_forget(tui->flows);
    if (tui->types != NULL) {
        ms_types_forget(tui->types->types);
        tui->types->stale = true;
    }
    if (tui->rankings != NULL) {
        tui->rankings->stale = true;
        tui->rankings->ranking.count = 0;
    }
    if (tui->leaks != NULL) {
        tui->leaks->read_ns = 0;
        tui->leaks->not_freed_count = tui->leaks->not_freed_all = 0;
    }
    if (tui->timelines != NULL) {
        forget_timelines(tui->timelines);
    }
    if (tui->system != NULL) {
        tui->system->insights_ns = 0;
    }
    if (tui->correlations != NULL) {
        forget_points(&tui->correlations->points);
        forget_points(&tui->correlations->behind);
        tui->correlations->pairs_made_ns = 0;
    }
}
