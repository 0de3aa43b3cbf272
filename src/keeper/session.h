/*
 * All that a keeper knows of its session: the program, the region files, the processes counting in
 * them, the ends so far, the clients. One thread, one epoll loop; nothing in it waits.
 */
#ifndef MS_KEEPER_SESSION_H
#define MS_KEEPER_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "keeper/keeper.h"
#include "keeper/ring.h"
#include "wire/message.h"

#define MS_KEEPER_REGIONS_MAX 256u /* region files open at a time */
#define MS_KEEPER_CLIENTS_MAX 128u /* probes in their handshake, and viewers */
#define MS_KEEPER_VIEWERS_MAX 32u
#define MS_KEEPER_ENDS_MAX    4096u /* ends that a later viewer is still told */
#define MS_KEEPER_RING_BYTES  (1u << 20)
#define MS_KEEPER_STRAYS_MAX  64u
#define MS_KEEPER_SCAN_NS     UINT64_C(500000000)

/* What an epoll event is about; the low 32 bits say which one. */
enum ms_event_kind {
    MS_EVENT_CHILD, /* signalfd: the program ended */
    MS_EVENT_LISTENER,
    MS_EVENT_TERMINAL, /* master of the pty */
    MS_EVENT_CLIENT,   /* index of the client */
    MS_EVENT_PROCESS,  /* process id: its pidfd says that it ended */
    MS_EVENT_STRAY     /* index: a process of the tree that counts nowhere yet ended */
};
#define MS_EVENT(kind, which) ((uint64_t)(kind) << 32 | (which))
#define MS_EVENT_KIND(event)  ((enum ms_event_kind)((event) >> 32))
#define MS_EVENT_WHICH(event) ((uint32_t)(event))

enum ms_watch_state {
    MS_WATCH_NONE, /* no process seen here yet */
    MS_WATCH_ALIVE,
    MS_WATCH_ENDED,
    MS_WATCH_REPLACED, /* executed something that got a region of its own */
    MS_WATCH_BLIND     /* alive or not: its pid cannot be told from here (pid namespace) */
};

/* One process that counts in a region file: slot 0 or a forked child's slot. */
struct ms_watch {
    pid_t pid;
    int pidfd;      /* -1: the program (our child), or none to be had: looked at by the timer */
    uint32_t state; /* enum ms_watch_state */
    uint64_t birth_ticks; /* start time in /proc/PID/stat, tells a reused pid; 0 unknown */
};

struct ms_region_file {
    uint32_t number; /* from 1; gaps are files dropped */
    int fd;
    uint32_t alive; /* watches in MS_WATCH_ALIVE */
    /* By slot; grows with the slots seen taken, so pointers into it are good until a scan. */
    struct ms_watch *watches;
    uint32_t watch_count;
};

enum ms_client_role { MS_CLIENT_UNKNOWN, MS_CLIENT_PROBE, MS_CLIENT_VIEWER };

struct ms_client {
    int socket;
    uint32_t role;       /* enum ms_client_role */
    pid_t pid;           /* of the peer, from the kernel */
    bool waits_for_room; /* its queue was full */
    bool room_event;     /* EPOLLOUT is armed */
    bool session_sent;
    bool tree_end_sent;
    bool ask_only;
    bool trace_asked, trace_reader; /* waits for the trace socket; has got it */
    bool tracking_asked;            /* waits for the answer to the last MS_MSG_SET_TRACKING */
    const char *tracking_refusal;   /* what it is then; NULL: it was done */
    uint64_t since_ns;
    uint64_t output_next; /* offset of the next byte to send */
    uint64_t output_dropped;
    uint32_t region_next; /* number of the next region file to send */
    uint64_t end_next;    /* sequence number of the next end to send */
};

struct ms_keeper {
    int epoll, signals, listener;
    char socket_path[MS_SOCKET_PATH_MAX];
    dev_t socket_device; /* what we bound: a path taken over by another is left alone */
    ino_t socket_inode;

    pid_t program;
    bool program_alive;
    bool probed;
    bool tree_ended;
    bool viewer_came;
    uint64_t tree_ended_ns;
    int64_t asleep_ns; /* ms_asleep_ns at the start of the session */
    uint64_t next_scan_ns;
    uint32_t scans;
    struct ms_message_session session; /* as sent, but for flags and viewers */
    struct ms_probe_config config;
    int trace[2]; /* socket of all traces: reading end, writing end; -1: not asked for */

    int terminal;          /* master, -1: the program inherited its descriptors */
    int terminal_slave;    /* held while the program lives, so that closing its own is no end */
    bool terminal_ended;   /* nobody has it open now; somebody may open /dev/tty again */
    bool terminal_watched; /* it is in the epoll set */
    bool listener_paused;  /* out of descriptors: nobody is let in until the next tick */
    int tee;
    struct ms_ring output;
    char input[4096]; /* from viewers, waiting for room in the terminal */
    size_t input_bytes;

    struct ms_region_file *regions[MS_KEEPER_REGIONS_MAX]; /* by rising number */
    uint32_t region_count, region_last_number, regions_dropped;

    struct ms_message_process_end *ends; /* ring of MS_KEEPER_ENDS_MAX, sequence % capacity */
    uint64_t end_count;                  /* ends ever */

    int strays[MS_KEEPER_STRAYS_MAX]; /* pidfds, -1: free */

    struct ms_client *clients[MS_KEEPER_CLIENTS_MAX];
};

/* What ms_session_begin takes over from the start; all descriptors become the keeper's. */
struct ms_session_parts {
    const struct ms_keeper_options *options;
    pid_t program;
    uint64_t start_ns, start_unix_ns;
    int64_t asleep_ns; /* ms_asleep_ns at start_ns, before the program began */
    int listener;
    const char *socket_path;
    int terminal, terminal_slave;
    int region;       /* the program's, -1 without a probe */
    int probe_socket; /* our end of the inherited socket, -1 without a probe */
    int trace[2];     /* as in struct ms_keeper */
};

/* Allocates the state. NULL: out of memory or descriptors, errno says. */
struct ms_keeper *ms_session_begin(const struct ms_session_parts *parts);

/* Runs until nothing of the program lives and no viewer is there. */
void ms_keeper_loop(struct ms_keeper *keeper);

/* Removes the socket and lets go of the terminal so that nobody left in it gets a SIGHUP. */
void ms_session_end(struct ms_keeper *keeper);

/* Adds `fd` to the loop. Returns 0 or -errno. */
int ms_session_watch_fd(struct ms_keeper *keeper, int fd, uint32_t events, uint64_t event);

/* Is there nothing left of the program, as far as can be known? Then sets tree_ended. */
void ms_session_check_tree(struct ms_keeper *keeper);

#endif
