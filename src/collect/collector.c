/* See collect.h: what the keeper says becomes processes to watch, a tick reads them all. */
#include "collect/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collect/channel.h"
#include "collect/proc_file.h"
#include "collect/region_reader.h"
#include "collect/symbols.h"
#include "collect/system.h"
#include "collect/target.h"
#include "wire/clock.h"

#define OUTPUT_BYTES_A_CALL (1u << 20)
#define MESSAGES_A_CALL     4096
#define END_GRACE_NS        (2 * MS_NS_PER_S) /* for the keeper to tell an end that /proc shows */
#define OWN_CPU_NS          MS_NS_PER_S

/* A region file and which of its slots are watched. */
struct region {
    uint32_t number;
    struct ms_region_mapping mapping;          /* base NULL: let go, nobody counts in it any more */
    uint64_t slots_seen[MS_REGION_SLOTS / 64]; /* as slots_ready */
};

struct ms_collector {
    struct ms_collect_options options;
    int socket; /* -1: the keeper is gone */
    bool ended, tree_ended, lost;
    int exit_status;
    struct ms_message_session session;
    struct ms_model *model;
    struct ms_symbols *symbols;
    struct ms_system_reader *system;
    struct ms_descriptor_budget budget;
    struct region **regions;
    size_t region_count;
    struct ms_target **targets;
    size_t target_count;
    uint64_t output_dropped;
    uint64_t own_since_ns, own_cpu_ns;
    double own_cpu_pct;
    union ms_packet packet;
};

static struct ms_target_room room_of(struct ms_collector *collector)
{
    return (struct ms_target_room){.model = collector->model,
                                   .symbols = collector->symbols,
                                   .budget = &collector->budget,
                                   .session = &collector->session};
}

static uint64_t own_cpu_ns(const struct ms_collector *collector)
{
    struct timespec now;
    uint64_t own_ns = 0;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0) {
        own_ns = (uint64_t)now.tv_sec * MS_NS_PER_S + (uint64_t)now.tv_nsec;
    }
    return own_ns + (collector->symbols == NULL ? 0 : ms_symbols_cpu_ns(collector->symbols));
}

/* Appends to an array of pointers, whose capacity is the next power of two. */
static int append(void ***array, size_t *count, void *element)
{
    if ((*count & (*count - 1)) == 0) {
        void **grown = realloc(*array, (*count == 0 ? 1 : *count * 2) * sizeof(*grown));
        if (grown == NULL) {
            return -ENOMEM;
        }
        *array = grown;
    }
    (*array)[(*count)++] = element;
    return 0;
}

static struct ms_target *find_target(const struct ms_collector *collector, uint32_t process_id)
{
    for (size_t i = collector->target_count; i-- > 0;) {
        if (collector->targets[i]->process_id == process_id) {
            return collector->targets[i];
        }
    }
    return NULL;
}

static struct ms_target *find_alive(const struct ms_collector *collector, pid_t pid,
                                    const struct ms_target *except)
{
    for (size_t i = collector->target_count; i-- > 0;) {
        struct ms_target *target = collector->targets[i];
        if (target != except && !target->ended && target->pid == pid) {
            return target;
        }
    }
    return NULL;
}

