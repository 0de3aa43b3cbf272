/*
 * Code that comes and goes: libraries that are unloaded and others loaded at the same address,
 * code without unwind information at addresses where there was some, and the other way round.
 */
#include "modules.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "scripts.h"

#define CODE_BYTES 4096u
#define CHAINS     40u

static void fail(const char *what)
{
    fprintf(stderr, "modules: %s\n", what);
    exit(1);
}

static void *find(void *library, const char *name)
{
    void *found = dlsym(library, name);
    if (found == NULL) {
        fail(name);
    }
    return found;
}

static void *invite_plugin(const char *path, uintptr_t bytes)
{
    struct guest guest = {.bytes = bytes + 8, .described = true};
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fail(dlerror());
    }
    *(void **)&guest.enter = find(library, "plugin_enter");
    *(void **)&guest.leaf = find(library, "plugin_leaf");
    guest.enter_return = find(library, "plugin_enter_return");
    guest.leaf_return = find(library, "plugin_leaf_return");
    scripts_invite(&guest);
    return library;
}

/*
 * sub $BYTES, %rsp; add $16, %rdi; call *(%rdi); add $BYTES, %rsp; ret: the return address lies at
 * `offset` after the start, whatever the size of the frame.
 */
static void invite_code(unsigned char *code, uint32_t bytes)
{
    static const unsigned char enter[] = {0x48, 0x81, 0xec, 0,    0,    0,    0,
                                          0x48, 0x83, 0xc7, 0x10, 0xff, 0x17, 0x48,
                                          0x81, 0xc4, 0,    0,    0,    0,    0xc3};
    memcpy(code, enter, sizeof enter);
    memcpy(code + 3, &bytes, sizeof bytes);
    memcpy(code + 16, &bytes, sizeof bytes);
    struct guest guest = {.bytes = bytes + 8, .enter_return = (const char *)code + 13};
    *(void **)&guest.enter = code;
    scripts_invite(&guest);
}

static unsigned char *map_code(void *at, size_t bytes)
{
    int fixed = at != NULL ? MAP_FIXED_NOREPLACE : 0;
    void *code = mmap(at, bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0);
    if (code == MAP_FAILED || (at != NULL && code != at)) {
        fail("mmap");
    }
    return code;
}

unsigned modules_come_and_go(unsigned rounds, const char *const paths[2])
{
    const uintptr_t sizes[2] = {200, 1000};
    void *entered[2];
    unsigned same = 0;
    for (unsigned i = 0; i < rounds; i++) {
        unsigned which = i % 2;
        void *library = invite_plugin(paths[which], sizes[which]);
        entered[which] = find(library, "plugin_enter");
        same += i > 0 && entered[0] == entered[1];
        /* The first chain is the last one of before, whose words are still on the stack. */
        scripts_run(100 + i, 1, MIDDLE_NONE);
        scripts_run(7, CHAINS, MIDDLE_INSIDE);
        scripts_run(101 + i, 1, MIDDLE_NONE);
        dlclose(library);
        if (i % 16 == 15) {
            /* Its place is free: the same addresses, now without unwind information. */
            unsigned char *page =
                (unsigned char *)((uintptr_t)entered[which] & ~(uintptr_t)(CODE_BYTES - 1));
            unsigned char *code = map_code(page, 2 * CODE_BYTES);
            invite_code((unsigned char *)entered[which] + 4, (uint32_t)sizes[which]);
            scripts_run(7, CHAINS, MIDDLE_INSIDE);
            munmap(code, 2 * CODE_BYTES);
        }
    }
    if (same + 1 < rounds) {
        fail("the libraries were not loaded at one address");
    }
    return rounds * (CHAINS + 2) + rounds / 16 * CHAINS;
}

unsigned modules_made_at_run_time(unsigned rounds)
{
    unsigned char *at = map_code(NULL, CODE_BYTES);
    munmap(at, CODE_BYTES);
    for (unsigned i = 0; i < rounds; i++) {
        unsigned char *code = map_code(at, CODE_BYTES);
        invite_code(code, i % 2 ? 200 : 1000);
        scripts_run(8, CHAINS, MIDDLE_INSIDE);
        invite_code(code, i % 2 ? 1000 : 200);
        scripts_run(8, CHAINS, MIDDLE_INSIDE);
        munmap(code, CODE_BYTES);
    }
    return rounds * 2 * CHAINS;
}
