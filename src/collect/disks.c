/* See disks.h. */
#include "collect/disks.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/proc_text.h"

#define DEVICES_MAX  512u /* with partitions */
#define TEXT_BYTES   (64u << 10)
#define SECTOR_BYTES 512u /* of the kernel's counters, whatever the device's own */

struct device {
    struct ms_disk_counts counts;
    bool whole, stacked, moved; /* `moved`: during the session */
    bool present;               /* in the reading that goes on */
    uint64_t read_bytes, written_bytes;
};

struct ms_disks_reader {
    const char *proc, *sys;
    int diskstats;
    uint64_t read_ns; /* of the last reading; 0: none yet */
    size_t count;
    struct device devices[DEVICES_MAX];
    char text[TEXT_BYTES];
};

struct ms_disks_reader *ms_disks_reader_new(const char *proc, const char *sys)
{
    struct ms_disks_reader *reader = calloc(1, sizeof *reader);
    if (reader != NULL) {
        reader->proc = proc;
        reader->sys = sys;
        reader->diskstats = -1;
    }
    return reader;
}

void ms_disks_reader_free(struct ms_disks_reader *reader, struct ms_descriptor_budget *budget)
{
    if (reader != NULL) {
        ms_proc_close(budget, &reader->diskstats);
        free(reader);
    }
}

bool ms_disks_parse_line(const char *line, const char *end, struct ms_disk_counts *out)
{
    const char *at = line;
    uint64_t number;
    if (!ms_proc_number(&at, end, &number) || !ms_proc_number(&at, end, &number)) {
        return false;
    }
    while (at < end && *at == ' ') {
        at++;
    }
    const char *name = at;
    while (at < end && *at != ' ' && *at != '\n') {
        at++;
    }
    const size_t name_bytes = (size_t)(at - name);
    struct ms_disk_counts counts = {0};
    if (name_bytes == 0 || name_bytes >= sizeof counts.name) {
        return false;
    }
    memcpy(counts.name, name, name_bytes);
    uint64_t merged;
    uint64_t read_sectors;
    uint64_t written_sectors;
    if (!ms_proc_number(&at, end, &counts.reads) || !ms_proc_number(&at, end, &merged) ||
        !ms_proc_number(&at, end, &read_sectors) || !ms_proc_number(&at, end, &counts.read_ms) ||
        !ms_proc_number(&at, end, &counts.writes) || !ms_proc_number(&at, end, &merged) ||
        !ms_proc_number(&at, end, &written_sectors) ||
        !ms_proc_number(&at, end, &counts.write_ms) ||
        !ms_proc_number(&at, end, &counts.in_flight) ||
        !ms_proc_number(&at, end, &counts.busy_ms) || at == end) {
        return false;
    }
    counts.read_bytes = read_sectors * SECTOR_BYTES;
    counts.written_bytes = written_sectors * SECTOR_BYTES;
    *out = counts;
    return true;
}

static void look_at_device(const struct ms_disks_reader *reader, struct device *device)
{
    char path[600];
    char name[sizeof device->counts.name];
    memcpy(name, device->counts.name, sizeof name);
    for (char *at = name; (at = strchr(at, '/')) != NULL;) {
        *at = '!'; /* as /sys writes it */
    }
    (void)snprintf(path, sizeof path, "%s/block/%s", reader->sys, name);
    device->whole = name[0] != '.' && access(path, F_OK) == 0;
    (void)snprintf(path, sizeof path, "%s/block/%s/slaves", reader->sys, name);
    static const char *const without_a_disk[] = {"loop", "ram", "zram"};
    device->stacked = ms_proc_has_entries(path);
    for (size_t i = 0; i < sizeof without_a_disk / sizeof without_a_disk[0]; i++) {
        device->stacked |= strncmp(name, without_a_disk[i], strlen(without_a_disk[i])) == 0;
    }
}

static struct device *device_named(struct ms_disks_reader *reader, const char *name, size_t hint)
{
    if (hint < reader->count && strcmp(reader->devices[hint].counts.name, name) == 0) {
        return &reader->devices[hint]; /* the order rarely changes */
    }
    for (size_t i = 0; i < reader->count; i++) {
        if (strcmp(reader->devices[i].counts.name, name) == 0) {
            return &reader->devices[i];
        }
    }
    return NULL;
}

static uint64_t grown(uint64_t then, uint64_t now)
{
    return now > then ? now - then : 0; /* it was taken out and is another one now */
}

