/* Names of frames, and which frame of a site is the one to blame. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

char *ms_format_frame(char *out, size_t size, const struct ms_frame *frame)
{
    if (frame->function[0] != '\0') {
        (void)snprintf(out, size, "%s", frame->function);
    } else if (frame->module[0] != '\0') {
        (void)snprintf(out, size, "%s+0x%" PRIx64, base_name(frame->module), frame->file_offset);
    } else {
        (void)snprintf(out, size, "0x%" PRIx64, frame->address);
    }
    return out;
}

/*
 * '*' stands for any bytes, '#' for a digit. fnmatch() would do, but it makes wide characters of
 * pattern and name each time, and every frame of every stack is compared with all patterns.
 */
static bool matches(const char *pattern, const char *name)
{
    const char *after_star = NULL;
    const char *from = NULL; /* where what is after the star is looked for */
    while (*name != '\0') {
        if (*pattern == '*') {
            after_star = ++pattern;
            from = name;
        } else if (*pattern == *name || (*pattern == '#' && *name >= '0' && *name <= '9')) {
            pattern++;
            name++;
        } else if (after_star != NULL) {
            pattern = after_star;
            name = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

static bool matches_any(const char *const *patterns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (matches(patterns[i], name)) {
            return true;
        }
    }
    return false;
}

/*
 * Functions that allocate for whoever called them. Return types and template arguments may stand
 * around demangled names, hence the stars.
 */
static bool is_allocator_function(const char *function)
{
    static const char *const patterns[] = {
        "malloc",
        "calloc",
        "realloc",
        "reallocarray",
        "free",
        "memalign",
        "aligned_alloc",
        "posix_memalign",
        "valloc",
        "pvalloc",
        "cfree",
        "strdup",
        "strndup",
        "__strdup",
        "__strndup",
        "wcsdup",
        "asprintf",
        "vasprintf",
        "getdelim",
        "getline",
        "__libc_*alloc*",
        "__GI___libc_*alloc*",
        "_int_malloc",
        "sysmalloc",
        "operator new*",
        "operator delete*",
        "x*alloc",
        "x*alloc0",
        "xstrdup",
        "xstrndup",
        "xmemdup*",
        "g_*alloc*",
        "g_strdup*",
        "g_slice_*",
        "je_*alloc*",
        "mi_*alloc*",
        "tc_*alloc*",
        "z*alloc",
        "z*alloc_*",
        "ztry*alloc*",
        "PyMem_*",
        "PyObject_*alloc*",
        "_PyMem_*",
        "_PyObject_*alloc*",
        "sqlite3Malloc*",
        "sqlite3_malloc*",
        "sqlite3MemMalloc",
        "sqlite3Realloc",
        "sqlite3DbMalloc*",
        "sqlite3DbRealloc*",
        "__rust_alloc*",
        "__rust_realloc*",
        "__rdl_alloc*",
        "__rdl_realloc*",
        "alloc::alloc::*",
        "alloc::raw_vec::*",
        "<alloc::alloc::Global as *",
        "*std::allocator<*>::allocate(*",
        "*std::__new_allocator<*>::allocate(*",
        "*__gnu_cxx::new_allocator<*>::allocate(*",
        "*std::allocator_traits<*>::allocate(*",
        "*std::*::_M_allocate(*",
        "*std::*::_M_create(*",
        "*std::*::_M_get_node(*",
        "*std::__allocate_guarded<*",
        "std::make_unique<*",
        "*std::make_shared<*",
    };
    return matches_any(patterns, sizeof(patterns) / sizeof(patterns[0]), function);
}

static bool is_allocator_module(const char *module)
{
    static const char *const patterns[] = {
        "libc.so*",     "libc-#*.so",   "libstdc++.so*", "libc++.so*",    "libc++abi.so*",
        "libjemalloc*", "libtcmalloc*", "libmimalloc*",  "libhoard*",     "libsnmalloc*",
        "librpmalloc*", "libscudo*",    "ld-linux*",     "libmemscope-*", "libgcc_s.so*",
    };
    return matches_any(patterns, sizeof(patterns) / sizeof(patterns[0]), base_name(module));
}

bool ms_frame_is_wrapper(const struct ms_frame *frame)
{
    return frame->function[0] != '\0' ? is_allocator_function(frame->function)
                                      : is_allocator_module(frame->module);
}

/* A frame with inlined ones is an allocator's only when all of them are. */
static bool is_allocator_frame(const struct ms_frame *frame)
{
    for (; frame != NULL; frame = frame->inlined_by) {
        if (!ms_frame_is_wrapper(frame)) {
            return false;
        }
    }
    return true;
}

bool ms_site_hides_wrapper(const struct ms_site *site, size_t index)
{
    const struct ms_frame *frame = ms_site_frame(site, index);
    if (frame->function[0] != '\0' || frame->module[0] == '\0' || index + 1 >= site->depth) {
        return false;
    }
    const struct ms_frame *caller = ms_site_frame(site, index + 1);
    return caller->function[0] != '\0' && strcmp(caller->module, frame->module) == 0 &&
           ms_frame_is_wrapper(caller);
}

size_t ms_site_culprit(const struct ms_site *site)
{
    /* Of CPU time and I/O it is what runs, an allocator too. */
    const bool of_memory = (site->flags & MS_SITE_ACTIVITY) == 0;
    for (size_t i = 0; of_memory && i < site->depth; i++) {
        if (!is_allocator_frame(ms_site_frame(site, i)) && !ms_site_hides_wrapper(site, i)) {
            return i;
        }
    }
    return 0;
}

bool ms_site_holds(const struct ms_site *site, const char *text)
{
    for (uint32_t i = 0; site != NULL && i < site->depth; i++) {
        for (const struct ms_frame *frame = ms_site_frame(site, i); frame != NULL;
             frame = frame->inlined_by) {
            if (strcasestr(frame->function, text) != NULL ||
                strcasestr(frame->file, text) != NULL || strcasestr(frame->module, text) != NULL) {
                return true;
            }
        }
    }
    return false;
}

const struct ms_frame *ms_site_culprit_frame(const struct ms_site *site)
{
    if (site->depth == 0) {
        return NULL;
    }
    const struct ms_frame *first = ms_site_frame(site, ms_site_culprit(site));
    const bool of_memory = (site->flags & MS_SITE_ACTIVITY) == 0;
    for (const struct ms_frame *frame = first; of_memory && frame != NULL;
         frame = frame->inlined_by) {
        if (!ms_frame_is_wrapper(frame)) {
            return frame;
        }
    }
    return first;
}
