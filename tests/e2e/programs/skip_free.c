/*
 * Fault injection: a preload library that makes a program leak, at allocation sites that chance
 * chooses, and writes down which, as the truth that a judgement is compared with.
 *
 * In the program $SKIP_FREE_EXE (its file name) it leads the calls of malloc, calloc, realloc and
 * free of all modules through itself, by their GOT entries: so it stands before any preloaded
 * library, and a skipped free is one that never was. An allocation site is the FRAMES innermost
 * return addresses. $SKIP_FREE_AFTER seconds (6) after the file $SKIP_FREE_OUT.go came up it
 * chooses $SKIP_FREE_SITES (1) of the sites whose blocks were freed all through the last half of
 * that time, by $SKIP_FREE_SEED, and a number N for each: every Nth of its blocks is not freed any
 * more.
 *
 * The file $SKIP_FREE_OUT.PID gets a line "chosen of N" first, then for each site a line
 * "site START_NS EVERY FREED" (CLOCK_MONOTONIC) and its frames as "frame OFFSET MODULE"; for the
 * first 512 skips and then every 16th a line "skipped NUMBER BLOCKS BYTES NOW_NS".
 */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#define FRAMES 6
#define SITES  65536u
#define SLOTS  (1u << 22)
#define CHOSEN 8u

#if defined __x86_64__
#define IS_SLOT(type)                                                                              \
    ((type) == R_X86_64_JUMP_SLOT || (type) == R_X86_64_GLOB_DAT || (type) == R_X86_64_64)
#else
#define IS_SLOT(type)                                                                              \
    ((type) == R_AARCH64_JUMP_SLOT || (type) == R_AARCH64_GLOB_DAT || (type) == R_AARCH64_ABS64)
#endif

struct site {
    uintptr_t frames[FRAMES];
    uint64_t hash, frees, frees_before, frees_between, bytes;
    unsigned every, count; /* chosen: not 0 */
    uint64_t skipped, skipped_bytes;
    unsigned number;
};

struct block {
    uintptr_t address; /* 0: empty */
    uint32_t site, bytes;
};

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
} next;

static struct site *sites;
static struct block *blocks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread bool inside __attribute__((tls_model("initial-exec")));
static FILE *out;
static char go_path[4096];
static uint64_t begin_ns;
static bool half_way, three_quarters, chosen;
static uint64_t block_count;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t number_from(const char *name, uint64_t standard)
{
    const char *value = getenv(name);
    return value != NULL ? strtoull(value, NULL, 10) : standard;
}

static uint64_t mixed(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdu;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53u;
    return x ^ x >> 33;
}

struct walk {
    uintptr_t frames[FRAMES];
    int skip, count;
};

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *of)
{
    struct walk *walk = of;
    if (walk->skip > 0) {
        walk->skip--;
        return _URC_NO_REASON;
    }
    walk->frames[walk->count++] = (uintptr_t)_Unwind_GetIP(context);
    return walk->count < FRAMES ? _URC_NO_REASON : _URC_END_OF_STACK;
}

/* 0: no room. Called locked. */
static uint32_t site_of(const struct walk *walk)
{
    uint64_t hash = 0;
    for (int i = 0; i < FRAMES; i++) {
        hash = mixed(hash ^ walk->frames[i]);
    }
    for (uint32_t probe = 0; probe < 64; probe++) {
        const uint32_t at = (uint32_t)(hash + probe) % (SITES - 1) + 1;
        if (sites[at].hash == hash) {
            return at;
        }
        if (sites[at].hash == 0) {
            sites[at].hash = hash;
            memcpy(sites[at].frames, walk->frames, sizeof walk->frames);
            return at;
        }
    }
    return 0;
}

static uint32_t home(uintptr_t address)
{
    return (uint32_t)mixed(address) % SLOTS;
}

static struct block *find(uintptr_t address)
{
    for (uint32_t at = home(address); blocks[at].address != 0; at = (at + 1) % SLOTS) {
        if (blocks[at].address == address) {
            return &blocks[at];
        }
    }
    return NULL;
}

