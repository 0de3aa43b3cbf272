/* Names of code in a recording: each string once, what is renamed later, what a lost block takes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/format.h"
#include "model/model.h"
#include "model/module.h"
#include "model/restore.h"
#include "record/layout.h"

enum { FRAMES = 40, BLOCKS = 5, SITES_A_BLOCK = 60 };

static uint32_t seed = 4711;

static uint32_t below(uint32_t limit)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % limit;
}

struct session {
    struct ms_model *model;
    struct ms_frame *frames[FRAMES * BLOCKS];
    size_t frame_count;
    struct ms_names_writer *writer;
    struct ms_pack blocks[BLOCKS];
};

static void add_code(struct session *session)
{
    static const uint8_t build_id[20] = {0xab, 0xcd};
    const struct ms_module *module =
        ms_model_module_mutable(session->model, "/usr/lib/libwork.so", build_id, sizeof build_id);
    for (int i = 0; i < FRAMES; i++) {
        struct ms_frame *frame = ms_model_add_frame(session->model);
        frame->address = 0x7f0000001000 + 64 * session->frame_count;
        frame->file_offset = 0x1000 + 64 * session->frame_count;
        frame->module = module->path;
        frame->module_id = module->id;
        session->frames[session->frame_count++] = frame;
    }
    for (int i = 0; i < SITES_A_BLOCK; i++) {
        const struct ms_frame *stack[30];
        const uint32_t depth = below(30);
        for (uint32_t k = 0; k < depth; k++) {
            stack[k] = session->frames[(depth - k) % 7 == 0 ? below((uint32_t)session->frame_count)
                                                            : (depth - k) % session->frame_count];
        }
        assert_non_null(ms_model_add_site(session->model, 1, stack, depth, 0));
    }
}

/* As the symbolizer does: late, with what was inlined. */
static void name_some(struct session *session)
{
    for (int i = 0; i < 15; i++) {
        char text[64];
        struct ms_frame *frame = session->frames[below((uint32_t)session->frame_count)];
        (void)snprintf(text, sizeof text, "work::part%u()", (unsigned)below(12));
        frame->function = ms_model_string(session->model, text);
        frame->file = ms_model_string(session->model, "work.cc");
        frame->crate = ms_model_string(session->model, below(2) == 0 ? "work" : "");
        frame->line = 1 + below(1000);
        if (frame->inlined_by == NULL && below(2) == 0) {
            struct ms_frame *outer = ms_model_add_frame(session->model);
            outer->function = ms_model_string(session->model, "work::whole()");
            outer->module = frame->module;
            frame->inlined_by = outer;
        }
        ms_model_frame_named(session->model, frame);
    }
    struct ms_module *module = ms_model_module_by_id(session->model, 1);
    module->names = MS_NAMES_LINES;
    module->advice = ms_model_string(session->model, "nothing to be done");
}

static void session_open(struct session *session)
{
    *session = (struct session){.model = ms_model_new(MS_SECOND_NS / 10, 0, 0),
                                .writer = ms_names_writer_new()};
    assert_non_null(session->model);
    assert_non_null(session->writer);
    assert_non_null(ms_model_add_process(session->model, 1));
    for (int i = 0; i < BLOCKS; i++) {
        add_code(session);
        if (i > 0) {
            name_some(session);
        }
        assert_int_equal(ms_names_write(session->writer, session->model, &session->blocks[i]), 0);
    }
}

static void session_close(struct session *session)
{
    for (int i = 0; i < BLOCKS; i++) {
        ms_pack_free(&session->blocks[i]);
    }
    ms_names_writer_free(session->writer);
    ms_model_free(session->model);
}

static int read_block(struct ms_names *names, const struct ms_pack *block)
{
    struct ms_unpack unpack = ms_unpack_of(block->bytes, block->used);
    return ms_names_read(names, &unpack);
}

