/*
 * Messages of Protocol Buffers (proto3 wire format), put together in memory. The first lack of
 * memory stays in `failed`, and later calls do nothing. For src/export only.
 */
#ifndef MS_EXPORT_PROTOBUF_H
#define MS_EXPORT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed is empty. */
struct ms_protobuf {
    uint8_t *bytes;
    size_t used, capacity;
    bool failed;
};

void ms_protobuf_free(struct ms_protobuf *message);
/* Keeps the memory for the next one. */
void ms_protobuf_clear(struct ms_protobuf *message);

/* 0 is the default and is left out. */
void ms_protobuf_number(struct ms_protobuf *message, unsigned field, uint64_t value);
void ms_protobuf_bytes(struct ms_protobuf *message, unsigned field, const void *bytes,
                       size_t count);
/* A message within the message; packed numbers are made the same way. */
void ms_protobuf_message(struct ms_protobuf *message, unsigned field,
                         const struct ms_protobuf *inner);
/* A number without a field, as packed ones are. */
void ms_protobuf_varint(struct ms_protobuf *message, uint64_t value);

#endif