static void forget(struct block *block)
{
    uint32_t hole = (uint32_t)(block - blocks);
    for (uint32_t at = (hole + 1) % SLOTS; blocks[at].address != 0; at = (at + 1) % SLOTS) {
        if ((at - home(blocks[at].address)) % SLOTS >= (at - hole) % SLOTS) {
            blocks[hole] = blocks[at];
            hole = at;
        }
    }
    blocks[hole] = (struct block){0};
    block_count--;
}

static void remember(void *address, size_t bytes, const struct walk *walk)
{
    pthread_mutex_lock(&lock);
    struct block *block = find((uintptr_t)address);
    if (block == NULL && block_count < SLOTS / 4 * 3) {
        uint32_t at = home((uintptr_t)address);
        while (blocks[at].address != 0) {
            at = (at + 1) % SLOTS;
        }
        block = &blocks[at];
        block_count++;
    }
    if (block != NULL) {
        *block = (struct block){(uintptr_t)address, site_of(walk),
                                bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX};
    }
    pthread_mutex_unlock(&lock);
}

static void tell(const struct site *site, uint64_t per_s)
{
    fprintf(out, "site %llu %u %llu\n", (unsigned long long)now_ns(), site->every,
            (unsigned long long)per_s);
    for (int i = 0; i < FRAMES && site->frames[i] != 0; i++) {
        Dl_info info = {0};
        struct link_map *map = NULL;
        const uintptr_t call = site->frames[i] - 1;
        dladdr1((void *)call, &info, (void **)&map, RTLD_DL_LINKMAP);
        char exe[4096] = "";
        const char *name = map != NULL ? map->l_name : "";
        if (map != NULL && *name == '\0') {
            const ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
            exe[length > 0 ? length : 0] = '\0';
            name = exe;
        }
        fprintf(out, "frame %llu %s\n", (unsigned long long)(call - (map ? map->l_addr : 0)), name);
    }
    fflush(out);
}

/* Of the sites that were busy since half the time. Called locked. */
static void choose(void)
{
    const uint64_t after = number_from("SKIP_FREE_AFTER", 6);
    uint64_t seed = mixed(number_from("SKIP_FREE_SEED", 1) + 0x9e3779b97f4a7c15u);
    uint64_t wanted = number_from("SKIP_FREE_SITES", 1);
    static uint32_t busy[SITES];
    uint32_t count = 0;
    for (uint32_t i = 1; i < SITES; i++) {
        if (sites[i].frees_between - sites[i].frees_before >= 20 &&
            sites[i].frees - sites[i].frees_between >= 20) {
            busy[count++] = i;
        }
    }
    fprintf(out, "chosen of %u\n", count);
    if (count == 0) { /* it rested: once more */
        begin_ns = now_ns();
        half_way = three_quarters = false;
        return;
    }
    chosen = true;
    for (unsigned number = 0; number < wanted && number < CHOSEN && count > 0; number++) {
        seed = mixed(seed + 1);
        const uint32_t at = (uint32_t)(seed % count);
        struct site *site = &sites[busy[at]];
        busy[at] = busy[--count];
        const uint64_t freed = site->frees - site->frees_before;
        const uint64_t per_s = freed * 2 / after;
        /* At least about ten blocks and at most about 2 MB a second. */
        seed = mixed(seed + 1);
        uint64_t every = per_s >= 20 ? 1 + seed % (per_s / 10) : 1;
        every = every > 64 ? 1 + seed % 64 : every;
        const uint64_t bytes_per_s = site->frees > 0 ? site->bytes / site->frees * per_s : 0;
        while (bytes_per_s / every > 2000000) {
            every *= 2;
        }
        site->every = (unsigned)every;
        site->number = number;
        tell(site, per_s);
    }
    fflush(out);
}

