/* Call sites and what hangs on them: a copy made tick by tick, and one made from a state, equal the
 * model in every field and every order. */
#include <errno.h>

#include "record_mirror.h"

#include "model/figures.h"
#include "record/fields_sites.h"
#include "record/usage_columns.h"
#include "record_coverage.h"

#define TENTH (MS_SECOND_NS / 10)

static uint32_t seed = 12345;

static uint32_t below(uint32_t limit)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % limit;
}

enum { FRAMES = 500 };

struct session {
    struct ms_model *model;
    struct ms_frame *frames[FRAMES];
    uint32_t *sites; /* ids, some gone */
    size_t site_count;
    uint32_t threads[4096]; /* ids, some gone */
    size_t thread_count;
    uint32_t processes[4096];
    size_t process_count;
    size_t first_sites, first_threads; /* that random ones are taken of: those of one process */
    uint64_t now_ns;
};

static void session_open(struct session *session)
{
    *session = (struct session){.now_ns = MS_SECOND_NS};
    session->model = ms_model_new(TENTH, session->now_ns, 1);
    session->sites = calloc(200000, sizeof *session->sites);
    assert_non_null(session->model);
    assert_non_null(session->sites);
    for (uint32_t i = 0; i < FRAMES; i++) {
        session->frames[i] = ms_model_add_frame(session->model);
        session->frames[i]->address = 0x400000 + 16 * i;
        session->frames[i]->file_offset = 16 * i;
        session->frames[i]->module = ms_model_string(session->model, "/usr/bin/program");
    }
}

static void session_close(struct session *session)
{
    ms_model_free(session->model);
    free(session->sites);
}

static void session_tick(struct session *session)
{
    session->now_ns += TENTH;
    assert_int_equal(ms_model_tick_end(session->model, session->now_ns), 0);
}

static uint32_t add_process(struct session *session)
{
    const uint32_t id = (uint32_t)session->process_count + 1;
    struct ms_process *process = ms_model_add_process(session->model, id);
    assert_non_null(process);
    process->pid = (pid_t)(1000 + id);
    process->start_ns = session->now_ns;
    (void)snprintf(process->exe, sizeof process->exe, "/bin/program-%u", (unsigned)(id % 3));
    session->processes[session->process_count++] = id;
    return id;
}

static uint32_t add_thread(struct session *session, uint32_t process_id)
{
    struct ms_thread *thread = ms_model_add_thread(session->model, process_id);
    assert_non_null(thread);
    thread->start_ns = session->now_ns;
    (void)snprintf(thread->name, sizeof thread->name, "worker %u", (unsigned)(thread->id % 7));
    const size_t at = session->thread_count < 4096 ? session->thread_count++ : below(4096);
    session->threads[at] = thread->id;
    return thread->id;
}

/* Callers are shared, as in a program: stacks differ near the allocation. */
static void add_site(struct session *session, uint32_t process_id)
{
    const struct ms_frame *stack[24];
    const uint32_t depth = 1 + below(24);
    for (uint32_t i = 0; i < depth; i++) {
        const uint32_t outer = depth - i;
        stack[i] = session->frames[(outer * 17 + below(1 + outer / 6)) % FRAMES];
    }
    const struct ms_site *site = ms_model_add_site(session->model, process_id, stack, depth,
                                                   below(9) == 0   ? MS_SITE_ACTIVITY
                                                   : below(5) == 0 ? MS_SITE_CUT_DEPTH
                                                                   : 0);
    assert_non_null(site);
    session->sites[session->site_count++] = site->id;
}

