/*
 * The screens on a terminal: what looking at a live program and at a recording have in common.
 * Keys, drawing, the editor, settings and the way through time are dealt with here; what needs a
 * program is the owner's.
 */
#ifndef MS_CLI_STAGE_H
#define MS_CLI_STAGE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/editor.h"
#include "cli/export_job.h"
#include "cli/moment.h"
#include "cli/options.h"
#include "cli/since_mark.h"
#include "tui/terminal.h"
#include "tui/tui.h"

#define MS_STAGE_POLL_FDS 2u /* entries of ms_stage_poll_fds */

struct ms_stage;
struct ms_stage_owner {
    /* What of the status is not the stage's: session, exit status, own cost; what is recorded. */
    void (*status)(void *context, struct ms_tui_status *status, struct ms_tui_time *time);
    /* Commands that the stage does not know. */
    void (*execute)(void *context, const struct ms_command *command, uint64_t now_ns);
    void (*resized)(void *context); /* may be NULL */
    void *context;
};

struct ms_stage {
    const struct ms_options *options;
    struct ms_stage_owner owner;
    struct ms_moment *moment; /* the owner's */
    struct ms_terminal *terminal;
    struct ms_tui *tui;
    struct ms_grid *grid;
    struct ms_source_files *sources;
    struct ms_since_mark *since;
    struct ms_export_job job;
    struct ms_editor editor; /* while it runs the terminal is its own; ticks go on */
    int signals;
    uint64_t draw_ns; /* interval */
    uint64_t next_draw_ns, last_draw_ns;
    uint64_t drawn_serial; /* of the moment that was drawn last */
    bool leave;
    bool terminal_gone;
    char message[512];
    bool message_is_error;
};

/* Says on stderr why there can be no screen here, and what can be done with a program, or a file,
 * instead; 0 or the exit status to leave with. */
int ms_stage_possible(bool file);

/*
 * Opens terminal and screens; `program` is shown in the title. 0, or the exit status to leave with
 * after one line on stderr. The moment must be there.
 */
int ms_stage_open(struct ms_stage *stage, const struct ms_options *options, const char *program,
                  const struct ms_stage_owner *owner, struct ms_moment *moment);
void ms_stage_close(struct ms_stage *stage); /* of one that is only zeroed, too */

/* A line for the message row; goes with the next key. */
void ms_stage_say(struct ms_stage *stage, bool error, const char *text);

/* While the editor has the terminal nothing is drawn and no key is read. */
bool ms_stage_editing(const struct ms_stage *stage);
/* Keys (or the editor's end) first, then signals. */
void ms_stage_poll_fds(const struct ms_stage *stage, struct pollfd *fds);
/* When something is to be done at the latest: drawn, or gone on in time. */
uint64_t ms_stage_next_ns(const struct ms_stage *stage);
/* After poll: takes keys and signals, goes on in time. `leave` and `terminal_gone` may be set. */
void ms_stage_handle(struct ms_stage *stage, const struct pollfd *fds);
/* Draws when it is time. */
void ms_stage_draw(struct ms_stage *stage);
/* Draw at the next occasion. */
void ms_stage_changed(struct ms_stage *stage);

/* Until `until_ns`, for poll: rounded up. */
int ms_stage_wait_ms(uint64_t now_ns, uint64_t until_ns);

#endif
