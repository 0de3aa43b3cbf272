/*
 * dlopen and dlmopen: looked at, not wrapped. libc searches by who called it (its RUNPATH, its
 * namespace), so these hooks end in a jump to the real function that leaves the return address as
 * it was. Only what goes past us by the program's wish is noted, before it is loaded.
 */
#include <dlfcn.h>
#include <errno.h>

#include "probe/process.h"
#include "probe/thread.h"
#include "probe/unseen.h"

typedef void *dlopen_function(const char *, int);
typedef void *dlmopen_function(Lmid_t, const char *, int);

MS_HIDDEN dlopen_function *ms_next_dlopen;
MS_HIDDEN dlmopen_function *ms_next_dlmopen;
MS_HIDDEN void ms_dlopen_look(const char *file, int mode);
MS_HIDDEN void ms_dlmopen_look(Lmid_t space, const char *file, int mode);

void ms_dlopen_hooks_init(void)
{
    *(void **)&ms_next_dlopen = ms_real_symbol("dlopen");
    *(void **)&ms_next_dlmopen = ms_real_symbol("dlmopen");
}

static void note(enum ms_unseen way, const char *file, int mode)
{
    int before = errno;
    /* In a forked child this gives it a region of its own first. */
    if (ms_ready == MS_READY_COUNTING && file != NULL && (mode & RTLD_NOLOAD) == 0 &&
        ms_thread_enter() != NULL) {
        ms_unseen_note(way, file);
    }
    errno = before;
}

void ms_dlopen_look(const char *file, int mode)
{
    if (ms_next_dlopen == NULL) {
        ms_dlopen_hooks_init();
    }
    if ((mode & RTLD_DEEPBIND) != 0) {
        note(MS_UNSEEN_DEEPBIND, file, mode);
    }
}

void ms_dlmopen_look(Lmid_t space, const char *file, int mode)
{
    if (ms_next_dlmopen == NULL) {
        ms_dlopen_hooks_init();
    }
    if (space != LM_ID_BASE) {
        note(MS_UNSEEN_NAMESPACE, file, mode);
    }
}

#if defined(__x86_64__)
#define LOOK_AND_JUMP(name, look, next)                                                            \
    __asm__(".text\n"                                                                              \
            ".p2align 4\n"                                                                         \
            ".globl " name "\n"                                                                    \
            ".type " name ", @function\n" name ":\n"                                               \
            ".cfi_startproc\n"                                                                     \
            "endbr64\n"                                                                            \
            "pushq %rdi\n"                                                                         \
            ".cfi_adjust_cfa_offset 8\n"                                                           \
            "pushq %rsi\n"                                                                         \
            ".cfi_adjust_cfa_offset 8\n"                                                           \
            "pushq %rdx\n"                                                                         \
            ".cfi_adjust_cfa_offset 8\n"                                                           \
            "call " look "\n"                                                                      \
            "popq %rdx\n"                                                                          \
            ".cfi_adjust_cfa_offset -8\n"                                                          \
            "popq %rsi\n"                                                                          \
            ".cfi_adjust_cfa_offset -8\n"                                                          \
            "popq %rdi\n"                                                                          \
            ".cfi_adjust_cfa_offset -8\n"                                                          \
            "movq " next "(%rip), %rax\n"                                                          \
            "testq %rax, %rax\n"                                                                   \
            "je 1f\n"                                                                              \
            "jmp *%rax\n"                                                                          \
            "1: ret\n"                                                                             \
            ".cfi_endproc\n"                                                                       \
            ".size " name ", . - " name "\n")
LOOK_AND_JUMP("dlopen", "ms_dlopen_look", "ms_next_dlopen");
LOOK_AND_JUMP("dlmopen", "ms_dlmopen_look", "ms_next_dlmopen");
#else
void *ms_hook_dlopen(const char *file, int mode) __asm__("dlopen");
void *ms_hook_dlmopen(Lmid_t space, const char *file, int mode) __asm__("dlmopen");

/* Both calls are the last thing done, with the arguments as they came: compiled to a jump. */
MS_EXPORT void *ms_hook_dlopen(const char *file, int mode)
{
    ms_dlopen_look(file, mode);
    return ms_next_dlopen == NULL ? NULL : ms_next_dlopen(file, mode);
}

MS_EXPORT void *ms_hook_dlmopen(Lmid_t space, const char *file, int mode)
{
    ms_dlmopen_look(space, file, mode);
    return ms_next_dlmopen == NULL ? NULL : ms_next_dlmopen(space, file, mode);
}
#endif
