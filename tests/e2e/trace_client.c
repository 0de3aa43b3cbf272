/*
 * The smallest reader of a trace, for test_trace.py: starts a program under a keeper, writes every
 * packet of the trace as it came (behind its length in 4 bytes) to OUT, and at the end of the tree
 * tells the counters of all regions, a line each, on stdout.
 *
 *   trace_client [-b BUFFER_BYTES] [-l EVENTS] [-w WAIT_MS] [-n] OUT PROBE PROGRAM [ARG...]
 *
 * -n reads nothing until the program has ended.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "keeper/keeper.h"
#include "wire/descriptor.h"
#include "wire/layout.h"
#include "wire/message.h"
#include "wire/trace.h"

#define REGIONS 16

static FILE *out;
static int trace = -1;
static struct {
    uint32_t number;
    const unsigned char *base;
} regions[REGIONS];
static int region_count;

static void read_trace(void)
{
    static _Alignas(8) unsigned char packet[256 << 10];
    ssize_t got;
    while (trace >= 0 && (got = recv(trace, packet, sizeof packet, MSG_DONTWAIT)) > 0) {
        uint32_t bytes = (uint32_t)got;
        fwrite(&bytes, sizeof bytes, 1, out);
        fwrite(packet, 1, bytes, out);
    }
}

static void tell_region(uint32_t number, uint32_t slot, const unsigned char *base)
{
    const struct ms_region_header *header = (const void *)base;
    printf("process region=%u slot=%u pid=%u state=%u events=%" PRIu64 " lost=%" PRIu64 "\n",
           number, slot, header->pid, header->trace_state, header->trace_events,
           header->trace_lost);
    const struct ms_region_area *area = &header->areas[MS_AREA_THREADS];
    for (uint32_t i = 1; i < area->taken && i < area->published; i++) {
        const struct ms_region_thread *record =
            (const struct ms_region_thread *)(base + area->offset_bytes) + i;
        printf("thread region=%u slot=%u index=%u serial=%u tid=%u allocations=%" PRIu64
               " bytes=%" PRIu64 " frees=%" PRIu64 " freed_bytes=%" PRIu64 "\n",
               number, slot, i, record->serial, record->tid, record->own.allocations,
               record->own.bytes_allocated,
               record->own.deallocations + record->own.frees_for_others,
               record->own.bytes_freed + record->own.bytes_freed_for_others);
    }
    area = &header->areas[MS_AREA_CONTEXTS];
    for (uint32_t i = 1; i < area->taken && i < area->published; i++) {
        const struct ms_region_context *context =
            (const struct ms_region_context *)(base + area->offset_bytes) + i;
        printf("context region=%u slot=%u index=%u allocations=%" PRIu64 " bytes=%" PRIu64
               " frees=%" PRIu64 " freed_bytes=%" PRIu64 "\n",
               number, slot, i, context->allocations, context->bytes_allocated,
               context->deallocations + context->remote.deallocations +
                   context->remote.sole_deallocations,
               context->bytes_freed + context->remote.bytes_freed +
                   context->remote.sole_bytes_freed);
    }
}

static void tell_counters(void)
{
    for (int i = 0; i < region_count; i++) {
        const struct ms_region_header *header = (const void *)regions[i].base;
        tell_region(regions[i].number, 0, regions[i].base);
        for (uint32_t slot = 1; slot <= MS_REGION_SLOTS; slot++) {
            if ((header->slots_ready[(slot - 1) / 64] >> (slot - 1) % 64 & 1) != 0) {
                tell_region(regions[i].number, slot, regions[i].base + ms_region_slot_offset(slot));
            }
        }
    }
}

/* Returns false at the end. */
static bool read_keeper(int keeper, int *status)
{
    static _Alignas(8) unsigned char packet[MS_MESSAGE_MAX_BYTES];
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(4 * sizeof(int))];
    } control;
    struct iovec part = {packet, sizeof packet};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    if (recvmsg(keeper, &message, 0) <= 0) {
        return false;
    }
    int descriptor = ms_descriptor_take(&message);
    const struct ms_message_header *header = (const void *)packet;
    if (header->type == MS_MSG_TRACE) {
        trace = descriptor;
    } else if (header->type == MS_MSG_REGION && region_count < REGIONS) {
        const void *base = mmap(NULL, ms_region_file_bytes(), PROT_READ, MAP_SHARED, descriptor, 0);
        regions[region_count].number = MS_PROCESS_REGION(header->process_id);
        regions[region_count++].base = base;
    } else if (header->type == MS_MSG_PROCESS_END && header->process_id == MS_PROCESS_ID(1, 0)) {
        const struct ms_message_process_end *end = (const void *)packet;
        *status = end->exit_status;
    }
    return header->type != MS_MSG_TREE_END;
}

static void send_to(int keeper, struct ms_message_header *header, size_t bytes)
{
    header->version = MS_WIRE_VERSION;
    header->bytes = (uint32_t)bytes;
    if (send(keeper, header, bytes, 0) < 0) {
        perror("send");
        exit(1);
    }
}

int main(int count, char **arguments)
{
    struct ms_keeper_options options = {
        .tee = -1,
        .config = {.tracking = {.mode = MS_MODE_EXACT, .stack_depth = 32, .trace = 1},
                   .trace_allowed = 1,
                   .follow_children = 1}};
    bool late = false;
    int option;
    while ((option = getopt(count, arguments, "+b:l:w:n")) != -1) {
        switch (option) {
        case 'b':
            options.config.trace_buffer_bytes = (uint32_t)atoi(optarg);
            break;
        case 'l':
            options.config.trace_events_max = (uint64_t)atoll(optarg);
            break;
        case 'w':
            options.config.trace_wait_ms = (uint32_t)atoi(optarg);
            break;
        default:
            late = true;
        }
    }
    out = fopen(arguments[optind], "wb");
    options.probe = arguments[optind + 1];
    options.program = arguments[optind + 2];
    options.arguments = arguments + optind + 2;
    struct ms_keeper_started started;
    bool own_failure;
    if (out == NULL || ms_keeper_start(&options, &started, &own_failure) != 0) {
        return 1;
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", started.socket_path);
    int keeper = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (connect(keeper, (struct sockaddr *)&address, sizeof address) != 0) {
        return 1;
    }
    struct ms_message_viewer_hello hello = {.header = {.type = MS_MSG_VIEWER_HELLO},
                                            .wants_trace = 1};
    send_to(keeper, &hello.header, sizeof hello);
    int status = -3;
    bool alive = true;
    while (alive) {
        struct pollfd wanted[] = {{.fd = keeper, .events = POLLIN},
                                  {.fd = late ? -1 : trace, .events = POLLIN}};
        poll(wanted, 2, 1000);
        if (wanted[1].revents != 0) {
            read_trace();
        }
        alive = wanted[0].revents == 0 || read_keeper(keeper, &status);
    }
    read_trace();
    printf("status %d\n", status);
    tell_counters();
    return fclose(out);
}
