#include "tui/verdicts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than any screen shows at once; two threads of one place push each other out. */
enum { PLACES = 512 };
#define JUDGE_EVERY_NS MS_SECOND_NS

struct ms_verdicts {
    struct ms_verdict of[PLACES];
};

void ms_verdicts_free(struct ms_verdicts *verdicts)
{
    free(verdicts);
}

const struct ms_verdict *ms_verdict_of(struct ms_tui *tui, const struct ms_view *view,
                                       const struct ms_thread *thread)
{
    if (tui->verdicts == NULL) {
        tui->verdicts = calloc(1, sizeof *tui->verdicts);
        if (tui->verdicts == NULL) {
            return NULL;
        }
    }
    const uint64_t now_ns = ms_model_now_ns(view->model);
    struct ms_verdict *verdict = &tui->verdicts->of[thread->id % PLACES];
    const bool ended = thread->end_ns != 0;
    if (verdict->thread_id != thread->id || verdict->ended != ended ||
        (!ended && now_ns - verdict->at_ns >= JUDGE_EVERY_NS)) {
        *verdict = (struct ms_verdict){
            .thread_id = thread->id,
            .at_ns = now_ns,
            .ended = ended,
            .bottleneck = ms_bottleneck_of_thread(view->model, thread),
            .efficiency = ms_efficiency_of_thread(view->model, thread),
        };
    }
    return verdict;
}

const char *ms_verdict_bottleneck(const struct ms_verdict *verdict)
{
    if (verdict == NULL || verdict->bottleneck.kind == MS_BOTTLENECK_UNKNOWN) {
        return "";
    }
    return ms_bottleneck_word(verdict->bottleneck.kind);
}

/* "word value: sentence", the sentence going on below in so many rows; returns the rows taken. */
static int put_line(struct ms_grid *grid, int row, int rows, int end, const char *word,
                    const char *value, const char *sentence)
{
    int column = 1;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    column += ms_grid_printf(grid, row, column, end - column, "%s ", word);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, MS_ATTRIBUTE_BOLD);
    column += ms_grid_put(grid, row, column, end - column, value);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    if (sentence[0] == '\0') {
        return 1;
    }
    column += ms_grid_put(grid, row, column, end - column, ": ");
    const struct ms_area area = {
        .row = row, .column = column, .rows = rows, .columns = end - column};
    const int taken = area.columns > 0 ? ms_theme_text(grid, area, sentence) : 1;
    return taken > 1 ? taken : 1;
}

int ms_verdict_draw(struct ms_grid *grid, struct ms_area area, const struct ms_verdict *verdict)
{
    char score[16] = "n/a";
    const int end = area.column + area.columns;
    if (verdict == NULL || area.rows < 1) {
        return 0;
    }
    if (!isnan(verdict->efficiency.score)) {
        snprintf(score, sizeof score, "%.0f", verdict->efficiency.score);
    }
    const char *word = ms_bottleneck_word(verdict->bottleneck.kind);
    if (area.rows >= 2) {
        const int taken = put_line(grid, area.row, area.rows - 1, end, "bottleneck", word,
                                   verdict->bottleneck.evidence);
        put_line(grid, area.row + taken, area.rows - taken, end, "efficiency", score,
                 verdict->efficiency.sentence);
        return area.rows; /* not fewer now and then: what is below would jump */
    }
    const int width = (int)strlen("  efficiency ") + (int)strlen(score);
    put_line(grid, area.row, 1, end - width, "bottleneck", word, verdict->bottleneck.evidence);
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put(grid, area.row, end - width, width, "  efficiency ");
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, MS_ATTRIBUTE_BOLD);
    ms_grid_put(grid, area.row, end - (int)strlen(score), width, score);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return 1;
}