static void look_at_clock(void)
{
    static unsigned calls;
    if (chosen || calls++ % 16 != 0) {
        return;
    }
    if (begin_ns == 0 && access(go_path, F_OK) != 0) {
        return;
    }
    const uint64_t now = now_ns();
    begin_ns = begin_ns != 0 ? begin_ns : now;
    const uint64_t after_ns = number_from("SKIP_FREE_AFTER", 6) * 1000000000u;
    if (!half_way && now - begin_ns >= after_ns / 2) {
        half_way = true;
        for (uint32_t i = 1; i < SITES; i++) {
            sites[i].frees_before = sites[i].frees;
        }
    } else if (half_way && !three_quarters && now - begin_ns >= after_ns / 4 * 3) {
        three_quarters = true;
        for (uint32_t i = 1; i < SITES; i++) {
            sites[i].frees_between = sites[i].frees;
        }
    } else if (three_quarters && now - begin_ns >= after_ns) {
        choose();
    }
}

/* Whether this free is to be none. */
static bool skips(void *address)
{
    bool skip = false;
    pthread_mutex_lock(&lock);
    look_at_clock();
    struct block *block = find((uintptr_t)address);
    if (block != NULL && block->site != 0) {
        struct site *site = &sites[block->site];
        site->frees++;
        site->bytes += block->bytes;
        skip = site->every != 0 && ++site->count % site->every == 0;
        if (skip) {
            site->skipped_bytes += block->bytes;
            if (++site->skipped % 16 == 0 || site->skipped < 512) {
                fprintf(out, "skipped %u %llu %llu %llu\n", site->number,
                        (unsigned long long)site->skipped, (unsigned long long)site->skipped_bytes,
                        (unsigned long long)now_ns());
                fflush(out);
            }
        }
    }
    if (block != NULL) {
        forget(block);
    }
    pthread_mutex_unlock(&lock);
    return skip;
}

/* A caller in the stack of the hook: this frame, the hook's, then the program's. */
__attribute__((noinline)) static void walk_here(struct walk *walk)
{
    *walk = (struct walk){.skip = 2};
    _Unwind_Backtrace(step, walk);
    __asm__ volatile(""); /* no tail call: this frame is one of the two */
}

static void *hook_malloc(size_t bytes)
{
    void *block = next.malloc(bytes);
    if (block != NULL && !inside) {
        inside = true;
        struct walk walk;
        walk_here(&walk);
        remember(block, bytes, &walk);
        inside = false;
    }
    return block;
}

static void *hook_calloc(size_t count, size_t bytes)
{
    void *block = next.calloc(count, bytes);
    if (block != NULL && !inside) {
        inside = true;
        struct walk walk;
        walk_here(&walk);
        remember(block, count * bytes, &walk);
        inside = false;
    }
    return block;
}

static void *hook_realloc(void *old, size_t bytes)
{
    if (!inside && old != NULL) {
        inside = true;
        pthread_mutex_lock(&lock);
        struct block *known = find((uintptr_t)old);
        if (known != NULL) {
            forget(known);
        }
        pthread_mutex_unlock(&lock);
        inside = false;
    }
    void *block = next.realloc(old, bytes);
    if (block != NULL && !inside) {
        inside = true;
        struct walk walk;
        walk_here(&walk);
        remember(block, bytes, &walk);
        inside = false;
    }
    return block;
}

static void hook_free(void *block)
{
    if (block != NULL && !inside) {
        inside = true;
        const bool skip = skips(block);
        inside = false;
        if (skip) {
            return;
        }
    }
    next.free(block);
}

static const struct {
    const char *name;
    void *hook;
} hooks[] = {{"malloc", (void *)hook_malloc},
             {"calloc", (void *)hook_calloc},
             {"realloc", (void *)hook_realloc},
             {"free", (void *)hook_free}};

