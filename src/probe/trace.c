/*
 * Batches of events. The buffer of a thread is a ring: an event takes the next position with one
 * instruction, writes its place there, and the word with its kind last. So a handler that comes in
 * between takes the next position and corrupts nothing, and whoever sends sees which places are
 * written. Only the owner appends; a batch is sent by whoever holds `sending`.
 */
#include "probe/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "probe/map.h"
#include "probe/now.h"
#include "probe/system_call.h"
#include "probe/thread.h"
#include "probe/wiped.h"
#include "wire/clock.h"
#include "wire/trace.h"

#define DESCRIPTOR_HIGH 1000 /* below the 1,024 that select() and most limits have */
#define DESCRIPTOR_LOW  48   /* the program expects lower numbers to be free */
#define SPARE_EVENTS    32u  /* places for handlers that come while a batch is sent */
#define BATCH_AGE_NS    (250 * MS_NS_PER_MS)
#define WAIT_STEP_NS    (10 * MS_NS_PER_MS)
#define LAP_SHIFT       MS_TRACE_BYTES_BITS
#define LAP_MASK        UINT64_C(63)

enum sender { SENDER_NONE, SENDER_OWNER, SENDER_OTHER };

struct ms_trace_buffer {
    struct ms_trace_buffer *next; /* of the process */
    uint32_t capacity;            /* places, a power of two */
    uint32_t thread, serial;      /* whose events these are */
    uint64_t first_position;      /* of the thread: its event number 0 */
    _Atomic uint64_t taken;       /* positions ever taken */
    _Atomic uint64_t sent;        /* positions that are done with, sent or lost */
    _Atomic uint32_t sending;     /* enum sender */
    _Atomic uint64_t dealing;     /* what `sent` will be, while a batch is under way */
    _Atomic uintptr_t inside;     /* stack pointer of an append that is under way, 0: none */
    uint64_t oldest_ns;           /* of the events that wait */
    _Atomic uint64_t last_ns;     /* of the latest event */
    struct ms_trace_event events[];
};

/* The socket as it was handed over: a forked child has the same one. */
static int trace_socket = -1;
static dev_t socket_device;
static ino_t socket_inode;
static uint32_t region_number;
static _Atomic bool process_closing;

static void count_lost(struct ms_region_header *region, uint64_t events)
{
    atomic_fetch_add_explicit(&region->trace_lost, events, memory_order_relaxed);
}

static uint32_t trace_state(struct ms_region_header *region)
{
    return atomic_load_explicit(&region->trace_state, memory_order_relaxed);
}

/* Ends the trace of this process, for the first reason there is. */
static void stop_for(struct ms_region_header *region, enum ms_trace_state reason)
{
    uint32_t seen = trace_state(region);
    while (seen < MS_TRACE_LIMIT &&
           !atomic_compare_exchange_weak(&region->trace_state, &seen, (uint32_t)reason)) {
    }
}

void ms_trace_begin(int descriptor, uint32_t number)
{
    struct rlimit limit = {.rlim_cur = 0};
    struct stat status;
    region_number = number;
    if (descriptor < 0) {
        return;
    }
    (void)ms_system_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0, 0);
    int from = limit.rlim_cur > DESCRIPTOR_HIGH ? DESCRIPTOR_HIGH : (int)limit.rlim_cur - 1;
    long moved = -EMFILE;
    for (; moved < 0 && from >= DESCRIPTOR_LOW; from--) {
        moved = ms_system_call(SYS_fcntl, descriptor, F_DUPFD_CLOEXEC, from, 0, 0, 0);
    }
    (void)ms_system_call(SYS_close, descriptor, 0, 0, 0, 0, 0);
    if (moved >= 0 && ms_system_call(SYS_fstat, moved, (long)&status, 0, 0, 0, 0) == 0) {
        socket_device = status.st_dev;
        socket_inode = status.st_ino;
        trace_socket = (int)moved;
    }
}

