/*
 * A viewer that records, for test_recording.py: starts a program under a keeper, ticks collector
 * and recorder, and at ticks that chance chooses compares the model with a replay of what is
 * recorded so far; at the end with the file. What differs, and figures, a line each on stdout.
 *
 *   recording_client [-e] [-i INTERVAL_MS] [-s SECONDS] [-c SEED] [-j JSON] FILE PROBE PROGRAM
 * [ARG...]
 *
 * -s: the program is told to end (SIGTERM) after that, if it has not by then. -j writes the last
 * model as JSON, to compare sizes. -e: a replay that steps along is compared at every tick.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/findings.h"
#include "collect/collect.h"
#include "export/export.h"
#include "keeper/keeper.h"
#include "record/blocks.h"
#include "record/layout.h"
#include "record/recorder.h"
#include "record/recording.h"
#include "wire/clock.h"
#include "wire/message.h"

#define DIFFERENCES_TOLD 20
#define SURELY_COMPARED  8u /* ticks */

struct client {
    struct ms_collector *collector;
    const struct ms_model *model;
    struct ms_recorder *recorder;
    struct ms_replay *seeks, *steps;
    bool every;
    uint64_t random;
    uint64_t record_ns, ticks, ticks_of_threads; /* CPU time of the recorder; sum of threads */
    unsigned compared, told;
    size_t differ;
};

static void say_difference(void *context, const char *what)
{
    struct client *client = context;
    if (client->told++ < DIFFERENCES_TOLD) {
        printf("differs tick=%" PRIu64 " %s\n", ms_model_ticks(client->model) - 1, what);
    }
}

static void compare(struct client *client, const struct ms_replay *replay, const char *how)
{
    const struct ms_model *model = ms_replay_model(replay);
    const size_t differ =
        model == NULL ? 1 : ms_models_compare(client->model, model, say_difference, client);
    if (differ > 0) {
        printf("differs %s at tick %" PRIu64 ": %zu\n", how, ms_replay_tick(replay), differ);
    }
    client->differ += differ;
    client->compared++;
}

static void compare_steps(struct client *client)
{
    if (ms_replay_model(client->steps) == NULL) {
        (void)ms_replay_seek(client->steps, ms_model_ticks(client->model) - 1);
    }
    while (ms_replay_step(client->steps) == 1) {
    }
    compare(client, client->steps, "steps");
}

static void compare_now(struct client *client)
{
    const uint64_t tick = ms_model_ticks(client->model) - 1;
    if (ms_replay_seek(client->seeks, tick) != 0 || ms_replay_tick(client->seeks) != tick) {
        printf("differs no such moment: %" PRIu64 "\n", tick);
        client->differ++;
        return;
    }
    compare(client, client->seeks, "seek");
    compare_steps(client);
}

static void tick(struct client *client)
{
    if (ms_collector_tick(client->collector, ms_monotonic_ns()) != 0) {
        puts("differs no memory");
        client->differ++;
    }
    const uint64_t before_ns = ms_thread_cpu_ns();
    if (ms_recorder_tick(client->recorder, client->model) != 0) {
        puts("differs the recorder failed");
        client->differ++;
    }
    client->record_ns += ms_thread_cpu_ns() - before_ns;
    client->ticks++;
    client->ticks_of_threads += ms_model_alive_count(client->model);
    client->random = client->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    /* Short sessions have such a tick, too. */
    if ((client->random >> 33) % 11 == 0 || client->ticks == SURELY_COMPARED) {
        compare_now(client);
    } else if (client->every) {
        compare_steps(client);
    }
}

static void watch(struct client *client, uint64_t interval_ns, uint64_t end_ns)
{
    uint64_t next_ns = ms_monotonic_ns();
    while (ms_collector_state(client->collector) < MS_STATE_TREE_ENDED) {
        struct pollfd fds[8];
        const size_t count = ms_collector_poll_fds(client->collector, fds, 8);
        const uint64_t now_ns = ms_monotonic_ns();
        if (now_ns < next_ns) {
            (void)poll(fds, (nfds_t)count, (int)((next_ns - now_ns) / MS_NS_PER_MS) + 1);
        }
        (void)ms_collector_handle(client->collector);
        if (ms_monotonic_ns() >= next_ns) {
            tick(client);
            next_ns = ms_monotonic_ns() > next_ns + interval_ns ? ms_monotonic_ns() + interval_ns
                                                                : next_ns + interval_ns;
        }
        if (now_ns >= end_ns) {
            const struct ms_process *program = ms_model_program(client->model);
            end_ns = UINT64_MAX;
            if (program != NULL) {
                (void)ms_collector_signal(client->collector, program->id, SIGTERM);
            }
        }
    }
}

static void tell_blocks(const char *path)
{
    struct ms_blocks *blocks;
    char why[160];
    uint64_t count[MS_BLOCK_TYPE_TOTAL] = {0};
    uint64_t stored[MS_BLOCK_TYPE_TOTAL] = {0};
    uint64_t raw[MS_BLOCK_TYPE_TOTAL] = {0};
    if (ms_blocks_open(path, &blocks, why, sizeof why) != 0) {
        return;
    }
    uint64_t last_state = 0;
    for (size_t i = 0; i < ms_blocks_count(blocks); i++) {
        const struct ms_block_info *info = ms_blocks_info(blocks, i);
        count[info->type]++;
        stored[info->type] += info->stored_bytes;
        raw[info->type] += info->raw_bytes;
        last_state = info->type == MS_BLOCK_STATE ? info->stored_bytes : last_state;
    }
    for (int type = 0; type < MS_BLOCK_TYPE_TOTAL; type++) {
        if (count[type] > 0) {
            printf("blocks type=%s count=%" PRIu64 " stored=%" PRIu64 " raw=%" PRIu64 "\n",
                   ms_block_type_name((enum ms_block_type)type), count[type], stored[type],
                   raw[type]);
        }
    }
    printf("last_state stored=%" PRIu64 " names=%" PRIu64 "\n", last_state, stored[MS_BLOCK_NAMES]);
    ms_blocks_free(blocks);
}

