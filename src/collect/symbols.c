/* See symbols.h. */
#include "collect/symbols.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "collect/debuginfod.h"
#include "collect/symbol_advice.h"
#include "collect/symbol_worker.h"
#include "collect/symbolizer.h"
#include "wire/clock.h"

enum {
    WINDOW = 32,
    RESTARTS_AT_MOST = 60,
    STRIKES_AT_MOST = 3,
    MODULES_AT_MOST = 1 << 20,
    WEIGHTS = 8, /* classes of bytes, 16-fold each */
    END_MS = 200
};
#define NAME_BYTES    ((size_t)512 << 20)
#define HANG_NS       (5 * MS_NS_PER_S)
#define FETCH_HANG_NS ((MS_DEBUGINFOD_LIMIT_S * 2 + 5) * MS_NS_PER_S) /* two files: dwz */

enum stage { STAGE_OPEN, STAGE_QUICK, STAGE_FULL, STAGE_FETCH, STAGE_TOTAL };

struct question {
    struct ms_frame *frame; /* NULL: the module is to be opened */
    uint32_t module;
    uint8_t stage, weight;
};

/* First in, first out. */
struct queue {
    struct question *questions;
    size_t first, count, capacity; /* questions[first .. first + count) */
};

struct module {
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
struct connection {
    struct ms_symbol_worker worker;
    struct ms_symbolizer_options options;
    unsigned restarts;
    struct question sent[WINDOW];
    size_t first, count;
    uint64_t waiting_since_ns;
};

enum { LOCAL, FETCHING, CONNECTIONS };

_Static_assert(RESTARTS_AT_MOST < MS_SYMBOL_WORKERS_MAX, "each may be dying");

struct ms_symbols {
    char cache_folder[PATH_MAX];
    struct ms_advice_facts facts;
    struct connection connections[CONNECTIONS];
    size_t connection_count;
    size_t name_bytes; /* limit */
    struct queue queues[STAGE_TOTAL][WEIGHTS];
    size_t pending;
    struct module *modules;
    size_t module_count, module_capacity;
};

/* --- queues --- */

static int push(struct queue *queue, const struct question *question)
{
    if (queue->first + queue->count == queue->capacity) {
        if (queue->first > queue->capacity / 2) {
            memmove(queue->questions, queue->questions + queue->first,
                    queue->count * sizeof *queue->questions);
            queue->first = 0;
        } else {
            size_t capacity = queue->capacity == 0 ? 64 : queue->capacity * 2;
            struct question *grown = realloc(queue->questions, capacity * sizeof *grown);
            if (grown == NULL) {
                return -ENOMEM;
            }
            queue->questions = grown;
            queue->capacity = capacity;
        }
    }
    queue->questions[queue->first + queue->count++] = *question;
    return 0;
}

static struct question pop(struct queue *queue)
{
    const struct question question = queue->questions[queue->first++];
    if (--queue->count == 0) {
        queue->first = 0;
    }
    return question;
}

static int push_at(struct ms_symbols *symbols, struct question question, enum stage stage)
{
    question.stage = (uint8_t)stage;
    return push(&symbols->queues[stage][question.weight], &question);
}

static uint8_t weight_of(uint64_t bytes)
{
    uint8_t weight = 0;
    for (bytes >>= 10; bytes > 0 && weight < WEIGHTS - 1; bytes >>= 4) {
        weight++;
    }
    return weight;
}

/* --- start and end --- */

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
    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct connection *connection = &symbols->connections[i];
        connection->worker = (struct ms_symbol_worker){.pid = -1, .socket = -1};
        connection->options = (struct ms_symbolizer_options){.cache_folder = symbols->cache_folder,
                                                             .fetch = i == FETCHING};
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
    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct connection *connection = &symbols->connections[i];
        /* One that is behind has more to do than there is time for. */
        if (connection->count == 0) {
            ms_symbol_worker_end(&connection->worker, END_MS);
        }
        ms_symbol_worker_kill(&connection->worker);
        ms_symbol_worker_reap(&connection->worker, END_MS);
    }
    for (int stage = 0; stage < STAGE_TOTAL; stage++) {
        for (int weight = 0; weight < WEIGHTS; weight++) {
            free(symbols->queues[stage][weight].questions);
        }
    }
    free(symbols->modules);
    free(symbols);
}