/* Is the number still the socket? Programs close what they do not know, and use its number. */
static bool still_ours(void)
{
    struct stat status;
    return trace_socket >= 0 &&
           ms_system_call(SYS_fstat, trace_socket, (long)&status, 0, 0, 0, 0) == 0 &&
           status.st_dev == socket_device && status.st_ino == socket_inode;
}

void ms_trace_end(void)
{
    if (still_ours()) {
        (void)ms_system_call(SYS_close, trace_socket, 0, 0, 0, 0, 0);
    }
    trace_socket = -1;
}

static uint64_t lap_of(const struct ms_trace_buffer *buffer, uint64_t position)
{
    return (position / buffer->capacity & LAP_MASK) << LAP_SHIFT;
}

static struct ms_trace_event *place_of(struct ms_trace_buffer *buffer, uint64_t position)
{
    return &buffer->events[position & (buffer->capacity - 1)];
}

static bool is_written(struct ms_trace_buffer *buffer, uint64_t position)
{
    uint64_t word = __atomic_load_n(&place_of(buffer, position)->bytes_and_kind, __ATOMIC_ACQUIRE);
    return word >> MS_TRACE_KIND_SHIFT != MS_TRACE_MISSING &&
           (word & LAP_MASK << LAP_SHIFT) == lap_of(buffer, position);
}

/* Marks what was never written (a handler left for good) as missing. Returns how many are there. */
static uint32_t settle_places(struct ms_trace_buffer *buffer, uint64_t from, uint64_t count)
{
    uint32_t written = 0;
    for (uint64_t position = from; position < from + count; position++) {
        if (is_written(buffer, position)) {
            written++;
        } else {
            __atomic_store_n(&place_of(buffer, position)->bytes_and_kind, 0, __ATOMIC_RELAXED);
        }
    }
    return written;
}

static void wait_a_step(void)
{
    struct pollfd wait = {.fd = trace_socket, .events = POLLOUT};
    struct timespec step = {.tv_nsec = (long)WAIT_STEP_NS};
    (void)ms_system_call(SYS_ppoll, (long)&wait, 1, (long)&step, 0, 0, 0);
}

/* Sends one packet, waiting for room as long as the launcher allows. Returns 0 or -errno. */
static long send_packet(struct ms_region_header *region, const struct msghdr *message)
{
    uint64_t since_ns = 0;
    for (;;) {
        long sent = ms_system_call(SYS_sendmsg, trace_socket, (long)message,
                                   MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0, 0);
        if (sent >= 0) {
            return 0;
        }
        if (sent == -EINTR) {
            continue;
        }
        bool full = sent == -EAGAIN || sent == -ENOBUFS || sent == -ENOMEM;
        if (!full || region->config.trace_wait_ms == 0 || trace_state(region) != MS_TRACE_ON) {
            return full ? -EAGAIN : sent;
        }
        uint64_t now_ns = ms_now_ns();
        since_ns = since_ns == 0 ? now_ns : since_ns;
        if (now_ns - since_ns >= region->config.trace_wait_ms * MS_NS_PER_MS) {
            uint32_t on = MS_TRACE_ON;
            atomic_compare_exchange_strong(&region->trace_state, &on, MS_TRACE_IMPATIENT);
            return -EAGAIN;
        }
        wait_a_step();
        if (!still_ours()) {
            return -EBADF;
        }
    }
}

static long send_batch(struct ms_trace_buffer *buffer, struct ms_region_header *region,
                       uint64_t from, uint32_t count)
{
    struct ms_trace_batch batch = {
        .magic = MS_TRACE_MAGIC,
        .version = MS_TRACE_VERSION,
        .pid = region->pid,
        .region = region_number,
        .slot = region->slot,
        .thread = buffer->thread,
        .serial = buffer->serial,
        .event_count = count,
        .first_event = from - buffer->first_position,
        .lost_events = atomic_load_explicit(&region->trace_lost, memory_order_relaxed),
        .base_ns = atomic_load_explicit(&buffer->last_ns, memory_order_relaxed),
    };
    uint32_t at = (uint32_t)(from & (buffer->capacity - 1));
    uint32_t to_end = buffer->capacity - at < count ? buffer->capacity - at : count;
    struct iovec parts[] = {
        {&batch, sizeof batch},
        {&buffer->events[at], to_end * sizeof(struct ms_trace_event)},
        {&buffer->events[0], (count - to_end) * sizeof(struct ms_trace_event)},
    };
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    return still_ours() ? send_packet(region, &message) : -EBADF;
}

