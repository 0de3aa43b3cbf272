/*
 * Reading a region that a possibly hostile process writes while we read. Nothing in it is trusted:
 * the layout is checked once on a private copy, every figure is read once into memory of ours,
 * every index is checked against the published mark, every loop is bounded.
 *
 * The functions never fail by crashing and never write; `false` or 0 means "nothing there".
 */
#ifndef MS_COLLECT_REGION_READER_H
#define MS_COLLECT_REGION_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"
#include "wire/region.h"

/* One region of a file, the main one or a slot, mapped read-only. */
struct ms_region_mapping {
    const unsigned char *base; /* NULL: not mapped */
    uint64_t bytes;
};

/*
 * Maps the main region of the file behind `descriptor` after proving that it cannot shrink under
 * us. The descriptor stays the caller's. Returns 0, -EPROTO (not sealed, wrong size, damaged),
 * -EPROTONOSUPPORT (another version) or -errno.
 */
int ms_region_mapping_open(struct ms_region_mapping *file, int descriptor);
/*
 * Maps a slot of the file that `file` is the main region of; outlives it. Returns 0, -EINVAL (no
 * such slot) or -errno. Only for slots that are ready: looking at a hole would give it memory.
 */
int ms_region_mapping_open_slot(struct ms_region_mapping *slot_mapping,
                                const struct ms_region_mapping *file, uint32_t slot);
/* Gives back all of a main region but its first page: slots can still be found and opened. */
void ms_region_mapping_keep_header(struct ms_region_mapping *file);
void ms_region_mapping_close(struct ms_region_mapping *file);

/* Word `word` (< MS_REGION_SLOTS / 64) of the slots that a child counts or counted in. */
uint64_t ms_region_mapping_slots_ready(const struct ms_region_mapping *file, uint32_t word);

/* One region (main or slot) of a file: where its areas are, taken from a checked copy. */
struct ms_region_view {
    const unsigned char *base;
    uint64_t area_offset[MS_AREA_COUNT];
    uint32_t area_capacity[MS_AREA_COUNT];
};

/*
 * `slot`: which region the mapping is of. It must outlive the view. Returns 0, -EPROTO,
 * -EPROTONOSUPPORT or -EINVAL (no such slot, or the mapping is too small for it).
 */
int ms_region_view_init(struct ms_region_view *view, const struct ms_region_mapping *mapping,
                        uint32_t slot);

/* enum ms_region_state, with acquire: what the probe wrote before it is visible. */
uint32_t ms_region_view_state(const struct ms_region_view *view);
/* Elements of an area that may be looked at, the reserved index 0 included. */
uint32_t ms_region_view_published(const struct ms_region_view *view, enum ms_area_id area);
/* How many there may ever be, the reserved one included. */
uint32_t ms_region_view_capacity(const struct ms_region_view *view, enum ms_area_id area);

/* What the header says of the process, each word read once. */
struct ms_region_facts {
    uint32_t state, off_reason, untagged_reason;
    uint32_t pid, parent_pid;
    uint32_t exe, allocator; /* string offsets, to be given to ms_region_view_string */
    uint32_t unseen[MS_UNSEEN_WAYS];
    uint64_t probe_bytes;
    uint64_t start_ns, exec_ns;
    uint64_t peak_bytes, publish_step_bytes;
    uint32_t peak_epoch; /* what contexts say of the peak is of this epoch, see region.h */
    uint64_t epoch_bytes, epoch_ns;
    bool sampled; /* now or before */
    uint64_t untracked_allocations, side_table_full, coarsened_events, busy_events, damaged_tags,
        stale_tags, threads_folded, untracked_children, details_missing, rates_missing,
        misuse_missing, io_sites_missing, io_threads_missing;
    uint32_t io_counting; /* enum ms_io_counting, or anything else */
    uint32_t misuses;     /* differs when one of MS_AREA_MISUSES does */
    struct ms_stack_check stacks;
    uint32_t slots_taken;
    uint64_t trace_events, trace_lost;
    uint32_t trace_state;  /* enum ms_trace_state */
    bool exit_noted;       /* it called exit */
    uint8_t exit_status;   /* ... with this */
    uint64_t exit_ns;      /* ... then */
    struct ms_heap folded; /* peak_bytes and waste_bytes of ended threads with nothing live: 0 */
};
void ms_region_view_facts(const struct ms_region_view *view, struct ms_region_facts *facts);

