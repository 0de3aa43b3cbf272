/*
 * The shared region: what the probe counts, where the keeper put the room for it, and what the
 * viewer reads. One region per process; the keeper creates it as a sealed memfd, the probe maps
 * it and is the only writer of everything below `state`, viewers map it read-only.
 *
 * A region is a header page followed by areas. An area is an array of fixed-size elements that
 * grows only: the probe opens pages as it needs them and publishes how many elements a reader may
 * look at. Readers stop at the published mark (reading a hole would allocate it), treat every
 * index as hostile, and read each one once.
 *
 * Behind the main region lie MS_REGION_SLOTS spare slots: small regions of the same shape in the
 * same file, one for each child that is forked without exec. They are holes in the file until a
 * child claims one: it takes the next number in the main header, writes the header of its slot, and
 * says in `slots_ready` that there is something to read.
 *
 * All numbers are little-endian native; both sides run on one machine. Times are CLOCK_MONOTONIC
 * nanoseconds. A counter is written by one thread with plain 64-bit stores unless it is declared
 * _Atomic. After kill -9 at any instant a thread's own line may be short of one event.
 */
#ifndef MS_WIRE_REGION_H
#define MS_WIRE_REGION_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/tracking.h"

#define MS_REGION_MAGIC   UINT64_C(0x4e47455250544d53) /* "SMTPREGN" */
#define MS_REGION_VERSION 5u
#define MS_PAGE_BYTES     4096u
#define MS_LINE_BYTES     64u

#define MS_REGION_SLOTS 1024u /* spare slots for forked children, per region file */
#define MS_THREAD_NAME  16u   /* as the kernel: 15 bytes and NUL */
#define MS_FLOW_ENTRIES 32u
#define MS_BUILD_ID_MAX 20u
#define MS_RATES_MAX    32u
#define MS_CONTEXTS_MAX 655360u

/* Index 0 of every area is reserved and means "none". */
enum ms_area_id {
    MS_AREA_THREADS,   /* struct ms_region_thread */
    MS_AREA_MARKS,     /* struct ms_region_mark: a ring */
    MS_AREA_OWNERS,    /* struct ms_region_owner, one for each context. For the probe */
    MS_AREA_CONTEXTS,  /* struct ms_region_context */
    MS_AREA_PCS,       /* struct ms_region_pc */
    MS_AREA_STACKS,    /* uint32_t words: header word, then pc ids from innermost outwards */
    MS_AREA_MODULES,   /* struct ms_region_module */
    MS_AREA_STRINGS,   /* bytes; a string is NUL-terminated, referred to by offset */
    MS_AREA_DETAILS,   /* union ms_region_detail */
    MS_AREA_MISUSES,   /* struct ms_region_misuse: a hash table, any element may be in use */
    MS_AREA_THREAD_IO, /* struct ms_region_thread_io, one for each thread record */
    MS_AREA_IO_SITES,  /* struct ms_region_io_site */
    MS_AREA_COUNT
};

struct ms_region_area {
    uint64_t offset_bytes; /* from the start of this region header; page aligned */
    uint32_t capacity;     /* elements, fixed by the keeper */
    uint32_t element_bytes;
    _Atomic uint32_t taken;     /* elements handed out by the probe (may exceed capacity) */
    _Atomic uint32_t published; /* elements a reader may look at; <= capacity */
    uint64_t reserved;
};

/* Stack header word: depth in the low 8 bits, flags above. A stack id is the index of this word. */
#define MS_STACK_DEPTH(word) ((word)&0xffu)
#define MS_STACK_CUT_DEPTH   0x0100u /* outer frames left out: depth limit */
#define MS_STACK_CUT_NO_CFI  0x0200u /* a pc without unwind information: stopped, not guessed */
#define MS_STACK_COARSENED   0x0400u /* outer frames left out: tables full */

/* Life of a region or slot. A slot is used by one process only, never again after it. */
enum ms_region_state {
    MS_REGION_FREE,
    MS_REGION_CLAIMED, /* a process took it, nothing counted yet */
    MS_REGION_ACTIVE,
    MS_REGION_EXEC, /* the process called exec; back to ACTIVE when exec fails */
    MS_REGION_OFF   /* the probe turned itself off: off_reason */
};

