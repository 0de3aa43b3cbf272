/* See proc_text.h. */
#include "collect/proc_text.h"

#include <string.h>
#include <unistd.h>

uint64_t ms_proc_tick_ns(void)
{
    long ticks_per_s = sysconf(_SC_CLK_TCK);
    return ticks_per_s > 0 ? UINT64_C(1000000000) / (uint64_t)ticks_per_s : 10000000u;
}

bool ms_proc_number(const char **cursor, const char *end, uint64_t *out)
{
    const char *at = *cursor;
    while (at < end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    if (at == end || *at < '0' || *at > '9') {
        return false;
    }
    uint64_t value = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value)) {
            value = UINT64_MAX;
        }
    }
    *cursor = at;
    *out = value;
    return true;
}

static uint64_t ticks_to_ns(uint64_t ticks)
{
    uint64_t ns;
    return __builtin_mul_overflow(ticks, ms_proc_tick_ns(), &ns) ? UINT64_MAX : ns;
}

/* Skips one field, signed or not, of the space-separated rest of a stat line. */
static bool skip_field(const char **cursor, const char *end)
{
    const char *at = *cursor;
    while (at < end && *at == ' ') {
        at++;
    }
    const char *start = at;
    while (at < end && *at != ' ' && *at != '\n') {
        at++;
    }
    *cursor = at;
    return at > start;
}

enum {
    FIELD_PARENT = 4,
    FIELD_MINOR = 10,
    FIELD_MAJOR = 12,
    FIELD_USER = 14,
    FIELD_SYSTEM = 15,
    FIELD_THREADS = 20,
    FIELD_START = 22,
    FIELD_CORE = 39
};

bool ms_proc_parse_stat(const char *text, size_t bytes, struct ms_proc_stat *out)
{
    const char *end = text + bytes;
    const char *open = memchr(text, '(', bytes);
    const char *close = memrchr(text, ')', bytes);
    if (open == NULL || close == NULL || close < open) {
        return false;
    }
    struct ms_proc_stat stat = {.last_core = -1};
    size_t name_bytes = (size_t)(close - open - 1);
    if (name_bytes >= sizeof stat.name) {
        name_bytes = sizeof stat.name - 1;
    }
    memcpy(stat.name, open + 1, name_bytes);

    const char *at = close + 1;
    if (end - at < 2 || at[0] != ' ') {
        return false;
    }
    stat.state = at[1];
    at += 2;
    for (int field = 4; field <= FIELD_CORE; field++) {
        uint64_t number = 0;
        const char *from = at;
        if (!skip_field(&at, end)) {
            return false;
        }
        (void)ms_proc_number(&from, at, &number); /* negative fields are none of ours */
        switch (field) {
        case FIELD_PARENT:
            stat.parent_pid = (uint32_t)number;
            break;
        case FIELD_MINOR:
            stat.minor_faults = number;
            break;
        case FIELD_MAJOR:
            stat.major_faults = number;
            break;
        case FIELD_USER:
            stat.user_ns = ticks_to_ns(number);
            break;
        case FIELD_SYSTEM:
            stat.system_ns = ticks_to_ns(number);
            break;
        case FIELD_THREADS:
            stat.threads = (uint32_t)number;
            break;
        case FIELD_START:
            stat.start_ticks = number;
            break;
        case FIELD_CORE:
            stat.last_core = number <= INT32_MAX ? (int32_t)number : -1;
            break;
        default:
            break;
        }
    }
    *out = stat;
    return true;
}

bool ms_proc_parse_schedstat(const char *text, size_t bytes, uint64_t *run_ns, uint64_t *wait_ns)
{
    const char *at = text;
    uint64_t run;
    uint64_t wait;
    uint64_t slices = 1;
    if (!ms_proc_number(&at, text + bytes, &run) || !ms_proc_number(&at, text + bytes, &wait)) {
        return false;
    }
    (void)ms_proc_number(&at, text + bytes, &slices);
    if (run == 0 && wait == 0 && slices == 0) {
        return false;
    }
    *run_ns = run;
    *wait_ns = wait;
    return true;
}

static const char *next_line(const char *line, const char *end)
{
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    return stop != NULL ? stop + 1 : end;
}

/* The number of a line "name   :   number"; false: it is none of that name. */
static bool named_number(const char *at, const char *stop, const char *name, uint64_t *out)
{
    const size_t bytes = strlen(name);
    if ((size_t)(stop - at) <= bytes || memcmp(at, name, bytes) != 0) {
        return false;
    }
    at += bytes;
    while (at < stop && *at == ' ') {
        at++;
    }
    if (at == stop || *at != ':') {
        return false;
    }
    at++;
    return ms_proc_number(&at, stop, out);
}

