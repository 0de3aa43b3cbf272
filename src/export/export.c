/* The tables of formats and sections, and who writes each format. */
#include "export/export.h"

#include <errno.h>
#include <string.h>

#include "export/csv.h"
#include "export/folded.h"
#include "export/html.h"
#include "export/json.h"
#include "export/perfetto.h"
#include "export/pprof.h"
#include "export/report.h"
#include "export/speedscope.h"
#include "export/svg.h"

static const struct {
    const char *name, *suffix, *what;
} formats[MS_EXPORT_TOTAL] = {
#define FORMAT_ROW(id, name, suffix, what) {name, suffix, what},
    MS_EXPORTS(FORMAT_ROW)
#undef FORMAT_ROW
};

static const struct {
    const char *name;
} sections[MS_SECTION_TOTAL] = {
#define SECTION_ROW(id, name, what) {name},
    MS_SECTIONS(SECTION_ROW)
#undef SECTION_ROW
};

const char *ms_export_name(enum ms_export format)
{
    return formats[format].name;
}

const char *ms_export_suffix(enum ms_export format)
{
    return formats[format].suffix;
}

const char *ms_export_what(enum ms_export format)
{
    return formats[format].what;
}

enum ms_export ms_export_by_name(const char *name)
{
    int format = 0;
    while (format < MS_EXPORT_TOTAL && strcmp(formats[format].name, name) != 0) {
        format++;
    }
    return (enum ms_export)format;
}

enum ms_export ms_export_by_path(const char *path)
{
    const size_t bytes = strlen(path);
    size_t longest = 0;
    enum ms_export found = MS_EXPORT_JSON;
    for (int i = 0; i < MS_EXPORT_TOTAL; i++) {
        const size_t length = strlen(formats[i].suffix);
        if (length > longest && length <= bytes &&
            strcmp(path + bytes - length, formats[i].suffix) == 0) {
            longest = length;
            found = (enum ms_export)i;
        }
    }
    return found;
}

const char *ms_section_name(enum ms_section section)
{
    return sections[section].name;
}

static uint32_t section_bits(const char *word, size_t bytes)
{
    if (bytes == 3 && memcmp(word, "all", 3) == 0) {
        return MS_SECTIONS_ALL;
    }
    for (int i = 0; i < MS_SECTION_TOTAL; i++) {
        if (strlen(sections[i].name) == bytes && memcmp(sections[i].name, word, bytes) == 0) {
            return 1u << i;
        }
    }
    return 0;
}

int ms_sections_parse(const char *text, uint32_t *out, char *error, size_t error_bytes)
{
    uint32_t bits = *text == '-' ? MS_SECTIONS_ALL : 0;
    for (const char *word = text; word != NULL;) {
        const bool without = *word == '-';
        word += without;
        const size_t bytes = strcspn(word, ",");
        const uint32_t those = section_bits(word, bytes);
        if (those == 0) {
            size_t used =
                (size_t)snprintf(error, error_bytes, "'%.*s' is not a section; choose from all",
                                 (int)(bytes < 40 ? bytes : 40), word);
            for (int i = 0; i < MS_SECTION_TOTAL && used < error_bytes; i++) {
                used += (size_t)snprintf(error + used, error_bytes - used, " %s", sections[i].name);
            }
            return -EINVAL;
        }
        bits = without ? bits & ~those : bits | those;
        word = word[bytes] == ',' ? word + bytes + 1 : NULL;
    }
    *out = bits;
    return 0;
}

/* Of each format, whoever writes it. */
static int (*const writers[MS_EXPORT_TOTAL])(FILE *out, const struct ms_model *model,
                                             const struct ms_export_options *options) = {
    [MS_EXPORT_JSON] = ms_json_write,     [MS_EXPORT_CSV] = ms_csv_write,
    [MS_EXPORT_HTML] = ms_html_write,     [MS_EXPORT_TEXT] = ms_report_write,
    [MS_EXPORT_PPROF] = ms_pprof_write,   [MS_EXPORT_SPEEDSCOPE] = ms_speedscope_write,
    [MS_EXPORT_FOLDED] = ms_folded_write, [MS_EXPORT_PERFETTO] = ms_perfetto_write,
    [MS_EXPORT_SVG] = ms_svg_write,
};

int ms_export_write(FILE *out, enum ms_export format, const struct ms_model *model,
                    const struct ms_export_options *options)
{
    return writers[format](out, model, options);
}

const char *ms_export_error(int error)
{
    switch (-error) {
    case EEXIST:
        return "it exists already";
    case EISDIR:
        return "it is a folder";
    case ENOENT:
        return "there is no such folder";
    case ENOSPC:
        return "no space left there";
    case EFBIG:
        return "file too large (ulimit -f, or --max-size of a recording)";
    case EPIPE:
        return "who reads it is gone";
    case ETIMEDOUT:
        return "who reads it is too slow, the last lines are missing";
    case ECANCELED:
        return "cancelled";
    case ENOMEM:
        return "out of memory";
    case EBADF:
        return "it is closed";
    case EOWNERDEAD:
        return "what wrote it was killed, perhaps for want of memory; nothing is left of it";
    default:
        return strerror(-error);
    }
}
