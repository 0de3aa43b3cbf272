#include "export/protobuf.h"

#include <stdlib.h>
#include <string.h>

#define VARINT_MAX 10u

enum wire_type { WIRE_VARINT = 0, WIRE_BYTES = 2 };

void ms_protobuf_free(struct ms_protobuf *message)
{
    free(message->bytes);
    *message = (struct ms_protobuf){0};
}

void ms_protobuf_clear(struct ms_protobuf *message)
{
    message->used = 0;
}

static bool room_for(struct ms_protobuf *message, size_t count)
{
    if (message->failed || message->capacity - message->used >= count) {
        return !message->failed;
    }
    size_t capacity = message->capacity == 0 ? 256 : message->capacity;
    while (capacity - message->used < count) {
        capacity *= 2;
    }
    uint8_t *grown = realloc(message->bytes, capacity);
    message->failed = grown == NULL;
    if (grown != NULL) {
        message->bytes = grown;
        message->capacity = capacity;
    }
    return grown != NULL;
}

void ms_protobuf_varint(struct ms_protobuf *message, uint64_t value)
{
    if (!room_for(message, VARINT_MAX)) {
        return;
    }
    while (value >= 0x80) {
        message->bytes[message->used++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    message->bytes[message->used++] = (uint8_t)value;
}

static void key(struct ms_protobuf *message, unsigned field, enum wire_type type)
{
    ms_protobuf_varint(message, field << 3 | (unsigned)type);
}

void ms_protobuf_number(struct ms_protobuf *message, unsigned field, uint64_t value)
{
    if (value != 0) {
        key(message, field, WIRE_VARINT);
        ms_protobuf_varint(message, value);
    }
}

void ms_protobuf_bytes(struct ms_protobuf *message, unsigned field, const void *bytes, size_t count)
{
    key(message, field, WIRE_BYTES);
    ms_protobuf_varint(message, count);
    if (count > 0 && room_for(message, count)) {
        memcpy(message->bytes + message->used, bytes, count);
        message->used += count;
    }
}

void ms_protobuf_message(struct ms_protobuf *message, unsigned field,
                         const struct ms_protobuf *inner)
{
    message->failed = message->failed || inner->failed;
    ms_protobuf_bytes(message, field, inner->bytes, inner->used);
}
