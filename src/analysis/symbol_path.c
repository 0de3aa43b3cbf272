#include "analysis/symbol_path.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum { NESTING_AT_MOST = 64 };

struct ms_slice ms_slice_of(const char *text)
{
    return (struct ms_slice){text, strlen(text)};
}

bool ms_slice_is(struct ms_slice slice, const char *text)
{
    return strlen(text) == slice.bytes && memcmp(slice.at, text, slice.bytes) == 0;
}

bool ms_slice_starts(struct ms_slice slice, const char *prefix)
{
    const size_t bytes = strlen(prefix);
    return bytes <= slice.bytes && memcmp(slice.at, prefix, bytes) == 0;
}

bool ms_slice_ends(struct ms_slice slice, const char *suffix)
{
    const size_t bytes = strlen(suffix);
    return bytes <= slice.bytes && memcmp(slice.at + slice.bytes - bytes, suffix, bytes) == 0;
}

static struct ms_slice slice_from(struct ms_slice text, size_t from, size_t to)
{
    return (struct ms_slice){text.at + from, to - from};
}

static bool starts_at(struct ms_slice text, size_t at, const char *prefix)
{
    return ms_slice_starts(slice_from(text, at, text.bytes), prefix);
}

static struct ms_slice trimmed(struct ms_slice text)
{
    while (text.bytes > 0 && text.at[0] == ' ') {
        text.at++;
        text.bytes--;
    }
    while (text.bytes > 0 && text.at[text.bytes - 1] == ' ') {
        text.bytes--;
    }
    return text;
}

static char closer_of(char opener)
{
    switch (opener) {
    case '<':
        return '>';
    case '(':
        return ')';
    case '[':
        return ']';
    case '{':
        return '}';
    default:
        return '\0';
    }
}

/*
 * Position behind the bracket that closes the one at `at`; text.bytes + 1 when none does. A < or >
 * may also be a comparison (alone between spaces, or inside parentheses) or part of an arrow.
 */
static size_t behind_group(struct ms_slice text, size_t at)
{
    char open[NESTING_AT_MOST];
    size_t depth = 0;
    for (size_t i = at; i < text.bytes; i++) {
        const char c = text.at[i];
        const char before = i > 0 ? text.at[i - 1] : ' ';
        const char after = i + 1 < text.bytes ? text.at[i + 1] : ' ';
        if (depth > 0 && c == open[depth - 1] && !(c == '>' && before == '-')) {
            if (--depth == 0) {
                return i + 1;
            }
        } else if (closer_of(c) != '\0' && !(c == '<' && before == ' ' && after == ' ')) {
            if (depth == NESTING_AT_MOST) {
                return text.bytes + 1;
            }
            open[depth++] = closer_of(c);
        }
    }
    return text.bytes + 1;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || c == '.';
}

/* Behind "operator" and what it is an operator of; `at` itself when it is another word. */
static size_t behind_operator(struct ms_slice text, size_t at)
{
    static const char *const tokens[] = {
        " new[]", " delete[]", " new", " delete", "<=>", "<<=", ">>=", "->*", "()",
        "[]",     "<<",        ">>",   "<=",      ">=",  "->",  "<",   ">"};
    if (!starts_at(text, at, "operator") || (at > 0 && is_word(text.at[at - 1]))) {
        return at;
    }
    size_t end = at + strlen("operator");
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        if (starts_at(text, end, tokens[i])) {
            end += strlen(tokens[i]);
            /* "operator< <int>" */
            return starts_at(text, end, " <") ? end + 1 : end;
        }
    }
    if (end < text.bytes && is_word(text.at[end])) {
        return at;
    }
    while (end < text.bytes && text.at[end] != '(' && text.at[end] != '<') {
        end++; /* a conversion, or an operator without brackets */
    }
    return end;
}

/* After the ) of something that looks like a list of parameters: a function that holds others. */
static bool goes_on(struct ms_slice text, size_t at)
{
    return starts_at(text, at, "::") || starts_at(text, at, " const::") ||
           starts_at(text, at, "[abi:");
}

/* The path in a function's name: without the type it returns, its parameters and its suffixes. */
static struct ms_slice path_of(struct ms_symbol_path *path, struct ms_slice text)
{
    size_t start = 0;
    size_t i = 0;
    while (i < text.bytes) {
        const size_t behind = behind_operator(text, i);
        const char c = text.at[i];
        if (behind != i) {
            i = behind;
        } else if (c == ' ') {
            if (starts_at(text, i, " [clone") || starts_at(text, i, " (.")) {
                break;
            }
            i++;
            start = i;
        } else if (c == '(' && !starts_at(text, i, "(anonymous namespace)")) {
            const size_t end = behind_group(text, i);
            const bool decltype_of = i >= 8 && starts_at(text, i - 8, "decltype");
            if (end > text.bytes || (!decltype_of && !goes_on(text, end))) {
                path->called = true;
                break;
            }
            i = end;
        } else if (closer_of(c) != '\0') {
            i = behind_group(text, i);
        } else {
            i++;
        }
    }
    if (i > text.bytes) {
        path->cut = true;
        i = text.bytes;
    }
    return slice_from(text, start, i);
}

