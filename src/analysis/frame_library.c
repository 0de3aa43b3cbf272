#include "analysis/frame_library.h"

#include <fnmatch.h>
#include <string.h>

#include "analysis/call_tree.h"

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool begins_with_any(const char *text, const char *const *prefixes)
{
    for (; *prefixes != NULL; prefixes++) {
        if (begins_with(text, *prefixes)) {
            return true;
        }
    }
    return false;
}

/* Folders that hold the libraries of the system: a program that lies there owns none of them. */
static bool is_shared_folder(const char *path, size_t bytes)
{
    static const char *const folders[] = {
        "/lib",
        "/lib32",
        "/lib64",
        "/usr/lib",
        "/usr/lib32",
        "/usr/lib64",
        "/usr/libx32",
        "/usr/bin",
        "/bin",
        "/usr/sbin",
        "/usr/local/lib",
        "/sbin",
        "/lib/*-linux-*",
        "/usr/lib/*-linux-*",
        "/usr/local/lib/*-linux-*",
    };
    char folder[256];
    if (bytes >= sizeof(folder)) {
        return false;
    }
    memcpy(folder, path, bytes);
    folder[bytes] = '\0';
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (fnmatch(folders[i], folder, FNM_PATHNAME) == 0) {
            return true;
        }
    }
    return false;
}

/* The executable, or what lies in (or below) its folder. */
static bool is_own(const char *path, const char *exe)
{
    if (strcmp(path, exe) == 0) {
        return true;
    }
    const char *slash = strrchr(exe, '/');
    if (slash == NULL || slash == exe) {
        return false;
    }
    const size_t folder_bytes = (size_t)(slash - exe);
    return !is_shared_folder(exe, folder_bytes) && strncmp(path, exe, folder_bytes + 1) == 0;
}

bool ms_module_is_library(const char *path, const struct ms_process *process)
{
    static const char *const folders[] = {
        "/lib/",
        "/lib32/",
        "/lib64/",
        "/usr/lib/",
        "/usr/lib32/",
        "/usr/lib64/",
        "/usr/libx32/",
        "/usr/local/lib/",
        "/usr/local/lib64/",
        "/nix/store/",
        "/gnu/store/",
        "/snap/",
        "[vdso]",
        NULL,
    };
    /* Wherever they lie. */
    static const char *const objects[] = {
        "libc.so",      "libm.so",   "libpthread.so", "libdl.so", "librt.so",     "libgcc_s.so",
        "libstdc++.so", "libc++.so", "libc++abi.so",  "ld-linux", "libmemscope-", "linux-vdso",
        NULL,
    };
    if (path[0] == '\0' || (process != NULL && is_own(path, process->exe))) {
        return false;
    }
    const char *slash = strrchr(path, '/');
    return begins_with_any(path, folders) ||
           begins_with_any(slash != NULL ? slash + 1 : path, objects);
}

/*
 * Where the name of the function itself begins: templates are demangled with what they return in
 * front. That is after the last space outside of <...> and before the arguments.
 */
static const char *own_name(const char *function)
{
    const char *begin = function;
    int depth = 0;
    for (const char *at = function; *at != '\0'; at++) {
        if (strncmp(at, "operator", 8) == 0 && depth == 0) {
            break; /* "operator<", "operator bool" */
        }
        if (*at == '<' || *at == '{') {
            depth++;
        } else if (*at == '>' || *at == '}') {
            depth -= depth > 0 && at > function && at[-1] != '-';
        } else if (*at == '(' && depth == 0) {
            if (strncmp(at, "(anonymous namespace)", 21) == 0) {
                at += 20;
                continue;
            }
            break;
        } else if (*at == ' ' && depth == 0) {
            begin = at + 1;
        }
    }
    return begin;
}

/* "<&mut alloc::vec::Vec<T> as core::...>::f": the type that it is a function of. */
static const char *type_of_implementation(const char *name)
{
    while (*name == '<' || *name == '&' || *name == '*' || *name == '[' || *name == '(') {
        name++;
        if (begins_with(name, "mut ")) {
            name += 4;
        } else if (begins_with(name, "const ")) {
            name += 6;
        } else if (begins_with(name, "dyn ")) {
            name += 4;
        }
    }
    return name;
}

bool ms_function_is_library(const char *function, const char *crate)
{
    static const char *const crates[] = {"std", "core", "alloc", "hashbrown", NULL};
    static const char *const namespaces[] = {
        "std::", "__gnu_cxx::", "__cxxabiv1::", "core::", "alloc::", "hashbrown::", NULL,
    };
    for (size_t i = 0; crates[i] != NULL && crate[0] != '\0'; i++) {
        if (strcmp(crate, crates[i]) == 0) {
            return true;
        }
    }
    if (function[0] == '<') { /* Rust only: C++ has no function that begins so */
        return begins_with_any(type_of_implementation(function), namespaces);
    }
    if (strstr(function, "::") == NULL) {
        static const char *const allocating[] = {
            "operator new",   "operator delete",     "__rust_alloc",
            "__rust_realloc", "__rdl_alloc",         "__rdl_realloc",
            "__rust_dealloc", "__rust_alloc_zeroed", NULL,
        };
        return begins_with_any(function, allocating);
    }
    return begins_with_any(own_name(function), namespaces);
}

bool ms_frame_is_library(const struct ms_frame *frame, const struct ms_process *process)
{
    return ms_module_is_library(frame->module, process) ||
           ms_function_is_library(frame->function, frame->crate);
}
