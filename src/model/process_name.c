#include <stdio.h>
#include <string.h>

#include "model/model.h"

static const char *base_name(const char *path, size_t bytes)
{
    const char *slash = memrchr(path, '/', bytes);
    return slash != NULL && slash + 1 < path + bytes ? slash + 1 : path;
}

char *ms_process_name(const struct ms_process *process, char *out, size_t size)
{
    const char *file = base_name(process->exe, strlen(process->exe));
    const char *own = process->merged == 0 && process->arguments != NULL ? process->arguments : "";
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
