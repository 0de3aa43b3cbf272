#include <stdio.h>
#include <string.h>

#include "model/model.h"

static const char *base_name(const char *path, size_t bytes)
{
    const char *slash = memrchr(path, '/', bytes);
    return slash != NULL && slash + 1 < path + bytes ? slash + 1 : path;
}

static bool names_no_program(const char *argv0)
{
    return strncmp(argv0, "/proc/", 6) == 0 || strncmp(argv0, "/dev/fd/", 8) == 0;
}

char *ms_program_name(const char *exe, const char *argv0, char *out, size_t size)
{
    const char *file = base_name(exe, strlen(exe));
    const char *own = names_no_program(argv0) ? "" : argv0;
    size_t bytes = strlen(own);
    const char *name = base_name(own, bytes);
    if (strcmp(name, file) != 0) { /* else blanks in it are its own */
        bytes = strcspn(own, " ");
        name = base_name(own, bytes);
        bytes -= (size_t)(name - own);
        name += bytes > 1 && name[0] == '-' ? 1 : 0; /* a login shell */
        bytes = strcspn(name, " ");
        bytes -= bytes > 1 && name[bytes - 1] == ':' ? 1 : 0; /* "postgres: writer" */
    } else {
        bytes = strlen(name);
    }
    if (bytes == 0) {
        name = file[0] != '\0' ? file : "?";
        bytes = strlen(name);
    }
    (void)snprintf(out, size, "%.*s",
                   (int)(bytes < MS_PROCESS_NAME_MAX - 1 ? bytes : MS_PROCESS_NAME_MAX - 1), name);
    return out;
}

char *ms_process_name(const struct ms_process *process, char *out, size_t size)
{
    const bool alone = process->merged == 0 && process->arguments != NULL;
    return ms_program_name(process->exe, alone ? process->arguments : "", out, size);
}
