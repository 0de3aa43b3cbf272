/*
 * Region files. The size is fixed by seals before anybody else sees the descriptor: no reader can
 * be hit by SIGBUS, no limit on file sizes hits the program.
 */
#include "keeper/regions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "keeper/descriptor.h"
#include "keeper/processes.h"
#include "keeper/send.h"
#include "wire/layout.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif
#define SLOTS_LOOKAHEAD 4u

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
    uint64_t bytes = ms_region_file_bytes();
    int fd = create_sized(bytes);
    if (fd < 0) {
        return fd;
    }
    void *file = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (file == MAP_FAILED) {
        int error = errno;
        close(fd);
        return -error;
    }
    ms_region_format(file, config);
    munmap(file, bytes);
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        int error = errno;
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
        close(file->fd);
        free(file);
        keeper->region_count--;
        for (uint32_t next = at; next < keeper->region_count; next++) {
            keeper->regions[next] = keeper->regions[next + 1];
        }
        keeper->regions_dropped++;
        return 0;
    }
    return -ENOSPC;
}

/* Where the slots lie, if the header still says what this build wrote there. */
static void read_layout(struct ms_region_file *file)
{
    struct ms_region_header header;
    if (pread(file->fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
        ms_region_check(&header, ms_region_file_bytes()) == 0) {
        file->slots_offset_bytes = header.slots_offset_bytes;
        file->slot_stride_bytes = header.slot_stride_bytes;
    }
}

int ms_regions_add(struct ms_keeper *keeper, int fd, pid_t pid, struct ms_region_file **out)
{
    struct ms_region_file *file = calloc(1, sizeof(*file));
    if (file == NULL ||
        (keeper->region_count == MS_KEEPER_REGIONS_MAX && drop_oldest_ended(keeper) != 0)) {
        int error = file == NULL ? -ENOMEM : -ENOSPC;
        free(file);
        close(fd);
        return error;
    }
    file->fd = fd;
    read_layout(file);
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

int ms_region_send(int socket, const struct ms_message_region *message, int fd, bool read_only)
{
    const struct iovec part = {(void *)message, sizeof(*message)};
    int reopened = -1;
    if (read_only) {
        char path[32];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        reopened = open(path, O_RDONLY | O_CLOEXEC);
    }
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
    const struct ms_region_header where = {
        .slots_offset_bytes = file->slots_offset_bytes,
        .slot_stride_bytes = file->slot_stride_bytes,
    };
    uint64_t offset = ms_region_slot_offset(&where, slot);
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

static void scan_file(struct ms_keeper *keeper, struct ms_region_file *file, bool all)
{
    uint32_t last = file->highest_slot + SLOTS_LOOKAHEAD;
    if (all || last > MS_REGION_SLOTS) {
        last = MS_REGION_SLOTS;
    }
    if (file->slot_stride_bytes == 0) {
        last = 0;
    }
    for (uint32_t slot = 1; slot <= last; slot++) {
        struct slot_owner owner;
        if (!read_owner(file, slot, &owner) || owner.state == MS_REGION_FREE || owner.pid == 0) {
            continue;
        }
        if (slot > file->highest_slot) {
            file->highest_slot = slot;
        }
        struct ms_watch *watch = &file->watches[slot];
        bool fresh = watch->state == MS_WATCH_NONE || watch->pid != (pid_t)owner.pid;
        if (fresh && owner.state == MS_REGION_EXEC && moved_on(keeper, file, (pid_t)owner.pid)) {
            *watch =
                (struct ms_watch){.pid = (pid_t)owner.pid, .pidfd = -1, .state = MS_WATCH_REPLACED};
        } else if (fresh) {
            ms_processes_watch(keeper, file, slot, (pid_t)owner.pid, owner.start_ns);
        }
    }
}

void ms_regions_scan(struct ms_keeper *keeper, bool all)
{
    for (uint32_t at = 0; at < keeper->region_count; at++) {
        if (all || keeper->regions[at]->alive > 0) {
            scan_file(keeper, keeper->regions[at], all);
        }
    }
}