/* --- modules --- */

/* One that stands for the same file, the newest; NULL: none. */
static struct module *same_module(struct ms_symbols *symbols, uint32_t model_id)
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
    struct module *same = same_module(symbols, model_id);
    if (same != NULL && build_id_bytes > 0) {
        /* The file of another process, to the bit: but this one is there still. */
        const uint32_t number = (uint32_t)(same - symbols->modules) + 1;
        same->pid = pid;
        if (!same->named) {
            (void)push_at(symbols, (struct question){.module = number}, STAGE_OPEN);
        }
        return number;
    }
    const struct module before = same == NULL ? (struct module){0} : *same;
    if (symbols->module_count == symbols->module_capacity) {
        size_t capacity = symbols->module_capacity == 0 ? 32 : symbols->module_capacity * 2;
        struct module *grown =
            capacity > MODULES_AT_MOST ? NULL : realloc(symbols->modules, capacity * sizeof *grown);
        if (grown == NULL) {
            return 0;
        }
        symbols->modules = grown;
        symbols->module_capacity = capacity;
    }
    struct module *module = &symbols->modules[symbols->module_count++];
    *module = (struct module){.path = path,
                              .pid = pid,
                              .model_id = model_id,
                              .strikes = before.strikes,
                              .no_full = before.no_full,
                              .no_quick = before.no_quick};
    if (build_id_bytes > 0) {
        memcpy(module->build_id, build_id, build_id_bytes);
        module->build_id_bytes = (uint8_t)build_id_bytes;
    }
    const struct question question = {.module = (uint32_t)symbols->module_count};
    (void)push_at(symbols, question, STAGE_OPEN);
    return (uint32_t)symbols->module_count;
}