/* How many of `count` events the limit still lets through; they count as sent from here on. */
static uint32_t take_from_limit(struct ms_region_header *region, uint32_t count)
{
    uint64_t max = region->config.trace_events_max;
    uint64_t now = atomic_load_explicit(&region->trace_events, memory_order_relaxed);
    uint64_t granted;
    do {
        granted = max == 0 || max - now > count ? count : max > now ? max - now : 0;
    } while (!atomic_compare_exchange_weak(&region->trace_events, &now, now + granted));
    return (uint32_t)granted;
}

/* The holder of `sending` deals with the positions below `until`. */
static void deal_with(struct ms_trace_buffer *buffer, struct ms_region_header *region,
                      uint64_t until)
{
    uint64_t from = atomic_load(&buffer->sent);
    uint64_t waiting = until - from;
    if (waiting == 0) {
        return;
    }
    atomic_store(&buffer->dealing, until);
    uint32_t count = waiting < buffer->capacity ? (uint32_t)waiting : buffer->capacity;
    uint32_t written = settle_places(buffer, from, count);
    count_lost(region, waiting - written);
    uint32_t granted = 0;
    if (trace_state(region) >= MS_TRACE_LIMIT) {
        count_lost(region, trace_state(region) == MS_TRACE_LIMIT ? 0 : written);
    } else if (ms_map_quiet()) {
        stop_for(region, MS_TRACE_QUIET);
        count_lost(region, written);
    } else {
        granted = take_from_limit(region, written);
        uint32_t batch = granted < written ? granted : count;
        long error = batch == 0 ? 0 : send_batch(buffer, region, from, batch);
        if (error != 0) {
            atomic_fetch_sub(&region->trace_events, granted);
            count_lost(region, written);
        }
        /* In a vfork child the table of descriptors is not the one that the parent will go on
         * with. */
        if (error != 0 && error != -EAGAIN &&
            (uint32_t)ms_system_call(SYS_getpid, 0, 0, 0, 0, 0, 0) == region->pid) {
            stop_for(region, error == -EBADF ? MS_TRACE_CLOSED : MS_TRACE_NO_READER);
        } else if (error == 0 && granted < written) {
            stop_for(region, MS_TRACE_LIMIT);
        }
    }
    atomic_store_explicit(&buffer->sent, until, memory_order_release);
}

static void flush_buffer(struct ms_trace_buffer *buffer, enum sender sender)
{
    struct ms_region_header *region = ms_region;
    uint32_t expected = SENDER_NONE;
    if (region == NULL ||
        !atomic_compare_exchange_strong(&buffer->sending, &expected, (uint32_t)sender)) {
        return;
    }
    uint64_t until = atomic_load_explicit(&buffer->taken, memory_order_acquire);
    uint64_t sent = atomic_load(&buffer->sent);
    /* The owner may be writing its latest place right now: that is for the next time. */
    while (sender == SENDER_OTHER && until > sent && until - sent <= buffer->capacity &&
           !is_written(buffer, until - 1)) {
        until--;
    }
    deal_with(buffer, region, until);
    atomic_store(&buffer->sending, SENDER_NONE);
}

