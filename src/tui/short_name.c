/* See short_name.h. Looks at brackets only, so it works for C++ and Rust and harms nothing else. */
#include "tui/short_name.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 4096u

struct text {
    char bytes[NAME_MAX_BYTES];
    size_t length;
};

const char *ms_short_name_sign(bool ascii)
{
    return ascii ? ".." : "\u2026";
}

static bool begins_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

static size_t cells_of(const char *bytes, size_t length)
{
    size_t cells = 0;
    for (size_t i = 0; i < length; i++) {
        cells += begins_character(bytes[i]) ? 1 : 0;
    }
    return cells;
}

static void append(struct text *text, const char *bytes, size_t length)
{
    if (length > sizeof text->bytes - 1 - text->length) {
        length = sizeof text->bytes - 1 - text->length;
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

/* Whether the sign at `at` belongs to the name of an operator: operator<, operator->, operator().
 */
static bool of_operator(const char *name, size_t at)
{
    static const char word[] = "operator";
    const size_t length = sizeof word - 1;
    size_t start = at;
    while (start > 0 && strchr("<>=-()!", name[start - 1]) != NULL) {
        start--;
    }
    /* of operator()(int) the first two are the name */
    const size_t signs = name[at] == '(' ? 1 : name[at] == ')' ? 2 : 3;
    return start >= length && memcmp(name + start - length, word, length) == 0 &&
           at - start < signs;
}

static bool in_word(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_' || ((unsigned char)byte & 0x80) != 0;
}

/* Where the bracket opened at `at` is closed, brackets of its kind counted; 0: nowhere. */
static size_t closing(const char *name, size_t length, size_t at, char open, char close)
{
    size_t depth = 0;
    for (size_t i = at; i < length; i++) {
        if (name[i] == open && !of_operator(name, i)) {
            depth++;
        } else if (name[i] == close && !of_operator(name, i) && (i == 0 || name[i - 1] != '-') &&
                   --depth == 0) {
            return i;
        }
    }
    return 0;
}

/* Parameters, those of local functions and conversions too; "(anonymous namespace)" stays. */
static bool is_parameters(const char *name, size_t at)
{
    static const char anonymous[] = "(anonymous";
    return name[at] == '(' && at > 0 && (in_word(name[at - 1]) || strchr(">])}", name[at - 1])) &&
           strncmp(name + at, anonymous, sizeof anonymous - 1) != 0 && !of_operator(name, at);
}

/* Arguments of a template follow a word; <impl Trait for Type> of Rust does not. */
static bool is_arguments(const char *name, size_t at)
{
    return name[at] == '<' && !of_operator(name, at) &&
           ((at > 0 && in_word(name[at - 1])) || (at > 2 && strncmp(name + at - 2, "::", 2) == 0 &&
                                                  strncmp(name + at, "<impl", 5) != 0));
}

static void leave_out(struct text *to, const struct text *from, bool parameters, bool arguments,
                      const char *sign)
{
    to->length = 0;
    to->bytes[0] = '\0';
    for (size_t i = 0; i < from->length; i++) {
        size_t end = 0;
        if (parameters && is_parameters(from->bytes, i)) {
            end = closing(from->bytes, from->length, i, '(', ')');
        } else if (arguments && is_arguments(from->bytes, i)) {
            end = closing(from->bytes, from->length, i, '<', '>');
        }
        append(to, from->bytes + i, 1);
        if (end > i + 1) {
            append(to, sign, strlen(sign));
            i = end - 1;
        }
    }
}

/* What a function returns stands before the last blank ahead of its parameters; blanks in brackets
 * and in the names of operators ("operator new") do not count. */
static void leave_out_result(struct text *text)
{
    static const char word[] = "operator";
    const size_t length = sizeof word - 1;
    size_t depth = 0;
    size_t start = 0;
    for (size_t i = 0; i < text->length; i++) {
        const char sign = text->bytes[i];
        if (depth == 0 && is_parameters(text->bytes, i)) {
            break;
        }
        if (strchr("<({[", sign) != NULL && !of_operator(text->bytes, i)) {
            depth++;
        } else if (strchr(">)}]", sign) != NULL && !of_operator(text->bytes, i)) {
            depth -= depth > 0 ? 1 : 0;
        } else if (sign == ' ' && depth == 0) {
            size_t end = i;
            while (end > 0 && strchr("<>=-+*/%^&|~!,()[]", text->bytes[end - 1]) != NULL) {
                end--;
            }
            if (end >= length && memcmp(text->bytes + end - length, word, length) == 0) {
                break;
            }
            start = i + 1;
        }
    }
    memmove(text->bytes, text->bytes + start, text->length - start + 1);
    text->length -= start;
}

static bool ends_with_parameters(const struct text *text, const char *sign)
{
    char tail[16];
    const int length = snprintf(tail, sizeof tail, "(%s)", sign);
    return length > 0 && text->length > (size_t)length &&
           memcmp(text->bytes + text->length - (size_t)length, tail, (size_t)length) == 0;
}

/* Where the name goes on behind its first "A::"; 0: it is the last part. */
static size_t next_part(const struct text *text, size_t from)
{
    size_t depth = 0;
    for (size_t i = from; i + 1 < text->length; i++) {
        const char sign = text->bytes[i];
        if (strchr("<({[", sign) != NULL && !of_operator(text->bytes, i)) {
            depth++;
        } else if (strchr(">)}]", sign) != NULL && !of_operator(text->bytes, i)) {
            depth -= depth > 0 ? 1 : 0;
        } else if (depth == 0 && sign == ':' && text->bytes[i + 1] == ':') {
            return i + 2;
        }
    }
    return 0;
}

/* As many of the first parts "A::" as it takes. */
static void leave_out_first_parts(struct text *text, size_t room, const char *sign)
{
    if (ends_with_parameters(text, sign)) {
        text->length -= strlen(sign) + 2;
        text->bytes[text->length] = '\0';
    }
    size_t start = 0;
    size_t next;
    const size_t more = cells_of(sign, strlen(sign));
    while (cells_of(text->bytes + start, text->length - start) + (start > 0 ? more : 0) > room &&
           (next = next_part(text, start)) != 0) {
        start = next;
    }
    if (start > 0) {
        struct text rest = {.length = 0};
        append(&rest, sign, strlen(sign));
        append(&rest, text->bytes + start, text->length - start);
        *text = rest;
    }
}

/* The last third or so is the function's own name. */
static void cut_middle(char *out, size_t size, const struct text *text, size_t cells,
                       const char *sign)
{
    const size_t sign_cells = cells_of(sign, strlen(sign));
    const size_t all = cells_of(text->bytes, text->length);
    size_t head = cells > sign_cells ? (cells - sign_cells) / 3 : 0;
    const size_t tail = cells > sign_cells ? cells - sign_cells - head : 0;
    size_t written = 0;
    size_t cell = 0;
    for (size_t i = 0; i < text->length && written + 1 < size; i++) {
        if (begins_character(text->bytes[i])) {
            if (cell == head) {
                for (const char *from = sign; *from != '\0' && written + 1 < size; from++) {
                    out[written++] = *from;
                }
            }
            cell++;
        }
        if (written + 1 < size && (cell <= head || cell > all - tail)) {
            out[written++] = text->bytes[i];
        }
    }
    out[written] = '\0';
}

char *ms_short_name(char *out, size_t size, const char *name, int cells, bool ascii)
{
    static const struct {
        bool parameters, arguments;
    } steps[] = {{false, false}, {true, false}, {true, true}};
    const char *sign = ms_short_name_sign(ascii);
    const size_t room = cells > 0 ? (size_t)cells : 0;
    struct text whole;
    struct text cut;
    out[0] = '\0';
    whole.length = 0;
    append(&whole, name, strnlen(name, NAME_MAX_BYTES));
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        leave_out(&cut, &whole, steps[i].parameters, steps[i].arguments, sign);
        if (cells_of(cut.bytes, cut.length) <= room && cut.length < size) {
            memcpy(out, cut.bytes, cut.length + 1);
            return out;
        }
    }
    leave_out_result(&cut);
    if (cells_of(cut.bytes, cut.length) > room) {
        leave_out_first_parts(&cut, room, sign);
    }
    if (room > 0 && cells_of(cut.bytes, cut.length) <= room && cut.length < size) {
        memcpy(out, cut.bytes, cut.length + 1);
    } else if (room > 0) {
        cut_middle(out, size, &cut, room, sign);
    }
    return out;
}
