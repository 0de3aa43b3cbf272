/* Symbol values in the allocator's table, and the words that hold addresses taken from there. */
#include "probe/redirect.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "probe/system_call.h"
#include "wire/region.h"

struct work {
    struct ms_redirect *calls;
    size_t count;
    uintptr_t allocator_at; /* an address inside each of the two objects */
    uintptr_t probe_at;
    struct ms_object_tables allocator;
    struct ms_object_tables probe;
    bool failed;
};

static uintptr_t page_of(uintptr_t address)
{
    return address & ~(uintptr_t)(MS_PAGE_BYTES - 1);
}

/* The system call: our hook of mprotect would take this for the program's doing. */
static bool protect(uintptr_t start, uintptr_t end, int protection)
{
    start = page_of(start);
    return ms_system_call(SYS_mprotect, (long)start,
                          (long)(page_of(end - 1) + MS_PAGE_BYTES - start), protection, 0, 0,
                          0) == 0;
}

static int find_objects(struct dl_phdr_info *object, size_t size, void *argument)
{
    struct work *work = argument;
    struct ms_object_tables tables;
    (void)size;
    if (ms_object_tables_read(object, &tables)) {
        if (work->allocator_at >= tables.base && work->allocator_at < tables.end) {
            work->allocator = tables;
        }
        if (work->probe_at >= tables.base && work->probe_at < tables.end) {
            work->probe = tables;
        }
    }
    return 0;
}

static const struct ms_redirect *find_call(const struct work *work, const char *name)
{
    for (size_t i = 0; i < work->count; i++) {
        if (work->calls[i].found != NULL && strcmp(work->calls[i].name, name) == 0) {
            return &work->calls[i];
        }
    }
    return NULL;
}

static bool write_word(const struct ms_object_tables *tables, uintptr_t *word, uintptr_t value)
{
    int before = ms_object_protection(tables, (uintptr_t)word);
    bool writable = (before & PROT_WRITE) != 0;
    if (before == 0 ||
        (!writable && !protect((uintptr_t)word, (uintptr_t)(word + 1), before | PROT_WRITE))) {
        return false;
    }
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    return writable || protect((uintptr_t)word, (uintptr_t)(word + 1), before);
}

