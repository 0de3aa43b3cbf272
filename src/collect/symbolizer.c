/* See symbolizer.h. */
#include "collect/symbolizer.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collect/debuginfod.h"
#include "collect/symbol_cache.h"
#include "collect/symbol_file.h"
#include "collect/symbol_name.h"

enum { FILES_OPEN = 256, IDLE_MS = 500, CHECK_EVERY = 8 };
#define MEMORY_AT_MOST_BYTES (UINT64_C(400) << 20) /* of its own */
#define MAPPED_AT_MOST_BYTES (UINT64_C(2) << 30)   /* with the files */

/* A file asked for, found or not: what is missing stays missing for as long as this is kept. */
struct known_file {
    char *path;
    uint32_t pid;
    uint8_t build_id[MS_BUILD_ID_MAX];
    uint8_t build_id_bytes;
    struct ms_symbol_file *file; /* NULL: cannot be had */
    enum ms_module_why why;
    struct ms_symbol_cache *cache; /* NULL: none */
    uint64_t last_use;
};

struct ms_symbolizer {
    struct ms_symbolizer_options options;
    struct ms_file_roots roots;
    struct known_file files[FILES_OPEN];
    uint64_t uses;
    uint64_t mapped_first_bytes, own_first_bytes; /* before there was any file: what fork left */
    bool pruned;
};

/* Bytes of address space, and those resident that are not of files. false: not known. */
static bool measure(uint64_t *mapped_bytes, uint64_t *own_bytes)
{
    unsigned long mapped;
    unsigned long resident;
    unsigned long shared;
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm == NULL) {
        return false;
    }
    bool known = fscanf(statm, "%lu %lu %lu", &mapped, &resident, &shared) == 3;
    fclose(statm);
    if (known) {
        uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
        *mapped_bytes = mapped * page_bytes;
        *own_bytes = resident > shared ? (resident - shared) * page_bytes : 0;
    }
    return known;
}

static struct ms_symbolizer *open_symbolizer(const struct ms_symbolizer_options *options)
{
    struct ms_symbolizer *symbolizer = calloc(1, sizeof *symbolizer);
    if (symbolizer != NULL) {
        symbolizer->options = *options;
        if (!measure(&symbolizer->mapped_first_bytes, &symbolizer->own_first_bytes)) {
            symbolizer->mapped_first_bytes = UINT64_MAX / 2;
        }
    }
    return symbolizer;
}

static void forget(struct known_file *known)
{
    ms_symbol_file_close(known->file);
    ms_symbol_cache_close(known->cache);
    free(known->path);
    *known = (struct known_file){0};
}

static void forget_all(struct ms_symbolizer *symbolizer)
{
    for (size_t i = 0; i < FILES_OPEN; i++) {
        forget(&symbolizer->files[i]);
    }
}

/* Writes what is to be cached. */
static void close_symbolizer(struct ms_symbolizer *symbolizer)
{
    if (symbolizer != NULL) {
        forget_all(symbolizer);
        ms_file_roots_close(&symbolizer->roots);
        free(symbolizer);
    }
}

static void write_caches(struct ms_symbolizer *symbolizer)
{
    for (size_t i = 0; i < FILES_OPEN; i++) {
        ms_symbol_cache_flush(symbolizer->files[i].cache);
    }
    if (!symbolizer->pruned) {
        symbolizer->pruned = true;
        ms_symbol_cache_prune(symbolizer->options.cache_folder, MS_SYMBOL_CACHE_MAX);
    }
}

static bool is_file(const struct known_file *known, const struct ms_symbol_question *question)
{
    /* A build id says it all; without one the same path may be another file in another process. */
    return known->path != NULL && known->build_id_bytes == question->build_id_bytes &&
           memcmp(known->build_id, question->build_id, known->build_id_bytes) == 0 &&
           strcmp(known->path, question->path) == 0 &&
           (known->pid == question->pid || (known->build_id_bytes != 0 && known->file != NULL));
}

/* A program that was deleted or built anew while it runs. Its build id tells that it is the one. */
static struct ms_symbol_file *open_running(const struct ms_symbol_wanted *wanted, uint32_t pid,
                                           const struct ms_file_root *own)
{
    char path[40];
    enum ms_module_why ignored;
    struct ms_symbol_wanted running = *wanted;
    if (pid == 0 || wanted->build_id_bytes == 0) {
        return NULL;
    }
    (void)snprintf(path, sizeof path, "/proc/%u/exe", pid);
    running.path = path;
    running.root = own;
    return ms_symbol_file_open(&running, &ignored);
}

