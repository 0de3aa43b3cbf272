/* See resource_limits.h. */
#include "collect/resource_limits.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "collect/proc_file.h"
#include "collect/proc_text.h"

static bool take_limit(const char *text, size_t bytes, const char *name, uint64_t *out)
{
    const char *end = text + bytes;
    const size_t name_bytes = strlen(name);
    for (const char *line = text; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        if (next == NULL) {
            return false; /* cut */
        }
        if ((size_t)(next - line) > name_bytes && memcmp(line, name, name_bytes) == 0) {
            const char *at = line + name_bytes;
            static const char none[] = "unlimited";
            while (at < next && *at == ' ') {
                at++;
            }
            if ((size_t)(next - at) >= sizeof none - 1 && memcmp(at, none, sizeof none - 1) == 0) {
                *out = MS_NO_LIMIT;
                return true;
            }
            return ms_proc_number(&at, next, out);
        }
        line = next + 1;
    }
    return false;
}

bool ms_resource_limits_parse(const char *text, size_t bytes, struct ms_resource_limits *out)
{
    struct ms_resource_limits limits = {.have = true};
    const struct {
        const char *name;
        uint64_t *value;
    } lines[] = {
        {"Max file size ", &limits.file_bytes},
        {"Max data size ", &limits.data_bytes},
        {"Max stack size ", &limits.stack_bytes},
        {"Max core file size ", &limits.core_bytes},
        {"Max resident set ", &limits.resident_bytes},
        {"Max processes ", &limits.processes},
        {"Max open files ", &limits.files},
        {"Max locked memory ", &limits.locked_bytes},
        {"Max address space ", &limits.address_space_bytes},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (!take_limit(text, bytes, lines[i].name, lines[i].value)) {
            return false;
        }
    }
    *out = limits;
    return true;
}

int ms_resource_limits_read(int folder, struct ms_resource_limits *out)
{
    char text[4096];
    const ssize_t bytes = ms_proc_read_once(folder, "limits", text, sizeof text);
    if (bytes < 0) {
        return (int)bytes;
    }
    if (bytes == 0) {
        return -ESRCH;
    }
    return ms_resource_limits_parse(text, (size_t)bytes, out) ? 0 : -EPROTO;
}
