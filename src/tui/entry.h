/* One line of text that the user types: filter, search, path. UTF-8. */
#ifndef MS_TUI_ENTRY_H
#define MS_TUI_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/tui.h"

#define MS_ENTRY_MAX 4096u

struct ms_entry {
    char text[MS_ENTRY_MAX];
    size_t length;
};

void ms_entry_set(struct ms_entry *entry, const char *text);
/* Takes a character, Backspace, ^W (word) or ^U (all); false: the key is none of these. */
bool ms_entry_key(struct ms_entry *entry, int key);

#endif
