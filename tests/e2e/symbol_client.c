/*
 * Asks for the names of addresses as the viewer does, and prints what addr2line -i -f -C -a would:
 * the address, then function and file:line by turns, innermost first.
 *
 *   symbol_client [-c CACHE] [-d] [-k] [-p PID] FILE [BUILD-ID] < ADDRESSES
 *
 * -c  folder of the cache   -d  with debuginfod   -p  the process that FILE is looked for in
 * -k  kills the worker once, while it works; then goes on
 *
 * Addresses are hexadecimal, one a line; "FILE ADDRESS" asks for another file. On stderr: the
 * states of the modules, and when the first and the last name came.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/symbols.h"
#include "wire/clock.h"

enum { ASKED_MAX = 200000, FILES_MAX = 64, WAIT_S = 120 };

struct file {
    char path[4096];
    uint32_t module;
};

static struct file files[FILES_MAX];
static size_t file_count;
static struct ms_frame *asked[ASKED_MAX];
static size_t asked_count;

static size_t read_hex(const char *text, uint8_t *out, size_t capacity)
{
    size_t count = 0;
    unsigned byte;
    while (count < capacity && sscanf(text + 2 * count, "%2x", &byte) == 1) {
        out[count++] = (uint8_t)byte;
    }
    return count;
}

static uint32_t module_of(struct ms_symbols *symbols, struct ms_model *model, pid_t pid,
                          const char *path, const char *build_id)
{
    uint8_t bits[20];
    for (size_t i = 0; i < file_count; i++) {
        if (strcmp(files[i].path, path) == 0) {
            return files[i].module;
        }
    }
    if (file_count == FILES_MAX) {
        return 0;
    }
    struct file *file = &files[file_count++];
    (void)snprintf(file->path, sizeof file->path, "%s", path);
    size_t bytes = build_id == NULL ? 0 : read_hex(build_id, bits, sizeof bits);
    file->module = ms_symbols_module(symbols, model, pid, file->path, bits, bytes);
    return file->module;
}

static void print_frames(const struct ms_frame *frame)
{
    printf("0x%016llx\n", (unsigned long long)frame->file_offset);
    for (; frame != NULL; frame = frame->inlined_by) {
        printf("%s\n%s:%u\n", frame->function[0] != '\0' ? frame->function : "??",
               frame->file[0] != '\0' ? frame->file : "??", frame->line);
        if (getenv("CRATES") != NULL) {
            printf("crate=%s\n", frame->crate);
        }
    }
}

static void print_modules(const struct ms_model *model)
{
    for (size_t i = 0; i < ms_model_module_count(model); i++) {
        const struct ms_module *module = ms_model_module(model, i);
        fprintf(stderr, "module %s %s: %s\n", module->path, ms_module_names_name(module->names),
                module->advice);
    }
}

/* Resident, in KiB, of the worker. */
static unsigned long resident_kib(pid_t pid, const char *what)
{
    char path[64];
    char line[256];
    unsigned long value = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, what, strlen(what)) == 0) {
            value = strtoul(line + strlen(what) + 1, NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return value;
}

static void wait_for_names(struct ms_symbols *symbols, struct ms_model *model, bool kill_once)
{
    uint64_t start_ns = ms_monotonic_ns();
    uint64_t first_ns = 0;
    uint64_t quick_ns = 0;
    unsigned long most_kib = 0;
    unsigned long most_private_kib = 0;
    while (ms_symbols_pending(symbols) > 0 && ms_monotonic_ns() < start_ns + WAIT_S * MS_NS_PER_S) {
        struct pollfd fds[2];
        ms_symbols_handle(symbols, model, ms_monotonic_ns());
        size_t named = 0;
        for (size_t i = 0; quick_ns == 0 && i < asked_count; i++) {
            named += asked[i]->function[0] != '\0';
        }
        uint64_t now_ns = ms_monotonic_ns() - start_ns;
        first_ns = first_ns == 0 && named > 0 ? now_ns : first_ns;
        quick_ns = quick_ns == 0 && named * 20 >= asked_count * 19 ? now_ns : quick_ns;
        if (kill_once && named > asked_count / 2) {
            (void)kill(ms_symbols_worker(symbols), SIGKILL);
            kill_once = false;
        }
        unsigned long kib = resident_kib(ms_symbols_worker(symbols), "VmHWM:");
        unsigned long private_kib = resident_kib(ms_symbols_worker(symbols), "RssAnon:");
        most_kib = kib > most_kib ? kib : most_kib;
        most_private_kib = private_kib > most_private_kib ? private_kib : most_private_kib;
        (void)poll(fds, (nfds_t)ms_symbols_poll_fds(symbols, fds, 2), 20);
    }
    fprintf(stderr,
            "pending %zu first_ms %.1f functions_ms %.1f all_ms %.1f worker_cpu_ms %.1f "
            "resident_kib %lu private_kib %lu\n",
            ms_symbols_pending(symbols), (double)first_ns / 1e6, (double)quick_ns / 1e6,
            (double)(ms_monotonic_ns() - start_ns) / 1e6, (double)ms_symbols_cpu_ns(symbols) / 1e6,
            most_kib, most_private_kib);
}

int main(int argc, char **argv)
{
    struct ms_symbols_options options = {0};
    bool kill_once = false;
    pid_t pid = getpid();
    int option;
    while ((option = getopt(argc, argv, "c:dkp:")) != -1) {
        switch (option) {
        case 'c':
            options.cache_folder = optarg;
            break;
        case 'd':
            options.debuginfod = true;
            break;
        case 'k':
            kill_once = true;
            break;
        case 'p':
            pid = atoi(optarg);
            break;
        default:
            return 2;
        }
    }
    if (optind == argc) {
        return 2;
    }
    struct ms_symbols *symbols = ms_symbols_start(&options);
    struct ms_model *model = ms_model_new(100000000, 0, 0);
    const char *build_id = optind + 1 < argc ? argv[optind + 1] : NULL;
    uint32_t module = module_of(symbols, model, pid, argv[optind], build_id);
    /* "wait": whoever tests ends the process in between. */
    char line[4200];
    while (asked_count < ASKED_MAX && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "wait") == 0) {
            for (int i = 0; i < 20; i++) {
                ms_symbols_handle(symbols, model, ms_monotonic_ns());
                (void)poll(NULL, 0, 10);
            }
            puts("waited");
            (void)fflush(stdout);
            continue;
        }
        char *space = strchr(line, ' ');
        if (space != NULL) {
            *space = '\0';
        }
        struct ms_frame *frame = ms_model_add_frame(model);
        frame->file_offset = strtoull(space == NULL ? line : space + 1, NULL, 16);
        frame->module = "";
        asked[asked_count++] = frame;
        (void)ms_symbols_ask(
            symbols, frame, space == NULL ? module : module_of(symbols, model, pid, line, NULL), 0);
    }
    wait_for_names(symbols, model, kill_once);
    for (size_t i = 0; i < asked_count; i++) {
        print_frames(asked[i]);
    }
    print_modules(model);
    bool whole = ms_symbols_pending(symbols) == 0;
    ms_symbols_free(symbols);
    ms_model_free(model);
    return whole ? 0 : 1;
}
