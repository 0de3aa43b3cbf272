/* The viewer's end of the symbolizer, beside workers that were taken over by what they read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collect/symbolizer.h"
#include "collect/symbols.h"
#include "wire/clock.h"

enum kind {
    NOISE,      /* bytes by chance, of any length */
    NO_END,     /* more frames than there are, texts without an end */
    MANY,       /* answers that nobody asked for */
    OTHER_ID,   /* sound, but of another question */
    NEW_NAMES,  /* as much text as fits, never the same */
    DIES_OF_IT, /* at every question about a path that holds "bad" */
    KINDS
};

static enum kind kind;

static size_t put_names(char *out, const char *function)
{
    uint32_t line = 7;
    size_t bytes = strlen(function) + 1;
    memcpy(out, &line, sizeof line);
    memcpy(out + sizeof line, function, bytes);
    memcpy(out + sizeof line + bytes, "file\0", 6);
    return sizeof line + bytes + 6;
}

static size_t put_answer(char *packet, const struct ms_symbol_question *question, unsigned round)
{
    struct ms_symbol_answer answer = {
        .id = question->id, .frames = 1, .names = MS_NAMES_LINES, .final = 1};
    size_t bytes = sizeof answer;
    switch (kind) {
    case NOISE:
        bytes = (size_t)rand() % MS_SYMBOL_ANSWER_MAX;
        for (size_t i = 0; i < bytes; i++) {
            packet[i] = (char)rand();
        }
        if (bytes >= sizeof answer && round % 2 == 0) {
            memcpy(packet, &answer.id, sizeof answer.id);
        }
        return bytes;
    case NO_END:
        answer.frames = UINT32_MAX;
        answer.names = answer.why = 255;
        memset(packet + bytes, 'x', MS_SYMBOL_ANSWER_MAX - bytes);
        bytes = round % 2 == 0 ? MS_SYMBOL_ANSWER_MAX : bytes + 3;
        break;
    case NEW_NAMES:
        answer.frames = MS_SYMBOL_INLINES_MAX;
        for (unsigned i = 0; i < MS_SYMBOL_INLINES_MAX; i++) {
            char name[MS_SYMBOL_FUNCTION_MAX];
            memset(name, 'x', sizeof name);
            (void)snprintf(name + sizeof name - 32, 32, "%u of %u", i, round);
            bytes += put_names(packet + bytes, name);
        }
        break;
    case OTHER_ID:
        answer.id++;
        bytes += put_names(packet + bytes, "wrong");
        break;
    default:
        bytes += put_names(packet + bytes, "right");
        break;
    }
    memcpy(packet, &answer, sizeof answer);
    return bytes;
}

/* In place of the one in the product. */
void ms_symbolizer_serve(int socket, const struct ms_symbolizer_options *options)
{
    static struct ms_symbol_question question;
    static char packet[MS_SYMBOL_ANSWER_MAX];
    (void)options;
    srand((unsigned)getpid());
    for (unsigned round = 0; recv(socket, &question, sizeof question, 0) > 0; round++) {
        if (kind == DIES_OF_IT && strstr(question.path, "bad") != NULL) {
            break;
        }
        size_t bytes = put_answer(packet, &question, round);
        for (unsigned i = 0; i < (kind == MANY ? 100 : 1); i++) {
            if (send(socket, packet, bytes, MSG_NOSIGNAL | (i > 0 ? MSG_DONTWAIT : 0)) < 0) {
                break;
            }
        }
    }
    _exit(0);
}

static void wait_for_names(struct ms_symbols *symbols, struct ms_model *model)
{
    const uint64_t until_ns = ms_monotonic_ns() + 60 * MS_NS_PER_S;
    while (ms_symbols_pending(symbols) > 0 && ms_monotonic_ns() < until_ns) {
        struct pollfd wanted[2];
        ms_symbols_handle(symbols, model, ms_monotonic_ns());
        (void)poll(wanted, (nfds_t)ms_symbols_poll_fds(symbols, wanted, 2), 20);
    }
    assert_int_equal(ms_symbols_pending(symbols), 0);
}

