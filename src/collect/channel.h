/*
 * The viewer's end of the keeper's socket: connecting, whole messages in and out. Knows what a
 * message is, not what it means.
 */
#ifndef MS_COLLECT_CHANNEL_H
#define MS_COLLECT_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/message.h"

/* A received packet, aligned for any message. */
union ms_packet {
    struct ms_message_header header;
    struct ms_message_region region;
    struct ms_message_session session;
    struct ms_message_output output;
    struct ms_message_process_end process_end;
    struct ms_message_trace trace;
    struct ms_message_tracking tracking;
    struct ms_message_refused refused;
    unsigned char bytes[MS_MESSAGE_MAX_BYTES];
};

/*
 * Connects, checks who listens, says hello (`trace`: asks for the trace, too), waits up to 2 s for
 * MS_MSG_SESSION. Returns the socket or -errno as ms_collector_connect does.
 */
int ms_channel_connect(const char *socket_path, bool ask_only, bool trace,
                       struct ms_message_session *session);

/*
 * Takes the next packet without waiting. Returns 1: *packet is a whole message of its type's size
 * at least, and *descriptor (the caller's, or -1) came with it; 0: nothing there, or a packet to be
 * ignored when *ignored; -errno: the other side is gone.
 */
int ms_channel_receive(int socket, union ms_packet *packet, int *descriptor, bool *ignored);

/* Sends one message whose `bytes`, `version` are filled in here. Returns 0 or -errno. */
int ms_channel_send(int socket, struct ms_message_header *message, size_t bytes);

#endif
