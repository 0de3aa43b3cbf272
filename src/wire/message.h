/*
 * What is said over the keeper's Unix socket (SOCK_SEQPACKET, one message per packet).
 *
 * The probe: the first process inherits a connected socket with MS_MSG_REGION already in its
 * queue, so it never waits; a process started by exec connects to the listener named in
 * MS_ENV_SESSION and waits MS_PROBE_WAIT_MS at most, or MS_PROBE_WAIT_BUSY_MS for a keeper that
 * is about to answer but has no core. It receives MS_MSG_REGION with the memfd and, when a trace is
 * allowed, the writing end of the trace socket (SCM_RIGHTS), answers MS_MSG_PROBE_READY without
 * blocking and closes the socket: from then on the region is the only tie.
 *
 * The viewer: connects, sends MS_MSG_VIEWER_HELLO, gets MS_MSG_SESSION, then MS_MSG_REGION for
 * every region there is and will be, MS_MSG_OUTPUT, MS_MSG_PROCESS_END, MS_MSG_TREE_END; it may
 * send the commands below. A viewer that asks only gets MS_MSG_SESSION and answers to commands. The
 * keeper never blocks on a viewer: what does not fit waits in the keeper, except output, whose
 * oldest bytes are dropped and counted.
 *
 * Both sides check the peer's uid (SO_PEERCRED) and the version before anything else.
 */
#ifndef MS_WIRE_MESSAGE_H
#define MS_WIRE_MESSAGE_H

#include <stdint.h>

#include "wire/region.h"

#define MS_WIRE_VERSION       1u
#define MS_MESSAGE_MAX_BYTES  16384u
#define MS_PROBE_WAIT_MS      250
#define MS_PROBE_WAIT_BUSY_MS 2000

/* Environment of the program; the probe hides both from the program itself. */
#define MS_ENV_SESSION "MEMSCOPE_TOP_SESSION" /* path of the keeper's listening socket */
#define MS_ENV_SOCKET  "MEMSCOPE_TOP_FD"      /* number of the inherited socket, first process */

enum ms_message_type {
    /* keeper -> probe (carries the region and the trace socket), keeper -> viewer (the region) */
    MS_MSG_REGION = 1,
    /* probe -> keeper */
    MS_MSG_PROBE_HELLO,
    MS_MSG_PROBE_READY,
    /* viewer -> keeper */
    MS_MSG_VIEWER_HELLO,
    MS_MSG_SIGNAL,
    MS_MSG_WINDOW_SIZE,
    MS_MSG_INPUT,  /* bytes for the pty, --stdin=tty */
    MS_MSG_DETACH, /* viewer leaves, the program runs on */
    /* keeper -> viewer */
    MS_MSG_SESSION,
    MS_MSG_OUTPUT,
    MS_MSG_PROCESS_END,
    MS_MSG_TREE_END, /* nothing of the program lives any more */
    MS_MSG_REFUSED,
    /* viewer -> keeper: asks for the reading end of the trace socket (wire/trace.h);
     * keeper -> viewer: the answer, which carries it. One viewer at a time has it. */
    MS_MSG_TRACE,
    MS_MSG_SET_TRACKING, /* viewer -> keeper; answered by MS_MSG_TRACKING or MS_MSG_REFUSED */
    MS_MSG_TRACKING      /* keeper -> viewer: what is wanted now */
};

/*
 * Number of a process: the region file it counts in (numbered from 1 by the keeper) and the slot in
 * it (0 = the process the file was made for, else a forked child). Both sides compute it.
 */
#define MS_PROCESS_ID(region, slot) ((region)*2048u + (slot))
#define MS_PROCESS_REGION(id)       ((id) / 2048u)
#define MS_PROCESS_SLOT(id)         ((id) % 2048u)

_Static_assert(MS_REGION_SLOTS < 2048, "a slot is never taken for a region");

struct ms_message_header {
    uint32_t type; /* enum ms_message_type */
    uint32_t version;
    uint32_t bytes;      /* of the whole message */
    uint32_t process_id; /* MS_PROCESS_ID, 0 if it is about none */
};

struct ms_message_region {
    struct ms_message_header header;
    uint32_t pid;   /* 0 in the message to a probe */
    uint32_t first; /* 1: this is the program itself */
};

struct ms_message_probe_hello { /* by a process that connected by itself, and as READY */
    struct ms_message_header header;
    uint32_t pid; /* as the process sees itself */
    uint32_t region_version;
};