/* What is to be tracked, and what the probe made of it by itself. */
struct ms_region_tracking_copy {
    uint32_t changes, steps;
    bool trace_allowed;
    bool valid; /* false: it was being written, keep the old one; `steps` and step[] are good */
    struct ms_tracking tracking;
    struct ms_region_step step[MS_STEPS_KEPT]; /* oldest first */
    uint32_t steps_kept;
};
void ms_region_view_tracking(const struct ms_region_view *view,
                             struct ms_region_tracking_copy *copy);
/* A cheap look: differs when one of the two has changed. */
uint64_t ms_region_view_tracking_peek(const struct ms_region_view *view);

/* A thread record. `heap` is read frees first, so that its live bytes are never negative. */
struct ms_region_thread_copy {
    struct ms_heap heap;
    uint64_t own_deallocations, own_bytes_freed; /* of those of the heap: by itself */
    uint32_t state, tid, serial, root_context;
    bool tracked;
    uint32_t name_version; /* even; 0 with an empty name when the name was never set */
    bool name_valid;       /* false: it was being written, keep the old one */
    char name[MS_THREAD_NAME];
    uint64_t start_ns, end_ns;
    struct ms_final_usage final_usage;
};
bool ms_region_view_thread(const struct ms_region_view *view, uint32_t index,
                           struct ms_region_thread_copy *copy);

/* Cheap look at a thread record: `serial` and a sum that changes when any counter did. */
bool ms_region_view_thread_peek(const struct ms_region_view *view, uint32_t index, uint32_t *serial,
                                uint64_t *change);

/*
 * The flow table of a record, entry by entry, unused ones too, `flows_rest` last. `out` has room
 * for MS_FLOW_ENTRIES + 1. Returns how many that are; 0: no such record.
 */
uint32_t ms_region_view_flows(const struct ms_region_view *view, uint32_t index,
                              struct ms_region_flow *out);

/* What the sample of a context stands for, its own frees and those of others together. */
struct ms_region_estimate_copy {
    double allocations, deallocations; /* in blocks */
    uint64_t bytes_allocated, bytes_freed;
};

/* Frees are read first, so that nothing live is ever negative. Histograms: zero where unknown. */
struct ms_region_context_copy {
    uint64_t allocations, deallocations, bytes_allocated, bytes_freed, peak_bytes;
    uint64_t waste_bytes, temporary, reallocations, failed_calls;
    uint64_t at_peak_bytes; /* live when `epoch` began, what others freed taken off */
    bool at_peak_fixed;     /* false: unchanged since then, so it is what is live now */
    uint32_t stack, thread, generation;
    uint32_t rate; /* index of the sampling rate, 0: not sampled */
    struct ms_histogram sizes, lifetimes;
    struct ms_region_estimate_copy estimate; /* zero when not sampled */
};
bool ms_region_view_context(const struct ms_region_view *view, uint32_t index, uint32_t epoch,
                            struct ms_region_context_copy *copy);
/* Owner, generation and a sum that changes when any counter did. false: the context is free. */
bool ms_region_view_context_peek(const struct ms_region_view *view, uint32_t index,
                                 uint32_t *thread, uint32_t *generation, uint64_t *change);

