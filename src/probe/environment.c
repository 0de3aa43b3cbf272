/* Our entries in the environment block. */
#include "probe/environment.h"

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "probe/process.h"
#include "wire/message.h"

#define PRELOAD        "LD_PRELOAD="
#define PRELOAD_LENGTH (sizeof(PRELOAD) - 1)
#define SESSION        MS_ENV_SESSION "="
#define SESSION_LENGTH (sizeof(SESSION) - 1)
#define SOCKET         MS_ENV_SOCKET "="
#define SOCKET_LENGTH  (sizeof(SOCKET) - 1)

/* Below this nothing can be mapped. */
#define LOWEST_ADDRESS ((uintptr_t)4096)

/* A larger array than this is not copied to the stack of a thread: the child goes untracked. */
#define JOIN_BYTES_MAX ((size_t)32 << 10)

struct ms_environment_carried ms_environment_carried = {.probe = "", .session = "", .socket = -1};

/* The number of a descriptor, or -1. */
static int descriptor_number(const char *text)
{
    int number = 0;
    if (*text == '\0') {
        return -1;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || number > (INT_MAX - 9) / 10) {
            return -1;
        }
        number = number * 10 + (*text - '0');
    }
    return number;
}

/* Remembers "NAME=value" as one string; what does not fit is not carried at all. */
static const char *keep_entry(char *entry, size_t size, const char *name, const char *value)
{
    size_t name_length = strlen(name), value_length = strlen(value);
    if (name_length + value_length >= size) {
        return "";
    }
    memcpy(entry, name, name_length);
    memcpy(entry + name_length, value, value_length + 1);
    return entry + name_length;
}

/* Takes `probe` off the front of an LD_PRELOAD entry. False: nothing is left of the entry. */
static bool strip_preload(char *entry, const char *probe)
{
    char *value = entry + PRELOAD_LENGTH;
    size_t length = strlen(probe);
    if (length == 0 || strncmp(value, probe, length) != 0) {
        return true;
    }
    if (value[length] == '\0') {
        return false;
    }
    if (value[length] == ':' || value[length] == ' ') {
        memmove(value, value + length + 1, strlen(value + length + 1) + 1);
    }
    return true;
}

/* False: the entry is ours alone and is to go. */
static bool strip_entry(char *entry, const char *probe, struct ms_environment_carried *carried)
{
    if (strncmp(entry, PRELOAD, PRELOAD_LENGTH) == 0) {
        return strip_preload(entry, probe);
    }
    if (strncmp(entry, SESSION, SESSION_LENGTH) == 0) {
        carried->session = keep_entry(carried->session_entry, sizeof(carried->session_entry),
                                      SESSION, entry + SESSION_LENGTH);
        return false;
    }
    if (strncmp(entry, SOCKET, SOCKET_LENGTH) == 0) {
        carried->socket = descriptor_number(entry + SOCKET_LENGTH);
        return false;
    }
    return true;
}

void ms_environment_strip(char **environment, const char *probe,
                          struct ms_environment_carried *carried)
{
    carried->socket = -1;
    carried->session = "";
    carried->probe =
        keep_entry(carried->preload_entry, sizeof(carried->preload_entry), PRELOAD, probe);
    if (environment == NULL) {
        return;
    }
    char **to = environment;
    char **from = environment;
    for (; *from != NULL; from++) {
        if (strip_entry(*from, probe, carried)) {
            *to++ = *from;
        }
    }
    /* Who walks past the end to the auxiliary vector (as Go does) finds AT_NULL, not pointers. */
    while (to < from) {
        *to++ = NULL;
    }
}

void ms_environment_hide(void)
{
    Dl_info self;
    const char *probe = "";
    if (dladdr((void *)&ms_environment_carried, &self) != 0 && self.dli_fname != NULL) {
        /* The loader keeps the name as it stood in LD_PRELOAD. */
        probe = self.dli_fname;
    }
    ms_environment_strip(environ, probe, &ms_environment_carried);
}

/* Shape of a caller's array: how many entries, and which LD_PRELOAD the loader will heed. */
struct shape {
    size_t entries;
    size_t preload; /* index; `entries` if there is none */
    bool foreign_session;
};

static struct shape shape_of(char *const *environment)
{
    struct shape shape = {0};
    bool found = false;
    for (; environment != NULL && environment[shape.entries] != NULL; shape.entries++) {
        const char *entry = environment[shape.entries];
        if (strncmp(entry, PRELOAD, PRELOAD_LENGTH) == 0) {
            shape.preload = shape.entries; /* the loader takes the last one */
            found = true;
        } else if (strncmp(entry, SESSION, SESSION_LENGTH) == 0) {
            shape.foreign_session = true;
        }
    }
    if (!found) {
        shape.preload = shape.entries;
    }
    return shape;
}

size_t ms_environment_join_bytes(const struct ms_environment_carried *carried,
                                 char *const *environment)
{
    if (carried->probe[0] == '\0' || carried->session[0] == '\0') {
        return 0;
    }
    /* No array, but not NULL either: the kernel answers EFAULT, we must not crash on it. */
    uintptr_t address = (uintptr_t)environment;
    if (address % sizeof(char *) != 0 || (address != 0 && address < LOWEST_ADDRESS)) {
        return 0;
    }
    struct shape shape = shape_of(environment);
    size_t bytes = (shape.entries + 3) * sizeof(char *);
    if (shape.preload < shape.entries) {
        bytes += strlen(environment[shape.preload]) + strlen(carried->probe) + 2;
    }
    return shape.foreign_session || bytes > JOIN_BYTES_MAX ? 0 : bytes;
}

char **ms_environment_join(const struct ms_environment_carried *carried, char *const *environment,
                           void *storage)
{
    struct shape shape = shape_of(environment);
    char **joined = storage;
    size_t count = shape.entries;
    if (count > 0) {
        memcpy(joined, environment, count * sizeof(joined[0]));
    }
    if (shape.preload < shape.entries) {
        char *entry = (char *)(joined + count + 3);
        const char *theirs = environment[shape.preload] + PRELOAD_LENGTH;
        size_t length = strlen(carried->preload_entry);
        memcpy(entry, carried->preload_entry, length);
        entry[length] = ':';
        memcpy(entry + length + 1, theirs, strlen(theirs) + 1);
        joined[shape.preload] = entry;
    } else {
        joined[count++] = (char *)(uintptr_t)carried->preload_entry;
    }
    joined[count++] = (char *)(uintptr_t)carried->session_entry;
    joined[count] = NULL;
    return joined;
}
