/*
 * The crate in a Rust name. v0 names (RFC 2603) are parsed, as far as is needed to tell where a
 * path begins; legacy names are Itanium names whose last part is a hash and whose odd characters
 * are written as $..$.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "collect/symbol_name.h"

enum { NESTED_AT_MOST = 64, STEPS_AT_MOST = 4096 };

struct text {
    const char *at;
    size_t bytes;
};

/* --- v0 --- */

struct parser {
    const char *start; /* behind "_R": what back references count from */
    const char *at;
    unsigned depth, steps;
    bool failed;
};

static bool take(struct parser *parser, char wanted)
{
    if (*parser->at != wanted) {
        return false;
    }
    parser->at++;
    return true;
}

/* A number in base 62, closed by '_'. */
static uint64_t take_base_62(struct parser *parser)
{
    uint64_t value = 0;
    if (take(parser, '_')) {
        return 0;
    }
    for (; isalnum((unsigned char)*parser->at); parser->at++) {
        char c = *parser->at;
        unsigned digit = (unsigned)(isdigit((unsigned char)c)   ? c - '0'
                                    : islower((unsigned char)c) ? c - 'a' + 10
                                                                : c - 'A' + 36);
        value = value * 62 + digit;
    }
    parser->failed = parser->failed || !take(parser, '_');
    return value + 1;
}

static struct text take_identifier(struct parser *parser)
{
    size_t bytes = 0;
    if (take(parser, 's')) {
        (void)take_base_62(parser);
    }
    (void)take(parser, 'u');
    if (!isdigit((unsigned char)*parser->at)) {
        parser->failed = true;
        return (struct text){parser->at, 0};
    }
    if (!take(parser, '0')) {
        while (isdigit((unsigned char)*parser->at) && bytes < 65536) {
            bytes = bytes * 10 + (size_t)(*parser->at++ - '0');
        }
    }
    (void)take(parser, '_');
    struct text identifier = {parser->at, bytes};
    if (strnlen(parser->at, bytes) < bytes) {
        parser->failed = true;
        return (struct text){parser->at, 0};
    }
    parser->at += bytes;
    return identifier;
}

static struct text take_path(struct parser *parser);
static void take_type(struct parser *parser);

static bool enter(struct parser *parser)
{
    parser->failed =
        parser->failed || ++parser->depth > NESTED_AT_MOST || ++parser->steps > STEPS_AT_MOST;
    return !parser->failed;
}

/* What stands at an earlier place; `start` keeps a loop impossible. */
static struct text take_back_reference(struct parser *parser)
{
    const char *here = parser->at - 1;
    uint64_t place = take_base_62(parser);
    const char *next = parser->at;
    struct text crate = {"", 0};
    if (parser->failed || place >= (uint64_t)(here - parser->start)) {
        parser->failed = true;
        return crate;
    }
    parser->at = parser->start + place;
    crate = take_path(parser);
    parser->at = next;
    return crate;
}

static void take_lifetime(struct parser *parser)
{
    if (take(parser, 'L')) {
        (void)take_base_62(parser);
    }
}

static void take_constant(struct parser *parser)
{
    if (take(parser, 'B')) {
        (void)take_base_62(parser);
    } else if (!take(parser, 'p')) {
        parser->at += *parser->at != '\0'; /* type */
        (void)take(parser, 'n');
        while (isxdigit((unsigned char)*parser->at)) {
            parser->at++;
        }
        parser->failed = parser->failed || !take(parser, '_');
    }
}

static void take_arguments(struct parser *parser)
{
    while (!parser->failed && !take(parser, 'E')) {
        if (*parser->at == 'L') {
            take_lifetime(parser);
        } else if (take(parser, 'K')) {
            take_constant(parser);
        } else {
            take_type(parser);
        }
    }
}

/* The path that an impl block stands in, and its type. */
static struct text take_impl(struct parser *parser)
{
    if (take(parser, 's')) {
        (void)take_base_62(parser);
    }
    struct text crate = take_path(parser);
    take_type(parser);
    return crate;
}

/* Returns the crate that the path begins in. */
static struct text take_path(struct parser *parser)
{
    struct text crate = {"", 0};
    if (!enter(parser)) {
        return crate;
    }
    switch (*parser->at != '\0' ? *parser->at++ : '\0') {
    case 'C':
        crate = take_identifier(parser);
        break;
    case 'N':
        parser->at += *parser->at != '\0'; /* namespace */
        crate = take_path(parser);
        (void)take_identifier(parser);
        break;
    case 'M': /* <T>::, in an impl block of this path */
        crate = take_impl(parser);
        break;
    case 'X': /* <T as Trait>:: */
        crate = take_impl(parser);
        (void)take_path(parser);
        break;
    case 'Y': /* a method that the trait itself provides */
        take_type(parser);
        crate = take_path(parser);
        break;
    case 'I': /* with type arguments */
        crate = take_path(parser);
        take_arguments(parser);
        break;
    case 'B':
        crate = take_back_reference(parser);
        break;
    default:
        parser->failed = true;
        break;
    }
    parser->depth--;
    return crate;
}

static void take_function_type(struct parser *parser)
{
    if (take(parser, 'G')) {
        (void)take_base_62(parser);
    }
    (void)take(parser, 'U');
    if (take(parser, 'K') && !take(parser, 'C')) {
        (void)take_identifier(parser);
    }
    take_arguments(parser);
    take_type(parser);
}

static void take_trait_object(struct parser *parser)
{
    if (take(parser, 'G')) {
        (void)take_base_62(parser);
    }
    while (!parser->failed && !take(parser, 'E')) {
        (void)take_path(parser);
        while (!parser->failed && take(parser, 'p')) {
            (void)take_identifier(parser);
            take_type(parser);
        }
    }
    take_lifetime(parser);
}

