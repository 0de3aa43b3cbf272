#include "export/paragraph.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "model/format.h"
#include "model/utf8.h"

bool ms_paragraph_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Columns of the character at `text`, which is valid, and its bytes. */
static size_t columns_of(const char *text, size_t *bytes)
{
    uint32_t code = 0;
    *bytes = ms_utf8_decode(text, strlen(text), &code);
    if (*bytes == 0) {
        *bytes = 1;
        return 1;
    }
    const int columns = wcwidth((wchar_t)code);
    return columns < 0 ? 1 : (size_t)columns;
}

/* Bytes of `text` that fit into `columns`. */
static size_t fitting(const char *text, size_t columns)
{
    size_t at = 0;
    size_t used = 0;
    while (text[at] != '\0') {
        size_t bytes;
        used += columns_of(text + at, &bytes);
        if (used > columns) {
            break;
        }
        at += bytes;
    }
    return at;
}

/* Where a line is broken: behind the last blank that fits, else anywhere. */
static size_t line_of(const char *text, size_t columns)
{
    const size_t fits = fitting(text, columns);
    if (text[fits] == '\0') {
        return fits;
    }
    size_t at = fits;
    while (at > 0 && text[at] != ' ') {
        at--;
    }
    return at > 0 ? at : fits;
}

void ms_paragraph_write(FILE *out, const char *label, size_t indent, const char *text, size_t bytes)
{
    char *safe = malloc(bytes + 1);
    if (safe == NULL) {
        return;
    }
    while (bytes > 0 && text[bytes - 1] == '\n') {
        bytes--;
    }
    ms_format_safe(safe, bytes + 1, text, bytes, ms_paragraph_utf8());
    const char *left = safe;
    fprintf(out, "%-*s", (int)indent, label);
    do {
        const size_t here = line_of(left, MS_PAGE_COLUMNS - indent);
        fprintf(out, "%.*s\n", (int)here, left);
        left += here;
        left += strspn(left, " ");
        if (*left != '\0') {
            fprintf(out, "%*s", (int)indent, "");
        }
    } while (*left != '\0');
    free(safe);
}

void ms_paragraph_cell(FILE *out, const char *text, size_t columns)
{
    char safe[1024];
    ms_format_safe(safe, sizeof safe, text, strlen(text), ms_paragraph_utf8());
    size_t bytes = fitting(safe, columns);
    const bool cut = safe[bytes] != '\0';
    if (cut) {
        bytes = fitting(safe, columns - 1);
    }
    fwrite(safe, 1, bytes, out);
    fputs(cut ? "~" : "", out);
    size_t used = cut;
    for (size_t at = 0; at < bytes;) {
        size_t step;
        used += columns_of(safe + at, &step);
        at += step;
    }
    fprintf(out, "%*s", (int)(columns > used ? columns - used : 0), "");
}
