/* When resources of a process are read, and what their sources say when they cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collect/resources.h"
#include "wire/clock.h"

struct scene {
    struct ms_model *model;
    struct ms_shared_resources *shared;
    struct ms_watched_resources *watched;
    struct ms_descriptor_budget budget;
    struct ms_process *process;
    uint64_t start_ns;
    int folder;
};

static void begin(struct scene *scene, const char *folder)
{
    *scene = (struct scene){.budget = {.limit = 64}, .start_ns = ms_monotonic_ns()};
    scene->model = ms_model_new(MS_SECOND_NS / 10, scene->start_ns, 1);
    scene->shared = ms_shared_resources_new();
    scene->watched = ms_watched_resources_new();
    scene->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(scene->model != NULL && scene->shared != NULL && scene->watched != NULL);
    assert_true(scene->folder >= 0);
    scene->process = ms_model_add_process(scene->model, 1);
    scene->process->seen = MS_SEEN_FULL;
}

static void look(struct scene *scene, uint64_t age_ms)
{
    ms_watched_resources_read(scene->watched, scene->shared, scene->model, &scene->budget,
                              scene->folder, scene->process, age_ms * MS_NS_PER_MS,
                              scene->start_ns + age_ms * MS_NS_PER_MS);
}

static void end(struct scene *scene)
{
    ms_watched_resources_free(scene->watched);
    ms_shared_resources_free(scene->shared, &scene->budget);
    assert_int_equal(scene->budget.open, 0);
    ms_model_free(scene->model);
    close(scene->folder);
}

static enum ms_source_condition condition(const struct scene *scene, enum ms_source source)
{
    return ms_model_source(scene->model, source)->condition;
}

static void test_own_process(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "/proc/self");
    look(&scene, 0); /* it may still be the keeper's child */
    assert_false(scene.process->resources.limits.have);
    assert_int_equal(condition(&scene, MS_SOURCE_OPEN_FILES), MS_SOURCE_NOT_ASKED);
    look(&scene, 100);
    const struct ms_resources *resources = &scene.process->resources;
    assert_true(resources->limits.have && resources->files.have);
    assert_false(resources->map.have);
    look(&scene, 300);
    assert_true(resources->map.have);
    assert_int_equal(resources->map.read_ns, scene.start_ns + 300 * MS_NS_PER_MS);
    /* PSS comes with the map: where maps are dear nothing else gets a turn to read it. */
    assert_true(scene.process->kernel.have_pss && scene.process->kernel.pss_bytes > 0);
    assert_int_equal(scene.process->kernel.pss_bytes, resources->map.all.proportional_bytes);
    assert_int_equal(condition(&scene, MS_SOURCE_MEMORY_MAP), MS_SOURCE_AVAILABLE);
    assert_int_equal(condition(&scene, MS_SOURCE_RESOURCE_LIMITS), MS_SOURCE_AVAILABLE);
    assert_int_equal(condition(&scene, MS_SOURCE_OPEN_FILES), MS_SOURCE_AVAILABLE);
    static const enum ms_source others[] = {MS_SOURCE_SOCKETS, MS_SOURCE_CGROUP,
                                            MS_SOURCE_CGROUP_PRESSURE};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct ms_source_state *source = ms_model_source(scene.model, others[i]);
        assert_true(source->condition == MS_SOURCE_AVAILABLE ||
                    (source->condition == MS_SOURCE_UNAVAILABLE && strlen(source->because) > 10));
    }
    end(&scene);
}

/* What was read stays, with its time, until the next look is due. */
static void test_pace(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "/proc/self");
    look(&scene, 300);
    look(&scene, 20000); /* now what is kept open is */
    const struct ms_memory_map *map = &scene.process->resources.map;
    const uint64_t first_ns = map->read_ns;
    const uint32_t files = scene.process->resources.files.all;
    const int more = open("/dev/null", O_RDONLY);
    look(&scene, 20900);
    assert_int_equal(map->read_ns, first_ns);
    assert_int_equal(scene.process->resources.files.all, files);
    look(&scene, 60000);
    assert_true(map->read_ns > first_ns);
    assert_int_equal(scene.process->resources.files.all, files + 1);
    close(more);
    end(&scene);
}

static void test_children_have_to_live(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "/proc/self");
    scene.process->parent_id = 7;
    look(&scene, 250);
    assert_false(scene.process->resources.limits.have);
    look(&scene, 300);
    assert_true(scene.process->resources.limits.have);
    end(&scene);
}

