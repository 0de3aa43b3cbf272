/* See collect.h: what the keeper says becomes processes to watch, a tick reads them all. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collect/channel.h"
#include "collect/collector_parts.h"
#include "collect/probe_source.h"
#include "collect/tracking.h"
#include "model/marks.h"
#include "wire/clock.h"

#define OUTPUT_BYTES_A_CALL (1u << 20)
#define MESSAGES_A_CALL     4096
#define OWN_CPU_NS          MS_NS_PER_S
#define TRACE_BYTES_A_CALL  (4u << 20)
#define TRACE_ASK_NS        MS_NS_PER_S

/* NULL: no memory. What the processes are filled from must be there. */
static struct ms_process_tree *new_tree(struct ms_collector *collector, uint64_t now_ns)
{
    const struct ms_target_room room = {.model = collector->model,
                                        .symbols = collector->symbols,
                                        .sites = collector->options.sites,
                                        .budget = &collector->budget,
                                        .thread_sources = &collector->thread_sources,
                                        .session = &collector->session,
                                        .leaves = ms_collector_process_leaves,
                                        .leaves_context = collector};
    return ms_process_tree_new(&room, collector->options.children, now_ns);
}

static void read_cpu_samples(struct ms_collector *collector, uint64_t now_ns, bool last)
{
    const struct ms_cpu_samples_room room = {.model = collector->model,
                                             .symbols = collector->symbols,
                                             .code = ms_process_tree_code(collector->tree)};
    if (collector->cpu_samples != NULL) {
        ms_cpu_samples_read(collector->cpu_samples, &room, now_ns, last);
    } else {
        ms_model_source_set(collector->model, MS_SOURCE_CPU_SAMPLES, MS_SOURCE_UNAVAILABLE,
                            "switched off (--cpu-samples=off)");
    }
}

static uint64_t own_cpu_ns(const struct ms_collector *collector)
{
    struct timespec now;
    uint64_t own_ns = 0;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0) {
        own_ns = (uint64_t)now.tv_sec * MS_NS_PER_S + (uint64_t)now.tv_nsec;
    }
    own_ns += collector->symbols == NULL ? 0 : ms_symbols_cpu_ns(collector->symbols);
    return own_ns + ms_cpu_samples_cpu_ns(collector->cpu_samples);
}

int ms_collector_connect(const char *socket_path, const struct ms_collect_options *options,
                         struct ms_collector **out)
{
    struct ms_collector *collector = calloc(1, sizeof *collector);
    *out = NULL;
    if (collector == NULL) {
        return -ENOMEM;
    }
    collector->options = *options;
    collector->socket = -1;
    collector->exit_status = 125; /* our own failure, unless the program's end is told */
    /* Before anything else, so that the worker is forked from a small process. */
    if (options->symbols && !options->ask_only) {
        collector->symbols = ms_symbols_start(&(struct ms_symbols_options){
            .cache_folder = options->symbol_cache, .debuginfod = options->debuginfod});
    }
    if (options->cpu_samples_hz != 0 && !options->ask_only) {
        collector->cpu_samples = ms_cpu_samples_start(options->cpu_samples_hz);
    }
    int connection =
        ms_channel_connect(socket_path, options->ask_only, options->trace, &collector->session);
    if (connection < 0) {
        ms_collector_free(collector);
        return connection;
    }
    collector->socket = connection;
    const struct ms_message_session *session = &collector->session;
    collector->model =
        ms_model_new(options->interval_ns, session->start_ns, session->start_unix_ns);
    ms_descriptor_budget_init(&collector->budget);
    ms_thread_sources_init(&collector->thread_sources);
    if (collector->model != NULL) {
        collector->machine = ms_machine_reader_new(collector->model);
    }
    uint64_t now_ns = ms_monotonic_ns();
    if (collector->machine != NULL) {
        collector->tree = new_tree(collector, now_ns);
    }
    if (collector->tree == NULL || ms_collector_begin_trace(collector) != 0) {
        ms_collector_free(collector);
        return -ENOMEM;
    }
    read_cpu_samples(collector, now_ns, false); /* its process is to be sampled from now on */
    ms_output_set_captured(ms_model_output_mutable(collector->model),
                           (session->flags & MS_SESSION_PTY) != 0);
    collector->own_since_ns = now_ns;
    collector->own_cpu_ns = own_cpu_ns(collector);
    *out = collector;
    return 0;
}

