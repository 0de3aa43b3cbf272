#include "model/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/utf8.h"

/* Three significant digits in steps of 10^3. `spaced` units: "k", "M" .. before `suffix`. */
static char *format_steps(char *out, size_t size, double number, const char *suffix)
{
    static const char *const steps[] = {"", "k", "M", "G", "T", "P", "E"};
    const size_t last = sizeof(steps) / sizeof(steps[0]) - 1;
    const char *sign = number < 0 ? "-" : "";
    double left = fabs(number);
    size_t step = 0;
    while (step < last && left >= 999.5) {
        left /= 1000;
        step++;
    }
    const int digits = step == 0 ? 0 : left < 9.995 ? 2 : left < 99.95 ? 1 : 0;
    (void)snprintf(out, size, "%s%.*f%s%s", sign, digits, left, steps[step], suffix);
    return out;
}

static char *format_none(char *out, size_t size)
{
    (void)snprintf(out, size, "n/a");
    return out;
}

char *ms_format_count(char *out, size_t size, double count)
{
    return isfinite(count) ? format_steps(out, size, count, "") : format_none(out, size);
}

char *ms_format_bytes(char *out, size_t size, double bytes)
{
    return isfinite(bytes) ? format_steps(out, size, bytes, "B") : format_none(out, size);
}

char *ms_format_bytes_rate(char *out, size_t size, double bytes_per_s)
{
    if (!isfinite(bytes_per_s)) {
        return format_none(out, size);
    }
    char figure[MS_FORMAT_MAX];
    format_steps(figure, sizeof(figure), bytes_per_s, "B/s");
    (void)snprintf(out, size, "%s%s", bytes_per_s < 0 ? "" : "+", figure);
    return out;
}

char *ms_format_elapsed(char *out, size_t size, uint64_t ns)
{
    const uint64_t seconds = ns / MS_SECOND_NS;
    const unsigned hours = (unsigned)(seconds / 3600 % 24);
    const unsigned minutes = (unsigned)(seconds / 60 % 60);
    const unsigned left = (unsigned)(seconds % 60);
    const unsigned long long days = seconds / 86400;
    if (days > 0) {
        (void)snprintf(out, size, "%llud %02u:%02u:%02u", days, hours, minutes, left);
    } else {
        (void)snprintf(out, size, "%02u:%02u:%02u", hours, minutes, left);
    }
    return out;
}

static char *format_ms(char *out, size_t size, double ms)
{
    if (ms < 10000) {
        (void)snprintf(out, size, "%.0fms", ms);
    } else if (ms < 100000) {
        (void)snprintf(out, size, "%.1fs", ms / 1000);
    } else {
        ms_format_elapsed(out, size, ms < 1e13 ? (uint64_t)(ms * 1e6) : UINT64_MAX);
    }
    return out;
}

static char *format_us(char *out, size_t size, double us)
{
    if (us >= 10000) {
        return format_ms(out, size, us / 1000);
    }
    (void)snprintf(out, size, us < 10 ? "%.2fus" : us < 100 ? "%.1fus" : "%.0fus", us);
    return out;
}

char *ms_format_value(char *out, size_t size, struct ms_value value, enum ms_unit unit)
{
    if (!value.available || !isfinite(value.number)) {
        return format_none(out, size);
    }
    switch (unit) {
    case MS_UNIT_PERCENT:
        (void)snprintf(out, size, value.number < 99.95 ? "%.1f" : "%.0f", value.number);
        return out;
    case MS_UNIT_BYTES:
        return ms_format_bytes(out, size, value.number);
    case MS_UNIT_BYTES_PER_S:
        return format_steps(out, size, value.number, "B/s");
    case MS_UNIT_RATIO:
        (void)snprintf(out, size, "%.2f", value.number);
        return out;
    case MS_UNIT_MS:
        return format_ms(out, size, value.number);
    case MS_UNIT_US:
        return format_us(out, size, value.number);
    case MS_UNIT_INDEX:
        (void)snprintf(out, size, "%.0f", value.number);
        return out;
    case MS_UNIT_COUNT:
    case MS_UNIT_RATE:
        break;
    }
    return ms_format_count(out, size, value.number);
}

size_t ms_format_safe(char *out, size_t size, const char *bytes, size_t count, bool utf8)
{
    if (size == 0) {
        return 0;
    }
    size_t written = 0;
    for (size_t at = 0; at < count;) {
        uint32_t code = 0;
        size_t length = ms_utf8_decode(bytes + at, count - at, &code);
        const bool broken = length == 0;
        if (broken) {
            length = ms_utf8_broken_length(bytes + at, count - at);
        }
        const bool keep = !broken && !ms_utf8_harmful(code) && (utf8 || code < 0x80);
        const size_t needed = keep ? length : 1;
        if (written + needed >= size) {
            break;
        }
        if (keep) {
            memcpy(out + written, bytes + at, length);
        } else {
            out[written] = '?';
        }
        written += needed;
        at += length;
    }
    out[written] = '\0';
    return written;
}