/* All processes together: the next map waits for 500 times as long as the last one took. */
static void test_maps_take_turns(void **state)
{
    (void)state;
    struct ms_shared_resources *shared = ms_shared_resources_new();
    struct ms_descriptor_budget budget = {.limit = 8};
    assert_non_null(shared);
    assert_true(ms_shared_map_turn(shared, 1000));
    ms_shared_map_took(shared, 1000, MS_NS_PER_MS);
    assert_false(ms_shared_map_turn(shared, 1000 + 999 * MS_NS_PER_MS));
    assert_true(ms_shared_map_turn(shared, 1000 + 1000 * MS_NS_PER_MS));
    ms_shared_resources_free(shared, &budget);
}

/* Looks as nobody at a process of root (else at init, as who we are). */
static int look_at_another_users(pid_t pid)
{
    char path[32];
    struct scene scene;
    (void)snprintf(path, sizeof path, "/proc/%d", (int)pid);
    begin(&scene, path);
    look(&scene, 300);
    static const enum ms_source refused[] = {MS_SOURCE_MEMORY_MAP, MS_SOURCE_OPEN_FILES,
                                             MS_SOURCE_SOCKETS};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const struct ms_source_state *source = ms_model_source(scene.model, refused[i]);
        if (source->condition != MS_SOURCE_UNAVAILABLE ||
            strstr(source->because, "another user") == NULL) {
            return 1 + (int)i;
        }
    }
    const struct ms_resources *resources = &scene.process->resources;
    if (resources->map.have || resources->files.have || resources->network.have) {
        return 10;
    }
    if (!resources->limits.have) { /* those are for everybody */
        return 11;
    }
    end(&scene);
    return 0;
}

static void test_another_users_process(void **state)
{
    (void)state;
    const pid_t self = getpid();
    const pid_t child = fork();
    if (child == 0) {
        if (geteuid() != 0) {
            _exit(look_at_another_users(1));
        }
        _exit(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0
                  ? look_at_another_users(self)
                  : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* One that is gone is no reason: its figures stay, the source is what it was. */
static void test_gone(void **state)
{
    (void)state;
    struct scene scene;
    const pid_t child = fork();
    if (child == 0) {
        (void)pause();
        _exit(0);
    }
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/%d", (int)child);
    begin(&scene, path);
    look(&scene, 300);
    const struct ms_resources before = scene.process->resources;
    assert_true(before.map.have && before.files.have);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    look(&scene, 60000);
    assert_int_equal(scene.process->resources.map.read_ns, before.map.read_ns);
    assert_int_equal(scene.process->resources.files.all, before.files.all);
    assert_int_equal(condition(&scene, MS_SOURCE_MEMORY_MAP), MS_SOURCE_AVAILABLE);
    assert_int_equal(condition(&scene, MS_SOURCE_OPEN_FILES), MS_SOURCE_AVAILABLE);
    end(&scene);
}

/* Bytes a second between two looks, held until the next; none before the second. */
static void test_network_rates(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "/proc/self");
    struct ms_process *process = scene.process;
    struct ms_network *network = &process->resources.network;
    uint64_t now_ns = scene.start_ns + MS_SECOND_NS;
    assert_int_equal(ms_model_tick_end(scene.model, now_ns), 0);
    assert_true(isnan(process->sent_per_s));
    network->have = true;
    network->read_ns = now_ns;
    network->sent_bytes = 5000;
    assert_int_equal(ms_model_tick_end(scene.model, now_ns + 1), 0);
    assert_true(isnan(process->sent_per_s)); /* since when is not known */
    network->read_ns += 2 * MS_SECOND_NS;
    network->sent_bytes += 3000;
    network->received_bytes += 100;
    for (uint64_t tick = 2; tick < 5; tick++) {
        assert_int_equal(ms_model_tick_end(scene.model, now_ns + tick * MS_SECOND_NS), 0);
        assert_float_equal(process->sent_per_s, 1500, 1e-9);
        assert_float_equal(process->received_per_s, 50, 1e-9);
    }
    network->read_ns += MS_SECOND_NS;
    assert_int_equal(ms_model_tick_end(scene.model, now_ns + 6 * MS_SECOND_NS), 0);
    assert_float_equal(process->sent_per_s, 0, 1e-9);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_process),           cmocka_unit_test(test_pace),
        cmocka_unit_test(test_children_have_to_live), cmocka_unit_test(test_maps_take_turns),
        cmocka_unit_test(test_another_users_process), cmocka_unit_test(test_gone),
        cmocka_unit_test(test_network_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