static bool add_part(struct ms_symbol_path *path, struct ms_slice name, struct ms_slice arguments)
{
    if (path->count == MS_PATH_PARTS_MAX) {
        path->count = 0;
        return false;
    }
    if (name.bytes == 0 && path->count > 0) { /* Rust's "f::<T>" */
        struct ms_path_part *last = &path->parts[path->count - 1];
        if (last->arguments.bytes == 0) {
            last->arguments = arguments;
        }
        return true;
    }
    path->parts[path->count++] = (struct ms_path_part){name, arguments};
    return true;
}

/* Splits at "::" outside of brackets. */
static void split(struct ms_symbol_path *path, struct ms_slice text)
{
    size_t start = 0;
    size_t name_end = SIZE_MAX;
    struct ms_slice arguments = {text.at, 0};
    size_t i = 0;
    while (i <= text.bytes) {
        if (i == text.bytes || starts_at(text, i, "::")) {
            const size_t end = name_end != SIZE_MAX ? name_end : i;
            if (!add_part(path, slice_from(text, start, end), arguments) || i == text.bytes) {
                return;
            }
            i += 2;
            start = i;
            name_end = SIZE_MAX;
            arguments.bytes = 0;
            continue;
        }
        const size_t behind = behind_operator(text, i);
        const char c = text.at[i];
        if (behind != i) {
            i = behind;
        } else if (c == '<') {
            size_t end = behind_group(text, i);
            const bool closed = end <= text.bytes;
            if (!closed) {
                path->cut = true;
                end = text.bytes;
            }
            if (name_end == SIZE_MAX) {
                name_end = i;
                arguments = slice_from(text, i + 1, closed ? end - 1 : end);
            }
            i = end;
        } else if (closer_of(c) != '\0') {
            const size_t end = behind_group(text, i);
            path->cut = path->cut || end > text.bytes;
            i = end > text.bytes ? text.bytes : end;
        } else {
            i++;
        }
    }
}

/* Where " as " stands outside of brackets; text.bytes: nowhere. */
static size_t place_of_as(struct ms_slice text)
{
    size_t i = 0;
    while (i < text.bytes) {
        if (starts_at(text, i, " as ")) {
            return i;
        }
        i = closer_of(text.at[i]) != '\0' ? behind_group(text, i) : i + 1;
    }
    return text.bytes;
}

static void split_angled(struct ms_symbol_path *path, struct ms_slice text)
{
    const size_t end = behind_group(text, 0);
    if (end > text.bytes) {
        path->cut = true;
        return;
    }
    const struct ms_slice inside = slice_from(text, 1, end - 1);
    const size_t as = place_of_as(inside);
    if (as < inside.bytes) {
        path->trait = slice_from(inside, as + 4, inside.bytes);
    }
    const struct ms_slice type = slice_from(inside, 0, as);
    if (ms_slice_starts(type, "<")) {
        const struct ms_slice trait = path->trait;
        split_angled(path, type);
        path->trait = trait;
    } else {
        split(path, type);
    }
    if (starts_at(text, end, "::")) {
        split(path, slice_from(text, end + 2, text.bytes));
    }
}

void ms_symbol_path_parse(struct ms_symbol_path *path, const char *function)
{
    memset(path, 0, sizeof *path);
    path->trait.at = function;
    const struct ms_slice text = path_of(path, ms_slice_of(function));
    path->angled = ms_slice_starts(text, "<");
    if (path->angled) {
        split_angled(path, text);
    } else if (text.bytes > 0) {
        split(path, text);
    }
}

void ms_type_path_parse(struct ms_symbol_path *path, struct ms_slice type)
{
    memset(path, 0, sizeof *path);
    type = trimmed(type);
    path->trait.at = type.at;
    if (ms_slice_starts(type, "<")) {
        path->angled = true;
        split_angled(path, type);
    } else if (type.bytes > 0) {
        split(path, type);
    }
}

struct ms_slice ms_path_argument(struct ms_slice arguments, size_t index)
{
    size_t start = 0;
    size_t i = 0;
    while (i < arguments.bytes) {
        const char c = arguments.at[i];
        if (c == ',') {
            if (index == 0) {
                break;
            }
            index--;
            start = ++i;
        } else if (closer_of(c) != '\0' && !(c == '<' && i > 0 && arguments.at[i - 1] == ' ')) {
            i = behind_group(arguments, i);
        } else {
            i++;
        }
    }
    if (index > 0) {
        return (struct ms_slice){arguments.at, 0};
    }
    return trimmed(slice_from(arguments, start, i < arguments.bytes ? i : arguments.bytes));
}
