/* Answers of a worker: what they name, and what is asked next. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "collect/symbols_parts.h"

/* Takes a NUL-terminated text of at most `left` bytes; NULL: there is none. */
static const char *take_text(const char **at, size_t *left)
{
    const char *text = *at;
    const char *end = text == NULL ? NULL : memchr(text, '\0', *left);
    if (end == NULL) {
        return NULL;
    }
    *left -= (size_t)(end - text) + 1;
    *at = end + 1;
    return text;
}

static const char *keep(struct ms_model *model, const char *text)
{
    const char *kept = ms_model_string(model, text);
    return kept == NULL ? "" : kept;
}

static void name_frames(struct ms_model *model, struct ms_frame *frame, uint32_t frames,
                        const char *at, size_t left)
{
    const struct ms_frame first = *frame;
    for (uint32_t i = 0; i < frames && i < MS_SYMBOL_INLINES_MAX; i++) {
        uint32_t line;
        if (left < sizeof line) {
            return;
        }
        memcpy(&line, at, sizeof line);
        at += sizeof line;
        left -= sizeof line;
        const char *function = take_text(&at, &left);
        const char *file = function == NULL ? NULL : take_text(&at, &left);
        const char *crate = file == NULL ? NULL : take_text(&at, &left);
        if (crate == NULL) {
            return;
        }
        if (i > 0) {
            struct ms_frame *outer = ms_model_add_frame(model);
            if (outer == NULL) {
                return;
            }
            outer->address = first.address;
            outer->file_offset = first.file_offset;
            outer->module = first.module;
            outer->module_id = first.module_id;
            frame->inlined_by = outer;
            frame = outer;
        }
        frame->function = keep(model, function);
        frame->file = keep(model, file);
        frame->crate = keep(model, crate);
        frame->line = line;
        ms_model_frame_named(model, frame);
    }
}

/* What to ask next about a frame, if anything. */
static void go_on(struct ms_symbols *symbols, const struct ms_symbol_wish *question, bool final,
                  enum ms_module_names names)
{
    struct ms_asked_module *module = &symbols->modules[question->module - 1];
    enum ms_symbol_stage next = MS_STAGE_TOTAL;
    if (question->stage == MS_STAGE_QUICK && !final && !module->no_full) {
        next = MS_STAGE_FULL;
    } else if (question->stage == MS_STAGE_FETCH) {
        module->not_on_servers = module->not_on_servers || names != MS_NAMES_LINES;
    } else if (names != MS_NAMES_LINES && ms_symbols_may_fetch(symbols, module)) {
        next = MS_STAGE_FETCH;
    }
    if (next == MS_STAGE_TOTAL || ms_symbols_push(symbols, *question, next) != 0) {
        symbols->pending--;
    }
}

static void take_answer(struct ms_symbols *symbols, struct ms_model *model,
                        const struct ms_symbol_wish *question,
                        const struct ms_symbol_answer *answer, const char *frames, size_t bytes)
{
    struct ms_asked_module *module = &symbols->modules[question->module - 1];
    if (answer->frames > 0 && ms_model_name_bytes(model) > symbols->name_bytes) {
        module->no_full = module->no_quick = true;
        ms_symbols_settle(symbols, model, module, module->named ? MS_NAMES_SYMBOLS : MS_NAMES_NONE,
                          MS_WHY_TOO_MANY);
        symbols->pending -= question->frame != NULL;
        return;
    }
    enum ms_module_names names =
        answer->names < MS_NAMES_TOTAL ? (enum ms_module_names)answer->names : MS_NAMES_NONE;
    enum ms_module_why why =
        answer->why <= MS_WHY_NO_SYMBOLIZER ? (enum ms_module_why)answer->why : MS_WHY_NO_ELF;
    /* Never back to less: the worker that fetches may know more than the other. */
    const struct ms_module *known = ms_model_module_by_id(model, module->model_id);
    if (names != MS_NAMES_ASKING && known != NULL && known->names != MS_NAMES_LINES &&
        !module->no_full) {
        ms_symbols_settle(symbols, model, module, names, why);
    }
    if (question->frame == NULL) {
        return;
    }
    if (answer->frames > 0 && question->frame->inlined_by == NULL) {
        name_frames(model, question->frame, answer->frames, frames, bytes);
        module->named = true;
    }
    go_on(symbols, question, answer->final != 0, names);
}

bool ms_symbols_answers(struct ms_symbols *symbols, struct ms_symbol_connection *connection,
                        struct ms_model *model, uint64_t now_ns)
{
    static char packet[MS_SYMBOL_ANSWER_MAX];
    bool sound = true;
    for (;;) {
        ssize_t bytes = recv(connection->worker.socket, packet, sizeof packet, MSG_DONTWAIT);
        if (bytes < 0) {
            sound = errno == EAGAIN || errno == EINTR;
            break;
        }
        struct ms_symbol_answer answer;
        sound = (size_t)bytes >= sizeof answer && connection->count > 0;
        if (!sound) {
            break;
        }
        memcpy(&answer, packet, sizeof answer);
        sound = answer.id == connection->first;
        if (!sound) {
            break;
        }
        const struct ms_symbol_wish question = connection->sent[connection->first];
        connection->first = (connection->first + 1) % MS_SYMBOLS_WINDOW;
        connection->count--;
        connection->waiting_since_ns = now_ns;
        take_answer(symbols, model, &question, &answer, packet + sizeof answer,
                    (size_t)bytes - sizeof answer);
    }
    return sound;
}
