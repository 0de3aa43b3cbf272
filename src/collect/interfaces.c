/* See interfaces.h. */
#include "collect/interfaces.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/proc_text.h"

#define DEVICES_MAX 512u
#define TEXT_BYTES  (64u << 10)

struct device {
    struct ms_interface_counts counts;
    bool hardware, present;
    uint64_t received_bytes, sent_bytes; /* since the session began */
};

struct ms_interfaces_reader {
    const char *proc, *sys;
    int dev;
    uint64_t read_ns; /* of the last reading; 0: none yet */
    size_t count;
    struct device devices[DEVICES_MAX];
    char text[TEXT_BYTES];
};

struct ms_interfaces_reader *ms_interfaces_reader_new(const char *proc, const char *sys)
{
    struct ms_interfaces_reader *reader = calloc(1, sizeof *reader);
    if (reader != NULL) {
        reader->proc = proc;
        reader->sys = sys;
        reader->dev = -1;
    }
    return reader;
}

void ms_interfaces_reader_free(struct ms_interfaces_reader *reader,
                               struct ms_descriptor_budget *budget)
{
    if (reader != NULL) {
        ms_proc_close(budget, &reader->dev);
        free(reader);
    }
}

/* bytes packets errs drop fifo frame compressed multicast, then the same of what was sent but
 * colls and carrier in the place of the last two but one. */
enum {
    RECEIVED_BYTES,
    RECEIVED_PACKETS,
    RECEIVED_ERRORS,
    RECEIVED_DROPPED,
    SENT_BYTES = 8,
    SENT_PACKETS,
    SENT_ERRORS,
    SENT_DROPPED,
    FIELDS = 16
};

bool ms_interfaces_parse_line(const char *line, const char *end, struct ms_interface_counts *out)
{
    uint64_t fields[FIELDS];
    const char *colon = memrchr(line, ':', (size_t)(end - line)); /* "eth0:1" is a name, too */
    if (colon == NULL) {
        return false;
    }
    while (line < colon && *line == ' ') {
        line++;
    }
    struct ms_interface_counts counts = {0};
    const size_t name_bytes = (size_t)(colon - line);
    if (name_bytes == 0 || name_bytes >= sizeof counts.name) {
        return false;
    }
    memcpy(counts.name, line, name_bytes);
    const char *at = colon + 1;
    for (size_t i = 0; i < FIELDS; i++) {
        if (!ms_proc_number(&at, end, &fields[i])) {
            return false;
        }
    }
    if (at == end) {
        return false; /* the last number may be cut */
    }
    counts.received_bytes = fields[RECEIVED_BYTES];
    counts.received_packets = fields[RECEIVED_PACKETS];
    counts.sent_bytes = fields[SENT_BYTES];
    counts.sent_packets = fields[SENT_PACKETS];
    counts.errors = fields[RECEIVED_ERRORS] + fields[SENT_ERRORS];
    counts.dropped = fields[RECEIVED_DROPPED] + fields[SENT_DROPPED];
    *out = counts;
    return true;
}

static uint64_t grown(uint64_t then, uint64_t now)
{
    return now > then ? now - then : 0; /* a new one of the same name */
}

static struct device *device_named(struct ms_interfaces_reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->count; i++) {
        if (strcmp(reader->devices[i].counts.name, name) == 0) {
            return &reader->devices[i];
        }
    }
    return NULL;
}

