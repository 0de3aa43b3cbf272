#include "analysis/type_text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { NESTING_AT_MOST = 32, ARGUMENTS_AT_MOST = 32 };

/* What is read and what is written so far; `depth` bounds the recursion. */
struct writing {
    struct ms_slice in;
    size_t at;
    char *out;
    size_t size, used;
    unsigned depth;
    bool rust;
    bool cut;
};

static void put(struct writing *writing, const char *text, size_t bytes)
{
    if (bytes >= writing->size - writing->used) {
        writing->cut = true;
        bytes = writing->size - writing->used - 1;
    }
    memcpy(writing->out + writing->used, text, bytes);
    writing->used += bytes;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || c == '#' || c == '{' || c == '}';
}

static struct ms_slice written_since(const struct writing *writing, size_t start)
{
    return (struct ms_slice){writing->out + start, writing->used - start};
}

static bool is_any(struct ms_slice slice, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ms_slice_is(slice, words[i])) {
            return true;
        }
    }
    return false;
}
#define IS_ANY(slice, words) is_any(slice, words, sizeof(words) / sizeof((words)[0]))

static struct ms_slice first_part(struct ms_slice path)
{
    const char *end = memmem(path.at, path.bytes, "::", 2);
    return (struct ms_slice){path.at, end == NULL ? path.bytes : (size_t)(end - path.at)};
}

static const char *const rust_library[] = {"alloc", "core", "std", "hashbrown"};

static bool is_rust_parameter(struct ms_slice path)
{
    return path.bytes == 1 && (isupper((unsigned char)path.at[0]) || path.at[0] == '_');
}

static void put_rust_path(struct writing *writing, struct ms_slice path)
{
    if (is_rust_parameter(path)) {
        put(writing, "?", 1);
        return;
    }
    if (IS_ANY(first_part(path), rust_library)) {
        for (size_t i = path.bytes; i > 1; i--) {
            if (path.at[i - 1] == ':') {
                put(writing, path.at + i, path.bytes - i);
                return;
            }
        }
    }
    put(writing, path.at, path.bytes);
}

/* Without the inline namespaces that say which version of the library it is. */
static void put_cpp_path(struct writing *writing, struct ms_slice path)
{
    static const char *const versions[] = {"__cxx11", "__1",       "__2",     "__ndk1",
                                           "__debug", "__cxx1998", "__n4861", "_V2"};
    const bool library = ms_slice_is(first_part(path), "std");
    while (path.bytes > 0) {
        const struct ms_slice part = first_part(path);
        const size_t bytes = part.bytes < path.bytes ? part.bytes + 2 : part.bytes;
        if (!library || part.bytes == path.bytes || !IS_ANY(part, versions)) {
            put(writing, path.at, bytes);
        }
        path.at += bytes;
        path.bytes -= bytes;
    }
}

static bool starts_any(struct ms_slice slice, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ms_slice_starts(slice, words[i])) {
            return true;
        }
    }
    return false;
}

/* An argument behind the first that the standard library itself puts there. */
static bool is_default(const struct writing *writing, struct ms_slice argument)
{
    static const char *const cpp[] = {"std::allocator<",    "std::char_traits<",
                                      "std::less<",         "std::hash<",
                                      "std::equal_to<",     "std::default_delete<",
                                      "std::regex_traits<", "(__gnu_cxx::_Lock_policy)2",
                                      "std::vector<",       "std::deque<"};
    static const char *const rust[] = {"Global", "RandomState", "BuildHasherDefault<"};
    return writing->rust ? starts_any(argument, rust, sizeof(rust) / sizeof(rust[0]))
                         : starts_any(argument, cpp, sizeof(cpp) / sizeof(cpp[0]));
}

/* Whether a template's last arguments may be defaults; vector and deque are those of adaptors. */
static bool has_defaults(const struct writing *writing, struct ms_slice name,
                         struct ms_slice argument)
{
    static const char *const adaptors[] = {"std::queue", "std::stack", "std::priority_queue"};
    if (writing->rust) {
        return memchr(name.at, ':', name.bytes) == NULL;
    }
    if (ms_slice_starts(argument, "std::vector<") || ms_slice_starts(argument, "std::deque<")) {
        return IS_ANY(name, adaptors);
    }
    return ms_slice_starts(name, "std::");
}

/* "std::basic_string<char>" -> "std::string" */
static void shorten_basic(struct writing *writing, size_t start)
{
    static const struct {
        const char *argument, *prefix;
    } kinds[] = {{"<char>", ""},
                 {"<wchar_t>", "w"},
                 {"<char8_t>", "u8"},
                 {"<char16_t>", "u16"},
                 {"<char32_t>", "u32"}};
    static const char basic[] = "std::basic_";
    const struct ms_slice text = written_since(writing, start);
    if (!ms_slice_starts(text, basic)) {
        return;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (ms_slice_ends(text, kinds[i].argument)) {
            char name[64];
            const size_t head = sizeof(basic) - 1;
            const size_t tail = strlen(kinds[i].argument);
            (void)snprintf(name, sizeof name, "std::%s%.*s", kinds[i].prefix,
                           (int)(text.bytes - head - tail), text.at + head);
            writing->used = start;
            put(writing, name, strlen(name));
            return;
        }
    }
}

