/*
 * Leads calls of functions that the allocator exports under names of its own (sdallocx, mi_free...)
 * to us. We do not export these names ourselves: programs look for them to find out which
 * allocator they run on. Instead the allocator's symbols get other values, so that every search
 * finds ours from then on, whoever searches and from where: modules that are opened later, dlsym,
 * RTLD_DEEPBIND; and places that are bound already are bound anew.
 */
#ifndef MS_PROBE_REDIRECT_H
#define MS_PROBE_REDIRECT_H

#include <stdbool.h>
#include <stddef.h>

#include "probe/loaded_object.h"
#include "probe/real.h"

struct ms_redirect {
    const char *name;
    const char *hook;    /* exported by us, or NULL: */
    void *function;      /* ... this one */
    void (**next)(void); /* gets the allocator's own function; NULL: not needed */
    ElfW(Sym) * found;   /* NULL: the allocator does not have it */
    uintptr_t original;  /* where its own lies */
};

/*
 * Redirects those of `calls` that the object of ms_real.malloc defines. Once, at the start, from
 * one thread; takes the linker's lock for a moment, allocates nothing. Returns whether all that
 * the object defines reaches us now; false: some of it goes past us.
 */
MS_HIDDEN bool ms_redirect(struct ms_redirect *calls, size_t count);

/* Does the program itself define and export this function, so that ours is never called? */
MS_HIDDEN bool ms_program_defines(const char *name);

#endif