static struct ms_target *add_target(struct ms_collector *collector, uint32_t process_id, pid_t pid,
                                    const struct ms_region_mapping *mapping, uint64_t now_ns)
{
    struct ms_target *target = calloc(1, sizeof *target);
    if (target == NULL ||
        append((void ***)&collector->targets, &collector->target_count, target) != 0) {
        free(target);
        return NULL;
    }
    const struct ms_target_room room = room_of(collector);
    (void)ms_target_begin(target, &room, process_id, pid, mapping, MS_PROCESS_SLOT(process_id),
                          now_ns);
    return target;
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
        collector->symbols = ms_symbols_start();
    }
    int connection = ms_channel_connect(socket_path, options->ask_only, &collector->session);
    if (connection < 0) {
        ms_collector_free(collector);
        return connection;
    }
    collector->socket = connection;
    const struct ms_message_session *session = &collector->session;
    collector->model =
        ms_model_new(options->interval_ns, session->start_ns, session->start_unix_ns);
    collector->system = ms_system_reader_new();
    ms_descriptor_budget_init(&collector->budget);
    uint64_t now_ns = ms_monotonic_ns();
    if (collector->model == NULL || collector->system == NULL ||
        add_target(collector, MS_PROCESS_ID(1, 0), (pid_t)session->pid, NULL, now_ns) == NULL) {
        ms_collector_free(collector);
        return -ENOMEM;
    }
    ms_system_identify(ms_model_system_mutable(collector->model));
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
    const struct ms_target_room room = room_of(collector);
    for (size_t i = 0; i < collector->target_count; i++) {
        ms_target_release(collector->targets[i], &room);
        free(collector->targets[i]);
    }
    free(collector->targets);
    for (size_t i = 0; i < collector->region_count; i++) {
        ms_region_mapping_close(&collector->regions[i]->mapping);
        free(collector->regions[i]);
    }
    free(collector->regions);
    ms_symbols_free(collector->symbols);
    ms_system_reader_free(collector->system);
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
    int symbols = collector->symbols == NULL ? -1 : ms_symbols_descriptor(collector->symbols);
    if (symbols >= 0 && count < capacity) {
        fds[count++] = (struct pollfd){.fd = symbols, .events = POLLIN};
    }
    return count;
}

static struct region *find_region(const struct ms_collector *collector, uint32_t number)
{
    for (size_t i = collector->region_count; i-- > 0;) {
        if (collector->regions[i]->number == number) {
            return collector->regions[i];
        }
    }
    return NULL;
}

/* A process that goes on under another number has executed something. */
static void replace_by_exec(struct ms_collector *collector, const struct ms_target *newer,
                            uint64_t now_ns)
{
    struct ms_target *older = newer->pid > 0 ? find_alive(collector, newer->pid, newer) : NULL;
    if (older != NULL) {
        const struct ms_target_room room = room_of(collector);
        ms_target_end(older, &room, now_ns, true);
    }
}

static void watch_region(struct ms_collector *collector, struct region *region, uint32_t process_id,
                         pid_t pid, uint64_t now_ns)
{
    struct ms_target *target = find_target(collector, process_id);
    if (target == NULL) {
        target = add_target(collector, process_id, pid, &region->mapping, now_ns);
    } else if (!target->has_view && !target->finished) {
        target->has_view = ms_region_view_init(&target->view, &region->mapping, 0) == 0;
    }
    if (target != NULL) {
        replace_by_exec(collector, target, now_ns);
    }
}

static void take_region(struct ms_collector *collector, const struct ms_message_region *message,
                        int descriptor, uint64_t now_ns)
{
    uint32_t process_id = message->header.process_id;
    uint32_t number = MS_PROCESS_REGION(process_id);
    bool wanted =
        message->first != 0 || collector->options.children || process_id == MS_PROCESS_ID(1, 0);
    if (descriptor < 0 || number == 0 || MS_PROCESS_SLOT(process_id) != 0 || !wanted ||
        find_region(collector, number) != NULL) {
        return;
    }
    struct region *region = calloc(1, sizeof *region);
    if (region == NULL) {
        return;
    }
    region->number = number;
    int result = ms_region_mapping_open(&region->mapping, descriptor);
    if (result == 0 &&
        append((void ***)&collector->regions, &collector->region_count, region) == 0) {
        collector->tree_ended = false;
        watch_region(collector, region, process_id, (pid_t)message->pid, now_ns);
        return;
    }
    /* Damaged: watched by /proc alone. */
    if (result != 0 && find_target(collector, process_id) == NULL) {
        (void)add_target(collector, process_id, (pid_t)message->pid, &region->mapping, now_ns);
    }
    ms_region_mapping_close(&region->mapping);
    free(region);
}