static void use(struct session *session, uint32_t thread_id, uint32_t site_id)
{
    const uint8_t rate = below(6) == 0 ? (uint8_t)(1 + below(3)) : 0;
    struct ms_usage *usage =
        ms_model_sampled_usage_mutable(session->model, thread_id, site_id, rate);
    if (usage == NULL) {
        return;
    }
    struct ms_usage_extra extra;
    ms_usage_get_extra(usage, &extra);
    const uint64_t blocks = 1 + below(100);
    usage->allocations += blocks;
    usage->bytes_allocated += blocks * (1 + below(300));
    usage->deallocations += below(2) * blocks / 2;
    usage->bytes_freed = usage->bytes_allocated / 2;
    usage->peak_bytes = usage->bytes_allocated - usage->bytes_freed;
    usage->peak_epoch = below(4);
    usage->at_peak_bytes = below(1000);
    if (below(4) == 0) {
        extra.reallocations += below(3);
        extra.sizes.events[below(MS_HISTOGRAM_SIZES)] += blocks;
        extra.lifetimes.events[below(MS_HISTOGRAM_LIFETIMES)] += blocks;
    } else {
        extra.sizes.events[3] = usage->allocations;
    }
    if (rate != 0) {
        extra.samples += 1 + below(5);
        extra.samples_freed += below(2);
    }
    usage->not_sampled = usage->not_sampled || below(500) == 0;
    assert_int_equal(ms_usage_put_extra(usage, &extra), 0);
}

static void work(struct session *session, uint32_t thread_id, uint32_t site_id)
{
    const struct ms_work work = {.cpu_samples = below(2),
                                 .cpu_ns = below(1000000),
                                 .io_calls = below(3),
                                 .io_bytes = below(5000)};
    (void)ms_model_add_work(session->model, thread_id, site_id, &work);
    ms_model_cpu_sampling_mutable(session->model)->samples++;
}

static void flow(struct session *session, uint32_t process_id, uint32_t from, uint32_t to)
{
    struct ms_flow *flow = ms_model_flow_mutable(session->model, process_id, from, to);
    if (flow != NULL) {
        flow->blocks += 1 + below(10);
        flow->bytes += below(4096);
    }
}

static void misuse(struct session *session, uint32_t process_id, uint32_t thread_id)
{
    struct ms_misuse *misuse = ms_model_misuse_mutable(
        session->model, process_id, (enum ms_misuse_kind)below(MS_MISUSE_TOTAL),
        session->sites[below((uint32_t)session->site_count)], 0);
    assert_non_null(misuse);
    misuse->count++;
    misuse->thread_id = thread_id;
    misuse->last_seen_ns = session->now_ns;
    misuse->first_seen_ns = misuse->first_seen_ns != 0 ? misuse->first_seen_ns : session->now_ns;
    misuse->provenance = below(2) == 0 ? MS_MEASURED : MS_SAMPLED;
    misuse->how = below(2) == 0 ? "new[] released by free" : "";
}

static uint32_t any_thread(const struct session *session)
{
    const size_t count = session->first_threads;
    return session->threads[below((uint32_t)(count != 0 ? count : session->thread_count))];
}

static uint32_t any_site(const struct session *session)
{
    const size_t count = session->first_sites;
    return session->sites[below((uint32_t)(count != 0 ? count : session->site_count))];
}

static void name_frame(struct session *session)
{
    char text[64];
    struct ms_frame *frame = session->frames[below(FRAMES)];
    (void)snprintf(text, sizeof text, "function_%u(int)", (unsigned)below(300));
    frame->function = ms_model_string(session->model, text);
    frame->file = ms_model_string(session->model, "program.c");
    frame->line = below(5000);
    if (frame->inlined_by == NULL && below(3) == 0) {
        struct ms_frame *outer = ms_model_add_frame(session->model);
        outer->function = ms_model_string(session->model, "caller");
        frame->inlined_by = outer;
        ms_model_frame_named(session->model, outer);
    }
    ms_model_frame_named(session->model, frame);
}

static void some_activity(struct session *session, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        use(session, any_thread(session), any_site(session));
        if (below(4) == 0) {
            work(session, any_thread(session), any_site(session));
        }
        if (below(4) == 0) {
            flow(session, 1, below(3) == 0 ? 0 : any_thread(session), any_thread(session));
        }
        if (below(20) == 0) {
            misuse(session, session->processes[below((uint32_t)session->process_count)],
                   any_thread(session));
        }
        if (below(10) == 0) {
            name_frame(session);
        }
    }
}