static bool is_of_family(const char *name)
{
    static const char *const family[] = {
        "malloc",        "free",   "calloc",  "realloc",      "memalign",          "posix_memalign",
        "aligned_alloc", "valloc", "pvalloc", "reallocarray", "malloc_usable_size"};
    for (size_t i = 0; i < sizeof family / sizeof family[0]; i++) {
        if (strcmp(name, family[i]) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * What the allocator calls of itself stays its own, bound yet or not: one whose malloc calls its
 * exported memalign would come back to us and be counted twice.
 */
static bool bind_own_word(const struct work *work, const ElfW(Rela) * relocation)
{
    const struct ms_object_tables *tables = &work->allocator;
    const char *name = tables->names + tables->symbols[ELF64_R_SYM(relocation->r_info)].st_name;
    uintptr_t *word = (uintptr_t *)(tables->bias + relocation->r_offset);
    const struct ms_redirect *call = find_call(work, name);
    const ElfW(Sym) *own = is_of_family(name) ? ms_object_definition(tables, name) : NULL;
    if (call == NULL && own == NULL) {
        return true;
    }
    uintptr_t value = call != NULL ? call->original : tables->bias + own->st_value;
    return *word == value || write_word(tables, word, value);
}

static bool bind_word(const struct work *work, const struct ms_object_tables *tables,
                      const ElfW(Rela) * relocation)
{
    size_t symbol = ELF64_R_SYM(relocation->r_info);
    uintptr_t *word = (uintptr_t *)(tables->bias + relocation->r_offset);
    if (symbol == 0 || (uintptr_t)word % sizeof *word != 0) {
        return true;
    }
    if (tables->base == work->allocator.base) {
        return bind_own_word(work, relocation);
    }
    /* A place not bound yet points elsewhere and will find the new value by itself. */
    if (*word < work->allocator.base || *word >= work->allocator.end) {
        return true;
    }
    const struct ms_redirect *call =
        find_call(work, tables->names + tables->symbols[symbol].st_name);
    return call == NULL || write_word(tables, word, (uintptr_t)call->function);
}

static int bind_object(struct dl_phdr_info *object, size_t size, void *argument)
{
    struct work *work = argument;
    struct ms_object_tables tables;
    (void)size;
    if (!ms_object_tables_read(object, &tables) || tables.base == work->probe.base) {
        return 0;
    }
    for (unsigned kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < tables.counts[kind]; i++) {
            if (!bind_word(work, &tables, &tables.relocations[kind][i])) {
                work->failed = true;
            }
        }
    }
    return 0;
}

/* Looks up both ends of each call. Returns the lowest and the highest symbol to be changed. */
static bool find_symbols(struct work *work, uintptr_t *low, uintptr_t *high)
{
    *low = UINTPTR_MAX;
    *high = 0;
    for (size_t i = 0; i < work->count; i++) {
        struct ms_redirect *call = &work->calls[i];
        call->found = ms_object_definition(&work->allocator, call->name);
        if (call->found == NULL) {
            continue;
        }
        if (call->hook != NULL) {
            const ElfW(Sym) *ours = ms_object_definition(&work->probe, call->hook);
            call->function = ours == NULL ? NULL : (void *)(work->probe.bias + ours->st_value);
        }
        if (call->function == NULL || ELF64_ST_TYPE(call->found->st_info) != STT_FUNC) {
            return false;
        }
        call->original = work->allocator.bias + call->found->st_value;
        if (call->next != NULL) {
            *(uintptr_t *)call->next = call->original;
        }
        uintptr_t at = (uintptr_t)call->found;
        *low = at < *low ? at : *low;
        *high = at + sizeof *call->found > *high ? at + sizeof *call->found : *high;
    }
    return true;
}

static bool write_symbols(const struct work *work, uintptr_t low, uintptr_t high)
{
    int before = ms_object_protection(&work->allocator, low);
    if (before == 0 || !protect(low, high, before | PROT_WRITE)) {
        return false;
    }
    for (size_t i = 0; i < work->count; i++) {
        const struct ms_redirect *call = &work->calls[i];
        if (call->found != NULL) {
            __atomic_store_n(&call->found->st_value,
                             (uintptr_t)call->function - work->allocator.bias, __ATOMIC_RELEASE);
        }
    }
    (void)protect(low, high, before);
    return true;
}

bool ms_redirect(struct ms_redirect *calls, size_t count)
{
    struct work work = {.calls = calls,
                        .count = count,
                        .allocator_at = (uintptr_t)ms_real.malloc,
                        .probe_at = (uintptr_t)ms_redirect};
    uintptr_t low;
    uintptr_t high;
    dl_iterate_phdr(find_objects, &work);
    if (work.allocator.symbols == NULL || work.probe.symbols == NULL ||
        work.allocator.base == work.probe.base || !find_symbols(&work, &low, &high)) {
        return false;
    }
    bool done = high == 0 || write_symbols(&work, low, high);
    dl_iterate_phdr(bind_object, &work);
    return done && !work.failed;
}

struct question {
    const char *name;
    bool answer;
};

static int look_at_program(struct dl_phdr_info *object, size_t size, void *argument)
{
    struct question *question = argument;
    struct ms_object_tables tables;
    (void)size;
    question->answer = ms_object_tables_read(object, &tables) &&
                       ms_object_definition(&tables, question->name) != NULL;
    return 1; /* the program itself comes first */
}

bool ms_program_defines(const char *name)
{
    struct question question = {name, false};
    dl_iterate_phdr(look_at_program, &question);
    return question.answer;
}