enum ms_off_reason {
    MS_OFF_NONE,
    MS_OFF_NO_REAL_MALLOC, /* next malloc family not found */
    MS_OFF_NO_MEMORY       /* not even the first chunk could be opened */
};

/* Why blocks carry no tag (then the side table keeps the owners). */
enum ms_untagged_reason {
    MS_TAGGED,
    MS_UNTAGGED_MIXED_OBJECTS, /* malloc family comes from more than one object */
    MS_UNTAGGED_SELF_TEST,
    MS_UNTAGGED_NO_USABLE_SIZE,
    MS_UNTAGGED_SIZED_FREE, /* sized deallocations of the allocator could not be led to us */
    MS_UNTAGGED_UNKNOWN     /* an allocator that may check what it is asked about */
};

/* How the trace of a process is doing. From MS_TRACE_LIMIT on nothing is sent any more. */
enum ms_trace_state {
    MS_TRACE_NONE, /* nothing was traced yet */
    MS_TRACE_ON,
    MS_TRACE_IMPATIENT, /* on; a full socket was waited for in vain, and is not waited for again */
    MS_TRACE_LIMIT,     /* trace_events_max events were sent: later ones count as neither */
    MS_TRACE_NO_DESCRIPTOR, /* no number was free for the socket when the process started */
    MS_TRACE_CLOSED,        /* the program closed the socket, or uses its number for another file */
    MS_TRACE_NO_READER,     /* the keeper is gone, or the socket refuses */
    MS_TRACE_QUIET,         /* a seccomp filter: no system calls any more */
    MS_TRACE_NO_MEMORY      /* some thread found no memory for its buffer; others go on */
};

/* Ways by which allocations go past the probe; with each the function or module that goes it. */
enum ms_unseen {
    MS_UNSEEN_OWN_MALLOC, /* the program defines malloc itself: its path */
    MS_UNSEEN_OWN_CALL, /* it calls this function of its allocator, which the probe does not know */
    MS_UNSEEN_DEEPBIND, /* this module is opened with RTLD_DEEPBIND */
    MS_UNSEEN_NAMESPACE, /* this one by dlmopen into a namespace of its own */
    MS_UNSEEN_WAYS
};
#define MS_UNSEEN_NAMELESS UINT32_MAX

/* Losses and oddities, all counted, never hidden. */
struct ms_region_losses {
    _Atomic uint64_t untracked_allocations; /* passed through uncounted: no thread record */
    _Atomic uint64_t side_table_full;       /* block tracked by totals but its owner is lost */
    _Atomic uint64_t coarsened_events;      /* counted on the thread's root context: tables full */
    _Atomic uint64_t busy_events;           /* counted without a stack: in a signal handler */
    _Atomic uint64_t damaged_tags;          /* canary overwritten, owner still readable */
    _Atomic uint64_t stale_tags;            /* owner recycled: not debited */
    _Atomic uint64_t stacks_cut_no_cfi;
    _Atomic uint64_t stacks_interpreted; /* some frame needed more than a one-word rule */
    _Atomic uint64_t walks;              /* stack walks, those of the self-check left out */
    _Atomic uint64_t walks_saved;        /* stacks that the read-set cache proved equal */
    _Atomic uint64_t rechecked;          /* of those, walked all the same to check the cache */
    _Atomic uint64_t recheck_differed;   /* of those, found different: always 0, or we are wrong */
    _Atomic uint64_t threads_folded;     /* ended threads merged into `folded` */
    _Atomic uint64_t early_allocations;  /* served by the bootstrap arena */
    _Atomic uint64_t untracked_children; /* main header: forked without a slot to count in */
    _Atomic uint64_t details_missing;    /* histograms and estimates without room: area full */
    _Atomic uint64_t rates_missing;      /* sampling rates refused: more than MS_RATES_MAX */
    _Atomic uint64_t misuse_missing;     /* misuses that found no element: area full */
    _Atomic uint64_t io_sites_missing;   /* I/O calls looked at, without a call site: area full */
    _Atomic uint64_t io_threads_missing; /* threads whose I/O is not counted: no memory for it */
};

