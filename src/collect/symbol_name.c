/* See symbol_name.h. */
#include "collect/symbol_name.h"

#include <ctype.h>
#include <libiberty/demangle.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANGLED_AT_MOST = 16384 };

/* Words behind a dot, perhaps with a number behind another, that say nothing to a reader. */
static const char *const clone_words[] = {"llvm",      "cold",     "part",       "isra",
                                          "constprop", "lto_priv", "localalias", "warm",
                                          "hot",       "unlikely", "startup",    "exit"};

static bool is_clone_word(const char *word, size_t bytes)
{
    for (size_t i = 0; i < sizeof clone_words / sizeof clone_words[0]; i++) {
        if (strlen(clone_words[i]) == bytes && memcmp(clone_words[i], word, bytes) == 0) {
            return true;
        }
    }
    return false;
}

/* Bytes of `name` without such suffixes. */
static size_t without_clones(const char *name, size_t bytes)
{
    for (;;) {
        size_t digits = bytes;
        while (digits > 0 && isdigit((unsigned char)name[digits - 1])) {
            digits--;
        }
        size_t word_end = bytes;
        if (digits > 0 && digits < bytes && name[digits - 1] == '.') {
            word_end = digits - 1;
        }
        size_t dot = word_end;
        while (dot > 0 && name[dot - 1] != '.') {
            dot--;
        }
        if (dot < 2 || !is_clone_word(name + dot, word_end - dot)) {
            return bytes;
        }
        bytes = dot - 1;
    }
}

static void put(char *out, size_t size, const char *text)
{
    size_t bytes = strlen(text);
    if (bytes < size) {
        memcpy(out, text, bytes + 1);
        return;
    }
    memcpy(out, text, size - 4);
    memcpy(out + size - 4, "...", 4);
}

void ms_symbol_readable(const char *name, char *out, size_t size)
{
    size_t length = strnlen(name, MANGLED_AT_MOST);
    char *plain = length == MANGLED_AT_MOST ? NULL : strndup(name, without_clones(name, length));
    char *readable = NULL;
    /* Only what is mangled for sure: a C function may be called _Dmain. */
    if (plain != NULL && (strncmp(plain, "_Z", 2) == 0 || strncmp(plain, "_R", 2) == 0)) {
        readable = cplus_demangle(plain, DMGL_PARAMS | DMGL_ANSI | DMGL_AUTO);
    }
    put(out, size, readable != NULL ? readable : plain != NULL ? plain : name);
    free(readable);
    free(plain);
}
