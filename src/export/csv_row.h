/* Cells and rows of CSV. For src/export only. */
#ifndef MS_EXPORT_CSV_ROW_H
#define MS_EXPORT_CSV_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ms_csv {
    FILE *out;
    bool begun; /* the row has a cell */
};

void ms_csv_text(struct ms_csv *csv, const char *text);
void ms_csv_bytes(struct ms_csv *csv, const char *bytes, size_t count);
void ms_csv_u64(struct ms_csv *csv, uint64_t value);
void ms_csv_u64_or_none(struct ms_csv *csv, bool available, uint64_t value);
/* As JSON has it: rounded to `decimals`; none when not finite. */
void ms_csv_fixed(struct ms_csv *csv, double value, unsigned decimals);
void ms_csv_bool(struct ms_csv *csv, bool value);
void ms_csv_none(struct ms_csv *csv);
void ms_csv_end(struct ms_csv *csv);
/* Names separated by commas: ours, plain. */
void ms_csv_headings(struct ms_csv *csv, const char *names);

#endif