static void take_type(struct parser *parser)
{
    if (!enter(parser)) {
        return;
    }
    char tag = *parser->at;
    parser->at += tag != '\0';
    switch (tag) {
    case 'R':
    case 'Q':
        take_lifetime(parser);
        take_type(parser);
        break;
    case 'P':
    case 'O':
    case 'S':
        take_type(parser);
        break;
    case 'A':
        take_type(parser);
        take_constant(parser);
        break;
    case 'T':
        take_arguments(parser);
        break;
    case 'F':
        take_function_type(parser);
        break;
    case 'D':
        take_trait_object(parser);
        break;
    case 'B':
        (void)take_base_62(parser);
        break;
    default:
        if (!islower((unsigned char)tag)) {
            parser->at -= tag != '\0';
            (void)take_path(parser);
        }
        break;
    }
    parser->depth--;
}

static struct text crate_of_v0(const char *name)
{
    struct parser parser = {.start = name + 2, .at = name + 2};
    struct text crate = take_path(&parser);
    /* Once the crate is known, what is odd behind it does not matter. */
    return crate;
}

/* --- legacy --- */

static struct text take_part(const char **at)
{
    size_t bytes = 0;
    while (isdigit((unsigned char)**at) && bytes < 65536) {
        bytes = bytes * 10 + (size_t)(*(*at)++ - '0');
    }
    if (bytes == 0 || strnlen(*at, bytes) < bytes) {
        return (struct text){*at, 0};
    }
    struct text part = {*at, bytes};
    *at += bytes;
    return part;
}

static bool is_hash(struct text part)
{
    if (part.bytes != 17 || part.at[0] != 'h') {
        return false;
    }
    for (size_t i = 1; i < part.bytes; i++) {
        if (!isxdigit((unsigned char)part.at[i])) {
            return false;
        }
    }
    return true;
}

static void skip_prefix(struct text *text, const char *prefix)
{
    size_t bytes = strlen(prefix);
    if (text->bytes >= bytes && memcmp(text->at, prefix, bytes) == 0) {
        text->at += bytes;
        text->bytes -= bytes;
    }
}

/* The first word of a path a..b..c; empty when a single word stands there. */
static struct text first_of_path(struct text type)
{
    static const char *const before[] = {"$RF$",     "$BP$const$u20$", "$BP$mut$u20$", "mut$u20$",
                                         "dyn$u20$", "$u5b$",          "$LP$",         "dyn$u20$"};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        skip_prefix(&type, before[i]);
    }
    size_t bytes = 0;
    while (bytes < type.bytes &&
           (isalnum((unsigned char)type.at[bytes]) || type.at[bytes] == '_')) {
        bytes++;
    }
    bool path = bytes + 1 < type.bytes && memcmp(type.at + bytes, "..", 2) == 0;
    return (struct text){type.at, path ? bytes : 0};
}

static bool is_standard(struct text crate)
{
    static const char *const names[] = {"core", "alloc", "std"};
    for (size_t i = 0; i < 3; i++) {
        if (strlen(names[i]) == crate.bytes && memcmp(names[i], crate.at, crate.bytes) == 0) {
            return true;
        }
    }
    return false;
}

/* "_$LT$T$u20$as$u20$Trait$GT$", outermost " as " only. */
static struct text crate_of_impl(struct text part)
{
    static const char as[] = "$u20$as$u20$";
    skip_prefix(&part, "_");
    skip_prefix(&part, "$LT$");
    struct text type = first_of_path(part);
    int depth = 0;
    for (size_t i = 0; i + sizeof as - 1 < part.bytes; i++) {
        depth += memcmp(part.at + i, "$LT$", 4) == 0;
        depth -= memcmp(part.at + i, "$GT$", 4) == 0;
        if (depth == 0 && memcmp(part.at + i, as, sizeof as - 1) == 0) {
            struct text rest = {part.at + i + sizeof as - 1, part.bytes - i - (sizeof as - 1)};
            struct text trait = first_of_path(rest);
            bool of_trait = is_standard(type) && trait.bytes > 0 && !is_standard(trait);
            return type.bytes == 0 || of_trait ? trait : type;
        }
    }
    return type;
}

static struct text crate_of_legacy(const char *name)
{
    const char *at = name + 3;
    struct text first = take_part(&at);
    struct text last = first;
    for (struct text next = first; next.bytes > 0; next = take_part(&at)) {
        last = next;
    }
    if (*at != 'E' || last.at == first.at || !is_hash(last)) {
        return (struct text){"", 0};
    }
    bool impl = (first.bytes > 5 && memcmp(first.at, "_$LT$", 5) == 0) ||
                (first.bytes > 4 && memcmp(first.at, "$LT$", 4) == 0);
    return impl ? crate_of_impl(first) : first;
}

void ms_symbol_crate(const char *name, char *out, size_t size)
{
    struct text crate = {"", 0};
    if (strncmp(name, "_R", 2) == 0) {
        crate = crate_of_v0(name);
    } else if (strncmp(name, "_ZN", 3) == 0) {
        crate = crate_of_legacy(name);
    }
    /* What cannot be the name of a crate is no Rust: __RESOURCE or the like. */
    for (size_t i = 0; i < crate.bytes; i++) {
        if (!isalnum((unsigned char)crate.at[i]) && crate.at[i] != '_') {
            crate.bytes = 0;
        }
    }
    (void)snprintf(out, size, "%.*s", (int)crate.bytes, crate.at);
}