/* A thread's own counters: plain stores by that thread only. Calls are counted as
 * valgrind's total heap usage counts them: a realloc is one deallocation and one allocation. */
struct ms_thread_own {
    uint64_t allocations;
    uint64_t deallocations; /* of its own blocks, by itself */
    uint64_t bytes_allocated;
    uint64_t bytes_freed; /* of its own blocks, by itself */
    uint64_t peak_bytes;  /* exact, remote frees included */
    uint64_t remote_seen_bytes;
    uint64_t frees_for_others;
    uint64_t bytes_freed_for_others;

    uint64_t reallocations;
    uint64_t failed_calls;
    uint64_t temporary; /* freed before the thread allocated again */
    uint64_t waste_allocated_bytes;
    uint64_t waste_freed_bytes; /* by itself */
    uint64_t mmap_bytes;
    uint64_t munmap_bytes;
    uint64_t foreign_frees; /* of blocks that no tag or table knows */
};

/*
 * What other threads did to this thread's (or context's) blocks: bytes first, count last. The first
 * other thread that frees one becomes the sole writer of the `sole` counters and adds without
 * atomic operations; all others share the first three. The truth is the sum of both.
 */
struct ms_remote {
    _Atomic uint64_t bytes_freed;
    _Atomic uint64_t waste_freed_bytes;
    _Atomic uint64_t deallocations;
    uint64_t sole_bytes_freed;
    uint64_t sole_waste_freed_bytes;
    uint64_t sole_deallocations;
    _Atomic uint32_t sole_thread; /* index in MS_AREA_THREADS; 0: nobody yet */
    _Atomic uint32_t peak_epoch;  /* of a context: struct ms_region_context */
};

/* Blocks of `owner_thread` that this thread freed. owner_thread 0: entry unused. */
struct ms_region_flow {
    uint32_t owner_thread; /* thread record index */
    uint32_t owner_serial;
    uint64_t blocks;
    uint64_t bytes;
};

enum ms_thread_state_id {
    MS_THREAD_FREE,
    MS_THREAD_ALIVE,
    MS_THREAD_EXITING, /* its destructors ran; late frees may still come */
    MS_THREAD_GONE     /* the kernel no longer knows the tid */
};

/* Stored by the thread itself at its end (getrusage RUSAGE_THREAD). */
struct ms_final_usage {
    uint64_t user_ns;
    uint64_t system_ns;
    uint64_t minor_faults;
    uint64_t major_faults;
    uint64_t voluntary_switches;
    uint64_t involuntary_switches;
    uint64_t input_blocks; /* of 512 bytes */
    uint64_t output_blocks;
};

struct ms_region_thread {
    struct ms_thread_own own; /* 2 lines */
    struct ms_remote remote;  /* 1 line */
    uint64_t reserved_remote;

    _Atomic uint32_t state; /* enum ms_thread_state_id */
    uint32_t tid;           /* 0: unknown (no system call allowed) */
    uint32_t serial;        /* number of the thread in this process, from 1; never reused */
    uint32_t root_context;
    uint32_t tracked;              /* 0: not selected by --threads */
    _Atomic uint32_t name_version; /* odd while the name is being written */
    uint64_t start_ns;
    uint64_t end_ns; /* 0: alive */
    char name[MS_THREAD_NAME];
    uint32_t first_context; /* newest; they are linked by `next`. For the probe */
    uint32_t reserved_line;

    struct ms_final_usage final_usage; /* valid when end_ns != 0 */
    struct ms_region_flow flows[MS_FLOW_ENTRIES];
    struct ms_region_flow flows_rest; /* owners that found no entry: owner 0 */
    uint64_t reserved[5];
};

/*
 * Size class of a block: classes by requested bytes, bounds doubling from 16 bytes to 16 KiB, then
 * wider. Class c holds sizes up to ms_size_class_bound[c], above the bound of the class before.
 */
#define MS_SIZE_CLASSES 16u
#define MS_SIZE_CLASS_BOUNDS                                                                       \
    {                                                                                              \
        16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 65536, 262144, 1048576,          \
            16777216, UINT64_MAX                                                                   \
    }

