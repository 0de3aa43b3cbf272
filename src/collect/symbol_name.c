/* See symbol_name.h. */
#include "collect/symbol_name.h"

#include <ctype.h>
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
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

/* What comes from the demangler piece by piece; text[0 .. room) is filled. */
struct output {
    char *text;
    size_t bytes, room;
    jmp_buf full;
};

/* Some hundred letters can stand for gigabytes: there is no way out but this once it is enough. */
static void take_piece(const char *piece, size_t bytes, void *opaque)
{
    struct output *output = opaque;
    size_t left = output->room - output->bytes;
    size_t count = bytes < left ? bytes : left;
    memcpy(output->text + output->bytes, piece, count);
    output->bytes += count;
    if (output->bytes == output->room) {
        longjmp(output->full, 1);
    }
}

/* Only what is mangled for sure: a C function may be called _Dmain. */
static bool demangle(const char *name, struct output *output)
{
    const int options = DMGL_PARAMS | DMGL_ANSI;
    if (strncmp(name, "_Z", 2) != 0 && strncmp(name, "_R", 2) != 0) {
        return false;
    }
    if (setjmp(output->full) != 0) {
        return true;
    }
    if (rust_demangle_callback(name, options, take_piece, output) != 0) {
        return true;
    }
    output->bytes = 0;
    return cplus_demangle_v3_callback(name, options, take_piece, output) != 0;
}

static void put(char *out, size_t size, const char *text)
{
    size_t bytes = strnlen(text, size);
    memcpy(out, text, bytes < size ? bytes + 1 : size);
    if (bytes == size) {
        memcpy(out + size - 4, "...", 4);
    }
}

void ms_symbol_readable(const char *name, char *out, size_t size)
{
    size_t length = strnlen(name, MANGLED_AT_MOST);
    char *plain = length == MANGLED_AT_MOST ? NULL : strndup(name, without_clones(name, length));
    struct output output = {.text = out, .room = size};
    if (plain != NULL && demangle(plain, &output)) {
        if (output.bytes < size) {
            out[output.bytes] = '\0';
        } else {
            memcpy(out + size - 4, "...", 4);
        }
    } else {
        put(out, size, plain != NULL ? plain : name);
    }
    free(plain);
}
