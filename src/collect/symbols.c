/* Modules that names are asked for, and the workers that are asked: their start, ends and deaths.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/debuginfod.h"
#include "collect/symbols_parts.h"
#include "wire/clock.h"

enum { RESTARTS_AT_MOST = 60, STRIKES_AT_MOST = 3, MODULES_AT_MOST = 1 << 20, END_MS = 200 };
#define NAME_BYTES    ((size_t)512 << 20)
#define HANG_NS       (5 * MS_NS_PER_S)
#define FETCH_HANG_NS ((MS_DEBUGINFOD_LIMIT_S * 2 + 5) * MS_NS_PER_S) /* two files: dwz */

_Static_assert(RESTARTS_AT_MOST < MS_SYMBOL_WORKERS_MAX, "each may be dying");

struct ms_symbols *ms_symbols_start(const struct ms_symbols_options *options)
{
    struct ms_symbols *symbols = calloc(1, sizeof *symbols);
    if (symbols == NULL) {
        return NULL;
    }
    const char *folder = options == NULL ? NULL : options->cache_folder;
    (void)snprintf(symbols->cache_folder, sizeof symbols->cache_folder, "%s",
                   folder == NULL ? "" : folder);
    symbols->facts.packaging = ms_packaging_of("/etc/os-release");
    symbols->connection_count = 1;
    symbols->name_bytes =
        options == NULL || options->name_bytes == 0 ? NAME_BYTES : options->name_bytes;
    if (options != NULL && options->debuginfod) {
        symbols->facts.debuginfod_missing = ms_debuginfod_missing();
        symbols->facts.debuginfod = symbols->facts.debuginfod_missing == NULL;
        symbols->connection_count += symbols->facts.debuginfod;
    }
    for (size_t i = 0; i < MS_SYMBOLS_CONNECTIONS; i++) {
        struct ms_symbol_connection *connection = &symbols->connections[i];
        connection->worker = (struct ms_symbol_worker){.pid = -1, .socket = -1};
        connection->options = (struct ms_symbolizer_options){.cache_folder = symbols->cache_folder,
                                                             .fetch = i == MS_SYMBOLS_FETCHING};
        if (i < symbols->connection_count &&
            ms_symbol_worker_start(&connection->worker, &connection->options) != 0) {
            connection->restarts = RESTARTS_AT_MOST;
        }
    }
    return symbols;
}

void ms_symbols_free(struct ms_symbols *symbols)
{
    if (symbols == NULL) {
        return;
    }
    for (size_t i = 0; i < MS_SYMBOLS_CONNECTIONS; i++) {
        struct ms_symbol_connection *connection = &symbols->connections[i];
        /* One that is behind has more to do than there is time for. */
        if (connection->count == 0) {
            ms_symbol_worker_end(&connection->worker, END_MS);
        }
        ms_symbol_worker_kill(&connection->worker);
        ms_symbol_worker_reap(&connection->worker, END_MS);
    }
    for (int stage = 0; stage < MS_STAGE_TOTAL; stage++) {
        for (int weight = 0; weight < MS_SYMBOLS_WEIGHTS; weight++) {
            free(symbols->queues[stage][weight].questions);
        }
    }
    free(symbols->modules);
    free(symbols);
}

/* One that stands for the same file, the newest; NULL: none. */
static struct ms_asked_module *same_module(struct ms_symbols *symbols, uint32_t model_id)
{
    for (size_t i = symbols->module_count; i > 0 && model_id != 0; i--) {
        if (symbols->modules[i - 1].model_id == model_id) {
            return &symbols->modules[i - 1];
        }
    }
    return NULL;
}