/*
 * Lifetime class: 0 is less than one tick, class c from 4^(c - 1) ticks up to 4^c; the last has no
 * upper bound. The clock of a thread is read every few events, at most MS_CLOCK_EVENTS of them and
 * more often when they are slow: a lifetime is that exact (about a tick in busy threads, up to
 * MS_CLOCK_EVENTS events after a pause). Ages wrap after 2^28 ticks, 78 hours.
 */
#define MS_LIFETIME_CLASSES 15u
#define MS_TICK_SHIFT       20u /* a tick is 2^20 ns, 1.05 ms */
#define MS_TICK_BITS        28u
#define MS_CLOCK_EVENTS     64u

/* Events by class; the home class is to be left out: see struct ms_region_context. */
struct ms_region_histogram {
    _Atomic uint64_t events[16];
};

/* What a sampled context stands for, in blocks of 1/1024 and in bytes. Own part, remote part. */
#define MS_ESTIMATE_SHIFT 10u
struct ms_region_estimate {
    uint64_t allocations;
    uint64_t bytes_allocated;
    uint64_t deallocations;
    uint64_t bytes_freed;
    uint64_t reserved_own[4];
    _Atomic uint64_t remote_deallocations;
    _Atomic uint64_t remote_bytes_freed;
    uint64_t reserved_remote[6];
};

union ms_region_detail {
    struct ms_region_histogram histogram;
    struct ms_region_estimate estimate;
};

/* In place of a detail's index: the area was full, events of other than the home class are lost. */
#define MS_DETAIL_NONE_LEFT UINT32_MAX

/*
 * (thread, call stack, sampling rate): two lines written by the owning thread, one by the others.
 *
 * A histogram is stored as far as it is needed: all events are in the home class, those of the
 * first event, until one is not; from then on a detail counts the events by class. Of the home
 * class it holds only those since; the true number is what the other classes leave of all events.
 * Sizes: `allocations` events. Lifetimes: `deallocations` own events and those of the remote line,
 * each with a home class of their own.
 *
 * `live_at_peak_bytes` was live when the process entered peak epoch `peak_epoch`; when that is not
 * the current epoch of the header, nothing has changed since and the live bytes of now hold.
 */
struct ms_region_context {
    uint64_t allocations;
    uint64_t bytes_allocated;
    uint64_t deallocations; /* by the owning thread */
    uint64_t bytes_freed;
    uint64_t peak_bytes; /* exact for this context */
    uint64_t remote_seen_bytes;
    uint32_t stack;        /* id in MS_AREA_STACKS; 0 on a root context */
    uint32_t thread;       /* index in MS_AREA_THREADS; 0: context is free */
    uint8_t generation;    /* is in the tag */
    uint8_t rate;          /* index in rates[] of the header, 0: not sampled */
    uint8_t size_home;     /* class + 1; 0: no event yet */
    uint8_t lifetime_home; /* class + 1; 0: no event yet */
    uint32_t next;         /* of the same thread, newest first; 0: last. For the probe */

    uint64_t waste_allocated_bytes;
    uint64_t waste_freed_bytes; /* by the owning thread */
    uint64_t temporary;
    uint64_t reallocations;
    uint32_t failed_calls;
    uint32_t sizes;                       /* detail: histogram of sizes */
    _Atomic uint32_t lifetimes;           /* detail: histogram of lifetimes, own frees */
    uint32_t peak_epoch;                  /* written after live_at_peak_bytes */
    uint64_t live_at_peak_bytes;          /* own part: without what others freed until then */
    _Atomic uint64_t freed_at_peak_bytes; /* by others, when remote.peak_epoch began */

    struct ms_remote remote;
    /* Remote frees: the detail in the low MS_REMOTE_DETAIL_BITS, class + 1 of home above. */
    _Atomic uint32_t remote_lifetimes;
    uint32_t estimate; /* detail: what the sample stands for, when `rate` is not 0 */
};

#define MS_REMOTE_DETAIL_BITS      28u
#define MS_REMOTE_DETAIL_NONE_LEFT ((UINT32_C(1) << MS_REMOTE_DETAIL_BITS) - 1)

/*
 * Whose context it is, in a line that nobody writes while blocks come and go: whoever frees a block
 * looks here, and a line of counters would go to and fro between the processors.
 */