void ms_collector_free(struct ms_collector *collector)
{
    if (collector == NULL) {
        return;
    }
    ms_process_tree_free(collector->tree);
    ms_trace_reader_free(collector->trace);
    ms_trace_records_free(collector->trace_records);
    ms_symbols_free(collector->symbols);
    ms_cpu_samples_free(collector->cpu_samples);
    ms_machine_reader_free(collector->machine, &collector->budget);
    ms_model_free(collector->model);
    if (collector->socket >= 0) {
        close(collector->socket);
    }
    free(collector);
}

const struct ms_model *ms_collector_model(const struct ms_collector *collector)
{
    return collector->model;
}

const struct ms_message_session *ms_collector_session(const struct ms_collector *collector)
{
    return &collector->session;
}

size_t ms_collector_poll_fds(const struct ms_collector *collector, struct pollfd *fds,
                             size_t capacity)
{
    size_t count = 0;
    if (collector->socket >= 0 && count < capacity) {
        fds[count++] = (struct pollfd){.fd = collector->socket, .events = POLLIN};
    }
    if (collector->symbols != NULL) {
        count += ms_symbols_poll_fds(collector->symbols, fds + count, capacity - count);
    }
    int trace = collector->trace == NULL ? -1 : ms_trace_reader_descriptor(collector->trace);
    if (trace >= 0 && count < capacity) {
        fds[count++] = (struct pollfd){.fd = trace, .events = POLLIN};
    }
    return count;
}

static void take_process_end(struct ms_collector *collector,
                             const struct ms_message_process_end *end, uint64_t now_ns)
{
    ms_process_tree_take_end(collector->tree, end, now_ns);
    if (end->pid == collector->session.pid && end->exit_status != -2) {
        collector->ended = true;
        collector->exit_status =
            end->exit_status >= 0 ? end->exit_status : 128 + (int)(end->signal & 0x7f);
    }
}

static void take_output(struct ms_collector *collector, const struct ms_message_output *message)
{
    struct ms_output *output = ms_model_output_mutable(collector->model);
    size_t room = message->header.bytes - sizeof *message;
    if (message->dropped > collector->output_dropped) {
        ms_output_add_dropped(output, message->dropped - collector->output_dropped);
        collector->output_dropped = message->dropped;
    }
    (void)ms_output_append(output, message->data, message->bytes < room ? message->bytes : room);
}

static void take_tracking(struct ms_collector *collector, const union ms_packet *packet)
{
    struct ms_tracking_answer *answer = &collector->tracking_answer;
    *answer = (struct ms_tracking_answer){.refused = packet->header.type == MS_MSG_REFUSED};
    if (!answer->refused) {
        struct ms_tracking tracking = packet->tracking.tracking;
        ms_settings_of_tracking(&answer->now, &tracking);
    } else if (packet->header.bytes >= sizeof packet->refused) {
        (void)snprintf(answer->why, sizeof answer->why, "%.*s", (int)sizeof answer->why - 1,
                       packet->refused.why);
    }
    collector->tracking_answered = true;
}

static void take_message(struct ms_collector *collector, int descriptor, uint64_t now_ns)
{
    const union ms_packet *packet = &collector->packet;
    switch (packet->header.type) {
    case MS_MSG_REGION:
        ms_process_tree_take_region(collector->tree, &packet->region, descriptor, now_ns);
        break;
    case MS_MSG_OUTPUT:
        take_output(collector, &packet->output);
        break;
    case MS_MSG_PROCESS_END:
        take_process_end(collector, &packet->process_end, now_ns);
        break;
    case MS_MSG_TRACE:
        ms_collector_take_trace(collector, &packet->trace, descriptor);
        descriptor = -1;
        break;
    case MS_MSG_TRACKING:
    case MS_MSG_REFUSED:
        take_tracking(collector, packet);
        break;
    case MS_MSG_TREE_END:
        ms_process_tree_end(collector->tree, now_ns);
        break;
    default:
        break;
    }
    if (descriptor >= 0) {
        close(descriptor); /* the mapping holds the file */
    }
}