static void test_a_copy_follows_tick_by_tick(void **state)
{
    (void)state;
    struct session session;
    struct mirror mirror;
    session_open(&session);
    mirror_open(&mirror, session.model, NULL);
    add_process(&session);
    for (int i = 0; i < 40; i++) {
        add_thread(&session, 1);
    }
    for (int i = 0; i < 3000; i++) {
        add_site(&session, 1);
    }
    for (int tick = 0; tick < 60; tick++) {
        for (int i = 0; i < 20; i++) {
            add_site(&session, 1);
        }
        some_activity(&session, tick % 5 == 0 ? 2000 : tick % 2 == 0 ? 100 : 0);
        session_tick(&session);
        mirror_tick(&mirror, tick == 0 || tick == 30);
        if (tick % 20 == 19) {
            mirror_check_state(&mirror);
        }
    }
    mirror_close(&mirror);
    session_close(&session);
}

static void test_nothing_is_written_when_nothing_changed(void **state)
{
    (void)state;
    struct session session;
    struct mirror mirror;
    session_open(&session);
    mirror_open(&mirror, session.model, NULL);
    add_process(&session);
    add_thread(&session, 1);
    for (int i = 0; i < 1000; i++) {
        add_site(&session, 1);
    }
    some_activity(&session, 1000);
    session_tick(&session);
    mirror_tick(&mirror, true);
    session_tick(&session);
    mirror_tick(&mirror, false);
    assert_int_equal(mirror.written_bytes, 0);
    assert_int_equal(mirror.names_pack.used, 0);
    use(&session, session.threads[0], session.sites[500]);
    session_tick(&session);
    mirror_tick(&mirror, false);
    assert_in_range(mirror.written_bytes, 5, 400);
    mirror_close(&mirror);
    session_close(&session);
}

/* Past 10,000 ended ones threads are merged by name in every tick. */
static void test_threads_that_are_merged(void **state)
{
    (void)state;
    struct session session;
    struct mirror mirror;
    session_open(&session);
    mirror_open(&mirror, session.model, NULL);
    add_process(&session);
    add_thread(&session, 1);
    for (int i = 0; i < 500; i++) {
        add_site(&session, 1);
    }
    for (int tick = 0; tick < 30; tick++) {
        for (int i = 0; i < 600; i++) {
            const uint32_t id = add_thread(&session, 1);
            use(&session, id, any_site(&session));
            use(&session, id, any_site(&session));
            work(&session, id, any_site(&session));
            flow(&session, 1, id, any_thread(&session));
            ms_model_end_thread(session.model, id, session.now_ns);
        }
        some_activity(&session, 50);
        session_tick(&session);
        if (tick % 3 != 1) { /* several ticks may pass between two looks */
            mirror_tick(&mirror, tick == 0);
        }
        if (tick % 12 == 11) {
            mirror_check_state(&mirror);
        }
    }
    assert_in_range(ms_model_thread_count(session.model), 10001, 10100);
    mirror_close(&mirror);
    session_close(&session);
}

static void test_processes_that_are_merged(void **state)
{
    (void)state;
    struct session session;
    struct mirror mirror;
    session_open(&session);
    mirror_open(&mirror, session.model, NULL);
    add_process(&session);
    add_thread(&session, 1);
    for (int i = 0; i < 50; i++) {
        add_site(&session, 1);
    }
    session.first_sites = session.site_count;
    session.first_threads = session.thread_count;
    for (int tick = 0; tick < 40; tick++) {
        for (int i = 0; i < 50; i++) {
            const uint32_t id = add_process(&session);
            for (int k = 0; k < 3; k++) {
                const uint32_t thread_id = add_thread(&session, id);
                add_site(&session, id);
                use(&session, thread_id, session.sites[session.site_count - 1]);
                work(&session, thread_id, session.sites[session.site_count - 1]);
                flow(&session, id, thread_id, thread_id - 1);
                misuse(&session, id, thread_id);
                ms_model_end_thread(session.model, thread_id, session.now_ns);
            }
            ms_model_process_mutable(session.model, id)->end_ns = session.now_ns + 1;
        }
        some_activity(&session, 50);
        session_tick(&session);
        mirror_tick(&mirror, tick == 0);
        if (tick % 8 == 7) {
            mirror_check_state(&mirror);
        }
    }
    assert_in_range(ms_model_process_count(session.model), 900, 1300);
    mirror_close(&mirror);
    session_close(&session);
}