struct ms_region_owner {
    uint8_t generation; /* these three as in the context */
    uint8_t rate;
    uint16_t reserved;
    uint32_t thread; /* 0: nobody's. Written last */
};

struct ms_region_pc {
    uint64_t address; /* return address as found on the stack */
    uint32_t module;  /* index in MS_AREA_MODULES, 0 = no module (JIT) */
    uint32_t reserved;
};

struct ms_region_module {
    uint64_t base;      /* lowest mapped address */
    uint64_t end;       /* one past the highest */
    uint64_t load_bias; /* address in the file = address - load_bias */
    uint32_t path;      /* offset in MS_AREA_STRINGS */
    uint32_t generation;
    uint8_t build_id_bytes;
    uint8_t build_id[MS_BUILD_ID_MAX];
    uint8_t runtime; /* of a language: its functions allocate for their callers */
    uint8_t reserved[10];
};

/* It called exit or _exit; how it ended for good only the kernel knows. */
#define MS_EXIT_NOTED 0x100u

/* What a block was allocated as, and what releases one. */
enum ms_block_kind { MS_BLOCK_MALLOC, MS_BLOCK_NEW, MS_BLOCK_REALLOC, MS_BLOCK_NEW_ARRAY };
enum ms_releaser {
    MS_RELEASER_FREE,
    MS_RELEASER_DELETE,
    MS_RELEASER_REALLOC,
    MS_RELEASER_DELETE_ARRAY,
    MS_RELEASER_ANY /* a function that takes blocks of all kinds */
};

enum ms_region_misuse_kind {
    MS_MISUSED_FREED_AGAIN = 1, /* nothing has used the block since it was freed */
    MS_MISUSED_OTHER_FAMILY,
    MS_MISUSED_OVERRUN,       /* bytes behind the end were written; found at the release */
    MS_MISUSED_OTHER_LIBRARY, /* seen at some releases only, which stand for the others */
};

/*
 * A misuse by what, allocated where and released where. All that tells it apart from others is in
 * one word, so that an element is taken by one instruction: nothing is ever half filled in. Figures
 * are added by any thread. `count` last: who sees it sees the others.
 */
struct ms_region_misuse {
    _Atomic uint64_t identity; /* 0: unused. See MS_MISUSE_... */
    _Atomic uint64_t bytes;    /* requested, of all blocks */
    _Atomic uint64_t samples;  /* how many were seen; `count` is what they stand for */
    _Atomic uint64_t count;
    _Atomic uint64_t first_ns;
    _Atomic uint64_t last_ns;
    _Atomic uint64_t first_thread; /* record << 32 | serial of who released it; 0: unknown */
    uint64_t reserved;
};

#define MS_MISUSE_STACK_BITS           25u
#define MS_MISUSE_ALLOCATED(identity)  ((uint32_t)((identity)&0x1ffffff)) /* stack id, or 0 */
#define MS_MISUSE_RELEASED(identity)   ((uint32_t)((identity) >> 25 & 0x1ffffff))
#define MS_MISUSE_KIND(identity)       ((uint32_t)((identity) >> 50 & 7))
#define MS_MISUSE_BLOCK_KIND(identity) ((uint32_t)((identity) >> 53 & 3))
#define MS_MISUSE_RELEASER(identity)   ((uint32_t)((identity) >> 55 & 7))

/* Calls of I/O functions by what they do; those of READ and WRITE on sockets are the next two. */
enum ms_region_io_kind {
    MS_REGION_IO_READ,
    MS_REGION_IO_WRITE,
    MS_REGION_IO_RECEIVE,
    MS_REGION_IO_SEND,
    MS_REGION_IO_SYNC,
    MS_REGION_IO_OPEN,
    MS_REGION_IO_POLL,
    MS_REGION_IO_KINDS
};

/*
 * I/O of the thread with the record of the same index; plain stores by that thread only, when a
 * call has returned. Of some calls the time is taken, which ones is chosen by chance: each stands
 * for 1 / (the chance that it had), so that `weighed_ns` / `weighed_calls` is an unbiased mean over
 * all calls although calls that are slow are looked at more often than fast ones.
 */