static struct ms_trace_buffer *make_buffer(struct ms_thread_state *state,
                                           struct ms_region_header *region)
{
    uint32_t bytes = region->config.trace_buffer_bytes;
    bytes = bytes == 0 ? MS_TRACE_BUFFER_BYTES_DEFAULT : bytes;
    bytes = bytes < MS_TRACE_BUFFER_BYTES_MIN   ? MS_TRACE_BUFFER_BYTES_MIN
            : bytes > MS_TRACE_BUFFER_BYTES_MAX ? MS_TRACE_BUFFER_BYTES_MAX
                                                : bytes;
    uint32_t room =
        (uint32_t)((bytes - sizeof(struct ms_trace_buffer)) / sizeof(struct ms_trace_event));
    uint32_t capacity = 1u << (31 - __builtin_clz(room));
    struct ms_trace_buffer *buffer = ms_private_pages(
        sizeof(struct ms_trace_buffer) + capacity * sizeof(struct ms_trace_event), true);
    if (buffer == NULL) {
        return NULL;
    }
    buffer->capacity = capacity;
    buffer->thread = state->index;
    buffer->serial = state->serial;
    struct ms_trace_buffer *none = NULL;
    if (!__atomic_compare_exchange_n(&state->trace, &none, buffer, false, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED)) {
        return none; /* a handler came in between and made one */
    }
    struct ms_trace_buffer *first = atomic_load(&ms_wiped->trace_buffers);
    do {
        buffer->next = first;
    } while (!atomic_compare_exchange_weak(&ms_wiped->trace_buffers, &first, buffer));
    return buffer;
}

/* A siglongjmp left an append for good: its frame is gone when the stack is shorter now. */
static bool is_stale(const struct ms_thread_state *state, uintptr_t inside, uintptr_t here)
{
    return here >= inside && here < state->stack.stack_high && inside >= state->stack.stack_low;
}

/* A batch that was left for good may have been sent: it is not sent again. If it was not, its
 * reader sees from the numbers what is missing. */
static void give_up_sending(struct ms_trace_buffer *buffer)
{
    if (atomic_load(&buffer->sending) == SENDER_OWNER) {
        if (atomic_load(&buffer->dealing) > atomic_load(&buffer->sent)) {
            atomic_store(&buffer->sent, atomic_load(&buffer->dealing));
        }
        atomic_store(&buffer->sending, SENDER_NONE);
    }
}

/* The outermost append of the thread: sends first what has to be sent before its event. */
static void make_room(struct ms_trace_buffer *buffer, const struct ms_thread_state *state,
                      uint64_t now_ns)
{
    uint64_t taken = atomic_load(&buffer->taken);
    uint64_t waiting = taken - atomic_load(&buffer->sent);
    bool other_thread = buffer->serial != state->serial; /* the state was used again */
    if (waiting > 0 && (other_thread || waiting + SPARE_EVENTS >= buffer->capacity ||
                        now_ns - buffer->oldest_ns > BATCH_AGE_NS)) {
        flush_buffer(buffer, SENDER_OWNER);
        waiting = atomic_load(&buffer->taken) - atomic_load(&buffer->sent);
    }
    if (other_thread) {
        buffer->thread = state->index;
        buffer->serial = state->serial;
        buffer->first_position = atomic_load(&buffer->sent);
    }
    if (waiting == 0) {
        buffer->oldest_ns = now_ns;
    }
}

/* Without a free place it only takes its position: whoever sends counts it as lost. */
static void write_event(struct ms_trace_buffer *buffer, const struct ms_trace_event *event)
{
    uint64_t position = atomic_fetch_add_explicit(&buffer->taken, 1, memory_order_relaxed);
    if (position - atomic_load_explicit(&buffer->sent, memory_order_acquire) >= buffer->capacity) {
        return;
    }
    struct ms_trace_event *place = place_of(buffer, position);
    place->address = event->address;
    place->context = event->context;
    place->time_ns = event->time_ns;
    __atomic_store_n(&place->bytes_and_kind, event->bytes_and_kind | lap_of(buffer, position),
                     __ATOMIC_RELEASE);
}