/* Does the process of `target`, which called exec, count under another number since? */
static bool went_on(const struct ms_collector *collector, const struct ms_target *target,
                    uint64_t exec_ns)
{
    for (size_t i = 0; target->pid > 0 && i < collector->target_count; i++) {
        const struct ms_target *other = collector->targets[i];
        const struct ms_process *process =
            ms_model_process_by_id(collector->model, other->process_id);
        if (other != target && other->pid == target->pid && process != NULL &&
            (process->end_ns == 0 || process->end_ns >= exec_ns)) {
            return true;
        }
    }
    return false;
}

/* False: it cannot be mapped now. */
static bool watch_slot(struct ms_collector *collector, const struct region *region, uint32_t slot,
                       uint64_t now_ns)
{
    struct ms_region_mapping mapping;
    struct ms_region_view view;
    struct ms_region_facts facts = {0};
    if (ms_region_mapping_open_slot(&mapping, &region->mapping, slot) != 0) {
        return false;
    }
    if (ms_region_view_init(&view, &mapping, slot) == 0) {
        ms_region_view_facts(&view, &facts);
    }
    if (facts.pid == 0) { /* ready was a lie */
        ms_region_mapping_close(&mapping);
        return true;
    }
    /* In a pid namespace of its own the number would mean a stranger here. */
    const struct ms_target *first = find_target(collector, MS_PROCESS_ID(region->number, 0));
    bool known_pid = (first == NULL || first->same_namespace) && facts.pid <= INT32_MAX;
    struct ms_target *target = add_target(collector, MS_PROCESS_ID(region->number, slot),
                                          known_pid ? (pid_t)facts.pid : 0, &mapping, now_ns);
    if (target == NULL) {
        ms_region_mapping_close(&mapping);
        return false;
    }
    if (facts.state == MS_REGION_EXEC && went_on(collector, target, facts.exec_ns)) {
        const struct ms_target_room room = room_of(collector);
        ms_target_end(target, &room, facts.exec_ns != 0 ? facts.exec_ns : now_ns, true);
    }
    return true;
}

/* Children that forked without exec count in spare slots of their ancestor's file. */
static void watch_slots(struct ms_collector *collector, struct region *region, uint64_t now_ns)
{
    for (uint32_t word = 0; word < MS_REGION_SLOTS / 64; word++) {
        uint64_t ready = ms_region_mapping_slots_ready(&region->mapping, word);
        for (uint64_t left = ready & ~region->slots_seen[word]; left != 0; left &= left - 1) {
            uint32_t bit = (uint32_t)__builtin_ctzll(left);
            if (watch_slot(collector, region, word * 64 + bit + 1, now_ns)) {
                region->slots_seen[word] |= UINT64_C(1) << bit;
            }
        }
    }
}

static void watch_all_slots(struct ms_collector *collector, uint64_t now_ns)
{
    for (size_t i = 0; collector->options.children && i < collector->region_count; i++) {
        if (collector->regions[i]->mapping.base != NULL) {
            watch_slots(collector, collector->regions[i], now_ns);
        }
    }
}