static void redirect(uintptr_t bias, const ElfW(Rela) * table, size_t bytes,
                     const ElfW(Sym) * symbols, const char *strings)
{
    for (size_t i = 0; i < bytes / sizeof *table; i++) {
        const uint64_t symbol = ELF64_R_SYM(table[i].r_info);
        if (!IS_SLOT(ELF64_R_TYPE(table[i].r_info)) || symbol == 0) {
            continue;
        }
        const char *name = strings + symbols[symbol].st_name;
        for (size_t hook = 0; hook < sizeof hooks / sizeof hooks[0]; hook++) {
            if (strcmp(name, hooks[hook].name) == 0) {
                void **slot = (void **)(bias + table[i].r_offset);
                const uintptr_t page = (uintptr_t)slot & ~(uintptr_t)4095;
                mprotect((void *)page, 8192, PROT_READ | PROT_WRITE);
                *slot = hooks[hook].hook;
            }
        }
    }
}

static int redirect_module(struct dl_phdr_info *info, size_t size, void *of)
{
    (void)size;
    (void)of;
    static const char *const left_alone[] = {"libmemscope-probe", "skip_free", "ld-linux",
                                             "libgcc_s", "vdso"};
    for (size_t i = 0; i < sizeof left_alone / sizeof left_alone[0]; i++) {
        if (strstr(info->dlpi_name, left_alone[i]) != NULL) {
            return 0;
        }
    }
    const ElfW(Dyn) *dynamic = NULL;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC) {
            dynamic = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
        }
    }
    uintptr_t value[64] = {0};
    for (; dynamic != NULL && dynamic->d_tag != DT_NULL; dynamic++) {
        if (dynamic->d_tag > 0 && dynamic->d_tag < 64) {
            value[dynamic->d_tag] = dynamic->d_un.d_ptr;
        }
    }
    if (value[DT_SYMTAB] == 0 || value[DT_STRTAB] < info->dlpi_addr) {
        return 0; /* one whose addresses the loader has not made absolute: the vdso */
    }
    const void *symbols = (const void *)value[DT_SYMTAB];
    const char *strings = (const char *)value[DT_STRTAB];
    redirect(info->dlpi_addr, (const void *)value[DT_JMPREL], value[DT_PLTRELSZ], symbols, strings);
    redirect(info->dlpi_addr, (const void *)value[DT_RELA], value[DT_RELASZ], symbols, strings);
    return 0;
}

static int find_probe(struct dl_phdr_info *info, size_t size, void *of)
{
    (void)size;
    if (strstr(info->dlpi_name, "libmemscope-probe") == NULL) {
        return 0;
    }
    *(void **)of = dlopen(info->dlpi_name, RTLD_NOW | RTLD_NOLOAD);
    return 1;
}

/* The probe's functions by name: RTLD_DEFAULT may give a PLT entry of the program, that is us. */
static void find_next(void)
{
    void *from = RTLD_NEXT;
    dl_iterate_phdr(find_probe, &from);
    *(void **)&next.malloc = dlsym(from, "malloc");
    *(void **)&next.calloc = dlsym(from, "calloc");
    *(void **)&next.realloc = dlsym(from, "realloc");
    *(void **)&next.free = dlsym(from, "free");
}

__attribute__((constructor)) static void begin(void)
{
    char exe[4096];
    const ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
    const char *wanted = getenv("SKIP_FREE_EXE");
    exe[length > 0 ? length : 0] = '\0';
    const char *base = strrchr(exe, '/');
    if (wanted == NULL || base == NULL || strcmp(base + 1, wanted) != 0) {
        return;
    }
    char path[4096];
    const char *prefix = getenv("SKIP_FREE_OUT");
    snprintf(path, sizeof path, "%s.%d", prefix != NULL ? prefix : "/dev/null", (int)getpid());
    snprintf(go_path, sizeof go_path, "%s.go", prefix != NULL ? prefix : "");
    find_next();
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    sites = mmap(NULL, SITES * sizeof *sites, PROT_READ | PROT_WRITE, flags, -1, 0);
    blocks = mmap(NULL, SLOTS * sizeof *blocks, PROT_READ | PROT_WRITE, flags, -1, 0);
    out = fopen(path, "we");
    if (sites == MAP_FAILED || blocks == MAP_FAILED || out == NULL) {
        return;
    }
    struct walk walk;
    walk_here(&walk); /* whatever the unwinder sets up, it does now */
    dl_iterate_phdr(redirect_module, NULL);
}