static struct ms_model *model_of(struct ms_names *names, const struct ms_model *sites)
{
    struct ms_model *copy = ms_model_new(MS_SECOND_NS / 10, 0, 0);
    assert_non_null(copy);
    assert_int_equal(ms_names_lend(names, copy), 0);
    const struct ms_lent_names *lent = ms_model_lent_names(copy);
    for (size_t i = 0; i < ms_model_site_count(sites); i++) {
        const uint32_t id = ms_model_site(sites, i)->id;
        uint32_t depth;
        const uint32_t *stack = lent->stack(lent->context, id, &depth);
        assert_non_null(stack);
        assert_non_null(ms_model_restore_site(copy, id, 1, stack, depth, 0));
    }
    return copy;
}

static void assert_same_frame(const struct ms_frame *a, const struct ms_frame *b)
{
    assert_int_equal(a->address, b->address);
    assert_int_equal(a->file_offset, b->file_offset);
    assert_string_equal(a->module, b->module);
    assert_int_equal(a->module_id, b->module_id);
    assert_string_equal(a->function, b->function);
    assert_string_equal(a->file, b->file);
    assert_string_equal(a->crate, b->crate);
    assert_int_equal(a->line, b->line);
    assert_int_equal(a->inlined_by == NULL, b->inlined_by == NULL);
    if (a->inlined_by != NULL) {
        assert_same_frame(a->inlined_by, b->inlined_by);
    }
}

static void test_names_come_back(void **state)
{
    (void)state;
    struct session session;
    struct ms_names *names = ms_names_new();
    session_open(&session);
    assert_non_null(names);
    for (int i = 0; i < BLOCKS; i++) {
        assert_int_equal(read_block(names, &session.blocks[i]), 0);
    }
    struct ms_model *copy = model_of(names, session.model);
    for (size_t i = 0; i < ms_model_site_count(session.model); i++) {
        const struct ms_site *a = ms_model_site(session.model, i);
        const struct ms_site *b = ms_model_site(copy, i);
        assert_int_equal(a->depth, b->depth);
        for (uint32_t k = 0; k < a->depth; k++) {
            assert_int_equal(a->frame_numbers[k], b->frame_numbers[k]);
            assert_same_frame(ms_site_frame(a, k), ms_site_frame(b, k));
        }
    }
    assert_int_equal(ms_model_module_count(copy), 1);
    const struct ms_module *module = ms_model_module(copy, 0);
    assert_string_equal(module->path, "/usr/lib/libwork.so");
    assert_string_equal(module->advice, "nothing to be done");
    assert_int_equal(module->names, MS_NAMES_LINES);
    assert_int_equal(ms_names_unknown(names), 0);
    ms_model_free(copy);
    ms_names_free(names);
    session_close(&session);
}

static void test_only_what_is_new_is_written(void **state)
{
    (void)state;
    struct session session;
    struct ms_pack pack = {0};
    session_open(&session);
    assert_int_equal(ms_names_write(session.writer, session.model, &pack), 0);
    assert_int_equal(pack.used, 0);
    session.frames[3]->function = ms_model_string(session.model, "a name that came late");
    ms_model_frame_named(session.model, session.frames[3]);
    assert_int_equal(ms_names_write(session.writer, session.model, &pack), 0);
    assert_in_range(pack.used, 20, 60);
    session.frames[4]->function = session.frames[3]->function; /* nobody says which one it was */
    ms_model_names_changed(session.model);
    ms_pack_clear(&pack);
    assert_int_equal(ms_names_write(session.writer, session.model, &pack), 0);
    assert_true(pack.used > 500);
    assert_null(memmem(pack.bytes, pack.used, "came late", 9)); /* each string once */
    ms_pack_free(&pack);
    session_close(&session);
}