uint32_t ms_symbols_module(struct ms_symbols *symbols, struct ms_model *model, pid_t pid,
                           const char *path, const uint8_t *build_id, size_t build_id_bytes)
{
    if (build_id_bytes > MS_BUILD_ID_MAX) {
        build_id_bytes = 0;
    }
    const struct ms_module *known = ms_model_module_mutable(model, path, build_id, build_id_bytes);
    const uint32_t model_id = known == NULL ? 0 : known->id;
    struct ms_asked_module *same = same_module(symbols, model_id);
    if (same != NULL && build_id_bytes > 0) {
        /* The file of another process, to the bit: but this one is there still. */
        const uint32_t number = (uint32_t)(same - symbols->modules) + 1;
        same->pid = pid;
        if (!same->named) {
            (void)ms_symbols_push(symbols, (struct ms_symbol_wish){.module = number},
                                  MS_STAGE_OPEN);
        }
        return number;
    }
    const struct ms_asked_module before = same == NULL ? (struct ms_asked_module){0} : *same;
    if (symbols->module_count == symbols->module_capacity) {
        size_t capacity = symbols->module_capacity == 0 ? 32 : symbols->module_capacity * 2;
        struct ms_asked_module *grown =
            capacity > MODULES_AT_MOST ? NULL : realloc(symbols->modules, capacity * sizeof *grown);
        if (grown == NULL) {
            return 0;
        }
        symbols->modules = grown;
        symbols->module_capacity = capacity;
    }
    struct ms_asked_module *module = &symbols->modules[symbols->module_count++];
    *module = (struct ms_asked_module){.path = path,
                                       .pid = pid,
                                       .model_id = model_id,
                                       .strikes = before.strikes,
                                       .no_full = before.no_full,
                                       .no_quick = before.no_quick};
    if (build_id_bytes > 0) {
        memcpy(module->build_id, build_id, build_id_bytes);
        module->build_id_bytes = (uint8_t)build_id_bytes;
    }
    const struct ms_symbol_wish question = {.module = (uint32_t)symbols->module_count};
    (void)ms_symbols_push(symbols, question, MS_STAGE_OPEN);
    return (uint32_t)symbols->module_count;
}

void ms_symbols_settle(struct ms_symbols *symbols, struct ms_model *model,
                       const struct ms_asked_module *module, enum ms_module_names names,
                       enum ms_module_why why)
{
    struct ms_module *known = ms_model_module_by_id(model, module->model_id);
    if (known == NULL || (known->names == names && known->why == why)) {
        return;
    }
    char advice[MS_SYMBOL_PATH_MAX + 512];
    known->names = names;
    known->why = why;
    ms_symbol_advice(known, &symbols->facts, advice, sizeof advice);
    const char *kept = ms_model_string(model, advice);
    known->advice = kept == NULL ? "" : kept;
}

bool ms_symbols_may_fetch(const struct ms_symbols *symbols, const struct ms_asked_module *module)
{
    return symbols->connection_count > MS_SYMBOLS_FETCHING && module->build_id_bytes > 0 &&
           !module->not_on_servers && symbols->connections[MS_SYMBOLS_FETCHING].worker.pid > 0;
}

/* What `question` asked for is not to be had; the module may be given up altogether. */
static void blame(struct ms_symbols *symbols, struct ms_model *model,
                  const struct ms_symbol_wish *question, bool hung)
{
    struct ms_asked_module *module = &symbols->modules[question->module - 1];
    symbols->pending -= question->frame != NULL;
    if (question->stage == MS_STAGE_FETCH) {
        module->not_on_servers = true;
        return;
    }
    const uint8_t strikes = ++module->strikes;
    const bool given_up = strikes >= STRIKES_AT_MOST;
    const bool no_quick = given_up && question->stage != MS_STAGE_FULL;
    /* Without a build id each process has one of its own of the same file: they fall together, or
     * a program that forks would use up all restarts. */
    for (size_t i = 0; i < symbols->module_count; i++) {
        struct ms_asked_module *other = &symbols->modules[i];
        if (other == module || (other->model_id == module->model_id && other->model_id != 0)) {
            other->strikes = strikes;
            other->no_full = other->no_full || given_up;
            other->no_quick = other->no_quick || no_quick;
        }
    }
    if (!given_up) {
        return;
    }
    ms_symbols_settle(symbols, model, module, module->named ? MS_NAMES_SYMBOLS : MS_NAMES_NONE,
                      hung ? MS_WHY_HUNG : MS_WHY_CRASHED);
}