static void settle_module(struct ms_symbols *symbols, struct ms_model *model,
                          const struct module *module, enum ms_module_names names,
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

static bool may_be_fetched(const struct ms_symbols *symbols, const struct module *module)
{
    return symbols->connection_count > FETCHING && module->build_id_bytes > 0 &&
           !module->not_on_servers && symbols->connections[FETCHING].worker.pid > 0;
}

/* --- asking --- */

int ms_symbols_ask(struct ms_symbols *symbols, struct ms_frame *frame, uint32_t module,
                   uint64_t bytes)
{
    if (module == 0 || module > symbols->module_count) {
        return 0;
    }
    frame->module_id = symbols->modules[module - 1].model_id;
    const struct question question = {.frame = frame, .module = module, .weight = weight_of(bytes)};
    int result = push_at(symbols, question, STAGE_QUICK);
    symbols->pending += result == 0;
    return result;
}

/* Whether it need not be asked any more. */
static bool is_pointless(const struct ms_symbols *symbols, const struct question *question)
{
    const struct module *module = &symbols->modules[question->module - 1];
    return module->no_quick || (module->no_full && question->stage == STAGE_FULL) ||
           (question->stage == STAGE_FETCH && !may_be_fetched(symbols, module));
}

/* The next one for a worker, the quick ones first, of those the heaviest; false: none. */
static bool next_question(struct ms_symbols *symbols, size_t connection, struct question *out)
{
    const int first = connection == FETCHING ? STAGE_FETCH : STAGE_OPEN;
    const int last = connection == FETCHING ? STAGE_FETCH : STAGE_FULL;
    for (int stage = first; stage <= last; stage++) {
        for (int weight = WEIGHTS - 1; weight >= 0; weight--) {
            struct queue *queue = &symbols->queues[stage][weight];
            while (queue->count > 0) {
                *out = pop(queue);
                if (!is_pointless(symbols, out)) {
                    return true;
                }
                symbols->pending -= out->frame != NULL;
            }
        }
    }
    return false;
}

static bool send_question(struct ms_symbols *symbols, const struct connection *connection,
                          const struct question *question)
{
    static struct ms_symbol_question packet;
    static const uint8_t depths[STAGE_TOTAL] = {MS_SYMBOL_OPEN, MS_SYMBOL_QUICK, MS_SYMBOL_FULL,
                                                MS_SYMBOL_FULL};
    const struct module *module = &symbols->modules[question->module - 1];
    packet.id = (uint32_t)((connection->first + connection->count) % WINDOW);
    packet.pid = (uint32_t)module->pid;
    packet.address = question->frame == NULL ? 0 : question->frame->file_offset;
    packet.build_id_bytes = module->build_id_bytes;
    memcpy(packet.build_id, module->build_id, sizeof packet.build_id);
    packet.depth = depths[question->stage];
    size_t path_bytes = strnlen(module->path, sizeof packet.path - 1);
    memcpy(packet.path, module->path, path_bytes);
    packet.path[path_bytes] = '\0';
    packet.path_bytes = (uint32_t)path_bytes + 1;
    size_t bytes = offsetof(struct ms_symbol_question, path) + packet.path_bytes;
    return send(connection->worker.socket, &packet, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static void send_questions(struct ms_symbols *symbols, size_t number, uint64_t now_ns)
{
    struct connection *connection = &symbols->connections[number];
    struct question question;
    while (connection->count < WINDOW && next_question(symbols, number, &question)) {
        if (!send_question(symbols, connection, &question)) {
            /* Full: later; closed: found when reading. It was the first and is the first again. */
            struct queue *queue = &symbols->queues[question.stage][question.weight];
            if (queue->first > 0) {
                queue->questions[--queue->first] = question;
                queue->count++;
            } else if (push(queue, &question) != 0) {
                symbols->pending -= question.frame != NULL;
            }
            return;
        }
        if (connection->count == 0) {
            connection->waiting_since_ns = now_ns;
        }
        connection->sent[(connection->first + connection->count++) % WINDOW] = question;
    }
}

/* --- answers --- */

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
static void go_on(struct ms_symbols *symbols, const struct question *question, bool final,
                  enum ms_module_names names)
{
    struct module *module = &symbols->modules[question->module - 1];
    enum stage next = STAGE_TOTAL;
    if (question->stage == STAGE_QUICK && !final && !module->no_full) {
        next = STAGE_FULL;
    } else if (question->stage == STAGE_FETCH) {
        module->not_on_servers = module->not_on_servers || names != MS_NAMES_LINES;
    } else if (names != MS_NAMES_LINES && may_be_fetched(symbols, module)) {
        next = STAGE_FETCH;
    }
    if (next == STAGE_TOTAL || push_at(symbols, *question, next) != 0) {
        symbols->pending--;
    }
}

static void take_answer(struct ms_symbols *symbols, struct ms_model *model,
                        const struct question *question, const struct ms_symbol_answer *answer,
                        const char *frames, size_t bytes)
{
    struct module *module = &symbols->modules[question->module - 1];
    if (answer->frames > 0 && ms_model_name_bytes(model) > symbols->name_bytes) {
        module->no_full = module->no_quick = true;
        settle_module(symbols, model, module, module->named ? MS_NAMES_SYMBOLS : MS_NAMES_NONE,
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
        settle_module(symbols, model, module, names, why);
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

/* false: the worker is gone, or talks nonsense. */
static bool read_answers(struct ms_symbols *symbols, struct connection *connection,
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
        const struct question question = connection->sent[connection->first];
        connection->first = (connection->first + 1) % WINDOW;
        connection->count--;
        connection->waiting_since_ns = now_ns;
        take_answer(symbols, model, &question, &answer, packet + sizeof answer,
                    (size_t)bytes - sizeof answer);
    }
    return sound;
}

/* --- workers that die --- */

/* What `question` asked for is not to be had; the module may be given up altogether. */
static void blame(struct ms_symbols *symbols, struct ms_model *model,
                  const struct question *question, bool hung)
{
    struct module *module = &symbols->modules[question->module - 1];
    symbols->pending -= question->frame != NULL;
    if (question->stage == STAGE_FETCH) {
        module->not_on_servers = true;
        return;
    }
    const uint8_t strikes = ++module->strikes;
    const bool given_up = strikes >= STRIKES_AT_MOST;
    const bool no_quick = given_up && question->stage != STAGE_FULL;
    /* Without a build id each process has one of its own of the same file: they fall together, or
     * a program that forks would use up all restarts. */
    for (size_t i = 0; i < symbols->module_count; i++) {
        struct module *other = &symbols->modules[i];
        if (other == module || (other->model_id == module->model_id && other->model_id != 0)) {
            other->strikes = strikes;
            other->no_full = other->no_full || given_up;
            other->no_quick = other->no_quick || no_quick;
        }
    }
    if (!given_up) {
        return;
    }
    settle_module(symbols, model, module, module->named ? MS_NAMES_SYMBOLS : MS_NAMES_NONE,
                  hung ? MS_WHY_HUNG : MS_WHY_CRASHED);
}

/* Nobody is left to ask: everything that waits is answered with what there is. */
static void give_up(struct ms_symbols *symbols, struct ms_model *model)
{
    struct question question;
    for (size_t i = 0; i < CONNECTIONS; i++) {
        while (next_question(symbols, i, &question)) {
            const struct module *module = &symbols->modules[question.module - 1];
            symbols->pending -= question.frame != NULL;
            if (!module->named) {
                settle_module(symbols, model, module, MS_NAMES_NONE, MS_WHY_NO_SYMBOLIZER);
            }
        }
    }
}

/* The worker died or hangs: the question at the front is to blame, the others are asked again. */
static void restart(struct ms_symbols *symbols, struct ms_model *model,
                    struct connection *connection, bool hung)
{
    ms_symbol_worker_kill(&connection->worker);
    if (connection->count > 0) {
        blame(symbols, model, &connection->sent[connection->first], hung);
    }
    for (size_t i = 1; i < connection->count; i++) {
        const struct question *question = &connection->sent[(connection->first + i) % WINDOW];
        if (push_at(symbols, *question, (enum stage)question->stage) != 0) {
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
    const struct connection *connection = &symbols->connections[number];
    return number == FETCHING
               ? FETCH_HANG_NS
               : HANG_NS
                     << symbols->modules[connection->sent[connection->first].module - 1].strikes;
}

static void handle_connection(struct ms_symbols *symbols, struct ms_model *model, size_t number,
                              uint64_t now_ns)
{
    struct connection *connection = &symbols->connections[number];
    ms_symbol_worker_reap(&connection->worker, 0);
    if (connection->worker.pid > 0) {
        bool alive = read_answers(symbols, connection, model, now_ns);
        bool hung = alive && connection->count > 0 && now_ns > connection->waiting_since_ns &&
                    now_ns - connection->waiting_since_ns > hang_limit_ns(symbols, number);
        if (!alive || hung) {
            restart(symbols, model, connection, hung);
        }
    }
    if (connection->worker.pid > 0) {
        send_questions(symbols, number, now_ns);
    }
}

void ms_symbols_handle(struct ms_symbols *symbols, struct ms_model *model, uint64_t now_ns)
{
    for (size_t i = 0; i < symbols->connection_count; i++) {
        handle_connection(symbols, model, i, now_ns);
    }
    if (symbols->connections[LOCAL].worker.pid < 0) {
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
    for (size_t i = 0; i < CONNECTIONS && count < capacity; i++) {
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
    for (size_t i = 0; i < CONNECTIONS; i++) {
        sum_ns += ms_symbol_worker_cpu_ns(&symbols->connections[i].worker);
    }
    return sum_ns;
}

pid_t ms_symbols_worker(const struct ms_symbols *symbols)
{
    return symbols->connections[LOCAL].worker.pid;
}