/* First as the process sees it (containers, chroot), then as we do: it may have ended. */
static struct ms_symbol_file *open_file(struct ms_symbolizer *symbolizer,
                                        const struct ms_symbol_question *question,
                                        enum ms_module_why *why)
{
    struct ms_symbol_wanted wanted = {.root = ms_file_roots_of(&symbolizer->roots, question->pid),
                                      .path = question->path,
                                      .build_id = question->build_id,
                                      .build_id_bytes = question->build_id_bytes,
                                      .fetch =
                                          symbolizer->options.fetch ? ms_debuginfod_fetch : NULL};
    struct ms_symbol_file *file = ms_symbol_file_open(&wanted, why);
    if (file == NULL && wanted.root != &symbolizer->roots.own) {
        enum ms_module_why here;
        wanted.root = &symbolizer->roots.own;
        file = ms_symbol_file_open(&wanted, &here);
    }
    return file != NULL ? file : open_running(&wanted, question->pid, &symbolizer->roots.own);
}

static struct known_file *file_of(struct ms_symbolizer *symbolizer,
                                  const struct ms_symbol_question *question)
{
    struct known_file *oldest = &symbolizer->files[0];
    symbolizer->uses++;
    for (size_t i = 0; i < FILES_OPEN; i++) {
        struct known_file *known = &symbolizer->files[i];
        if (is_file(known, question)) {
            known->last_use = symbolizer->uses;
            return known;
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
    oldest->file = open_file(symbolizer, question, &oldest->why);
    oldest->cache = ms_symbol_cache_open(symbolizer->options.cache_folder, question->build_id,
                                         question->build_id_bytes);
    return oldest;
}

/* Joins the folder of the unit and a relative path; "a/./b" is left to the reader. */
static const char *source_of(const struct ms_symbol_place *place, char *out, size_t size)
{
    if (place->source[0] == '\0' || place->source[0] == '/' || place->folder[0] == '\0') {
        return place->source;
    }
    (void)snprintf(out, size, "%s/%s", place->folder, place->source);
    return out;
}

static size_t put_text(char *out, const char *text, size_t at_most)
{
    size_t bytes = strnlen(text, at_most - 1);
    memcpy(out, text, bytes);
    out[bytes] = '\0';
    return bytes + 1;
}

static char *put_frame(char *at, const struct ms_cached_frame *frame)
{
    memcpy(at, &frame->line, sizeof frame->line);
    at += sizeof frame->line;
    at += put_text(at, frame->function, MS_SYMBOL_FUNCTION_MAX);
    at += put_text(at, frame->file, MS_SYMBOL_FILE_MAX);
    return at + put_text(at, frame->crate, MS_SYMBOL_CRATE_MAX);
}

/* Names for people of the places, into `at` and into the cache if there is one. Returns the end. */
static char *put_places(char *at, const struct ms_symbol_place *places, size_t count,
                        struct ms_symbol_cache *cache, uint64_t address)
{
    static char functions[MS_SYMBOL_INLINES_MAX][MS_SYMBOL_FUNCTION_MAX];
    static char files[MS_SYMBOL_INLINES_MAX][2 * MS_SYMBOL_FILE_MAX];
    static char crates[MS_SYMBOL_INLINES_MAX][MS_SYMBOL_CRATE_MAX];
    struct ms_cached_frame frames[MS_SYMBOL_INLINES_MAX];
    for (size_t i = 0; i < count; i++) {
        ms_symbol_readable(places[i].function, functions[i], sizeof functions[i]);
        ms_symbol_crate(places[i].function, crates[i], sizeof crates[i]);
        frames[i] = (struct ms_cached_frame){
            .line = places[i].line,
            .function = functions[i],
            .file = source_of(&places[i], files[i], sizeof files[i]),
            .crate = crates[i],
        };
        at = put_frame(at, &frames[i]);
    }
    ms_symbol_cache_add(cache, address, frames, count);
    return at;
}

static char *put_cached(char *at, const struct ms_cached_frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        at = put_frame(at, &frames[i]);
    }
    return at;
}

/* Looks for frames as deep as asked; fills what the header says of them. Returns the end. */
static char *put_frames(char *at, const struct known_file *known,
                        const struct ms_symbol_question *question, struct ms_symbol_answer *header)
{
    struct ms_symbol_place places[MS_SYMBOL_INLINES_MAX];
    struct ms_cached_frame cached[MS_SYMBOL_CACHE_FRAMES_MAX];
    size_t count =
        known->cache == NULL ? 0 : ms_symbol_cache_find(known->cache, question->address, cached);
    if (count > 0) {
        header->frames = (uint32_t)(count < MS_SYMBOL_INLINES_MAX ? count : MS_SYMBOL_INLINES_MAX);
        header->names = MS_NAMES_LINES;
        header->final = 1;
        return put_cached(at, cached, header->frames);
    }
    if (known->file == NULL) {
        header->names = MS_NAMES_NONE;
        header->final = 1;
        return at;
    }
    bool searched = ms_symbol_file_names(known->file) != MS_NAMES_ASKING;
    if (question->depth == MS_SYMBOL_QUICK &&
        (!searched || ms_symbol_file_names(known->file) == MS_NAMES_LINES)) {
        places[0] = (struct ms_symbol_place){ms_symbol_file_symbol(known->file, question->address),
                                             "", "", 0};
        count = places[0].function[0] != '\0';
        searched = false;
    } else {
        count = ms_symbol_file_find(known->file, question->address, places, MS_SYMBOL_INLINES_MAX);
        searched = true;
    }
    header->names = (uint8_t)ms_symbol_file_names(known->file);
    header->final = searched;
    header->frames = (uint32_t)count;
    struct ms_symbol_cache *cache =
        searched && header->names == MS_NAMES_LINES ? known->cache : NULL;
    return put_places(at, places, count, cache, question->address);
}

/* Fills the answer, at most MS_SYMBOL_ANSWER_MAX bytes into `answer`; returns its bytes. */
static size_t fill_answer(struct ms_symbolizer *symbolizer,
                          const struct ms_symbol_question *question, void *answer)
{
    struct ms_symbol_answer header = {.id = question->id};
    char *at = (char *)answer + sizeof header;
    const struct known_file *known = file_of(symbolizer, question);
    header.why = (uint8_t)known->why;
    if (question->depth == MS_SYMBOL_OPEN) {
        header.names = MS_NAMES_ASKING;
    } else {
        at = put_frames(at, known, question, &header);
    }
    memcpy(answer, &header, sizeof header);
    return (size_t)(at - (char *)answer);
}

/* Parsed DWARF grows with what was asked: start again rather than grow without end. */
static void bound_memory(struct ms_symbolizer *symbolizer)
{
    uint64_t mapped_bytes;
    uint64_t own_bytes;
    if (measure(&mapped_bytes, &own_bytes) &&
        (own_bytes > symbolizer->own_first_bytes + MEMORY_AT_MOST_BYTES ||
         mapped_bytes > symbolizer->mapped_first_bytes + MAPPED_AT_MOST_BYTES)) {
        forget_all(symbolizer);
        (void)malloc_trim(0);
    }
}

/* Waits for a question; while there is none what is new goes to the disk. */
static ssize_t receive(struct ms_symbolizer *symbolizer, int socket,
                       struct ms_symbol_question *question)
{
    struct pollfd wanted = {.fd = socket, .events = POLLIN};
    if (poll(&wanted, 1, IDLE_MS) == 0) {
        write_caches(symbolizer);
    }
    ssize_t bytes;
    do {
        bytes = recv(socket, question, sizeof *question, 0);
    } while (bytes < 0 && errno == EINTR);
    return bytes;
}

void ms_symbolizer_serve(int socket, const struct ms_symbolizer_options *options)
{
    static struct ms_symbol_question question;
    static char answer[MS_SYMBOL_ANSWER_MAX];
    struct ms_symbolizer *symbolizer = open_symbolizer(options);
    if (!options->fetch) {
        unsetenv("DEBUGINFOD_URLS"); /* whatever a library does underneath: no network */
    }
    for (unsigned questions = 0; symbolizer != NULL; questions++) {
        ssize_t bytes = receive(symbolizer, socket, &question);
        const size_t head = offsetof(struct ms_symbol_question, path);
        if (bytes <= (ssize_t)head || question.path_bytes != (size_t)bytes - head ||
            question.path[question.path_bytes - 1] != '\0') {
            break;
        }
        size_t length = fill_answer(symbolizer, &question, answer);
        if (send(socket, answer, length, MSG_NOSIGNAL) < 0) {
            break;
        }
        if (questions % CHECK_EVERY == 0) {
            bound_memory(symbolizer);
        }
    }
    close_symbolizer(symbolizer);
    _exit(0);
}