static void take_rates(const struct ms_disk_counts *then, const struct ms_disk_counts *now,
                       double seconds, struct ms_disk *disk)
{
    const uint64_t reads = grown(then->reads, now->reads);
    const uint64_t writes = grown(then->writes, now->writes);
    const uint64_t spent_ms =
        grown(then->read_ms, now->read_ms) + grown(then->write_ms, now->write_ms);
    const double busy_pct = (double)grown(then->busy_ms, now->busy_ms) / (10.0 * seconds);
    disk->reads_per_s = (double)reads / seconds;
    disk->writes_per_s = (double)writes / seconds;
    disk->read_bytes_per_s = (double)grown(then->read_bytes, now->read_bytes) / seconds;
    disk->write_bytes_per_s = (double)grown(then->written_bytes, now->written_bytes) / seconds;
    disk->busy_pct = busy_pct > 100 ? 100 : busy_pct;
    disk->wait_ms = reads + writes > 0 ? (double)spent_ms / (double)(reads + writes) : (double)NAN;
}

/* Rates of a device that is seen for the first time are NaN. */
static void take_device(struct ms_disks_reader *reader, const struct ms_disk_counts *counts,
                        size_t hint, double seconds, struct ms_disk *disk, bool *shown)
{
    struct device *device = device_named(reader, counts->name, hint);
    *disk = (struct ms_disk){.read_bytes_per_s = NAN,
                             .write_bytes_per_s = NAN,
                             .reads_per_s = NAN,
                             .writes_per_s = NAN,
                             .busy_pct = NAN,
                             .wait_ms = NAN,
                             .in_flight = counts->in_flight};
    *shown = false;
    if (device == NULL) {
        if (reader->count == DEVICES_MAX) {
            return;
        }
        device = &reader->devices[reader->count++];
        *device = (struct device){.counts = *counts};
        look_at_device(reader, device);
    } else {
        if (seconds > 0) { /* else it could not be read the last time */
            take_rates(&device->counts, counts, seconds, disk);
            device->moved |= disk->reads_per_s + disk->writes_per_s > 0;
        }
        device->read_bytes += grown(device->counts.read_bytes, counts->read_bytes);
        device->written_bytes += grown(device->counts.written_bytes, counts->written_bytes);
        device->counts = *counts;
    }
    device->present = true;
    (void)snprintf(disk->name, sizeof disk->name, "%s", counts->name);
    disk->stacked = device->stacked;
    disk->read_bytes = device->read_bytes;
    disk->written_bytes = device->written_bytes;
    *shown = device->whole && (!device->stacked || device->moved);
}

static void forget_absent(struct ms_disks_reader *reader)
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

/* What no disk is shown of. */
static void tell(struct ms_model *model, const struct ms_disks_reader *reader, size_t shown,
                 size_t left_out)
{
    char because[160];
    if (left_out > 0) {
        (void)snprintf(because, sizeof because, "%zu more disks than are kept", left_out);
        ms_model_source_set(model, MS_SOURCE_DISKS, MS_SOURCE_PARTIAL, because);
    } else if (shown > 0) {
        ms_model_source_set(model, MS_SOURCE_DISKS, MS_SOURCE_AVAILABLE, NULL);
    } else {
        (void)snprintf(because, sizeof because, "%s",
                       access(reader->sys, F_OK) != 0
                           ? "/sys is not there: disks and partitions cannot be told apart"
                           : "no disks here (a container, or a system without any)");
        ms_model_source_set(model, MS_SOURCE_DISKS, MS_SOURCE_UNAVAILABLE, because);
    }
}

void ms_disks_read(struct ms_disks_reader *reader, struct ms_descriptor_budget *budget,
                   struct ms_model *model, uint64_t now_ns)
{
    struct ms_system *system = ms_model_system_mutable(model);
    char path[512];
    (void)snprintf(path, sizeof path, "%s/diskstats", reader->proc);
    const ssize_t bytes =
        ms_proc_read_list(budget, &reader->diskstats, AT_FDCWD, path, reader->text, TEXT_BYTES);
    system->disk_count = 0;
    if (bytes < 0) {
        char because[120];
        (void)snprintf(because, sizeof because, "/proc/diskstats: %s", strerror((int)-bytes));
        ms_model_source_set(model, MS_SOURCE_DISKS, MS_SOURCE_UNAVAILABLE, because);
        reader->read_ns = 0;
        return;
    }
    const double seconds = reader->read_ns != 0 && now_ns > reader->read_ns
                               ? (double)(now_ns - reader->read_ns) / 1e9
                               : 0;
    const char *end = reader->text + bytes;
    size_t left_out = 0;
    size_t lines = 0;
    for (const char *line = reader->text; line < end; lines++) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        struct ms_disk_counts counts;
        struct ms_disk disk;
        bool shown;
        if (next == NULL) {
            break;
        }
        if (ms_disks_parse_line(line, next + 1, &counts)) {
            take_device(reader, &counts, lines, seconds, &disk, &shown);
            if (shown && system->disk_count < MS_DISKS_MAX) {
                system->disks[system->disk_count++] = disk;
            } else if (shown) {
                left_out++;
            }
        }
        line = next + 1;
    }
    forget_absent(reader);
    reader->read_ns = now_ns;
    tell(model, reader, system->disk_count, left_out);
}
