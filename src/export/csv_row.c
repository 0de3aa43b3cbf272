#include "export/csv_row.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/format.h"

#define SHORT_TEXT 4096u

static void separate(struct ms_csv *csv)
{
    if (csv->begun) {
        putc(',', csv->out);
    }
    csv->begun = true;
}

/* Any text of the program is hostile: a formula in a cell would run in a spreadsheet. */
static void put_quoted(struct ms_csv *csv, const char *text)
{
    const bool formula = text[0] != '\0' && strchr("=+-@", text[0]) != NULL;
    if (!formula && strpbrk(text, ",\"\r\n'") == NULL) {
        fputs(text, csv->out);
        return;
    }
    putc('"', csv->out);
    if (formula) {
        putc('\'', csv->out);
    }
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            putc('"', csv->out);
        }
        putc(*text, csv->out);
    }
    putc('"', csv->out);
}

void ms_csv_bytes(struct ms_csv *csv, const char *bytes, size_t count)
{
    char short_text[SHORT_TEXT];
    const size_t room = 4 * count + 1; /* a byte becomes four at most */
    char *safe = room <= sizeof(short_text) ? short_text : malloc(room);
    separate(csv);
    if (safe == NULL) {
        safe = short_text;
    }
    ms_format_safe(safe, safe == short_text ? sizeof(short_text) : room, bytes, count, true);
    put_quoted(csv, safe);
    if (safe != short_text) {
        free(safe);
    }
}

void ms_csv_text(struct ms_csv *csv, const char *text)
{
    ms_csv_bytes(csv, text, strlen(text));
}

void ms_csv_none(struct ms_csv *csv)
{
    separate(csv);
}

void ms_csv_u64(struct ms_csv *csv, uint64_t value)
{
    separate(csv);
    fprintf(csv->out, "%" PRIu64, value);
}

void ms_csv_u64_or_none(struct ms_csv *csv, bool available, uint64_t value)
{
    if (available) {
        ms_csv_u64(csv, value);
    } else {
        ms_csv_none(csv);
    }
}

/* Not printf: the decimal point is no matter of the locale. */
void ms_csv_fixed(struct ms_csv *csv, double value, unsigned decimals)
{
    uint64_t scale = 1;
    for (unsigned i = 0; i < decimals; i++) {
        scale *= 10;
    }
    separate(csv);
    if (!isfinite(value)) {
        return;
    }
    const double scaled = fabs(value) * (double)scale;
    if (scaled > 1e18) {
        fprintf(csv->out, "%.0f", value);
        return;
    }
    uint64_t digits = (uint64_t)llround(scaled);
    while (decimals > 0 && digits % 10 == 0) {
        digits /= 10;
        scale /= 10;
        decimals--;
    }
    fprintf(csv->out, "%s%" PRIu64, value < 0 && digits > 0 ? "-" : "", digits / scale);
    if (decimals > 0) {
        fprintf(csv->out, ".%0*" PRIu64, (int)decimals, digits % scale);
    }
}

void ms_csv_bool(struct ms_csv *csv, bool value)
{
    separate(csv);
    fputs(value ? "true" : "false", csv->out);
}

void ms_csv_end(struct ms_csv *csv)
{
    fputs("\r\n", csv->out);
    csv->begun = false;
}

void ms_csv_headings(struct ms_csv *csv, const char *names)
{
    separate(csv);
    fputs(names, csv->out);
}
