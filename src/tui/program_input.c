#include "tui/program_input.h"

#include <stdio.h>
#include <string.h>

#include "tui/tui.h"

/* What xterm sends in its normal mode. */
static const char *sequence(int key)
{
    switch (key) {
    case MS_KEY_ENTER:
        return "\r";
    case MS_KEY_BACKSPACE:
        return "\177";
    case MS_KEY_UP:
        return "\033[A";
    case MS_KEY_DOWN:
        return "\033[B";
    case MS_KEY_RIGHT:
        return "\033[C";
    case MS_KEY_LEFT:
        return "\033[D";
    case MS_KEY_HOME:
        return "\033[H";
    case MS_KEY_END:
        return "\033[F";
    case MS_KEY_PAGE_UP:
        return "\033[5~";
    case MS_KEY_PAGE_DOWN:
        return "\033[6~";
    case MS_KEY_DELETE:
        return "\033[3~";
    case MS_KEY_BACK_TAB:
        return "\033[Z";
    default:
        return NULL;
    }
}

static size_t utf8(unsigned character, char *out)
{
    if (character < 0x80) {
        out[0] = (char)character;
        return 1;
    }
    const size_t count = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = count; i-- > 1;) {
        out[i] = (char)(0x80 | (character & 0x3f));
        character >>= 6;
    }
    out[0] = (char)((0xf00u >> count & 0xff) | character);
    return count;
}

size_t ms_program_input(int key, char out[MS_PROGRAM_INPUT_MAX])
{
    size_t count = 0;
    const char *known = sequence(key);
    if (known != NULL) {
        count = strlen(known);
        memcpy(out, known, count);
    } else if (key > 0 && key < 0x110000) {
        count = utf8((unsigned)key, out);
    }
    out[count] = '\0';
    return count;
}