static void write_type(struct writing *writing, char end);

static void write_arguments(struct writing *writing, size_t name_start)
{
    const struct ms_slice name = written_since(writing, name_start);
    size_t ends[ARGUMENTS_AT_MOST];
    size_t count = 0;
    size_t start = 0;
    size_t keep = 0;
    put(writing, "<", 1);
    while (writing->at < writing->in.bytes) {
        start = writing->used;
        write_type(writing, '>');
        const struct ms_slice argument = written_since(writing, start);
        if (count < ARGUMENTS_AT_MOST) {
            const bool dropped =
                count > 0 && is_default(writing, argument) && has_defaults(writing, name, argument);
            ends[count++] = writing->used;
            keep = dropped ? keep : count;
        } else {
            keep = SIZE_MAX; /* too many to tell */
        }
        if (writing->at >= writing->in.bytes || writing->in.at[writing->at] != ',') {
            break;
        }
        writing->at++;
        put(writing, ", ", 2);
    }
    if (keep > 0 && keep <= count && !writing->cut) {
        writing->used = ends[keep - 1];
    }
    if (writing->at < writing->in.bytes) {
        writing->at++; /* > */
    } else {
        writing->cut = true;
    }
    put(writing, ">", 1);
    if (!writing->rust) {
        shorten_basic(writing, name_start);
    }
}

/* A path, with "::" in it and with the arguments behind it. */
static void write_path(struct writing *writing)
{
    const struct ms_slice in = writing->in;
    const size_t from = writing->at;
    const size_t start = writing->used;
    while (writing->at < in.bytes) {
        if (in.at[writing->at] == ':' && writing->at + 1 < in.bytes &&
            in.at[writing->at + 1] == ':') {
            writing->at += 2;
        } else if (is_word(in.at[writing->at])) {
            writing->at++;
        } else {
            break;
        }
    }
    const struct ms_slice path = {in.at + from, writing->at - from};
    if (writing->rust) {
        put_rust_path(writing, path);
    } else {
        put_cpp_path(writing, path);
    }
    if (writing->at < in.bytes && in.at[writing->at] == '<') {
        writing->at++;
        write_arguments(writing, start);
    }
}

static bool wants_no_space_before(char c)
{
    return c == '>' || c == ',' || c == '[' || c == ' ' || c == ')';
}

/* Up to `end` or a comma, neither of which is taken; `end` '\0': all of it. */
static void write_type(struct writing *writing, char end)
{
    const struct ms_slice in = writing->in;
    if (writing->depth == NESTING_AT_MOST) {
        writing->cut = true;
        writing->at = in.bytes;
        return;
    }
    writing->depth++;
    while (writing->at < in.bytes && in.at[writing->at] == ' ') {
        writing->at++;
    }
    while (writing->at < in.bytes) {
        const char c = in.at[writing->at];
        const char before = writing->at > 0 ? in.at[writing->at - 1] : '\0';
        if ((end != '\0' && c == ',') || (c == end && !(c == '>' && before == '-'))) {
            break;
        }
        if (is_word(c)) {
            write_path(writing);
        } else if (c == '<') { /* Rust's <A as B>, or a comparison */
            writing->at++;
            write_arguments(writing, writing->used);
        } else if (c == '(' || c == '[') {
            const char closer = c == '(' ? ')' : ']';
            put(writing, &c, 1);
            writing->at++;
            write_type(writing, closer);
            while (writing->at < in.bytes && in.at[writing->at] == ',') {
                writing->at++;
                put(writing, ", ", 2);
                write_type(writing, closer);
            }
        } else {
            const char after = writing->at + 1 < in.bytes ? in.at[writing->at + 1] : '>';
            if (c != ' ' || !wants_no_space_before(after)) {
                put(writing, &c, 1);
            }
            writing->at++;
        }
    }
    writing->depth--;
}

static char *write_text(char *out, size_t size, struct ms_slice type, bool rust)
{
    static const char dots[] = "...";
    struct writing writing = {.in = type, .out = out, .size = size, .rust = rust};
    write_type(&writing, '\0');
    if (writing.cut && writing.used + sizeof(dots) > size) {
        writing.used = size > sizeof(dots) ? size - sizeof(dots) : 0;
    }
    out[writing.used] = '\0';
    if (writing.cut && size > sizeof(dots)) {
        memcpy(out + writing.used, dots, sizeof(dots));
    }
    return out;
}

char *ms_type_text_cpp(char *out, size_t size, struct ms_slice type)
{
    return write_text(out, size, type, false);
}

char *ms_type_text_rust(char *out, size_t size, struct ms_slice type)
{
    return write_text(out, size, type, true);
}
