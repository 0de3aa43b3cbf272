/* See symbolizer.h. */
#include "collect/symbolizer.h"

#include <errno.h>
#include <libiberty/demangle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collect/symbol_file.h"

enum { FILES_OPEN = 64, MANGLED_AT_MOST = 16384 };
#define MEMORY_AT_MOST_BYTES (UINT64_C(400) << 20)

/* A file asked for, found or not: what is missing stays missing for as long as this is kept. */
struct known_file {
    char *path;
    uint32_t pid;
    uint8_t build_id[MS_BUILD_ID_MAX];
    uint8_t build_id_bytes;
    struct ms_symbol_file *file; /* NULL: cannot be had */
    uint64_t last_use;
};

struct ms_symbolizer {
    struct known_file files[FILES_OPEN];
    uint64_t uses;
};

struct ms_symbolizer *ms_symbolizer_new(void)
{
    return calloc(1, sizeof(struct ms_symbolizer));
}

static void forget(struct known_file *known)
{
    ms_symbol_file_close(known->file);
    free(known->path);
    *known = (struct known_file){0};
}

static void forget_all(struct ms_symbolizer *symbolizer)
{
    for (size_t i = 0; i < FILES_OPEN; i++) {
        forget(&symbolizer->files[i]);
    }
}

void ms_symbolizer_free(struct ms_symbolizer *symbolizer)
{
    if (symbolizer != NULL) {
        forget_all(symbolizer);
        free(symbolizer);
    }
}

static int is_file(const struct known_file *known, const struct ms_symbol_question *question)
{
    /* A build id says it all; without one the same path may be another file in another process. */
    return known->path != NULL && strcmp(known->path, question->path) == 0 &&
           known->build_id_bytes == question->build_id_bytes &&
           memcmp(known->build_id, question->build_id, known->build_id_bytes) == 0 &&
           (known->pid == question->pid || (known->build_id_bytes != 0 && known->file != NULL));
}

/* First as the process sees it (containers, chroot), then as we do: it may have ended. */
static struct ms_symbol_file *open_file(const struct ms_symbol_question *question)
{
    char path[MS_SYMBOL_PATH_MAX + 32];
    struct ms_symbol_file *file = NULL;
    if (question->pid != 0) {
        (void)snprintf(path, sizeof path, "/proc/%u/root%s", question->pid, question->path);
        file = ms_symbol_file_open(path, question->build_id, question->build_id_bytes);
    }
    if (file == NULL) {
        file = ms_symbol_file_open(question->path, question->build_id, question->build_id_bytes);
    }
    return file;
}

static struct ms_symbol_file *file_of(struct ms_symbolizer *symbolizer,
                                      const struct ms_symbol_question *question)
{
    struct known_file *oldest = &symbolizer->files[0];
    symbolizer->uses++;
    for (size_t i = 0; i < FILES_OPEN; i++) {
        struct known_file *known = &symbolizer->files[i];
        if (is_file(known, question)) {
            known->last_use = symbolizer->uses;
            return known->file;
        }
        if (known->last_use < oldest->last_use) {
            oldest = known;
        }
    }
    forget(oldest);
    oldest->path = strdup(question->path);
    oldest->pid = question->pid;
    oldest->build_id_bytes = question->build_id_bytes;
    memcpy(oldest->build_id, question->build_id, sizeof oldest->build_id);
    oldest->last_use = symbolizer->uses;
    oldest->file = open_file(question);
    return oldest->file;
}

/* Only what is mangled for sure: a C function may be called _Dmain. Caller frees; NULL: as it is.
 */
static char *demangle(const char *name)
{
    if (strncmp(name, "_Z", 2) != 0 && strncmp(name, "_R", 2) != 0) {
        return NULL;
    }
    if (strnlen(name, MANGLED_AT_MOST) == MANGLED_AT_MOST) {
        return NULL;
    }
    return cplus_demangle(name, DMGL_PARAMS | DMGL_ANSI | DMGL_AUTO);
}

static size_t put_text(char *out, const char *text, size_t at_most)
{
    size_t bytes = strnlen(text, at_most - 1);
    memcpy(out, text, bytes);
    out[bytes] = '\0';
    return bytes + 1;
}

static size_t put_source(char *out, const struct ms_symbol_place *place)
{
    char joined[2 * MS_SYMBOL_FILE_MAX];
    if (place->source[0] == '\0' || place->source[0] == '/' || place->folder[0] == '\0') {
        return put_text(out, place->source, MS_SYMBOL_FILE_MAX);
    }
    (void)snprintf(joined, sizeof joined, "%s/%s", place->folder, place->source);
    return put_text(out, joined, MS_SYMBOL_FILE_MAX);
}

size_t ms_symbolizer_answer(struct ms_symbolizer *symbolizer,
                            const struct ms_symbol_question *question, void *answer)
{
    struct ms_symbol_answer header = {.id = question->id};
    struct ms_symbol_place places[MS_SYMBOL_INLINES_MAX];
    char *at = (char *)answer + sizeof header;
    struct ms_symbol_file *file = file_of(symbolizer, question);
    if (file != NULL) {
        header.frames =
            (uint32_t)ms_symbol_file_find(file, question->address, places, MS_SYMBOL_INLINES_MAX);
    }
    for (uint32_t i = 0; i < header.frames; i++) {
        char *readable = demangle(places[i].function);
        memcpy(at, &places[i].line, sizeof places[i].line);
        at += sizeof places[i].line;
        at +=
            put_text(at, readable == NULL ? places[i].function : readable, MS_SYMBOL_FUNCTION_MAX);
        at += put_source(at, &places[i]);
        free(readable);
    }
    memcpy(answer, &header, sizeof header);
    return (size_t)(at - (char *)answer);
}

/* Parsed DWARF grows with what was asked: start again rather than grow without end. */
static void bound_memory(struct ms_symbolizer *symbolizer)
{
    FILE *statm = fopen("/proc/self/statm", "re");
    unsigned long size_pages;
    unsigned long resident_pages;
    unsigned long shared_pages;
    if (statm == NULL) {
        return;
    }
    if (fscanf(statm, "%lu %lu %lu", &size_pages, &resident_pages, &shared_pages) == 3 &&
        resident_pages > shared_pages &&
        (resident_pages - shared_pages) * (uint64_t)sysconf(_SC_PAGESIZE) > MEMORY_AT_MOST_BYTES) {
        forget_all(symbolizer);
    }
    fclose(statm);
}

void ms_symbolizer_serve(int socket)
{
    static struct ms_symbol_question question;
    static char answer[MS_SYMBOL_ANSWER_MAX];
    struct ms_symbolizer *symbolizer = ms_symbolizer_new();
    unsetenv("DEBUGINFOD_URLS"); /* libdwfl would ask the network and wait */
    for (unsigned questions = 0; symbolizer != NULL; questions++) {
        ssize_t bytes = recv(socket, &question, sizeof question, 0);
        if (bytes < 0 && errno == EINTR) {
            continue;
        }
        const size_t head = offsetof(struct ms_symbol_question, path);
        if (bytes <= (ssize_t)head || question.path_bytes != (size_t)bytes - head ||
            question.path[question.path_bytes - 1] != '\0') {
            break;
        }
        size_t length = ms_symbolizer_answer(symbolizer, &question, answer);
        if (send(socket, answer, length, MSG_NOSIGNAL) < 0) {
            break;
        }
        if (questions % 128 == 127) {
            bound_memory(symbolizer);
        }
    }
    _exit(0);
}