static void tell_finding(void *context, const char *finding)
{
    (void)context;
    printf("finding %s\n", finding);
}

/* The file ends with what the model was at last. */
static void compare_file(struct client *client, const char *path)
{
    struct ms_recording *recording;
    char why[160];
    const uint64_t opened_ns = ms_monotonic_ns();
    if (ms_recording_open(path, &recording, why, sizeof why) != 0) {
        printf("differs the file: %s\n", why);
        client->differ++;
        return;
    }
    const struct ms_replay_options options = {0};
    struct ms_replay *replay = ms_replay_new(recording, &options);
    const uint64_t seek_ns = ms_monotonic_ns();
    (void)ms_replay_seek(replay, UINT64_MAX);
    const uint64_t end_ns = ms_monotonic_ns();
    printf("file open_us=%" PRIu64 " seek_us=%" PRIu64 " condition=%s\n",
           (seek_ns - opened_ns) / 1000, (end_ns - seek_ns) / 1000,
           ms_recording_about(recording).condition);
    compare(client, replay, "file");
    ms_replay_free(replay);
    printf("verified findings=%d\n", ms_recording_verify(recording, tell_finding, NULL, NULL));
    ms_recording_close(recording);
}

static void write_json(const struct client *client, const char *path)
{
    const struct ms_export_options options = {.program_version = "test"};
    const uint64_t before_ns = ms_monotonic_ns();
    const int error = ms_export_write_file(path, true, MS_EXPORT_JSON, client->model, &options);
    printf("json error=%d us=%" PRIu64 "\n", error, (ms_monotonic_ns() - before_ns) / 1000);
}

static int connect_to_program(struct client *client, const char *probe, char **arguments,
                              uint64_t interval_ns)
{
    const struct ms_keeper_options keeper = {
        .tee = -1,
        .rows = 24,
        .columns = 80,
        .program = arguments[0],
        .arguments = arguments,
        .probe = probe,
        .config = {.tracking = {.mode = MS_MODE_EXACT, .stack_depth = 32},
                   .io = true,
                   .follow_children = 1}};
    struct ms_keeper_started started;
    bool own_failure = false;
    const int error = ms_keeper_start(&keeper, &started, &own_failure);
    if (error != 0) {
        return error;
    }
    const struct ms_collect_options collect = {.interval_ns = interval_ns,
                                               .children = true,
                                               .sites = true,
                                               .symbols = true,
                                               .cpu_samples_hz = 99};
    return ms_collector_connect(started.socket_path, &collect, &client->collector);
}

int main(int argc, char **argv)
{
    struct client client = {.random = 1};
    uint64_t interval_ns = 100 * MS_NS_PER_MS;
    uint64_t seconds = 60;
    const char *json = NULL;
    int option;
    while ((option = getopt(argc, argv, "+ei:s:c:j:")) != -1) {
        interval_ns = option == 'i' ? strtoull(optarg, NULL, 10) * MS_NS_PER_MS : interval_ns;
        seconds = option == 's' ? strtoull(optarg, NULL, 10) : seconds;
        client.random = option == 'c' ? strtoull(optarg, NULL, 10) : client.random;
        client.every = client.every || option == 'e';
        json = option == 'j' ? optarg : json;
    }
    if (argc - optind < 3) {
        return 2;
    }
    const char *path = argv[optind];
    const int error = connect_to_program(&client, argv[optind + 1], argv + optind + 2, interval_ns);
    if (error != 0) {
        printf("failed %s\n", strerror(-error));
        return 1;
    }
    const struct ms_recorder_options options = {.program_version = "test",
                                                .memory_bytes = 256u << 20};
    const struct ms_replay_options replaying = {.warm_ns = MS_NS_PER_S};
    client.model = ms_collector_model(client.collector);
    client.recorder = ms_recorder_new(&options);
    client.seeks = ms_replay_new(ms_recorder_recording(client.recorder), &replaying);
    client.steps = ms_replay_new(ms_recorder_recording(client.recorder), &replaying);
    if (ms_recorder_keep(client.recorder, path, true, 0) != 0) {
        puts("differs the file cannot be written");
        return 1;
    }
    watch(&client, interval_ns, ms_monotonic_ns() + seconds * MS_NS_PER_S);
    ms_collector_settle(client.collector, MS_NS_PER_S);
    const int finished = ms_recorder_finish(client.recorder, client.model);
    compare_steps(&client);
    ms_replay_free(client.seeks);
    ms_replay_free(client.steps);
    printf("finished error=%d\n", finished);
    ms_recorder_free(client.recorder);
    compare_file(&client, path);
    if (json != NULL) {
        write_json(&client, json);
    }
    tell_blocks(path);
    printf("ticks count=%" PRIu64 " record_us=%" PRIu64 " threads=%.1f sites=%zu usages=%zu\n",
           client.ticks, client.record_ns / 1000,
           client.ticks > 0 ? (double)client.ticks_of_threads / (double)client.ticks : 0,
           ms_model_site_count(client.model), ms_model_usage_count(client.model));
    printf("compared count=%u differ=%zu\n", client.compared, client.differ);
    ms_collector_free(client.collector);
    return client.differ > 0 ? 1 : 0;
}