/* Rates of an interface that is seen for the first time are NaN. NULL: there are too many. */
static const struct device *take_interface(struct ms_interfaces_reader *reader,
                                           const struct ms_interface_counts *counts, double seconds,
                                           struct ms_interface *interface)
{
    struct device *device = device_named(reader, counts->name);
    *interface = (struct ms_interface){.received_bytes_per_s = NAN,
                                       .sent_bytes_per_s = NAN,
                                       .received_packets_per_s = NAN,
                                       .sent_packets_per_s = NAN,
                                       .errors = counts->errors,
                                       .dropped = counts->dropped};
    if (device == NULL) {
        if (reader->count == DEVICES_MAX) {
            return NULL;
        }
        char path[600];
        device = &reader->devices[reader->count++];
        *device = (struct device){.counts = *counts};
        (void)snprintf(path, sizeof path, "%s/class/net/%s/device", reader->sys, counts->name);
        device->hardware = strchr(counts->name, '/') == NULL && access(path, F_OK) == 0;
    } else {
        const struct ms_interface_counts *then = &device->counts;
        const uint64_t received = grown(then->received_bytes, counts->received_bytes);
        const uint64_t sent = grown(then->sent_bytes, counts->sent_bytes);
        if (seconds > 0) { /* else it could not be read the last time */
            interface->received_bytes_per_s = (double)received / seconds;
            interface->sent_bytes_per_s = (double)sent / seconds;
            interface->received_packets_per_s =
                (double)grown(then->received_packets, counts->received_packets) / seconds;
            interface->sent_packets_per_s =
                (double)grown(then->sent_packets, counts->sent_packets) / seconds;
        }
        device->received_bytes += received;
        device->sent_bytes += sent;
        device->counts = *counts;
    }
    device->present = true;
    memcpy(interface->name, counts->name, sizeof interface->name);
    interface->hardware = device->hardware;
    interface->received_bytes = device->received_bytes;
    interface->sent_bytes = device->sent_bytes;
    return device;
}

static void forget_absent(struct ms_interfaces_reader *reader)
{
    size_t kept = 0;
    for (size_t i = 0; i < reader->count; i++) {
        if (reader->devices[i].present) {
            reader->devices[kept] = reader->devices[i];
            reader->devices[kept++].present = false;
        }
    }
    reader->count = kept;
}

/* Hardware before the rest; where there is no room the last of the rest goes. True: one is left
 * out. */
static bool add_interface(struct ms_system *system, const struct ms_interface *interface)
{
    size_t at = system->interface_count;
    if (interface->hardware) {
        for (at = 0; at < system->interface_count && system->interfaces[at].hardware; at++) {
        }
    }
    if (at == MS_INTERFACES_MAX) {
        return true;
    }
    const bool full = system->interface_count == MS_INTERFACES_MAX;
    const size_t behind = system->interface_count - at - (full ? 1 : 0);
    memmove(&system->interfaces[at + 1], &system->interfaces[at],
            behind * sizeof system->interfaces[0]);
    system->interfaces[at] = *interface;
    system->interface_count += full ? 0 : 1;
    return full;
}

void ms_interfaces_read(struct ms_interfaces_reader *reader, struct ms_descriptor_budget *budget,
                        struct ms_model *model, uint64_t now_ns)
{
    struct ms_system *system = ms_model_system_mutable(model);
    char path[512];
    char because[120];
    (void)snprintf(path, sizeof path, "%s/net/dev", reader->proc);
    const ssize_t bytes =
        ms_proc_read_list(budget, &reader->dev, AT_FDCWD, path, reader->text, TEXT_BYTES);
    system->interface_count = 0;
    if (bytes < 0) {
        (void)snprintf(because, sizeof because, "/proc/net/dev: %s", strerror((int)-bytes));
        ms_model_source_set(model, MS_SOURCE_INTERFACES, MS_SOURCE_UNAVAILABLE, because);
        reader->read_ns = 0;
        return;
    }
    const double seconds = reader->read_ns != 0 && now_ns > reader->read_ns
                               ? (double)(now_ns - reader->read_ns) / 1e9
                               : 0;
    const char *end = reader->text + bytes;
    size_t left_out = 0;
    for (const char *line = reader->text; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        struct ms_interface_counts counts;
        struct ms_interface interface;
        if (next == NULL) {
            break;
        }
        if (ms_interfaces_parse_line(line, next + 1, &counts) &&
            take_interface(reader, &counts, seconds, &interface) != NULL &&
            counts.received_packets + counts.sent_packets > 0) {
            left_out += add_interface(system, &interface) ? 1 : 0;
        }
        line = next + 1;
    }
    forget_absent(reader);
    reader->read_ns = now_ns;
    if (left_out > 0) {
        (void)snprintf(because, sizeof because, "%zu more interfaces than are kept", left_out);
        ms_model_source_set(model, MS_SOURCE_INTERFACES, MS_SOURCE_PARTIAL, because);
    } else if (system->interface_count > 0) {
        ms_model_source_set(model, MS_SOURCE_INTERFACES, MS_SOURCE_AVAILABLE, NULL);
    } else {
        ms_model_source_set(model, MS_SOURCE_INTERFACES, MS_SOURCE_UNAVAILABLE,
                            "no network interface has carried anything");
    }
}