bool ms_proc_parse_sched(const char *text, size_t bytes, struct ms_proc_sched *out)
{
    const char *end = text + bytes;
    struct ms_proc_sched found;
    unsigned seen = 0;
    /* The first line holds the name of the thread. */
    for (const char *line = next_line(text, end), *stop = line; line < end && seen != 7;
         line = stop) {
        stop = next_line(line, end);
        const char *at = line + (stop - line > 3 && memcmp(line, "se.", 3) == 0 ? 3 : 0);
        if (stop - at < 3 || memcmp(at, "nr_", 3) != 0) {
            continue;
        }
        seen |= named_number(at, stop, "nr_migrations", &found.migrations) ? 1u : 0;
        seen |= named_number(at, stop, "nr_voluntary_switches", &found.voluntary) ? 2u : 0;
        seen |= named_number(at, stop, "nr_involuntary_switches", &found.involuntary) ? 4u : 0;
    }
    if (seen == 7) {
        *out = found;
    }
    return seen == 7;
}

/* Numbers and ranges as in "0-3,8"; 0 when it is something else. */
static uint32_t count_list(const char *at, const char *end)
{
    uint64_t count = 0;
    for (; at < end; at++) {
        uint64_t first;
        uint64_t last;
        if (!ms_proc_number(&at, end, &first)) {
            return 0;
        }
        last = first;
        if (at < end && *at == '-') {
            at++;
            if (!ms_proc_number(&at, end, &last) || last < first) {
                return 0;
            }
        }
        if (last > UINT32_MAX || (at < end && *at != ',')) {
            return 0;
        }
        count += last - first + 1;
    }
    return count <= UINT32_MAX ? (uint32_t)count : 0;
}

bool ms_proc_parse_affinity(const char *text, size_t bytes, uint32_t *count, char *list,
                            size_t size)
{
    static const char key[] = "Cpus_allowed_list:\t";
    const size_t key_bytes = sizeof key - 1;
    const char *end = text + bytes;
    for (const char *line = text; line < end; line = next_line(line, end)) {
        if ((size_t)(end - line) <= key_bytes || memcmp(line, key, key_bytes) != 0) {
            continue;
        }
        const char *first = line + key_bytes;
        const char *stop = memchr(first, '\n', (size_t)(end - first));
        const uint32_t cores = stop == NULL ? 0 : count_list(first, stop); /* it may be cut */
        if (cores == 0) {
            return false;
        }
        size_t length = (size_t)(stop - first);
        if (length >= size) {
            length = size - 1;
            while (length > 0 && first[length] != ',') {
                length--;
            }
        }
        memcpy(list, first, length);
        list[length] = '\0';
        *count = cores;
        return true;
    }
    return false;
}

bool ms_proc_parse_key(const char *text, size_t bytes, const char *key, uint64_t *out)
{
    const char *end = text + bytes;
    size_t key_bytes = strlen(key);
    for (const char *line = text; line < end; line = next_line(line, end)) {
        if ((size_t)(end - line) > key_bytes && memcmp(line, key, key_bytes) == 0) {
            const char *at = line + key_bytes;
            return ms_proc_number(&at, end, out);
        }
    }
    return false;
}

bool ms_proc_parse_switches(const char *text, size_t bytes, uint64_t *voluntary,
                            uint64_t *involuntary)
{
    uint64_t own;
    uint64_t forced;
    if (!ms_proc_parse_key(text, bytes, "voluntary_ctxt_switches:", &own) ||
        !ms_proc_parse_key(text, bytes, "nonvoluntary_ctxt_switches:", &forced)) {
        return false;
    }
    *voluntary = own;
    *involuntary = forced;
    return true;
}

bool ms_proc_parse_io(const char *text, size_t bytes, struct ms_proc_io *out)
{
    struct ms_proc_io io;
    if (!ms_proc_parse_key(text, bytes, "rchar:", &io.read_chars_bytes) ||
        !ms_proc_parse_key(text, bytes, "wchar:", &io.write_chars_bytes) ||
        !ms_proc_parse_key(text, bytes, "syscr:", &io.read_calls) ||
        !ms_proc_parse_key(text, bytes, "syscw:", &io.write_calls) ||
        !ms_proc_parse_key(text, bytes, "read_bytes:", &io.read_storage_bytes) ||
        !ms_proc_parse_key(text, bytes, "write_bytes:", &io.write_storage_bytes)) {
        return false;
    }
    *out = io;
    return true;
}
