/* See symbol_advice.h. */
#include "collect/symbol_advice.h"

#include <stdio.h>
#include <string.h>

enum ms_packaging ms_packaging_of(const char *os_release_path)
{
    static const struct {
        const char *word;
        enum ms_packaging packaging;
    } words[] = {{"debian", MS_PACKAGING_DEB},  {"ubuntu", MS_PACKAGING_DEB},
                 {"fedora", MS_PACKAGING_RPM},  {"rhel", MS_PACKAGING_RPM},
                 {"centos", MS_PACKAGING_RPM},  {"suse", MS_PACKAGING_RPM},
                 {"opensuse", MS_PACKAGING_RPM}};
    enum ms_packaging found = MS_PACKAGING_OTHER;
    char line[256];
    FILE *file = fopen(os_release_path, "re");
    while (file != NULL && found == MS_PACKAGING_OTHER && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "ID=", 3) != 0 && strncmp(line, "ID_LIKE=", 8) != 0) {
            continue;
        }
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            if (strstr(line, words[i].word) != NULL) {
                found = words[i].packaging;
                break;
            }
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Where packages put files; what the user built lies elsewhere. */
static bool is_packaged(const char *path)
{
    return (begins(path, "/usr/") && !begins(path, "/usr/local/")) || begins(path, "/lib") ||
           begins(path, "/bin/") || begins(path, "/sbin/");
}

static bool is_libc(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    return begins(name, "libc.so.") || begins(name, "libm.so.") || begins(name, "ld-linux") ||
           begins(name, "libpthread.so.") || begins(name, "libdl.so.");
}

static const char *package_of(const struct ms_module *module, enum ms_packaging packaging)
{
    switch (packaging) {
    case MS_PACKAGING_DEB:
        return is_libc(module->path) ? "libc6-dbg" : "its -dbgsym package";
    case MS_PACKAGING_RPM:
        return "its -debuginfo package";
    default:
        return "its package of debug symbols";
    }
}

static void advise_packaged(const struct ms_module *module, const struct ms_advice_facts *facts,
                            char *out, size_t size)
{
    const char *package = package_of(module, facts->packaging);
    char build_id[64] = "";
    if (module->build_id[0] != '\0') {
        (void)snprintf(build_id, sizeof build_id, " (build id %s)", module->build_id);
    }
    if (facts->debuginfod_missing != NULL) {
        (void)snprintf(out, size,
                       "no debug information for %s: install %s%s; --debuginfod cannot be used: %s",
                       module->path, package, build_id, facts->debuginfod_missing);
    } else if (facts->debuginfod) {
        (void)snprintf(out, size,
                       "no debug information for %s, nor do the servers in DEBUGINFOD_URLS have "
                       "it: install %s%s",
                       module->path, package, build_id);
    } else {
        (void)snprintf(out, size, "no debug information for %s: install %s%s%s", module->path,
                       package, build_id,
                       module->build_id[0] != '\0' ? " or use --debuginfod" : "");
    }
}

static void advise_built(const struct ms_module *module, char *out, size_t size)
{
    if (module->names == MS_NAMES_SYMBOLS) {
        (void)snprintf(out, size,
                       "%s was built without -g: compile it with -g for source lines and inlined "
                       "functions",
                       module->path);
        return;
    }
    (void)snprintf(out, size, "%s is stripped%s: keep its symbols (no strip, no -s), build with -g",
                   module->path,
                   module->names == MS_NAMES_EXPORTS ? ", only exported functions have names" : "");
}

void ms_symbol_advice(const struct ms_module *module, const struct ms_advice_facts *facts,
                      char *out, size_t size)
{
    out[0] = '\0';
    if (module->names == MS_NAMES_ASKING || module->names == MS_NAMES_LINES) {
        return;
    }
    switch (module->why) {
    case MS_WHY_NO_DEBUG:
        if (is_packaged(module->path)) {
            advise_packaged(module, facts, out, size);
        } else {
            advise_built(module, out, size);
        }
        break;
    case MS_WHY_MISSING:
        (void)snprintf(out, size,
                       "%s cannot be opened: it was deleted, or its container ended before it was "
                       "read; watch the program from its start with the file in place",
                       module->path);
        break;
    case MS_WHY_REPLACED:
        (void)snprintf(out, size,
                       "%s is not the file that was loaded: it was built anew since; start the "
                       "program again",
                       module->path);
        break;
    case MS_WHY_NO_ELF:
        (void)snprintf(out, size,
                       "%s cannot be read as an ELF file: it is damaged; build or "
                       "install it again",
                       module->path);
        break;
    case MS_WHY_CRASHED:
        (void)snprintf(out, size,
                       "reading the debug information of %s crashed, so it was set aside: build it "
                       "again, perhaps with another compiler or without dwz",
                       module->path);
        break;
    case MS_WHY_HUNG:
        (void)snprintf(
            out, size,
            "reading the debug information of %s took too long, so it was set aside: "
            "build it with -g1, or start memscope-top again once it is in the page cache",
            module->path);
        break;
    case MS_WHY_TOO_MANY:
        (void)snprintf(
            out, size,
            "not all names of %s are kept: those of this session fill the memory that is set "
            "aside for them; build it with shorter names, or watch less of it with --threads",
            module->path);
        break;
    case MS_WHY_NO_SYMBOLIZER:
        (void)snprintf(out, size,
                       "the process that looks up names could not be kept running: check the "
                       "limits on processes and memory, then start memscope-top again");
        break;
    }
}
