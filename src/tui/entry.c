/* Typing and rubbing out, always at the end and always whole characters. */
#include "tui/entry.h"

#include <stdint.h>
#include <string.h>

void ms_entry_set(struct ms_entry *entry, const char *text)
{
    size_t length = strnlen(text, sizeof entry->text - 1);
    memmove(entry->text, text, length);
    entry->text[length] = '\0';
    entry->length = length;
}

static void rub_out(struct ms_entry *entry)
{
    while (entry->length > 0) {
        const unsigned char byte = (unsigned char)entry->text[--entry->length];
        if ((byte & 0xc0) != 0x80) {
            break;
        }
    }
    entry->text[entry->length] = '\0';
}

static void rub_out_word(struct ms_entry *entry)
{
    while (entry->length > 0 && strchr(" /", entry->text[entry->length - 1]) != NULL) {
        rub_out(entry);
    }
    while (entry->length > 0 && strchr(" /", entry->text[entry->length - 1]) == NULL) {
        rub_out(entry);
    }
}

static void append(struct ms_entry *entry, uint32_t code)
{
    const size_t bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (entry->length + bytes >= sizeof entry->text) {
        return;
    }
    char *out = entry->text + entry->length;
    for (size_t i = bytes; i-- > 1;) {
        out[i] = (char)(0x80 | (code >> (6 * (bytes - 1 - i)) & 0x3f));
    }
    out[0] = (char)(bytes == 1 ? code : (0xf00u >> bytes & 0xff) | code >> (6 * (bytes - 1)));
    entry->length += bytes;
    entry->text[entry->length] = '\0';
}

bool ms_entry_key(struct ms_entry *entry, int key)
{
    if (key == MS_KEY_BACKSPACE || key == MS_KEY_DELETE || key == MS_KEY_CTRL('h')) {
        rub_out(entry);
    } else if (key == MS_KEY_CTRL('w')) {
        rub_out_word(entry);
    } else if (key == MS_KEY_CTRL('u')) {
        ms_entry_set(entry, "");
    } else if (key >= ' ' && key < 0x110000) {
        append(entry, (uint32_t)key);
    } else {
        return false;
    }
    return true;
}