static void test_no_byte_is_forgotten(void **state)
{
    (void)state;
    const struct ms_fields *const tables[] = {
        &ms_fields_site,     &ms_fields_site_sums,    &ms_fields_usage, &ms_fields_usage_extra,
        &ms_fields_activity, &ms_fields_cpu_sampling, &ms_fields_flow,  &ms_fields_misuse};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        assert_int_equal(first_not_covered(tables[i]), SIZE_MAX);
    }
}

/* Every cut and many changed bytes: an error or something, and nothing behind the end is read. */
static void test_hostile_bytes(void **state)
{
    (void)state;
    struct session session;
    struct mirror mirror;
    session_open(&session);
    mirror_open(&mirror, session.model, NULL);
    add_process(&session);
    add_thread(&session, 1);
    add_thread(&session, 1);
    for (int i = 0; i < 20; i++) {
        add_site(&session, 1);
    }
    some_activity(&session, 60);
    session_tick(&session);
    mirror_tick(&mirror, true);
    for (int p = 0; p < MIRROR_PARTS; p++) {
        const struct ms_pack *pack = &mirror.packs[p];
        for (size_t at = 0; at < pack->used; at++) {
            for (int change = 0; change < 4; change++) {
                struct mirror hostile;
                mirror_open(&hostile, session.model, mirror.names);
                mirror_processes_and_threads(&hostile);
                for (int before = 0; before < p; before++) {
                    struct ms_unpack unpack =
                        ms_unpack_of(mirror.packs[before].bytes, mirror.packs[before].used);
                    assert_int_equal(mirror_kinds[before]->read(hostile.copy, true, &unpack,
                                                                hostile.maps[before]),
                                     0);
                }
                const size_t bytes = change == 0 ? at : pack->used;
                uint8_t *copy = malloc(bytes + 1);
                assert_non_null(copy);
                memcpy(copy, pack->bytes, bytes);
                if (change > 0) {
                    copy[at] ^= (uint8_t)(1u << below(8));
                }
                uint8_t *exact = malloc(bytes > 0 ? bytes : 1);
                assert_non_null(exact);
                memcpy(exact, copy, bytes);
                struct ms_unpack unpack = ms_unpack_of(exact, bytes);
                const int error =
                    mirror_kinds[p]->read(hostile.copy, true, &unpack, hostile.maps[p]);
                assert_true(change > 0 || error != 0);
                free(copy);
                free(exact);
                mirror_close(&hostile);
            }
        }
    }
    mirror_close(&mirror);
    session_close(&session);
}

/* A byte for each 512 of them: what it says of how many there are must not be believed. */
static void test_usages_of_nobody_are_refused_at_once(void **state)
{
    enum { USAGES = 1, TOLD = 100000 };
    struct ms_model *empty = ms_model_new(100000000, 0, 0);
    struct mirror mirror;
    struct ms_pack pack = {0};
    (void)state;
    assert_non_null(empty);
    assert_ptr_equal(mirror_kinds[USAGES], &ms_part_usages);
    mirror_open(&mirror, empty, NULL);
    ms_pack_u64(&pack, MS_USAGES_IN_COLUMNS);
    ms_pack_u64(&pack, TOLD);
    for (unsigned i = 0; i < TOLD / MS_COLUMN_THINGS + 1; i++) {
        ms_pack_u64(&pack, 0);
    }
    struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
    assert_int_equal(mirror_kinds[USAGES]->read(mirror.copy, true, &unpack, mirror.maps[USAGES]),
                     -EBADMSG);
    assert_int_equal(ms_model_usage_count(mirror.copy), 0);
    ms_pack_free(&pack);
    mirror_close(&mirror);
    ms_model_free(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_follows_tick_by_tick),
        cmocka_unit_test(test_nothing_is_written_when_nothing_changed),
        cmocka_unit_test(test_threads_that_are_merged),
        cmocka_unit_test(test_processes_that_are_merged),
        cmocka_unit_test(test_no_byte_is_forgotten),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_usages_of_nobody_are_refused_at_once),
    };
    return cmocka_run_group_tests_name("record: sites", tests, NULL, NULL);
}