/* Nobody is left to ask: everything that waits is answered with what there is. */
static void give_up(struct ms_symbols *symbols, struct ms_model *model)
{
    struct ms_symbol_wish question;
    for (size_t i = 0; i < MS_SYMBOLS_CONNECTIONS; i++) {
        while (ms_symbols_next(symbols, i, &question)) {
            const struct ms_asked_module *module = &symbols->modules[question.module - 1];
            symbols->pending -= question.frame != NULL;
            if (!module->named) {
                ms_symbols_settle(symbols, model, module, MS_NAMES_NONE, MS_WHY_NO_SYMBOLIZER);
            }
        }
    }
}

/* The worker died or hangs: the question at the front is to blame, the others are asked again. */
static void restart(struct ms_symbols *symbols, struct ms_model *model,
                    struct ms_symbol_connection *connection, bool hung)
{
    ms_symbol_worker_kill(&connection->worker);
    if (connection->count > 0) {
        blame(symbols, model, &connection->sent[connection->first], hung);
    }
    for (size_t i = 1; i < connection->count; i++) {
        const struct ms_symbol_wish *question =
            &connection->sent[(connection->first + i) % MS_SYMBOLS_WINDOW];
        if (ms_symbols_push(symbols, *question, (enum ms_symbol_stage)question->stage) != 0) {
            symbols->pending -= question->frame != NULL;
        }
    }
    connection->first = connection->count = 0;
    if (connection->restarts < RESTARTS_AT_MOST) {
        connection->restarts++;
        (void)ms_symbol_worker_start(&connection->worker, &connection->options);
    }
}

static uint64_t hang_limit_ns(const struct ms_symbols *symbols, size_t number)
{
    const struct ms_symbol_connection *connection = &symbols->connections[number];
    return number == MS_SYMBOLS_FETCHING
               ? FETCH_HANG_NS
               : HANG_NS
                     << symbols->modules[connection->sent[connection->first].module - 1].strikes;
}

static void handle_connection(struct ms_symbols *symbols, struct ms_model *model, size_t number,
                              uint64_t now_ns)
{
    struct ms_symbol_connection *connection = &symbols->connections[number];
    ms_symbol_worker_reap(&connection->worker, 0);
    if (connection->worker.pid > 0) {
        bool alive = ms_symbols_answers(symbols, connection, model, now_ns);
        bool hung = alive && connection->count > 0 && now_ns > connection->waiting_since_ns &&
                    now_ns - connection->waiting_since_ns > hang_limit_ns(symbols, number);
        if (!alive || hung) {
            restart(symbols, model, connection, hung);
        }
    }
    if (connection->worker.pid > 0) {
        ms_symbols_send(symbols, number, now_ns);
    }
}

void ms_symbols_handle(struct ms_symbols *symbols, struct ms_model *model, uint64_t now_ns)
{
    for (size_t i = 0; i < symbols->connection_count; i++) {
        handle_connection(symbols, model, i, now_ns);
    }
    if (symbols->connections[MS_SYMBOLS_LOCAL].worker.pid < 0) {
        give_up(symbols, model);
    }
}

size_t ms_symbols_pending(const struct ms_symbols *symbols)
{
    return symbols->pending;
}

size_t ms_symbols_poll_fds(const struct ms_symbols *symbols, struct pollfd *fds, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < MS_SYMBOLS_CONNECTIONS && count < capacity; i++) {
        if (symbols->connections[i].worker.socket >= 0) {
            fds[count++] =
                (struct pollfd){.fd = symbols->connections[i].worker.socket, .events = POLLIN};
        }
    }
    return count;
}

uint64_t ms_symbols_cpu_ns(const struct ms_symbols *symbols)
{
    uint64_t sum_ns = 0;
    for (size_t i = 0; i < MS_SYMBOLS_CONNECTIONS; i++) {
        sum_ns += ms_symbol_worker_cpu_ns(&symbols->connections[i].worker);
    }
    return sum_ns;
}

pid_t ms_symbols_worker(const struct ms_symbols *symbols)
{
    return symbols->connections[MS_SYMBOLS_LOCAL].worker.pid;
}