/* A model that is shown meanwhile sees new names: what is made of names is made anew. */
static void test_names_that_come_while_a_model_is_shown(void **state)
{
    (void)state;
    struct session session;
    struct ms_names *names = ms_names_new();
    session_open(&session);
    assert_int_equal(read_block(names, &session.blocks[0]), 0);
    struct ms_model *copy = ms_model_new(MS_SECOND_NS / 10, 0, 0);
    assert_int_equal(ms_names_lend(names, copy), 0);
    const uint64_t version = ms_model_names_version(copy);
    assert_int_equal(ms_model_frame_count(copy), FRAMES);
    assert_int_equal(read_block(names, &session.blocks[1]), 0);
    assert_true(ms_model_names_version(copy) > version);
    assert_true(ms_model_frame_count(copy) > FRAMES);
    ms_model_free(copy);
    ms_names_free(names);
    session_close(&session);
}

static void test_a_lost_block_costs_names_and_no_more(void **state)
{
    (void)state;
    struct session session;
    session_open(&session);
    for (int lost = 0; lost < BLOCKS; lost++) {
        struct ms_names *names = ms_names_new();
        for (int i = 0; i < BLOCKS; i++) {
            if (i != lost) {
                assert_int_equal(read_block(names, &session.blocks[i]), 0);
            }
        }
        struct ms_model *copy = model_of(names, session.model);
        size_t unknown = 0;
        for (size_t i = 0; i < ms_model_site_count(session.model); i++) {
            const struct ms_site *a = ms_model_site(session.model, i);
            const struct ms_site *b = ms_model_site(copy, i);
            for (uint32_t k = 0; k < b->depth; k++) { /* what is there is right */
                const struct ms_frame *frame = ms_site_frame(b, k);
                if (frame->address == 0 && frame->module[0] == '\0') {
                    unknown++;
                    assert_non_null(strstr(frame->function, "unknown"));
                } else if (k < a->depth) {
                    assert_int_equal(frame->address, ms_site_frame(a, k)->address);
                }
            }
        }
        assert_true(unknown > 0);
        assert_true(ms_names_unknown(names) > 0);
        ms_model_free(copy);
        ms_names_free(names);
    }
    session_close(&session);
}

static void test_chains_of_inlined_frames_end(void **state)
{
    (void)state;
    struct ms_names *names = ms_names_new();
    struct ms_pack pack = {0};
    const uint64_t inlined_by[] = {2, 3, 1}; /* around in a circle */
    ms_pack_u64(&pack, 2);                   /* frames */
    ms_pack_u64(&pack, 0);
    ms_pack_u64(&pack, 3);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 8; k++) {
            ms_pack_u64(&pack, 0);
        }
        ms_pack_u64(&pack, inlined_by[i]);
    }
    assert_int_equal(read_block(names, &pack), -EBADMSG);
    ms_pack_free(&pack);
    ms_names_free(names);
}

static void test_hostile_bytes(void **state)
{
    (void)state;
    struct session session;
    session_open(&session);
    const struct ms_pack *block = &session.blocks[1];
    for (size_t at = 0; at < block->used; at++) {
        struct ms_names *names = ms_names_new();
        assert_int_equal(read_block(names, &session.blocks[0]), 0);
        uint8_t *copy = malloc(block->used);
        assert_non_null(copy);
        memcpy(copy, block->bytes, block->used);
        copy[at] = (uint8_t)(below(2) == 0 ? below(256) : copy[at] ^ (1u << below(8)));
        struct ms_unpack unpack = ms_unpack_of(copy, at % 2 == 0 ? block->used : at);
        (void)ms_names_read(names, &unpack);
        struct ms_model *model = model_of(names, session.model);
        for (size_t i = 0; i < ms_model_site_count(model); i++) {
            (void)ms_site_holds(ms_model_site(model, i), "nowhere");
        }
        ms_model_free(model);
        free(copy);
        ms_names_free(names);
    }
    session_close(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_come_back),
        cmocka_unit_test(test_only_what_is_new_is_written),
        cmocka_unit_test(test_names_that_come_while_a_model_is_shown),
        cmocka_unit_test(test_a_lost_block_costs_names_and_no_more),
        cmocka_unit_test(test_chains_of_inlined_frames_end),
        cmocka_unit_test(test_hostile_bytes),
    };
    return cmocka_run_group_tests_name("record: names", tests, NULL, NULL);
}