enum ms_viewer_role { MS_VIEWER_FULL, MS_VIEWER_ASK_ONLY /* wants MS_MSG_SESSION, then leaves */ };

struct ms_message_viewer_hello {
    struct ms_message_header header;
    uint32_t role;        /* enum ms_viewer_role */
    uint32_t wants_trace; /* as if MS_MSG_TRACE came with it: answered before all ends */
    uint64_t output_from; /* first byte of output wanted, 0 = what the ring still has */
};

enum ms_session_flag {
    MS_SESSION_PTY = 1,   /* the program's output comes as MS_MSG_OUTPUT */
    MS_SESSION_ENDED = 2, /* the first process has ended: its MS_MSG_PROCESS_END follows */
    MS_SESSION_PROBED = 4 /* the program was started with the probe */
};

#define MS_SESSION_TEXT_MAX 4096u

struct ms_message_session {
    struct ms_message_header header;
    uint32_t pid; /* of the program */
    uint32_t flags;
    uint64_t start_ns;      /* CLOCK_MONOTONIC at fork */
    uint64_t start_unix_ns; /* CLOCK_REALTIME at fork */
    uint32_t viewers;       /* connected now, the asker not counted */
    uint32_t argc;
    uint32_t exe_bytes;  /* NUL included; exe, then argv, each NUL-terminated, in text[] */
    uint32_t text_bytes; /* cut at MS_SESSION_TEXT_MAX */
    char text[MS_SESSION_TEXT_MAX];
};

struct ms_message_output {
    struct ms_message_header header;
    uint64_t offset;  /* of the first byte in the program's whole output */
    uint64_t dropped; /* bytes lost to this viewer so far */
    uint32_t bytes;
    uint32_t reserved;
    char data[];
};

/* Figures of a process read after its end and before it is reaped; `have` says which. */
enum {
    MS_FINAL_RUSAGE = 1,
    MS_FINAL_IO = 2,
    MS_FINAL_WAITED = 4 /* peak_rss and switches: children it waited for are in them */
};
struct ms_process_final {
    uint32_t have;
    uint32_t reserved;
    uint64_t user_ns, system_ns;
    uint64_t peak_rss_bytes;
    uint64_t minor_faults, major_faults;
    uint64_t voluntary_switches, involuntary_switches;
    uint64_t read_calls, write_calls;             /* /proc/PID/io syscr, syscw */
    uint64_t read_chars_bytes, write_chars_bytes; /* rchar, wchar */
    uint64_t read_storage_bytes, write_storage_bytes;
};

struct ms_message_process_end {
    struct ms_message_header header;
    uint32_t pid;
    int32_t exit_status; /* >= 0: exited; -1: killed by `signal`; -2: status not ours to know */
    uint32_t signal;
    uint32_t core_dumped;
    uint64_t end_ns;
    struct ms_process_final final;
};

struct ms_message_signal {
    struct ms_message_header header; /* process_id 0: the program's process group */
    int32_t signal;
    uint32_t reserved;
};

struct ms_message_window_size {
    struct ms_message_header header;
    uint16_t rows, columns;
    uint32_t reserved;
};

enum ms_trace_answer {
    MS_TRACE_ASKED,        /* by the viewer */
    MS_TRACE_GIVEN,        /* the descriptor comes along */
    MS_TRACE_TAKEN,        /* another viewer reads it; who asks again once that one left gets it */
    MS_TRACE_NOT_ASKED_FOR /* when the program was started */
};

struct ms_message_trace {
    struct ms_message_header header;
    uint32_t answer; /* enum ms_trace_answer */
    uint32_t reserved;
};

/* Which parts of `tracking` a viewer wants to change; the others stay as they are. */
enum ms_tracking_part {
    MS_TRACKING_MODE = 1, /* mode, automatic and trace */
    MS_TRACKING_DEPTH = 2,
    MS_TRACKING_RATE = 4,
    MS_TRACKING_SELECTION = 8,
    MS_TRACKING_PARTS = 15
};

struct ms_message_tracking { /* MS_MSG_SET_TRACKING, and MS_MSG_TRACKING with all parts */
    struct ms_message_header header;
    uint32_t parts; /* enum ms_tracking_part, joined by | */
    uint32_t reserved;
    struct ms_tracking tracking;
};

struct ms_message_refused {
    struct ms_message_header header;
    char why[128];
};

#endif