static void take_process_end(struct ms_collector *collector,
                             const struct ms_message_process_end *end, uint64_t now_ns)
{
    const struct ms_target_room room = room_of(collector);
    struct ms_target *target = find_target(collector, end->header.process_id);
    if (target == NULL) {
        watch_all_slots(collector, now_ns);
        target = find_target(collector, end->header.process_id);
    }
    if (target == NULL) {
        target = find_alive(collector, (pid_t)end->pid, NULL);
    }
    if (target != NULL) {
        ms_target_end_message(target, &room, end);
    }
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

static void end_all(struct ms_collector *collector, uint64_t now_ns)
{
    const struct ms_target_room room = room_of(collector);
    watch_all_slots(collector, now_ns);
    for (size_t i = 0; i < collector->target_count; i++) {
        struct ms_target *target = collector->targets[i];
        /* The program's own end is told apart and carries its status. */
        if (!target->ended) {
            ms_target_end(target, &room, target->gone_ns != 0 ? target->gone_ns : now_ns, false);
        }
    }
}

static void take_message(struct ms_collector *collector, int descriptor, uint64_t now_ns)
{
    const union ms_packet *packet = &collector->packet;
    switch (packet->header.type) {
    case MS_MSG_REGION:
        take_region(collector, &packet->region, descriptor, now_ns);
        break;
    case MS_MSG_OUTPUT:
        take_output(collector, &packet->output);
        break;
    case MS_MSG_PROCESS_END:
        take_process_end(collector, &packet->process_end, now_ns);
        break;
    case MS_MSG_TREE_END:
        collector->tree_ended = true;
        end_all(collector, now_ns);
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
            collector->lost = !collector->tree_ended;
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
    if (collector->symbols != NULL) {
        ms_symbols_handle(collector->symbols, collector->model, now_ns);
    }
    return result;
}

/* /proc shows an end that nobody told: a child the keeper does not know, or no keeper any more. */
static void end_vanished(struct ms_collector *collector, uint64_t now_ns)
{
    const struct ms_target_room room = room_of(collector);
    for (size_t i = 0; i < collector->target_count; i++) {
        struct ms_target *target = collector->targets[i];
        bool keeper_tells =
            !collector->lost && target->pid == (pid_t)collector->session.pid && !collector->ended;
        if (!target->ended && target->pid > 0 && target->gone_ns != 0 && !keeper_tells &&
            now_ns > target->gone_ns + END_GRACE_NS) {
            ms_target_end(target, &room, target->gone_ns, false);
        }
    }
}

/* A file in which nobody counts any more is given back to the machine. */
static void close_idle_regions(struct ms_collector *collector)
{
    for (size_t i = 0; i < collector->region_count; i++) {
        struct region *region = collector->regions[i];
        bool used = false;
        for (size_t j = 0; j < collector->target_count && !used; j++) {
            const struct ms_target *target = collector->targets[j];
            used = !target->finished && MS_PROCESS_REGION(target->process_id) == region->number;
        }
        if (!used && region->mapping.base != NULL && collector->tree_ended) {
            ms_region_mapping_close(&region->mapping);
        }
    }
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
    const struct ms_target_room room = room_of(collector);
    int result = 0;
    watch_all_slots(collector, now_ns);
    for (size_t i = 0; i < collector->target_count; i++) {
        int one = ms_target_tick(collector->targets[i], &room, now_ns);
        result = one != 0 ? one : result;
    }
    end_vanished(collector, now_ns);
    close_idle_regions(collector);
    ms_system_read(collector->system, &collector->budget, ms_model_system_mutable(collector->model),
                   now_ns);
    if (collector->symbols != NULL) {
        ms_symbols_handle(collector->symbols, collector->model, now_ns);
    }
    measure_own_cpu(collector, now_ns);
    int ended = ms_model_tick_end(collector->model, now_ns);
    return result != 0 ? result : ended;
}

enum ms_session_state ms_collector_state(const struct ms_collector *collector)
{
    if (collector->tree_ended) {
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
    const struct ms_target_room room = room_of(collector);
    uint64_t now_ns = ms_monotonic_ns();
    uint64_t until_ns = now_ns + timeout_ns;
    (void)ms_collector_handle(collector);
    watch_all_slots(collector, now_ns);
    for (size_t i = 0; i < collector->target_count; i++) {
        ms_target_read_all(collector->targets[i], &room, now_ns);
    }
    for (;;) {
        (void)ms_collector_handle(collector);
        bool names = collector->symbols != NULL && ms_symbols_pending(collector->symbols) > 0;
        now_ns = ms_monotonic_ns();
        if (!names || now_ns >= until_ns) {
            break;
        }
        struct pollfd fds[2];
        size_t count = ms_collector_poll_fds(collector, fds, 2);
        uint64_t left_ms = (until_ns - now_ns) / MS_NS_PER_MS + 1;
        (void)poll(fds, (nfds_t)count, left_ms > 100 ? 100 : (int)left_ms);
    }
    (void)ms_model_tick_end(collector->model, now_ns);
}

int ms_collector_signal(struct ms_collector *collector, uint32_t process_id, int signal)
{
    struct ms_message_signal message = {.header = {.type = MS_MSG_SIGNAL, .process_id = process_id},
                                        .signal = signal};
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