struct ms_region_thread_io {
    uint64_t calls[MS_REGION_IO_KINDS];
    uint64_t
        in_call; /* begin << 3 | kind + 1, 0: in none. Begin 0: not taken. See MS_IN_CALL_... */
    uint64_t bytes[MS_REGION_IO_KINDS];
    _Atomic uint64_t serial;             /* as in the record; 0: nothing here. Written last */
    uint64_t errors[MS_REGION_IO_KINDS]; /* but EAGAIN and EINPROGRESS */
    uint64_t more_received;              /* messages of recvmmsg beyond one each call */
    uint64_t would_block[MS_REGION_IO_KINDS];
    uint64_t more_sent; /* messages of sendmmsg, likewise */
    uint64_t timed_calls[MS_REGION_IO_KINDS];
    uint64_t reserved0;
    uint64_t timed_ns[MS_REGION_IO_KINDS];
    uint64_t reserved1;
    uint64_t weighed_calls[MS_REGION_IO_KINDS];
    uint64_t reserved2;
    uint64_t weighed_ns[MS_REGION_IO_KINDS];
    uint64_t reserved3;
};

#define MS_IN_CALL(begin_ns, kind) ((uint64_t)(begin_ns) << 3 | ((uint64_t)(kind) + 1))
#define MS_IN_CALL_KIND(word)      ((uint32_t)((word)&7) - 1) /* of a word that is not 0 */
#define MS_IN_CALL_BEGIN_NS(word)  ((word) >> 3)

/*
 * Calls of one kind that one thread made at one call stack, as far as they were looked at; written
 * by that thread only. `samples` last. Two elements may have one identity: they add up.
 */
struct ms_region_io_site {
    _Atomic uint64_t identity; /* 0: unused. See MS_IO_SITE_... Written last */
    uint64_t calls;            /* what the samples stand for, as all the following */
    uint64_t bytes;
    uint64_t wait_ns;
    uint64_t samples;
    uint32_t next; /* of the same thread. For the probe */
    uint32_t reserved0;
    uint64_t reserved[2];
};

#define MS_IO_SITE_STACK_BITS 25u
#define MS_IO_SITE_IDENTITY(serial, kind, stack)                                                   \
    ((uint64_t)(serial) << 28 | (uint64_t)(kind) << 25 | (uint64_t)(stack))
#define MS_IO_SITE_STACK(identity)  ((uint32_t)((identity)&0x1ffffff)) /* 0: not known */
#define MS_IO_SITE_KIND(identity)   ((uint32_t)((identity) >> 25 & 7))
#define MS_IO_SITE_SERIAL(identity) ((uint32_t)((identity) >> 28))

/*
 * A mark that the program set. Marks are numbered from 0 as they are set; number n has its place at
 * MS_MARK_PLACE(n, capacity), and where that is not published at MS_MARK_PLACE(n, published). A new
 * one takes the place of the oldest, unless that is just being written: then the new one is lost.
 * Who finds another number at both places knows that n is lost, or not written yet.
 */
#define MS_MARK_TEXT_BYTES 168u /* with the NUL at the end */
struct ms_region_mark {
    _Atomic uint64_t version; /* 2 n + 2; odd while it is being written; 0: unused. Written last */
    uint64_t at_ns;
    uint32_t serial; /* of the thread that set it; 0: unknown */
    uint32_t reserved;
    char text[MS_MARK_TEXT_BYTES];
};
#define MS_MARK_PLACE(number, elements) (1 + (uint32_t)((number) % ((elements)-1)))
#define MS_MARK_WRITING(number)         (2 * (uint64_t)(number) + 1)
#define MS_MARK_WRITTEN(number)         (2 * (uint64_t)(number) + 2)

struct ms_region_header {
    /* by the keeper before hand-over, in a slot by the child that claims it */
    uint64_t magic;
    uint32_t version;
    uint32_t slot;               /* 0: main region of the file, else 1..MS_REGION_SLOTS */
    uint64_t region_bytes;       /* header and areas of this region */
    uint64_t file_bytes;         /* the whole memfd */
    uint64_t slots_offset_bytes; /* of slot 1 from the start of the file */
    uint64_t slot_stride_bytes;
    struct ms_region_area areas[MS_AREA_COUNT];
    struct ms_probe_config config;