static int read_keeper(struct ms_collector *collector, uint64_t now_ns)
{
    size_t output_bytes = 0;
    for (int i = 0; i < MESSAGES_A_CALL && output_bytes < OUTPUT_BYTES_A_CALL; i++) {
        int descriptor;
        bool ignored;
        int result =
            ms_channel_receive(collector->socket, &collector->packet, &descriptor, &ignored);
        if (result < 0) {
            close(collector->socket);
            collector->socket = -1;
            collector->lost = !ms_process_tree_ended(collector->tree);
            return collector->lost ? result : 0;
        }
        if (result == 0 && !ignored) {
            break;
        }
        if (result == 1) {
            take_message(collector, descriptor, now_ns);
            output_bytes +=
                collector->packet.header.type == MS_MSG_OUTPUT ? collector->packet.header.bytes : 0;
        }
    }
    return 0;
}

int ms_collector_handle(struct ms_collector *collector)
{
    uint64_t now_ns = ms_monotonic_ns();
    int result = 0;
    if (collector->socket >= 0) {
        result = read_keeper(collector, now_ns);
    } else if (collector->lost) {
        result = -ECONNRESET;
    }
    ms_collector_read_trace(collector, TRACE_BYTES_A_CALL);
    if (collector->trace_records != NULL && ms_trace_records_full(collector->trace_records)) {
        ms_process_tree_read_all(collector->tree, now_ns);
        ms_collector_give_trace(collector);
    }
    if (collector->symbols != NULL) {
        ms_symbols_handle(collector->symbols, collector->model, now_ns);
    }
    return result;
}

static void measure_own_cpu(struct ms_collector *collector, uint64_t now_ns)
{
    if (now_ns < collector->own_since_ns + OWN_CPU_NS) {
        return;
    }
    uint64_t cpu_ns = own_cpu_ns(collector);
    uint64_t used_ns = cpu_ns > collector->own_cpu_ns ? cpu_ns - collector->own_cpu_ns : 0;
    collector->own_cpu_pct = 100.0 * (double)used_ns / (double)(now_ns - collector->own_since_ns);
    collector->own_since_ns = now_ns;
    collector->own_cpu_ns = cpu_ns;
}

int ms_collector_tick(struct ms_collector *collector, uint64_t now_ns)
{
    /* The program's end comes with its status: /proc's word for it waits while it may come. */
    bool keeper_tells = !collector->lost && !collector->ended;
    int result = ms_process_tree_tick(collector->tree, now_ns,
                                      keeper_tells ? (pid_t)collector->session.pid : 0);
    ms_collector_give_trace(collector);
    read_cpu_samples(collector, now_ns, false);
    ms_thread_sources_tell(&collector->thread_sources, collector->model);
    if (now_ns - collector->probe_told_ns >= MS_NS_PER_S) {
        collector->probe_told_ns = now_ns;
        ms_probe_source_tell(collector->model);
    }
    ms_machine_read(collector->machine, &collector->budget, collector->model, now_ns);
    if (collector->symbols != NULL) {
        ms_symbols_handle(collector->symbols, collector->model, now_ns);
    }
    if (collector->trace_asked_ns != 0 && now_ns > collector->trace_asked_ns + TRACE_ASK_NS) {
        ms_collector_ask_for_trace(collector, now_ns);
    }
    measure_own_cpu(collector, now_ns);
    int ended = ms_model_tick_end(collector->model, now_ns);
    return result != 0 ? result : ended;
}

enum ms_session_state ms_collector_state(const struct ms_collector *collector)
{
    if (ms_process_tree_ended(collector->tree)) {
        return MS_STATE_TREE_ENDED;
    }
    if (collector->lost) {
        return MS_STATE_KEEPER_LOST;
    }
    return collector->ended ? MS_STATE_ENDED : MS_STATE_RUNNING;
}

int ms_collector_exit_status(const struct ms_collector *collector)
{
    return collector->exit_status;
}

