/* Questions about names of code: in which order they are put, and how they go to a worker. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "collect/symbols_parts.h"

static int push(struct ms_symbol_queue *queue, const struct ms_symbol_wish *question)
{
    if (queue->first + queue->count == queue->capacity) {
        if (queue->first > queue->capacity / 2) {
            memmove(queue->questions, queue->questions + queue->first,
                    queue->count * sizeof *queue->questions);
            queue->first = 0;
        } else {
            size_t capacity = queue->capacity == 0 ? 64 : queue->capacity * 2;
            struct ms_symbol_wish *grown = realloc(queue->questions, capacity * sizeof *grown);
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

static struct ms_symbol_wish pop(struct ms_symbol_queue *queue)
{
    const struct ms_symbol_wish question = queue->questions[queue->first++];
    if (--queue->count == 0) {
        queue->first = 0;
    }
    return question;
}

int ms_symbols_push(struct ms_symbols *symbols, struct ms_symbol_wish question,
                    enum ms_symbol_stage stage)
{
    question.stage = (uint8_t)stage;
    return push(&symbols->queues[stage][question.weight], &question);
}

static uint8_t weight_of(uint64_t bytes)
{
    uint8_t weight = 0;
    for (bytes >>= 10; bytes > 0 && weight < MS_SYMBOLS_WEIGHTS - 1; bytes >>= 4) {
        weight++;
    }
    return weight;
}

int ms_symbols_ask(struct ms_symbols *symbols, struct ms_frame *frame, uint32_t module,
                   uint64_t bytes)
{
    if (module == 0 || module > symbols->module_count) {
        return 0;
    }
    frame->module_id = symbols->modules[module - 1].model_id;
    const struct ms_symbol_wish question = {
        .frame = frame, .module = module, .weight = weight_of(bytes)};
    int result = ms_symbols_push(symbols, question, MS_STAGE_QUICK);
    symbols->pending += result == 0;
    return result;
}

/* Whether it need not be asked any more. */
static bool is_pointless(const struct ms_symbols *symbols, const struct ms_symbol_wish *question)
{
    const struct ms_asked_module *module = &symbols->modules[question->module - 1];
    return module->no_quick || (module->no_full && question->stage == MS_STAGE_FULL) ||
           (question->stage == MS_STAGE_FETCH && !ms_symbols_may_fetch(symbols, module));
}

bool ms_symbols_next(struct ms_symbols *symbols, size_t connection, struct ms_symbol_wish *out)
{
    const int first = connection == MS_SYMBOLS_FETCHING ? MS_STAGE_FETCH : MS_STAGE_OPEN;
    const int last = connection == MS_SYMBOLS_FETCHING ? MS_STAGE_FETCH : MS_STAGE_FULL;
    for (int stage = first; stage <= last; stage++) {
        for (int weight = MS_SYMBOLS_WEIGHTS - 1; weight >= 0; weight--) {
            struct ms_symbol_queue *queue = &symbols->queues[stage][weight];
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

static bool send_question(struct ms_symbols *symbols, const struct ms_symbol_connection *connection,
                          const struct ms_symbol_wish *question)
{
    static struct ms_symbol_question packet;
    static const uint8_t depths[MS_STAGE_TOTAL] = {MS_SYMBOL_OPEN, MS_SYMBOL_QUICK, MS_SYMBOL_FULL,
                                                   MS_SYMBOL_FULL};
    const struct ms_asked_module *module = &symbols->modules[question->module - 1];
    packet.id = (uint32_t)((connection->first + connection->count) % MS_SYMBOLS_WINDOW);
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

void ms_symbols_send(struct ms_symbols *symbols, size_t number, uint64_t now_ns)
{
    struct ms_symbol_connection *connection = &symbols->connections[number];
    struct ms_symbol_wish question;
    while (connection->count < MS_SYMBOLS_WINDOW && ms_symbols_next(symbols, number, &question)) {
        if (!send_question(symbols, connection, &question)) {
            /* Full: later; closed: found when reading. It was the first and is the first again. */
            struct ms_symbol_queue *queue = &symbols->queues[question.stage][question.weight];
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
        connection->sent[(connection->first + connection->count++) % MS_SYMBOLS_WINDOW] = question;
    }
}