    /* by the children of the file, in the main header only */
    _Atomic uint32_t slots_taken; /* numbers given out: slots 1..slots_taken; never too many */
    uint32_t reserved;
    /* Bit (slot - 1) % 64 of word (slot - 1) / 64: its header is written, its state set. */
    _Atomic uint64_t slots_ready[MS_REGION_SLOTS / 64];

    /* by the probe */
    _Atomic uint32_t state;   /* enum ms_region_state */
    uint32_t off_reason;      /* enum ms_off_reason */
    uint32_t untagged_reason; /* enum ms_untagged_reason */
    uint32_t pid;             /* as the process sees itself */
    uint32_t parent_pid;
    uint32_t exe;                   /* string offsets */
    uint32_t allocator;             /* path of the object that malloc comes from */
    uint32_t page_bytes_opened_kib; /* how much of the region is the target's own memory */
    uint64_t start_ns;
    uint64_t exec_ns;
    _Atomic uint32_t unseen[MS_UNSEEN_WAYS]; /* string offset or MS_UNSEEN_NAMELESS; 0: not found */
    _Atomic uint64_t rates[MS_RATES_MAX];    /* from index 1; a rate once set stays */
    struct ms_region_step step[MS_STEPS_KEPT]; /* number n is in n % MS_STEPS_KEPT */
    _Atomic uint64_t trace_events;             /* given to the trace socket */
    _Atomic uint64_t trace_lost;               /* counted, but not in the trace */
    _Atomic uint32_t trace_state;              /* enum ms_trace_state */
    _Atomic uint32_t exit_note;                /* MS_EXIT_NOTED and the status, or 0 */

    uint64_t exit_ns;         /* when, by CLOCK_MONOTONIC; written before the note */
    _Atomic uint32_t misuses; /* changes with every one that is counted */
    uint32_t reserved_marks;
    _Atomic uint64_t marks; /* numbers of marks given out */

    uint8_t pad0[32];
    _Atomic int64_t live_bytes; /* derived: within +- threads * publish_step_bytes */
    _Atomic int64_t peak_bytes; /* highest live_bytes published */
    _Atomic uint64_t publish_step_bytes;
    /* The peak that contexts and threads are attributed at: the last one that was 1 % above the
     * one before. */
    _Atomic uint32_t peak_epoch;
    uint32_t reserved_peak;
    _Atomic int64_t epoch_bytes;
    _Atomic uint64_t epoch_ns;
    uint8_t pad1[16];
    struct ms_region_losses losses;

    /* Sum of the records of ended threads whose slot was used again. */
    struct ms_thread_own folded;
};

_Static_assert(sizeof(struct ms_region_header) <= MS_PAGE_BYTES, "header is one page");
_Static_assert(MS_REGION_SLOTS % 64 == 0, "whole words of slots_ready");
_Static_assert(sizeof(struct ms_region_context) == 3 * MS_LINE_BYTES, "2 own lines, 1 remote");
_Static_assert(sizeof(union ms_region_detail) == 2 * MS_LINE_BYTES, "no padding");
_Static_assert(sizeof(struct ms_region_thread) % MS_LINE_BYTES == 0, "records start on a line");
_Static_assert(sizeof(struct ms_thread_own) == 2 * MS_LINE_BYTES, "two own lines");
_Static_assert(offsetof(struct ms_region_thread, state) == 3 * MS_LINE_BYTES, "one remote line");
_Static_assert(sizeof(struct ms_region_module) == 64, "no padding");
_Static_assert(sizeof(struct ms_region_owner) == 8, "compared as one word");
_Static_assert(offsetof(struct ms_region_header, config.tracking) % 8 == 0, "copied by words");
_Static_assert(sizeof(struct ms_region_pc) == 16, "no padding");
_Static_assert(sizeof(struct ms_region_misuse) == MS_LINE_BYTES, "one line");
_Static_assert(sizeof(struct ms_region_thread_io) == 8 * MS_LINE_BYTES, "eight lines");
_Static_assert(sizeof(struct ms_region_io_site) == MS_LINE_BYTES, "one line");
_Static_assert(sizeof(struct ms_region_mark) == 3 * MS_LINE_BYTES, "three lines");

#endif
