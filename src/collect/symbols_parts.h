/*
 * What the files of symbols share: symbols.c has modules and workers with their troubles,
 * symbols_questions.c what they are asked, symbols_answers.c what becomes of their answers. For
 * src/collect/symbols*.c only.
 */
#ifndef MS_COLLECT_SYMBOLS_PARTS_H
#define MS_COLLECT_SYMBOLS_PARTS_H

#include <limits.h>

#include "collect/symbol_advice.h"
#include "collect/symbol_worker.h"
#include "collect/symbolizer.h"
#include "collect/symbols.h"

enum {
    MS_SYMBOLS_WINDOW = 32,
    MS_SYMBOLS_WEIGHTS = 8 /* classes of bytes, 16-fold each */
};

enum ms_symbol_stage {
    MS_STAGE_OPEN,
    MS_STAGE_QUICK,
    MS_STAGE_FULL,
    MS_STAGE_FETCH,
    MS_STAGE_TOTAL
};

/* A question about a frame, on its way from stage to stage. */
struct ms_symbol_wish {
    struct ms_frame *frame; /* NULL: the module is to be opened */
    uint32_t module;
    uint8_t stage, weight;
};

/* First in, first out. */
struct ms_symbol_queue {
    struct ms_symbol_wish *questions;
    size_t first, count, capacity; /* questions[first .. first + count) */
};

struct ms_asked_module {
    const char *path;
    pid_t pid;
    uint32_t model_id; /* of ms_model_module_by_id, 0: none */
    uint8_t build_id[MS_BUILD_ID_MAX];
    uint8_t build_id_bytes;
    uint8_t strikes;     /* times a worker died of it */
    bool no_full;        /* set aside: no lines */
    bool no_quick;       /* set aside altogether */
    bool not_on_servers; /* or set aside by the worker that fetches */
    bool named;          /* some function of it got a name */
};

/* A worker and the questions that it owes answers to, oldest first. */
struct ms_symbol_connection {
    struct ms_symbol_worker worker;
    struct ms_symbolizer_options options;
    unsigned restarts;
    struct ms_symbol_wish sent[MS_SYMBOLS_WINDOW];
    size_t first, count;
    uint64_t waiting_since_ns;
};

enum { MS_SYMBOLS_LOCAL, MS_SYMBOLS_FETCHING, MS_SYMBOLS_CONNECTIONS };

struct ms_symbols {
    char cache_folder[PATH_MAX];
    struct ms_advice_facts facts;
    struct ms_symbol_connection connections[MS_SYMBOLS_CONNECTIONS];
    size_t connection_count;
    size_t name_bytes; /* limit */
    struct ms_symbol_queue queues[MS_STAGE_TOTAL][MS_SYMBOLS_WEIGHTS];
    size_t pending;
    struct ms_asked_module *modules;
    size_t module_count, module_capacity;
};

/* A question of a stage to the end of its queue. 0 or -ENOMEM. */
int ms_symbols_push(struct ms_symbols *symbols, struct ms_symbol_wish question,
                    enum ms_symbol_stage stage);
/* The next one for a worker, the quick ones first, of those the heaviest; false: none. */
bool ms_symbols_next(struct ms_symbols *symbols, size_t connection, struct ms_symbol_wish *out);
/* As many as it may owe answers to. */
void ms_symbols_send(struct ms_symbols *symbols, size_t number, uint64_t now_ns);

/* What came; false: the worker is gone, or talks nonsense. */
bool ms_symbols_answers(struct ms_symbols *symbols, struct ms_symbol_connection *connection,
                        struct ms_model *model, uint64_t now_ns);

/* What is known of a module now, with advice where it is little. */
void ms_symbols_settle(struct ms_symbols *symbols, struct ms_model *model,
                       const struct ms_asked_module *module, enum ms_module_names names,
                       enum ms_module_why why);
bool ms_symbols_may_fetch(const struct ms_symbols *symbols, const struct ms_asked_module *module);

#endif