/* Is there a trace to write to? Says what is in its way. */
static struct ms_trace_buffer *buffer_of(struct ms_thread_state *state,
                                         struct ms_region_header *region)
{
    if (MS_UNLIKELY(trace_state(region) >= MS_TRACE_LIMIT)) {
        count_lost(region, trace_state(region) == MS_TRACE_LIMIT ? 0 : 1);
        return NULL;
    }
    if (MS_UNLIKELY(state == NULL || ms_map_quiet())) {
        if (state != NULL) {
            stop_for(region, MS_TRACE_QUIET);
        }
        count_lost(region, 1);
        return NULL;
    }
    if (MS_LIKELY(state->trace != NULL)) {
        return state->trace;
    }
    uint32_t none = MS_TRACE_NONE;
    atomic_compare_exchange_strong(&region->trace_state, &none, MS_TRACE_ON);
    if (trace_socket < 0) {
        stop_for(region, MS_TRACE_NO_DESCRIPTOR);
    } else if (make_buffer(state, region) == NULL) {
        stop_for(region, MS_TRACE_NO_MEMORY);
    }
    if (state->trace == NULL) {
        count_lost(region, 1);
    }
    return state->trace;
}

static void append(struct ms_thread_state *state, uint64_t at_ns, struct ms_trace_event *event)
{
    struct ms_region_header *region = ms_region;
    struct ms_trace_buffer *buffer = region == NULL ? NULL : buffer_of(state, region);
    if (buffer == NULL) {
        return;
    }
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t inside = atomic_load_explicit(&buffer->inside, memory_order_relaxed);
    uint64_t now_ns = ms_now_ns();
    bool outermost = inside == 0 || is_stale(state, inside, here);
    if (outermost) {
        if (MS_UNLIKELY(inside != 0)) {
            give_up_sending(buffer);
        }
        atomic_store_explicit(&buffer->inside, here, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        make_room(buffer, state, now_ns);
    }
    event->time_ns = (uint32_t)(at_ns != 0 ? at_ns : now_ns);
    write_event(buffer, event);
    atomic_store_explicit(&buffer->last_ns, now_ns, memory_order_relaxed);
    if (outermost) {
        if (MS_UNLIKELY(atomic_load_explicit(&process_closing, memory_order_relaxed))) {
            flush_buffer(buffer, SENDER_OWNER);
        }
        atomic_signal_fence(memory_order_seq_cst);
        atomic_store_explicit(&buffer->inside, 0, memory_order_relaxed);
    }
}

static uint64_t word_of(uint64_t bytes, enum ms_trace_kind kind)
{
    return (bytes & ((UINT64_C(1) << MS_TRACE_BYTES_BITS) - 1)) | (uint64_t)kind
                                                                      << MS_TRACE_KIND_SHIFT;
}

void ms_trace_allocated(struct ms_thread_state *state, const void *block, uint64_t bytes,
                        uint32_t context)
{
    struct ms_trace_event event = {.address = (uintptr_t)block,
                                   .bytes_and_kind = word_of(bytes, MS_TRACE_ALLOCATION),
                                   .context = context};
    append(state, 0, &event);
}

void ms_trace_freed(struct ms_thread_state *state, const void *block, uint64_t bytes,
                    uint32_t context, uint64_t at_ns)
{
    struct ms_trace_event event = {.address = (uintptr_t)block,
                                   .bytes_and_kind = word_of(bytes, MS_TRACE_FREE),
                                   .context = context};
    append(state, at_ns, &event);
}

void ms_trace_flush(struct ms_thread_state *state)
{
    struct ms_trace_buffer *buffer = state->trace;
    if (buffer != NULL && atomic_load(&buffer->inside) == 0) {
        flush_buffer(buffer, SENDER_OWNER);
    }
}

void ms_trace_flush_all(bool closing)
{
    if (ms_wiped == NULL || ms_region == NULL || ms_map_quiet() ||
        atomic_load(&ms_wiped->trace_buffers) == NULL ||
        (uint32_t)ms_system_call(SYS_getpid, 0, 0, 0, 0, 0, 0) != ms_region->pid) {
        return;
    }
    if (closing) {
        atomic_store(&process_closing, true);
    }
    for (struct ms_trace_buffer *buffer = atomic_load(&ms_wiped->trace_buffers); buffer != NULL;
         buffer = buffer->next) {
        flush_buffer(buffer, SENDER_OTHER);
    }
}