static struct ms_frame *ask(struct ms_symbols *symbols, struct ms_model *model, uint32_t module,
                            uint64_t address)
{
    struct ms_frame *frame = ms_model_add_frame(model);
    frame->file_offset = address;
    assert_int_equal(ms_symbols_ask(symbols, frame, module, address), 0);
    return frame;
}

/* Whatever comes, it ends, and what became a name is text. */
static void test_nonsense(void **state)
{
    (void)state;
    for (kind = NOISE; kind < NEW_NAMES; kind++) {
        struct ms_symbols *symbols = ms_symbols_start(NULL);
        struct ms_model *model = ms_model_new(100000000, 0, 0);
        uint32_t module = ms_symbols_module(symbols, model, getpid(), "/a", NULL, 0);
        struct ms_frame *frames[200];
        for (size_t i = 0; i < 200; i++) {
            frames[i] = ask(symbols, model, module, i);
        }
        wait_for_names(symbols, model);
        for (size_t i = 0; i < 200; i++) {
            for (const struct ms_frame *at = frames[i]; at != NULL; at = at->inlined_by) {
                assert_in_range(strlen(at->function), 0, MS_SYMBOL_ANSWER_MAX);
                assert_string_not_equal(at->function, "wrong");
            }
        }
        ms_symbols_free(symbols);
        ms_model_free(model);
    }
}

/* Names without end, as a program can have that is made for it: the viewer keeps so many. */
static void test_names_fill_memory(void **state)
{
    (void)state;
    kind = NEW_NAMES;
    const struct ms_symbols_options options = {.name_bytes = 4 << 20};
    struct ms_symbols *symbols = ms_symbols_start(&options);
    struct ms_model *model = ms_model_new(100000000, 0, 0);
    const struct ms_frame *frame = NULL;
    for (unsigned i = 0; i < 200; i++) { /* 12 MiB */
        char path[16];
        (void)snprintf(path, sizeof path, "/%u", i % 4);
        const char *kept = ms_model_string(model, path);
        frame = ask(symbols, model, ms_symbols_module(symbols, model, 1, kept, NULL, 0), i);
    }
    wait_for_names(symbols, model);
    assert_in_range(ms_model_name_bytes(model), 4 << 20, 5 << 20);
    assert_int_equal(ms_model_module_of(model, frame)->why, MS_WHY_TOO_MANY);
    assert_non_null(strstr(ms_model_module_of(model, frame)->advice, "not all names"));
    ms_symbols_free(symbols);
    ms_model_free(model);
}

/* One file that no worker survives, in many processes: the names of all others come. */
static void test_bad_file_of_many_processes(void **state)
{
    (void)state;
    static const uint8_t id[20] = {1, 2, 3};
    for (size_t id_bytes = 0; id_bytes <= sizeof id; id_bytes += sizeof id) {
        kind = DIES_OF_IT;
        struct ms_symbols *symbols = ms_symbols_start(NULL);
        struct ms_model *model = ms_model_new(100000000, 0, 0);
        for (pid_t pid = 1000; pid < 1100; pid++) {
            uint32_t module = ms_symbols_module(symbols, model, pid, "/bad", id, id_bytes);
            (void)ask(symbols, model, module, (uint64_t)pid);
            ms_symbols_handle(symbols, model, ms_monotonic_ns());
        }
        const struct ms_frame *good =
            ask(symbols, model, ms_symbols_module(symbols, model, 2000, "/good", NULL, 0), 1);
        wait_for_names(symbols, model);
        assert_string_equal(good->function, "right");
        assert_true(ms_symbols_worker(symbols) > 0);
        ms_symbols_free(symbols);
        ms_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_names_fill_memory),
        cmocka_unit_test(test_bad_file_of_many_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
