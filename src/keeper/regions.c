/*
 * Region files. The size is fixed by seals before anybody else sees the descriptor: no reader can
 * be hit by SIGBUS, no limit on file sizes hits the program.
 */
#include "keeper/regions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "keeper/descriptor.h"
#include "keeper/processes.h"
#include "keeper/send.h"
#include "wire/layout.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

static int create_sized(uint64_t bytes)
{
    int fd = memfd_create("memscope-region", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) { /* kernel before 6.3 */
        fd = memfd_create("memscope-region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    }
    fd = ms_fd_above_standard(fd);
    if (fd < 0) {
        return fd;
    }
    if (ftruncate(fd, (off_t)bytes) != 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int ms_region_create(const struct ms_probe_config *config)
{
    struct ms_region_header header;
    memset(&header, 0, sizeof(header));
    ms_region_format(&header, 0, config);
    int fd = create_sized(ms_region_file_bytes());
    if (fd < 0) {
        return fd;
    }
    ssize_t written = pwrite(fd, &header, sizeof(header), 0);
    if (written != (ssize_t)sizeof(header) ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        int error = written >= 0 && written != (ssize_t)sizeof(header) ? ENOSPC : errno;
        close(fd);
        return -error;
    }
    return fd;
}

struct ms_region_file *ms_regions_from(const struct ms_keeper *keeper, uint32_t number)
{
    uint32_t low = 0;
    uint32_t high = keeper->region_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (keeper->regions[middle]->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < keeper->region_count ? keeper->regions[low] : NULL;
}

struct ms_region_file *ms_regions_find(const struct ms_keeper *keeper, uint32_t number)
{
    struct ms_region_file *file = ms_regions_from(keeper, number);
    return file != NULL && file->number == number ? file : NULL;
}

void ms_region_file_free(struct ms_region_file *file)
{
    if (file != NULL) {
        close(file->fd);
        free(file->watches);
        free(file);
    }
}

/*
 * Drops the oldest file in which nobody counts any more. Viewers that were told of it hold
 * descriptors of their own; the first one, the program's, is kept for viewers to come.
 */
static int drop_oldest_ended(struct ms_keeper *keeper)
{
    for (uint32_t at = 0; at < keeper->region_count; at++) {
        struct ms_region_file *file = keeper->regions[at];
        if (file->alive > 0 || file->number == 1) {
            continue;
        }
        ms_region_file_free(file);
        keeper->region_count--;
        for (uint32_t next = at; next < keeper->region_count; next++) {
            keeper->regions[next] = keeper->regions[next + 1];
        }
        keeper->regions_dropped++;
        return 0;
    }
    return -ENOSPC;
}

/* Room for the watches of slots up to and with `slot`. */
static int reserve_watches(struct ms_region_file *file, uint32_t slot)
{
    if (slot < file->watch_count) {
        return 0;
    }
    uint32_t count = file->watch_count * 2 > slot ? file->watch_count * 2 : slot + 1;
    count = count > 1 + MS_REGION_SLOTS ? 1 + MS_REGION_SLOTS : count;
    struct ms_watch *watches = realloc(file->watches, count * sizeof(*watches));
    if (watches == NULL) {
        return -ENOMEM;
    }
    for (uint32_t fresh = file->watch_count; fresh < count; fresh++) {
        watches[fresh] = (struct ms_watch){.pidfd = -1, .state = MS_WATCH_NONE};
    }
    file->watches = watches;
    file->watch_count = count;
    return 0;
}

int ms_regions_add(struct ms_keeper *keeper, int fd, pid_t pid, struct ms_region_file **out)
{
    struct ms_region_file *file = calloc(1, sizeof(*file));
    if (file == NULL) {
        close(fd);
        return -ENOMEM;
    }
    file->fd = fd;
    if (reserve_watches(file, 0) != 0 ||
        (keeper->region_count == MS_KEEPER_REGIONS_MAX && drop_oldest_ended(keeper) != 0)) {
        int error = file->watches == NULL ? -ENOMEM : -ENOSPC;
        ms_region_file_free(file);
        return error;
    }
    file->number = ++keeper->region_last_number;
    keeper->regions[keeper->region_count++] = file;
    ms_processes_watch(keeper, file, 0, pid, 0);
    *out = file;
    return 0;
}

struct ms_message_region ms_region_message(uint32_t number, pid_t pid, bool first)
{
    return (struct ms_message_region){
        .header = {.type = MS_MSG_REGION,
                   .version = MS_WIRE_VERSION,
                   .bytes = sizeof(struct ms_message_region),
                   .process_id = MS_PROCESS_ID(number, 0)},
        .pid = (uint32_t)pid,
        .first = first,
    };
}

int ms_region_send_probe(int socket, const struct ms_message_region *message, int fd, int trace)
{
    const struct iovec part = {(void *)message, sizeof(*message)};
    return ms_send_pair(socket, &part, 1, (const int[2]){fd, trace});
}

int ms_region_send_viewer(int socket, const struct ms_message_region *message, int fd)
{
    const struct iovec part = {(void *)message, sizeof(*message)};
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int reopened = open(path, O_RDONLY | O_CLOEXEC);
    int result = ms_send(socket, &part, 1, reopened >= 0 ? reopened : fd);
    if (reopened >= 0) {
        close(reopened);
    }
    return result;
}

/* The part of a region header that tells who counts there. */
struct slot_owner {
    uint32_t state;
    uint32_t pid;
    uint64_t start_ns;
};

static bool read_owner(const struct ms_region_file *file, uint32_t slot, struct slot_owner *owner)
{
    struct ms_region_header header;
    uint64_t offset = ms_region_slot_offset(slot);
    size_t from = offsetof(struct ms_region_header, state);
    size_t bytes = offsetof(struct ms_region_header, pad0) - from;
    if (pread(file->fd, (char *)&header + from, bytes, (off_t)(offset + from)) != (ssize_t)bytes) {
        return false;
    }
    *owner = (struct slot_owner){header.state, header.pid, header.start_ns};
    return true;
}

/* Has the process that counted in a slot of `file` executed something and got another file since?
 */
static bool moved_on(const struct ms_keeper *keeper, const struct ms_region_file *file, pid_t pid)
{
    for (uint32_t at = keeper->region_count; at > 0; at--) {
        const struct ms_region_file *other = keeper->regions[at - 1];
        if (other->number > file->number && other->watches[0].pid == pid) {
            return true;
        }
    }
    return false;
}

static void look_at_slot(struct ms_keeper *keeper, struct ms_region_file *file, uint32_t slot)
{
    struct slot_owner owner;
    bool watched = slot < file->watch_count && file->watches[slot].state != MS_WATCH_NONE;
    if (watched || !read_owner(file, slot, &owner) || owner.state == MS_REGION_FREE ||
        owner.pid == 0 || reserve_watches(file, slot) != 0) {
        return;
    }
    if (owner.state == MS_REGION_EXEC && moved_on(keeper, file, (pid_t)owner.pid)) {
        file->watches[slot] =
            (struct ms_watch){.pid = (pid_t)owner.pid, .pidfd = -1, .state = MS_WATCH_REPLACED};
    } else {
        ms_processes_watch(keeper, file, slot, (pid_t)owner.pid, owner.start_ns);
    }
}

/* Read, not mapped: a look at a slot that nobody wrote to must not give it a page. */
static void scan_file(struct ms_keeper *keeper, struct ms_region_file *file)
{
    uint64_t ready[MS_REGION_SLOTS / 64];
    off_t from = (off_t)offsetof(struct ms_region_header, slots_ready);
    if (pread(file->fd, ready, sizeof(ready), from) != (ssize_t)sizeof(ready)) {
        return;
    }
    for (uint32_t word = 0; word < MS_REGION_SLOTS / 64; word++) {
        for (uint64_t left = ready[word]; left != 0; left &= left - 1) {
            look_at_slot(keeper, file, word * 64 + (uint32_t)__builtin_ctzll(left) + 1);
        }
    }
}

void ms_regions_scan(struct ms_keeper *keeper, bool all)
{
    for (uint32_t at = 0; at < keeper->region_count; at++) {
        if (all || keeper->regions[at]->alive > 0) {
            scan_file(keeper, keeper->regions[at]);
        }
    }
}