/* What an element of MS_AREA_MISUSES says. */
struct ms_region_misuse_copy {
    uint32_t kind;       /* enum ms_region_misuse_kind, or anything else */
    uint32_t block_kind; /* enum ms_block_kind */
    uint32_t releaser;   /* enum ms_releaser, or anything else */
    uint32_t allocated_stack, released_stack;
    uint64_t count, samples, bytes;
    uint64_t first_ns, last_ns;
    uint64_t first_thread; /* record << 32 | serial */
};
/* false: nothing was counted in it. */
bool ms_region_view_misuse(const struct ms_region_view *view, uint32_t index,
                           struct ms_region_misuse_copy *copy);

/*
 * The lines of I/O of a thread record. What is timed is read before what it is part of. false:
 * nothing there. `peek`: a sum that changes when any call was counted, or began.
 */
struct ms_region_thread_io_copy {
    uint32_t serial;
    bool in_call;
    uint32_t in_call_kind;     /* < MS_REGION_IO_KINDS */
    uint64_t in_call_begin_ns; /* 0: not taken */
    uint64_t calls[MS_REGION_IO_KINDS], bytes[MS_REGION_IO_KINDS], errors[MS_REGION_IO_KINDS],
        would_block[MS_REGION_IO_KINDS], timed_calls[MS_REGION_IO_KINDS],
        timed_ns[MS_REGION_IO_KINDS], weighed_calls[MS_REGION_IO_KINDS],
        weighed_ns[MS_REGION_IO_KINDS];
    uint64_t more_received, more_sent;
};
bool ms_region_view_thread_io(const struct ms_region_view *view, uint32_t index,
                              struct ms_region_thread_io_copy *copy);
bool ms_region_view_thread_io_peek(const struct ms_region_view *view, uint32_t index,
                                   uint32_t *serial, uint64_t *change);

/* How many marks the program has set, lost ones too. */
uint64_t ms_region_view_marks(const struct ms_region_view *view);

struct ms_region_mark_copy {
    uint64_t at_ns;
    uint32_t serial;               /* of the thread; 0: unknown */
    char text[MS_MARK_TEXT_BYTES]; /* terminated; anything may be in it */
};
enum ms_region_mark_found {
    MS_REGION_MARK_THERE,
    MS_REGION_MARK_NOT_YET, /* or it will never be: the program is no more, or jumped away */
    MS_REGION_MARK_LOST     /* another took its place */
};
/* The mark with this number; `copy` is filled when it is there. */
enum ms_region_mark_found ms_region_view_mark(const struct ms_region_view *view, uint64_t number,
                                              struct ms_region_mark_copy *copy);

/* What an element of MS_AREA_IO_SITES says; `samples` is read first. */
struct ms_region_io_site_copy {
    uint32_t serial, stack; /* of the thread; stack 0: not known */
    uint32_t kind;          /* < MS_REGION_IO_KINDS */
    uint64_t calls, bytes, wait_ns, samples;
};
/* false: nothing was counted in it. */
bool ms_region_view_io_site(const struct ms_region_view *view, uint32_t index,
                            struct ms_region_io_site_copy *copy);

/*
 * Pc ids of a stack, innermost first, at most MS_STACK_DEPTH_MAX; *flags is its header word without
 * the depth. Returns the depth, 0 when there is no such stack.
 */
uint32_t ms_region_view_stack(const struct ms_region_view *view, uint32_t stack,
                              uint32_t pcs[MS_STACK_DEPTH_MAX], uint32_t *flags);
bool ms_region_view_pc(const struct ms_region_view *view, uint32_t index,
                       struct ms_region_pc *copy);
/* build_id_bytes of the copy is at most MS_BUILD_ID_MAX. */
bool ms_region_view_module(const struct ms_region_view *view, uint32_t index,
                           struct ms_region_module *copy);
/* Copies at most size - 1 bytes; always terminated. Returns the length. */
size_t ms_region_view_string(const struct ms_region_view *view, uint32_t offset, char *out,
                             size_t size);

#endif