void ms_collector_settle(struct ms_collector *collector, uint64_t timeout_ns)
{
    uint64_t now_ns = ms_monotonic_ns();
    uint64_t until_ns = now_ns + timeout_ns;
    (void)ms_collector_handle(collector);
    ms_process_tree_read_all(collector->tree, now_ns);
    ms_collector_give_trace(collector);
    read_cpu_samples(collector, now_ns, true);
    ms_probe_source_tell(collector->model);
    for (;;) {
        (void)ms_collector_handle(collector);
        bool names = collector->symbols != NULL && ms_symbols_pending(collector->symbols) > 0;
        now_ns = ms_monotonic_ns();
        if (!names || now_ns >= until_ns) {
            break;
        }
        struct pollfd fds[4];
        size_t count = ms_collector_poll_fds(collector, fds, 4);
        uint64_t left_ms = (until_ns - now_ns) / MS_NS_PER_MS + 1;
        (void)poll(fds, (nfds_t)count, left_ms > 100 ? 100 : (int)left_ms);
    }
    ms_collector_give_trace(collector);
    (void)ms_model_tick_end(collector->model, now_ns);
}

int ms_collector_signal(struct ms_collector *collector, uint32_t process_id, int signal)
{
    struct ms_message_signal message = {.header = {.type = MS_MSG_SIGNAL, .process_id = process_id},
                                        .signal = signal};
    if (collector->lost) {
        const bool group = process_id == 0 && (collector->session.flags & MS_SESSION_PTY) != 0;
        return ms_process_tree_signal(collector->tree, process_id, group, signal);
    }
    return collector->socket < 0
               ? -ENOTCONN
               : ms_channel_send(collector->socket, &message.header, sizeof message);
}

int ms_collector_window_size(struct ms_collector *collector, unsigned rows, unsigned columns)
{
    struct ms_message_window_size message = {
        .header = {.type = MS_MSG_WINDOW_SIZE},
        .rows = (uint16_t)(rows > UINT16_MAX ? UINT16_MAX : rows),
        .columns = (uint16_t)(columns > UINT16_MAX ? UINT16_MAX : columns)};
    return collector->socket < 0
               ? -ENOTCONN
               : ms_channel_send(collector->socket, &message.header, sizeof message);
}

int ms_collector_input(struct ms_collector *collector, const void *bytes, size_t count)
{
    struct {
        struct ms_message_header header;
        char data[1024];
    } message;
    int result = collector->socket < 0 ? -ENOTCONN : 0;
    for (size_t done = 0; done < count && result == 0;) {
        size_t part = count - done < sizeof message.data ? count - done : sizeof message.data;
        message.header = (struct ms_message_header){.type = MS_MSG_INPUT};
        memcpy(message.data, (const char *)bytes + done, part);
        result = ms_channel_send(collector->socket, &message.header, sizeof message.header + part);
        done += part;
    }
    return result;
}

int ms_collector_mark(struct ms_collector *collector, uint64_t at_ns, const char *text)
{
    const uint64_t now_ns = ms_model_now_ns(collector->model);
    const struct ms_mark mark = {.at_ns = at_ns < now_ns ? at_ns : now_ns, .text = text};
    return ms_model_add_mark(collector->model, &mark);
}

int ms_collector_set_tracking(struct ms_collector *collector, uint32_t parts,
                              const struct ms_tracking_settings *wanted)
{
    struct ms_message_tracking message = {.header = {.type = MS_MSG_SET_TRACKING}, .parts = parts};
    ms_tracking_of_settings(&message.tracking, wanted);
    collector->tracking_answered = false;
    return collector->socket < 0
               ? -ENOTCONN
               : ms_channel_send(collector->socket, &message.header, sizeof message);
}

bool ms_collector_tracking_answer(struct ms_collector *collector, struct ms_tracking_answer *answer)
{
    bool answered = collector->tracking_answered;
    collector->tracking_answered = false;
    if (answered) {
        *answer = collector->tracking_answer;
    }
    return answered;
}

int ms_collector_detach(struct ms_collector *collector)
{
    struct ms_message_header message = {.type = MS_MSG_DETACH};
    return collector->socket < 0 ? -ENOTCONN
                                 : ms_channel_send(collector->socket, &message, sizeof message);
}

double ms_collector_own_cpu_pct(const struct ms_collector *collector)
{
    return collector->own_cpu_pct;
}
